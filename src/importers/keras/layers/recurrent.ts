/**
 * Recurrent layers: ONNX's own LSTM, GRU and RNN where they say the same, else a Scan.
 * Source: keras/src/layers/rnn/ (3.15); onnx/docs/Operators.md (LSTM: gates i, o, f, c; GRU: z, r, h).
 */

import type { Attributes } from '../../../onnx/graph-data.ts';
import { strings } from '../../../onnx/graph-data.ts';
import { binary, withNumber } from '../../elementwise.ts';
import type { ImportGraph, Value } from '../../import-graph.ts';
import { InvalidModelError, UnsupportedModelError } from '../../problems.ts';
import type { Weight } from '../../weight.ts';
import {
  concatWeights,
  mapWeight,
  permuteWeight,
  reshapeWeight,
  sliceWeight,
} from '../../weight.ts';
import { activationName } from '../activations.ts';
import { Config } from '../config.ts';
import type { LayerCall, LayerKind } from '../layer-kind.ts';
import { argument, isValue, valuesIn } from '../layer-kind.ts';
import type { Layer } from '../network.ts';
import { readInnerLayer } from '../network.ts';
import type { LayerWeights } from '../weights.ts';
import { knownSize } from './call-parts.ts';
import { concat } from './merging.ts';
import { slice } from './resizing.ts';
import type { Cell, CellContext, CellKind, CellWeights } from './rnn-cells.ts';
import {
  cellAttributes,
  cellKindOf,
  cellSlots,
  cellsOf,
  gatesOf,
  plainCell,
  readCell,
  requireCellKind,
  resetsAfter,
  stackCells,
} from './rnn-cells.ts';
import { scanCell, scanned } from './rnn-scan.ts';

/** What a recurrent layer gives, with the steps in either order. */
interface Result {
  /** In the order of processing, as the layer gives it. */
  processed(): Value;
  /** In the order of time. */
  timed(): Value;
  readonly last: Value;
  readonly states: readonly Value[];
}

interface Run {
  readonly input: Value;
  readonly initial: readonly Value[] | undefined;
  readonly mask: Value | undefined;
  readonly zeroOutput: boolean;
}

export function reverse(graph: ImportGraph, value: Value, axis = 1): Value {
  return slice(graph, value, {
    axes: [axis],
    starts: [-1],
    ends: [Number.MIN_SAFE_INTEGER],
    steps: [-1],
  });
}

/** The functions that ONNX's operators have, by Keras' names; the lists are alpha and beta. */
const operatorActivations: Record<string, { name: string; alpha?: number; beta?: number }> = {
  tanh: { name: 'Tanh' },
  sigmoid: { name: 'Sigmoid' },
  relu: { name: 'Relu' },
  softsign: { name: 'Softsign' },
  softplus: { name: 'Softplus' },
};

function activationAttributes(names: readonly (string | undefined)[]): Attributes | undefined {
  const found = names.map((name) => (name === undefined ? undefined : operatorActivations[name]));
  if (found.some((one) => one === undefined)) return undefined;
  return { activations: strings(found.map((one) => (one as { name: string }).name)) };
}

/** Attributes of the operator, or undefined when it has no such activation. */
function operatorActivation(kind: CellKind, config: Config): Attributes | undefined {
  const outer = activationName(
    config.get('activation') ?? (config.has('activation') ? null : 'tanh'),
  );
  const gates = activationName(config.get('recurrent_activation') ?? 'sigmoid');
  if (kind === 'LSTM') return activationAttributes([gates, outer, outer]);
  return activationAttributes(kind === 'GRU' ? [gates, outer] : [outer]);
}

/** [inputs, gates·units] → [1, gates·units, inputs], the gates in ONNX's order. */
function operatorKernel(weight: Weight, order: readonly number[], units: number): Weight {
  const parts = order.map((gate) => sliceWeight(weight, 1, gate * units, (gate + 1) * units));
  const turned = permuteWeight(concatWeights(parts, 1), [1, 0]);
  return reshapeWeight(turned, [1, ...turned.shape]);
}

/** Keras' gates in ONNX's order: an LSTM has i, f, c, o and ONNX i, o, f, c. */
const gateOrder: Record<CellKind, readonly number[]> = {
  LSTM: [0, 3, 1, 2],
  GRU: [0, 1, 2],
  SimpleRNN: [0],
};

/** [1, 2·gates·units]: the biases of the inputs, then those of the states. */
function operatorBias({ kind, bias, units, config }: CellWeights): Weight | undefined {
  if (!bias) return undefined;
  const wide = units * gatesOf[kind];
  const rows = kind === 'GRU' && resetsAfter(config) ? 2 : 1;
  const flat = reshapeWeight(bias, [rows * wide]);
  const order = gateOrder[kind];
  const ordered = Array.from({ length: rows }, (_, row) =>
    order.map((gate) =>
      sliceWeight(flat, 0, row * wide + gate * units, row * wide + (gate + 1) * units),
    ),
  ).flat();
  const all = concatWeights(ordered, 0);
  const shape = [1, 2 * wide];
  if (rows === 2) return reshapeWeight(all, shape);
  return mapWeight(
    all,
    (values) => {
      const padded = new Float32Array(2 * wide);
      padded.set(values);
      return padded;
    },
    shape,
  );
}

const operators: Record<CellKind, string> = { LSTM: 'LSTM', GRU: 'GRU', SimpleRNN: 'RNN' };

function runOperator(
  graph: ImportGraph,
  cell: CellWeights,
  activations: Attributes,
  { input, initial }: Run,
  backwards: boolean,
): Result {
  const { kind, units, config } = cell;
  const x = graph.transpose(input, [1, 0, 2]);
  const [steps = null, batch = null] = x.shape;
  const order = gateOrder[kind];
  const bias = operatorBias(cell);
  const state = (i: number): string => {
    const given = initial?.[i];
    if (!given) return '';
    return graph.apply('Unsqueeze', [given, graph.ints([0])], { shape: [1, ...given.shape] }).name;
  };
  const inputs = [
    x.name,
    graph.weight(`${graph.scope}/kernel`, operatorKernel(cell.kernel, order, units)).name,
    graph.weight(`${graph.scope}/recurrent`, operatorKernel(cell.recurrent, order, units)).name,
    bias ? graph.weight(`${graph.scope}/bias`, bias).name : '',
    '',
    state(0),
    ...(kind === 'LSTM' ? [state(1)] : []),
  ];
  while (inputs.at(-1) === '') inputs.pop();
  const attributes = {
    hidden_size: units,
    direction: backwards ? 'reverse' : 'forward',
    ...activations,
    ...(kind === 'GRU' ? { linear_before_reset: resetsAfter(config) ? 1 : 0 } : {}),
  };
  const names = graph.nodeOf(operators[kind], inputs, attributes, kind === 'LSTM' ? 3 : 2);
  const made = (name: string, shape: Value['shape']): Value => ({
    name,
    dtype: 'FP32',
    shape,
    layout: 'source',
  });
  const states = names.slice(1).map((name) =>
    graph.apply('Squeeze', [made(name, [1, batch, units]), graph.ints([0])], {
      shape: [batch, units],
    }),
  );
  const timed = (): Value => {
    const all = made(names[0] as string, [steps, 1, batch, units]);
    const flat = graph.apply('Squeeze', [all, graph.ints([1])], { shape: [steps, batch, units] });
    return graph.transpose(flat, [1, 0, 2]);
  };
  return {
    timed,
    processed: () => (backwards ? reverse(graph, timed()) : timed()),
    last: states[0] as Value,
    states,
  };
}

function runScan(graph: ImportGraph, cell: Cell, run: Run, backwards: boolean): Result {
  const { sequence, last, states } = scanCell(graph, run.input, scanned(cell), {
    backwards,
    mask: run.mask,
    zeroOutput: run.zeroOutput,
    initial: run.initial,
  });
  return {
    processed: () => sequence,
    timed: () => (backwards ? reverse(graph, sequence) : sequence),
    last,
    states,
  };
}

interface Target {
  readonly layer: Layer;
  readonly config: Config;
  readonly weights: LayerWeights;
}

function runLayerOf(call: LayerCall, { layer, config, weights }: Target, run: Run): Result {
  const { graph, file } = call;
  refuseOptions(config, layer);
  const backwards = config.bool('go_backwards', false);
  const context: CellContext = { graph, place: layer.place, major: file.version[0] };
  const inputs = knownSize(call, run.input, 2);
  const kind = cellKindOf(layer);
  if (!kind) return runScan(graph, cellsFrom(layer, weights, inputs, context), run, backwards);
  const cell = readCell(kind, config, weights.child('cell'), inputs);
  const activations = operatorActivation(kind, config);
  if (activations && !run.mask) return runOperator(graph, cell, activations, run, backwards);
  return runScan(graph, plainCell(cell, context), run, backwards);
}

function refuseOptions(config: Config, layer: Layer): void {
  for (const [key, what] of [
    ['stateful', 'it keeps its state from one request to the next'],
    ['time_major', 'its first axis is the time'],
  ] as const) {
    if (!config.bool(key, false)) continue;
    throw new UnsupportedModelError(
      layer.place,
      `${what} (${key}), which is not supported`,
      `build the model with ${key}=False`,
    );
  }
}

/** The cells of an RNN layer. */
function cellsFrom(
  layer: Layer,
  weights: LayerWeights,
  inputs: number,
  context: CellContext,
): Cell {
  const { cell } = layer.config;
  const isList = Array.isArray(cell);
  const outer = isList ? undefined : readInnerLayer(cell, layer);
  const isStack = isList || outer?.className === 'StackedRNNCells';
  const holder = weights.child('cell');
  if (!isStack) {
    const only = outer as Layer;
    const config = new Config(only.config, only.place);
    return plainCell(readCell(requireCellKind(only), config, holder, inputs), context);
  }
  const layers = cellsOf(outer ?? layer);
  let size = inputs;
  const cells = cellAttributes(layers).map((attribute, i) => {
    const one = layers[i] as Layer;
    const config = new Config(one.config, one.place);
    const made = plainCell(
      readCell(requireCellKind(one), config, holder.child(attribute), size),
      context,
    );
    size = made.outputSize;
    return made;
  });
  return stackCells(cells);
}

/** A layer that stands for the cell of a recurrent layer, or for the stack of them. */
function cellLayer(layer: Layer): Layer {
  const { cell } = layer.config;
  if (cellKindOf(layer)) return { ...layer, className: `${layer.className}Cell`, calls: [] };
  if (Array.isArray(cell))
    return { ...layer, className: 'StackedRNNCells', config: { cells: cell } };
  return readInnerLayer(cell, layer);
}

const cellLayerKind: LayerKind = {
  weights: cellSlots,
  convert({ layer }) {
    throw new UnsupportedModelError(
      layer.place,
      'a cell outside of an RNN layer is not supported',
      'wrap it in RNN',
    );
  },
};

const stackedCells: LayerKind = {
  ...cellLayerKind,
  weights: () => [],
  children(layer) {
    const layers = cellsOf(layer);
    return cellAttributes(layers).map((attribute, i) => ({ attribute, layer: layers[i] as Layer }));
  },
};

function runOf(call: LayerCall, config: Config): Run {
  const [input, ...more] = call.inputs;
  if (!input) throw new InvalidModelError(call.layer.place, 'it is called without a tensor');
  const given = valuesIn(argument(call, 1, 'initial_state'));
  const states = given.length > 0 ? given : more;
  const mask = call.kwargs.mask;
  // Keras 3 looks for the mask of a tensor only where that is the only one of the call.
  const isAlone = states.length === 0 || call.file.version[0] < 3;
  return {
    input: call.graph.toSource(input),
    initial: states.length > 0 ? states : undefined,
    mask: isValue(mask) ? mask : isAlone ? call.maskOf(input) : undefined,
    zeroOutput: config.bool('zero_output_for_mask', false),
  };
}

const recurrent: LayerKind = {
  mask: 'own',
  children: (layer) => [{ attribute: 'cell', layer: cellLayer(layer) }],
  convert(call) {
    const { config, layer, weights } = call;
    const run = runOf(call, config);
    const result = runLayerOf(call, { layer, config, weights }, run);
    const isSequence = config.bool('return_sequences', false);
    const output = isSequence ? result.processed() : result.last;
    if (isSequence) call.setMask(output, run.mask ?? call.maskOf(run.input));
    return config.bool('return_state', false) ? [output, ...result.states] : output;
  },
};

/** The two layers of a Bidirectional: given, or the same turned around. */
function directions(layer: Layer): { forward: Layer; backward: Layer } {
  const forward = readInnerLayer(layer.config.layer, layer);
  const given = layer.config.backward_layer;
  const backward = given
    ? readInnerLayer(given, layer)
    : {
        ...forward,
        config: { ...forward.config, go_backwards: !(forward.config.go_backwards ?? false) },
      };
  return { forward, backward };
}

function merge(call: LayerCall, a: Value, b: Value): Value[] {
  const { config, graph } = call;
  const mode = config.get('merge_mode');
  if (mode === null) return [a, b];
  switch (mode) {
    case 'sum':
      return [binary(graph, 'Add', a, b)];
    case 'mul':
      return [binary(graph, 'Mul', a, b)];
    case 'ave':
      return [withNumber(graph, 'Div', binary(graph, 'Add', a, b), 2)];
    case 'concat':
    case undefined:
      return [concat(call, [a, b], a.shape.length - 1)];
    default:
      throw config.fail('merge_mode', 'concat, sum, mul, ave or null');
  }
}

const bidirectional: LayerKind = {
  mask: 'own',
  children(layer) {
    const { forward, backward } = directions(layer);
    return [
      { attribute: 'forward_layer', layer: forward },
      { attribute: 'backward_layer', layer: backward },
    ];
  },
  convert(call) {
    const { layer, weights } = call;
    const { forward, backward } = directions(layer);
    const inner = new Config(forward.config, forward.place);
    const isSequence = inner.bool('return_sequences', false);
    // Keras makes both give zeros at steps that do not count, when they give sequences.
    const all = { ...runOf(call, inner), zeroOutput: isSequence };
    const half = (all.initial?.length ?? 0) / 2;
    const results = [forward, backward].map((one, i) =>
      runLayerOf(
        call,
        {
          layer: one,
          config: new Config(one.config, one.place),
          weights: weights.child(i === 0 ? 'forward_layer' : 'backward_layer'),
        },
        { ...all, initial: all.initial?.slice(i * half, (i + 1) * half) },
      ),
    ) as [Result, Result];
    const [a, b] = results;
    const outputs = isSequence ? merge(call, a.timed(), b.timed()) : merge(call, a.last, b.last);
    if (isSequence) for (const output of outputs) call.setMask(output, all.mask);
    if (!inner.bool('return_state', false)) return outputs;
    return [...outputs, ...a.states, ...b.states];
  },
};

export const recurrents: Record<string, LayerKind> = {
  LSTM: recurrent,
  GRU: recurrent,
  SimpleRNN: recurrent,
  RNN: recurrent,
  Bidirectional: bidirectional,
  LSTMCell: cellLayerKind,
  GRUCell: cellLayerKind,
  SimpleRNNCell: cellLayerKind,
  StackedRNNCells: stackedCells,
};
