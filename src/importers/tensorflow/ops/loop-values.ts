/** What a loop is asked of single values: counts of turns, running numbers, rows. */

import { numberOfElementType } from '../../../onnx/element-type.ts';
import type { Value } from '../../import-graph.ts';
import { constantOf } from '../constant.ts';
import { dataType } from '../data-types.ts';
import type { Emitter } from '../emitter.ts';
import { elementOf } from '../emitter.ts';
import type { Counter, Dim, Tensor, TfValue } from '../values.ts';
import { NotEveryRowError } from './every-row.ts';

export const isValue = (turns: Dim | Value): turns is Value =>
  typeof turns === 'object' && 'dtype' in turns;

export function isWholeScalar(value: TfValue): boolean {
  return value.kind === 'constant' && value.shape.length === 0 && /^int/.test(value.type.name);
}

export function checkRows(result: TfValue): void {
  if (result.kind !== 'list' || !result.written) return;
  const { value, at } = result.written;
  if (at !== 'counter' || value.kind !== 'tensor' || !value.isEveryRow)
    throw new NotEveryRowError();
}

/** The number of the turn, plus where counting began, in the counter's own type. */
export function numberOf(
  emitter: Emitter,
  turn: Value,
  start: number,
  type: Counter['type'],
): Tensor {
  const offset = emitter.initialiser(constantOf(dataType('int64'), [], [start]));
  const sum =
    start === 0 ? turn : emitter.graph.apply('Add', [turn, offset], { dtype: 'INT64', shape: [] });
  const tensor = emitter.tensor(sum, dataType('int64'), []);
  if (type.name === 'int64') return tensor;
  return emitter.apply(
    'Cast',
    [sum],
    { type, dims: [] },
    { to: numberOfElementType(elementOf(type)) },
  );
}
