/**
 * A recurrent layer as ONNX's Scan over the steps: any cell, any activation, any mask.
 */

import type { GraphData } from '../../../onnx/graph-data.ts';
import { subgraph } from '../../../onnx/graph-data.ts';
import type { Size, Value } from '../../import-graph.ts';
import { ImportGraph } from '../../import-graph.ts';
import { where } from '../activations.ts';
import type { Cell } from './rnn-cells.ts';

export interface ScanOptions {
  /** From the last step to the first; outputs are in that order too. */
  readonly backwards: boolean;
  /** Steps that do not count keep the states and repeat the output, or give zeros. */
  readonly mask?: Value | undefined;
  readonly zeroOutput: boolean;
  readonly initial?: readonly Value[] | undefined;
}

export interface Recurrence {
  /** [batch, steps, size] in the order of processing. */
  readonly sequence: Value;
  readonly last: Value;
  readonly states: readonly Value[];
}

/** Zeros of [batch, …size], with the batch of the value. */
export function zeroState(graph: ImportGraph, like: Value, size: readonly number[]): Value {
  const batch = graph.apply('Shape', [like], { dtype: 'INT64', shape: [1] }, { start: 0, end: 1 });
  const dims = graph.apply(
    'Concat',
    [batch, graph.ints(size)],
    { dtype: 'INT64', shape: [size.length + 1] },
    { axis: 0 },
  );
  return graph.apply('Expand', [graph.floats(0), dims], {
    shape: [like.shape[0] ?? null, ...size],
  });
}

/** `stateShapes` and `outputShape` are without the batch. */
export interface ScannedCell extends Pick<Cell, 'step'> {
  readonly stateShapes: readonly (readonly number[])[];
  readonly outputShape: readonly number[];
}

export const scanned = (cell: Cell): ScannedCell => ({
  step: cell.step,
  stateShapes: cell.stateSizes.map((size) => [size]),
  outputShape: [cell.outputSize],
});

export function scanCell(
  graph: ImportGraph,
  input: Value,
  cell: ScannedCell,
  options: ScanOptions,
): Recurrence {
  const x = graph.toSource(input);
  const { mask, initial, backwards, zeroOutput } = options;
  const states = cell.stateShapes.map((shape, i) => initial?.[i] ?? zeroState(graph, x, shape));
  // The output of the last step that counts: not its state, which may begin with something else.
  const carried = mask ? [...states, zeroState(graph, x, cell.outputShape)] : states;
  const body = buildBody(graph, x, cell, carried.length, mask !== undefined, zeroOutput);
  const scans = mask ? [x, mask] : [x];
  const attributes = {
    body: subgraph(body),
    num_scan_inputs: scans.length,
    scan_input_axes: scans.map(() => 1),
    scan_input_directions: scans.map(() => (backwards ? 1 : 0)),
    scan_output_axes: [1],
  };
  const inputs = [...carried, ...scans].map(({ name }) => name);
  const names = graph.nodeOf('Scan', inputs, attributes, carried.length + 1);
  const [batch = null, steps = null] = x.shape;
  const value = (name: string, shape: readonly Size[]): Value => ({
    name,
    dtype: 'FP32',
    shape,
    layout: 'source',
  });
  const sequence = value(names.at(-1) as string, [batch, steps, ...cell.outputShape]);
  const finalStates = cell.stateShapes.map((shape, i) =>
    value(names[i] as string, [batch, ...shape]),
  );
  return { sequence, last: lastStep(graph, sequence), states: finalStates };
}

export function lastStep(graph: ImportGraph, sequence: Value): Value {
  const [batch = null, , ...rest] = sequence.shape;
  const { dtype } = sequence;
  const index = graph.constant('last', { dtype: 'INT64', shape: [], data: BigInt64Array.of(-1n) });
  return graph.apply('Gather', [sequence, index], { dtype, shape: [batch, ...rest] }, { axis: 1 });
}

function buildBody(
  outer: ImportGraph,
  x: Value,
  cell: ScannedCell,
  carriedCount: number,
  hasMask: boolean,
  zeroOutput: boolean,
): GraphData {
  const inner = outer.graph.subgraph(`${outer.scope}/step`);
  const body = new ImportGraph(inner.name, inner);
  body.scope = `${outer.scope}/step`;
  const [batch = null, , ...rest] = x.shape;
  const declare = (
    wish: string,
    shape: readonly Size[],
    dtype: Value['dtype'] = 'FP32',
  ): Value => ({
    name: inner.input(`${body.scope}/${wish}`, dtype, shape),
    dtype,
    shape,
    layout: 'source',
  });
  const shapes = [...cell.stateShapes, cell.outputShape].slice(0, carriedCount);
  const carried = shapes.map((shape, i) => declare(`state${i}`, [batch, ...shape]));
  const step = declare('x', [batch, ...rest]);
  const mask = hasMask ? declare('mask', [batch], 'BOOL') : undefined;
  const states = carried.slice(0, cell.stateShapes.length);
  const made = cell.step(body, step, states);
  const outputs = mask
    ? keepMasked(body, made, states, carried.at(-1) as Value, mask, zeroOutput)
    : [...made.states, made.output];
  declareOutputs(body, outputs);
  return inner;
}

/** Each output of a body needs a name of its own. */
function declareOutputs(body: ImportGraph, outputs: readonly Value[]): void {
  for (const output of outputs) {
    const { dtype, shape } = output;
    const copy = body.apply('Identity', [body.toSource(output)], { dtype, shape });
    body.graph.output(copy.name, dtype, shape);
  }
}

function keepMasked(
  body: ImportGraph,
  made: ReturnType<ScannedCell['step']>,
  states: readonly Value[],
  previous: Value,
  mask: Value,
  zeroOutput: boolean,
): Value[] {
  const [batch = null] = mask.shape;
  const choose = (yes: Value, no: Value): Value => {
    const axes = yes.shape.slice(1).map((_, i) => i + 1);
    const shape = [batch, ...axes.map(() => 1)];
    const wide = body.apply('Unsqueeze', [mask, body.ints(axes)], { dtype: 'BOOL', shape });
    return where(body, wide, body.toSource(yes), body.toSource(no));
  };
  const kept = made.states.map((state, i) => choose(state, states[i] as Value));
  const repeated = choose(made.output, previous);
  const output = zeroOutput ? choose(made.output, body.floats(0)) : repeated;
  return [...kept, repeated, output];
}
