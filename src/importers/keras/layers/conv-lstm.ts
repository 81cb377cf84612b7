/**
 * ConvLSTM1D and ConvLSTM2D: a Scan over the steps, with channels first inside of it.
 * Source: keras/src/layers/rnn/conv_lstm.py (3.15).
 */

import { binary } from '../../elementwise.ts';
import type { ImportGraph, Value } from '../../import-graph.ts';
import { toFirst, toLast } from '../../import-graph.ts';
import type { Window } from '../../padding.ts';
import { onnxPads, placesOf, samePads } from '../../padding.ts';
import { UnsupportedModelError } from '../../problems.ts';
import { permuteWeight } from '../../weight.ts';
import { applyActivation } from '../activations.ts';
import type { LayerCall, LayerKind } from '../layer-kind.ts';
import { isValue } from '../layer-kind.ts';
import { knownSize, onlyInput, requireShape } from './call-parts.ts';
import { cellSlots } from './rnn-cells.ts';
import type { ScannedCell } from './rnn-scan.ts';
import { scanCell } from './rnn-scan.ts';

/** Like convolutions of `rank` axes; the value has a batch and steps before them. */
const convLstm = (rank: number): LayerKind => ({
  mask: 'own',
  children: (layer) => [
    { attribute: 'cell', layer: { ...layer, className: 'ConvLSTMCell', calls: [] } },
  ],
  convert(call) {
    const { config, graph, kwargs } = call;
    const input = graph.toSource(onlyInput(call));
    const last = config.text('data_format', 'channels_last') !== 'channels_first';
    const moved = last ? graph.transpose(input, withSteps(toFirst(rank + 2))) : input;
    const mask = isValue(kwargs.mask) ? kwargs.mask : call.maskOf(input);
    if (config.bool('stateful', false)) {
      throw new UnsupportedModelError(
        call.layer.place,
        'it keeps its state (stateful)',
        'stateful=False is supported',
      );
    }
    const result = scanCell(graph, moved, cellOf(call, moved, rank), {
      backwards: config.bool('go_backwards', false),
      mask,
      zeroOutput: false,
    });
    const back = (value: Value, hasSteps: boolean): Value => {
      if (!last) return value;
      return graph.transpose(value, hasSteps ? withSteps(toLast(rank + 2)) : toLast(rank + 2));
    };
    const isSequence = config.bool('return_sequences', false);
    const output = isSequence ? back(result.sequence, true) : back(result.last, false);
    if (!config.bool('return_state', false)) return output;
    return [output, ...result.states.map((state) => back(state, false))];
  },
});

/** An order of axes of a step as one of a sequence: batch and steps stay in front. */
const withSteps = (order: readonly number[]): number[] => [
  0,
  1,
  ...order.slice(1).map((axis) => axis + 1),
];

function cellOf(call: LayerCall, moved: Value, rank: number): ScannedCell {
  const { config, graph, layer, file } = call;
  const filters = config.int('filters');
  const channels = knownSize(call, moved, 2);
  const sizes = Array.from({ length: rank }, (_, i) => knownSize(call, moved, i + 3));
  const kernel = config.sizes('kernel_size', rank);
  const strides = config.sizes('strides', rank, 1);
  const dilations = config.sizes('dilation_rate', rank, 1);
  const windows = kernel.map(
    (size, i): Window => ({
      size,
      stride: strides[i] as number,
      dilation: dilations[i] as number,
    }),
  );
  const own = call.weights.child('cell');
  const order = [rank + 1, rank, ...Array.from({ length: rank }, (_, i) => i)];
  const weightOf = (slot: string, inputs: number): Value => {
    const weight = requireShape(own.get(slot), [...kernel, inputs, filters * 4]);
    return graph.weight(`${layer.name}/${slot}`, permuteWeight(weight, order));
  };
  const weights = [weightOf('kernel', channels)];
  if (config.bool('use_bias', true)) {
    weights.push(graph.weight(`${layer.name}/bias`, requireShape(own.get('bias'), [filters * 4])));
  }
  const recurrent = weightOf('recurrent_kernel', filters);
  const isSame = config.text('padding', 'valid') === 'same';
  const pads = isSame
    ? windows.map((window, i) => samePads(sizes[i] as number, window) as [number, number])
    : [];
  const places = sizes.map((size, i) => {
    const window = windows[i] as Window;
    return isSame ? Math.ceil(size / window.stride) : (placesOf(size, window) as number);
  });
  const stateShape = [filters, ...places];
  const inner = kernel.map((size, i) =>
    samePads(places[i] as number, { size, stride: 1, dilation: 1 }),
  ) as [number, number][];
  const made = (batch: Value) => ({ shape: [batch.shape[0] ?? null, filters * 4, ...places] });
  const act = (body: ImportGraph, value: Value, key: string, fallback: string): Value =>
    applyActivation(value, config.get(key) === undefined ? fallback : config.get(key), {
      graph: body,
      place: layer.place,
      major: file.version[0],
    });
  const gate = (body: ImportGraph, value: Value): Value =>
    act(body, value, 'recurrent_activation', 'sigmoid');
  const activate = (body: ImportGraph, value: Value): Value =>
    act(body, value, 'activation', 'tanh');
  return {
    stateShapes: [stateShape, stateShape],
    outputShape: stateShape,
    step(body, x, [h, c]) {
      const fromInput = body.apply('Conv', [x, ...weights], made(x), {
        kernel_shape: kernel,
        strides,
        dilations,
        ...(isSame ? { pads: onnxPads(pads) } : {}),
      });
      const fromState = body.apply('Conv', [h as Value, recurrent], made(x), {
        kernel_shape: kernel,
        pads: onnxPads(inner),
      });
      const sum = binary(body, 'Add', fromInput, fromState);
      const [i, f, g, o] = splitChannels(body, sum, filters) as [Value, Value, Value, Value];
      const kept = binary(body, 'Mul', gate(body, f), c as Value);
      const cell = binary(body, 'Add', kept, binary(body, 'Mul', gate(body, i), activate(body, g)));
      const output = binary(body, 'Mul', gate(body, o), activate(body, cell));
      return { output, states: [output, cell] };
    },
  };
}

function splitChannels(body: ImportGraph, value: Value, filters: number): Value[] {
  const names = body.nodeOf('Split', [value.name], { axis: 1, num_outputs: 4 }, 4);
  const [batch = null, , ...rest] = value.shape;
  return names.map((name) => ({
    name,
    dtype: 'FP32',
    shape: [batch, filters, ...rest],
    layout: 'source',
  }));
}

export const convLstms: Record<string, LayerKind> = {
  ConvLSTM1D: convLstm(1),
  ConvLSTM2D: convLstm(2),
  ConvLSTM3D: convLstm(3),
  ConvLSTMCell: {
    weights: cellSlots,
    convert({ layer }) {
      throw new UnsupportedModelError(
        layer.place,
        'a cell outside of a layer is not supported',
        'use ConvLSTM2D',
      );
    },
  },
};
