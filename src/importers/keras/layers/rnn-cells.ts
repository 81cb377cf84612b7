/**
 * The cells of recurrent layers: their weights, and one step of them as nodes.
 * Source: keras/src/layers/rnn/{lstm,gru,simple_rnn,stacked_rnn_cells}.py (3.15).
 */

import { binary, scalar } from '../../elementwise.ts';
import type { ImportGraph, Value } from '../../import-graph.ts';
import { InvalidModelError, UnsupportedModelError } from '../../problems.ts';
import type { Weight } from '../../weight.ts';
import { reshapeWeight, sliceWeight } from '../../weight.ts';
import { applyActivation } from '../activations.ts';
import type { Config } from '../config.ts';
import { isList } from '../config.ts';
import type { Slot } from '../layer-kind.ts';
import { slots } from '../layer-kind.ts';
import type { Layer } from '../network.ts';
import { readInnerLayer } from '../network.ts';
import type { LayerWeights } from '../weights.ts';
import { snakeCase } from '../weights.ts';
import { requireShape } from './call-parts.ts';

export type CellKind = 'LSTM' | 'GRU' | 'SimpleRNN';

export interface CellWeights {
  readonly kind: CellKind;
  readonly units: number;
  readonly config: Config;
  /** [inputs, gates·units], [units, gates·units]. */
  readonly kernel: Weight;
  readonly recurrent: Weight;
  /** [gates·units]; of a GRU with reset_after: [2, gates·units]. */
  readonly bias: Weight | undefined;
}

export const gatesOf: Record<CellKind, number> = { LSTM: 4, GRU: 3, SimpleRNN: 1 };

export function cellKindOf({ className }: Layer): CellKind | undefined {
  const name = className.replace(/Cell$/, '');
  return name in gatesOf ? (name as CellKind) : undefined;
}

export const cellSlots = (config: Config): Slot[] =>
  slots('kernel', 'recurrent_kernel', config.bool('use_bias', true) && 'bias');

/** Files of Keras 2.0 and 2.1 do not have this option, and their GRU is of the older kind: Keras 2.1.1, `GRU.get_config`. */
export const resetsAfter = (config: Config): boolean => config.bool('reset_after', false);

export function readCell(
  kind: CellKind,
  config: Config,
  weights: LayerWeights,
  inputs: number,
): CellWeights {
  const units = config.int('units');
  const wide = units * gatesOf[kind];
  const bias = config.bool('use_bias', true) ? weights.get('bias') : undefined;
  const biasShape = kind === 'GRU' && resetsAfter(config) ? [2, wide] : [wide];
  return {
    kind,
    units,
    config,
    kernel: requireShape(weights.get('kernel'), [inputs, wide]),
    recurrent: requireShape(weights.get('recurrent_kernel'), [units, wide]),
    bias: bias && requireShape(bias, biasShape),
  };
}

export interface Step {
  readonly output: Value;
  readonly states: readonly Value[];
}

export interface Cell {
  /** Sizes of its states; the batch is not counted. */
  readonly stateSizes: readonly number[];
  readonly outputSize: number;
  /** One step, in the graph of the loop's body. */
  step(body: ImportGraph, x: Value, states: readonly Value[]): Step;
}

export interface CellContext {
  /** The graph outside of the loop, which holds the weights. */
  readonly graph: ImportGraph;
  readonly place: string;
  readonly major: number;
}

const affine = (graph: ImportGraph, x: Value, kernel: Value, bias?: Value): Value => {
  const shape = [x.shape[0] ?? null, kernel.shape[1] ?? null];
  const inputs = bias ? [x, kernel, bias] : [x, kernel];
  return graph.apply(bias ? 'Gemm' : 'MatMul', inputs, { shape });
};

export function split(graph: ImportGraph, value: Value, parts: number): Value[] {
  const axis = value.shape.length - 1;
  const attributes = { axis, num_outputs: parts };
  const names = graph.nodeOf('Split', [value.name], attributes, parts);
  const size = value.shape[axis];
  const shape = [...value.shape.slice(0, -1), typeof size === 'number' ? size / parts : null];
  return names.map((name) => ({ name, dtype: value.dtype, shape, layout: 'source' }));
}

/** A plain cell, computed step by step: for activations and masks that the operators do not have. */
export function plainCell(weights: CellWeights, context: CellContext): Cell {
  const { kind, units, config } = weights;
  const { graph, place, major } = context;
  const kernel = graph.weight(`${graph.scope}/kernel`, weights.kernel);
  const recurrent = graph.weight(`${graph.scope}/recurrent`, weights.recurrent);
  const act = (body: ImportGraph, value: Value, key: string, fallback: string): Value =>
    applyActivation(value, config.get(key) === undefined ? fallback : config.get(key), {
      graph: body,
      place,
      major,
    });
  const activate = (body: ImportGraph, value: Value): Value =>
    act(body, value, 'activation', 'tanh');
  const gate = (body: ImportGraph, value: Value): Value =>
    act(body, value, 'recurrent_activation', 'sigmoid');
  const parts = { kernel, recurrent, activate, gate };
  if (kind === 'GRU')
    return { stateSizes: [units], outputSize: units, step: gruStep(weights, graph, parts) };
  const bias = weights.bias && graph.weight(`${graph.scope}/bias`, weights.bias);
  if (kind === 'LSTM') {
    return { stateSizes: [units, units], outputSize: units, step: lstmStep(parts, bias) };
  }
  const step: Cell['step'] = (body, x, [h]) => {
    const sum = binary(
      body,
      'Add',
      affine(body, x, kernel, bias),
      affine(body, h as Value, recurrent),
    );
    const output = activate(body, sum);
    return { output, states: [output] };
  };
  return { stateSizes: [units], outputSize: units, step };
}

interface Parts {
  readonly kernel: Value;
  readonly recurrent: Value;
  readonly activate: (body: ImportGraph, value: Value) => Value;
  readonly gate: (body: ImportGraph, value: Value) => Value;
}

function lstmStep(
  { kernel, recurrent, activate, gate }: Parts,
  bias: Value | undefined,
): Cell['step'] {
  return (body, x, [h, c]) => {
    const sum = binary(
      body,
      'Add',
      affine(body, x, kernel, bias),
      affine(body, h as Value, recurrent),
    );
    const [i, f, g, o] = split(body, sum, 4) as [Value, Value, Value, Value];
    const kept = binary(body, 'Mul', gate(body, f), c as Value);
    const added = binary(body, 'Mul', gate(body, i), activate(body, g));
    const cell = binary(body, 'Add', kept, added);
    const output = binary(body, 'Mul', gate(body, o), activate(body, cell));
    return { output, states: [output, cell] };
  };
}

function gruStep(weights: CellWeights, graph: ImportGraph, parts: Parts): Cell['step'] {
  const { units, config } = weights;
  const { kernel, activate, gate } = parts;
  const after = resetsAfter(config);
  const name = `${graph.scope}/bias`;
  const row = (i: number): Value | undefined =>
    weights.bias &&
    graph.weight(
      name,
      after ? reshapeWeight(sliceWeight(weights.bias, 0, i, i + 1), [units * 3]) : weights.bias,
    );
  const inputBias = row(0);
  const recurrentBias = after ? row(1) : undefined;
  const part = (from: number, to: number): Value =>
    graph.weight(
      `${graph.scope}/recurrent`,
      sliceWeight(weights.recurrent, 1, from * units, to * units),
    );
  const [gates, candidate] = after ? [undefined, undefined] : [part(0, 2), part(2, 3)];
  return (body, x, [state]) => {
    const h = state as Value;
    const [xz, xr, xh] = split(body, affine(body, x, kernel, inputBias), 3) as [
      Value,
      Value,
      Value,
    ];
    const inner = after
      ? split(body, affine(body, h, parts.recurrent, recurrentBias), 3)
      : split(body, affine(body, h, gates as Value), 2);
    const z = gate(body, binary(body, 'Add', xz, inner[0] as Value));
    const r = gate(body, binary(body, 'Add', xr, inner[1] as Value));
    const recurrentH = after
      ? binary(body, 'Mul', r, inner[2] as Value)
      : affine(body, binary(body, 'Mul', r, h), candidate as Value);
    const hh = activate(body, binary(body, 'Add', xh, recurrentH));
    const rest = binary(body, 'Sub', scalar(body, 1), z);
    const output = binary(body, 'Add', binary(body, 'Mul', z, h), binary(body, 'Mul', rest, hh));
    return { output, states: [output] };
  };
}

/** The layers of cells in a StackedRNNCells, or the one cell. */
export function cellsOf(layer: Layer): Layer[] {
  const { cell, cells } = layer.config;
  if (isList(cells)) return cells.map((one) => readInnerLayer(one, layer));
  if (isList(cell)) return cell.map((one) => readInnerLayer(one, layer));
  return [readInnerLayer(cell, layer)];
}

/** The attribute by which Keras keeps the weights of each cell of a list. */
export function cellAttributes(cells: readonly Layer[]): string[] {
  const counts = new Map<string, number>();
  return cells.map(({ className }) => {
    const base = snakeCase(className);
    const count = counts.get(base) ?? 0;
    counts.set(base, count + 1);
    return `cells/${count === 0 ? base : `${base}_${count}`}`;
  });
}

/** Cells one after the other: the output of one is the input of the next. */
export function stackCells(cells: readonly Cell[]): Cell {
  const last = cells.at(-1);
  if (!last) throw new InvalidModelError('', 'a stack of no cells');
  return {
    stateSizes: cells.flatMap(({ stateSizes }) => stateSizes),
    outputSize: last.outputSize,
    step(body, x, states) {
      let input = x;
      const made: Value[] = [];
      for (const cell of cells) {
        const own = states.slice(made.length, made.length + cell.stateSizes.length);
        const step = cell.step(body, input, own);
        input = step.output;
        made.push(...step.states);
      }
      return { output: input, states: made };
    },
  };
}

export function requireCellKind(layer: Layer): CellKind {
  const kind = cellKindOf(layer);
  if (kind) return kind;
  throw new UnsupportedModelError(
    layer.place,
    'the cell is not supported',
    'supported cells: LSTMCell, GRUCell, SimpleRNNCell, StackedRNNCells of them',
  );
}
