/**
 * TimeDistributed: a layer on every step. Batch and steps become one axis, and two again after it.
 * Source: keras/src/layers/rnn/time_distributed.py (3.15).
 */

import type { Size, Value } from '../../import-graph.ts';
import type { LayerCall, LayerKind } from '../layer-kind.ts';
import { readInnerLayer } from '../network.ts';
import { onlyInput } from './call-parts.ts';

export const timeDistributed: LayerKind = {
  mask: 'keep',
  children: (layer) => [{ attribute: 'layer', layer: readInnerLayer(layer.config.layer, layer) }],
  convert(call) {
    const { graph, layer, weights } = call;
    const input = graph.toSource(onlyInput(call));
    const [batch = null, steps = null, ...rest] = input.shape;
    const inner = readInnerLayer(layer.config.layer, layer);
    const rows = merge(call, input, rest);
    return call.callInner(inner, weights.child('layer'), [rows]).map((output) => {
      const made = graph.toSource(output);
      return apart(call, input, made, [batch, steps]);
    });
  },
};

function merge({ graph }: LayerCall, input: Value, rest: readonly Size[]): Value {
  const shape = [null, ...rest];
  const { dtype } = input;
  if (rest.every((size) => size !== null)) {
    const target = graph.ints([-1, ...(rest as number[])]);
    return graph.apply('Reshape', [input, target], { dtype, shape });
  }
  const tail = shapeOf(graph, input, 2);
  return graph.apply('Reshape', [input, join(graph, [graph.ints([-1]), tail])], { dtype, shape });
}

function apart(
  { graph }: LayerCall,
  input: Value,
  made: Value,
  [batch, steps]: readonly [Size, Size],
): Value {
  const rest = made.shape.slice(1);
  const shape = [batch, steps, ...rest];
  const head = steps === null ? shapeOf(graph, input, 0, 2) : graph.ints([-1, steps]);
  const tail = rest.every((size) => size !== null)
    ? graph.ints(rest as number[])
    : shapeOf(graph, made, 1);
  return graph.apply('Reshape', [made, join(graph, [head, tail])], { dtype: made.dtype, shape });
}

type Graph = LayerCall['graph'];

const shapeOf = (graph: Graph, value: Value, start: number, end?: number): Value =>
  graph.apply(
    'Shape',
    [value],
    { dtype: 'INT64', shape: [null] },
    end === undefined ? { start } : { start, end },
  );

const join = (graph: Graph, parts: readonly Value[]): Value =>
  graph.apply('Concat', parts, { dtype: 'INT64', shape: [null] }, { axis: 0 });
