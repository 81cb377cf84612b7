/**
 * Computes ahead what depends on known numbers only: the normalisations that exports split up, sizes,
 * paddings. Large results are left to the runtime.
 */

import type { Constant } from '../constant.ts';
import { countOf } from '../constant.ts';
import type { Operation } from '../evaluate/operation.ts';
import { elementwiseFolders } from './fold-elementwise.ts';
import { reductionFolders } from './fold-reductions.ts';
import { shapeFolders } from './fold-shapes.ts';

/** undefined: this operator, as it is here, is not computed ahead. */
export type Folder = (
  operation: Operation,
  constants: readonly Constant[],
) => Constant | readonly Constant[] | undefined;

/** Elements of all inputs together. */
const maxElements = 4_000_000;

function folderOf(op: string): Folder | undefined {
  for (const folders of [elementwiseFolders, shapeFolders, reductionFolders]) {
    if (Object.hasOwn(folders, op)) return folders[op];
  }
  return undefined;
}

/** The results, or undefined when they have to be computed at run time. */
export function fold(
  operation: Operation,
  constants: readonly Constant[],
): readonly Constant[] | undefined {
  const folder = folderOf(operation.op);
  if (!folder || constants.some(({ type, texts }) => texts !== undefined || !type.Numbers))
    return undefined;
  const isView =
    operation.op === 'Reshape' || operation.op === 'Squeeze' || operation.op === 'ExpandDims';
  const elements = constants.reduce((sum, { shape }) => sum + countOf(shape), 0);
  if (elements > maxElements && !isView) return undefined;
  const result = folder(operation, constants);
  if (result === undefined) return undefined;
  return 'kind' in result ? [result] : result;
}
