/**
 * Keras operations in a functional graph (`x * 2 + y`, `keras.ops.mean(x, axis=1)`), and the layers that
 * tf.keras wrote for the same (TFOpLambda).
 */

import type { LayerKind } from './layer-kind.ts';
import type { Layer } from './network.ts';

export function operationKind(_layer: Layer): LayerKind | undefined {
  return undefined;
}
