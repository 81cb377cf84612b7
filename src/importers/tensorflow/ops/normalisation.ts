/**
 * Batch normalisation, with the statistics it learned or with those of the batch at hand. The latter is
 * what an export in training mode does: its rows depend on each other.
 */

import { float } from '../../../onnx/graph-data.ts';
import { constantOf } from '../constant.ts';
import type { Emitter } from '../emitter.ts';
import type { Handler, Handlers } from '../evaluate/context.ts';
import type { Tensor } from '../values.ts';
import { known } from './arguments.ts';
import { asTensor } from './broadcast.ts';
import { asNamed, channelsLast } from './windows.ts';

const batchNorm: Handler = (operation, inputs, { emitter, conversion }) => {
  const named = asTensor(emitter, known(operation, inputs, 0));
  const tensor = channelsLast(operation, emitter, named);
  const [scale, offset] = [known(operation, inputs, 1), known(operation, inputs, 2)];
  const epsilon = operation.float('epsilon', 1e-4);
  // Left out means true.
  if (operation.bool('is_training', true)) {
    conversion.findings.push({
      kind: 'note',
      place: operation.place,
      what: 'normalises with the statistics of the batch: pictures that share a run change each other',
    });
    const result = withBatchStatistics(
      emitter,
      tensor,
      emitter.use(scale),
      emitter.use(offset),
      epsilon,
    );
    return [asNamed(operation, emitter, result)];
  }
  const [mean, variance] = [known(operation, inputs, 3), known(operation, inputs, 4)];
  const { type, dims } = tensor;
  const value = emitter.graph.toChannelsFirst(tensor.value);
  const result = emitter.apply(
    'BatchNormalization',
    [value, ...[scale, offset, mean, variance].map((input) => emitter.use(input))],
    { type, dims, layout: 'channels-first' },
    { epsilon: float(epsilon) },
  );
  return [asNamed(operation, emitter, result)];
};

function withBatchStatistics(
  emitter: Emitter,
  tensor: Tensor,
  scale: Tensor['value'],
  offset: Tensor['value'],
  epsilon: number,
): Tensor {
  const { type, dims } = tensor;
  const layout = 'channels-first' as const;
  const value = emitter.graph.toChannelsFirst(tensor.value);
  const rank = dims.length;
  const axes = emitter.ints([0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2)]);
  const one = dims.map((dim, axis) => (axis === rank - 1 ? dim : 1));
  const whole = { type, dims, layout };
  const single = { type, dims: one, layout };
  const mean = emitter.apply('ReduceMean', [value, axes], single, { keepdims: 1 });
  const centred = emitter.apply('Sub', [value, mean.value], whole);
  const squares = emitter.apply('Mul', [centred.value, centred.value], whole);
  const variance = emitter.apply('ReduceMean', [squares.value, axes], single, { keepdims: 1 });
  const small = emitter.initialiser(constantOf(type, [], [epsilon]));
  const raised = emitter.apply('Add', [variance.value, small], single);
  const deviation = emitter.apply('Sqrt', [raised.value], single);
  const [factor, shift] = [scale, offset].map((parameter) => {
    const target = emitter.ints([1, -1, ...Array.from({ length: rank - 2 }, () => 1)]);
    return emitter.apply('Reshape', [parameter, target], single).value;
  }) as [Tensor['value'], Tensor['value']];
  const gain = emitter.apply('Div', [factor, deviation.value], single);
  const scaled = emitter.apply('Mul', [centred.value, gain.value], whole);
  return emitter.apply('Add', [scaled.value, shift], whole);
}

export const normalisationHandlers: Handlers = {
  FusedBatchNorm: batchNorm,
  FusedBatchNormV2: batchNorm,
  FusedBatchNormV3: batchNorm,
};
