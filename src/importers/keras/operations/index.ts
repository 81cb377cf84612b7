/**
 * Keras operations in a functional graph (`x * 2 + y`, `keras.ops.mean(x, axis=1)`), and the layers that
 * tf.keras 2 wrote for the same (TFOpLambda, SlicingOpLambda).
 */

import type { LayerKind } from '../layer-kind.ts';
import type { Layer } from '../network.ts';
import type { Operation } from './arithmetic.ts';
import { arithmeticOperations } from './arithmetic.ts';
import { reductionOperations } from './reductions.ts';
import { shapingOperations } from './shaping.ts';
import { tensorflowOperation } from './tensorflow-lambda.ts';

export const operations: Readonly<Record<string, Operation>> = {
  ...arithmeticOperations,
  ...reductionOperations,
  ...shapingOperations,
};

const isLambda = ({ className }: Layer): boolean =>
  className === 'TFOpLambda' || className === 'SlicingOpLambda';

/** How an operation is converted; undefined for one that is not supported. */
export function operationKind(layer: Layer): LayerKind | undefined {
  const { className } = layer;
  const own = Object.hasOwn(operations, className) ? operations[className] : undefined;
  const convert = isLambda(layer) ? tensorflowOperation(layer, operations) : own;
  return convert && { convert, anyDtype: true };
}
