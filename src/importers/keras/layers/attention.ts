/**
 * Attention layers.
 * Source: keras/src/layers/attention/, keras/src/layers/core/einsum_dense.py (3.15).
 */

import { einsum, einsumWithWeight, parseEquation } from '../../einsum.ts';
import { binary, unary, withNumber } from '../../elementwise.ts';
import type { Value } from '../../import-graph.ts';
import { InvalidModelError, UnsupportedModelError } from '../../problems.ts';
import { reduce } from '../../reduce.ts';
import { softmaxOf } from '../activations.ts';
import type { Config } from '../config.ts';
import type { LayerCall, LayerKind } from '../layer-kind.ts';
import { argument, isValue, slots } from '../layer-kind.ts';
import type { Layer } from '../network.ts';
import {
  both,
  causalMask,
  maskedSoftmax,
  maskFor,
  unsqueeze,
  whereWide,
} from './attention-parts.ts';
import { activate, knownSize, onlyInput } from './call-parts.ts';
import { refuseExtras } from './core.ts';

const einsumDense: LayerKind = {
  weights: (config) => slots('kernel', config.has('bias_axes') && 'bias'),
  convert(call) {
    const { config, graph, layer, weights } = call;
    refuseExtras(config.values, layer.place);
    const input = onlyInput(call);
    const kernel = weights.get('kernel');
    const ranks = [input.shape.length, kernel.shape.length];
    const equation = parseEquation(config.text('equation'), ranks, layer.place);
    const product = einsumWithWeight(graph, input, kernel, equation, `${layer.name}/kernel`);
    if (!config.has('bias_axes')) return activate(call, product);
    const bias = graph.weight(`${layer.name}/bias`, weights.get('bias'));
    return activate(call, binary(graph, 'Add', product, bias));
  },
};

/** The projections of multi-head attention are layers, kept under these attributes. */
function projection(
  layer: Layer,
  attribute: string,
  bias: boolean,
): { attribute: string; layer: Layer } {
  const config = { bias_axes: bias ? 'x' : null };
  const inner = { ...layer, className: 'EinsumDense', config, calls: [], name: attribute };
  return { attribute, layer: inner };
}

const projections = (prefix: string, gated: boolean): string[] =>
  ['query_dense', 'key_dense', ...(gated ? ['gate_dense'] : []), 'value_dense', 'output_dense'].map(
    (name) => (name === 'gate_dense' ? '_gate_dense' : `${prefix}${name}`),
  );

const childrenOf =
  (prefix: string) =>
  (layer: Layer, config: Config): { attribute: string; layer: Layer }[] =>
    projections(prefix, config.bool('use_gate', false)).map((attribute) =>
      projection(layer, attribute, config.bool('use_bias', true)),
    );

/** x · kernel + bias, by an equation with the letters of x, the kernel and the result. */
function project(call: LayerCall, attribute: string, x: Value, equation: string): Value {
  const { graph, layer, weights, config } = call;
  const own = weights.child(attribute);
  const kernel = own.get('kernel');
  const parsed = parseEquation(equation, [x.shape.length, kernel.shape.length], layer.place);
  const name = `${layer.name}/${attribute}`;
  const product = einsumWithWeight(graph, x, kernel, parsed, name);
  if (!config.bool('use_bias', true)) return product;
  return binary(graph, 'Add', product, graph.weight(`${name}/bias`, own.get('bias')));
}

const letters = (count: number): string => 'abcdefghij'.slice(0, count);

/** [batch, …, size] → [batch, …, heads, head size]. */
const toHeads = (call: LayerCall, attribute: string, x: Value): Value => {
  const kept = letters(x.shape.length - 1);
  return project(call, attribute, x, `${kept}x,xyz->${kept}yz`);
};

interface Heads {
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
}

interface Attended {
  /** As the query, with the value's size of heads. */
  readonly output: Value;
  readonly scores: Value;
}

/** [B, T, N, K] · [B, S, N, K] → [B, N, T, S] → [B, T, N, V]. */
function attend(
  call: LayerCall,
  heads: Heads,
  mask: Value | undefined,
  scale: number,
  zero: boolean,
): Attended {
  const { graph } = call;
  const query = graph.transpose(withNumber(graph, 'Mul', heads.query, scale), [0, 2, 1, 3]);
  const key = graph.transpose(heads.key, [0, 2, 3, 1]);
  const value = graph.transpose(heads.value, [0, 2, 1, 3]);
  const [batch = null, count = null, steps = null] = query.shape;
  const scoreShape = [batch, count, steps, key.shape[3] ?? null];
  const raw = graph.apply('MatMul', [query, key], { shape: scoreShape });
  const scores = maskedSoftmax(graph, raw, mask && unsqueeze(graph, mask, 1), zero);
  const shape = [batch, count, steps, value.shape[3] ?? null];
  const mixed = graph.apply('MatMul', [scores, value], { shape });
  return { output: graph.transpose(mixed, [0, 2, 1, 3]), scores };
}

/** Attention over other axes than the second: Einstein sums as Keras builds them. */
function attendOver(
  call: LayerCall,
  heads: Heads,
  axes: readonly number[],
  scale: number,
): Attended {
  const { graph } = call;
  const rank = heads.query.shape.length;
  const target = letters(rank);
  const isBatch = (axis: number): boolean => !axes.includes(axis) && axis !== rank - 1;
  let offset = rank;
  const source = [...target]
    .map((letter, axis) =>
      isBatch(axis) || axis === rank - 1 ? letter : 'abcdefghijklmnop'[offset++],
    )
    .join('');
  const pick = (text: string, wanted: (axis: number) => boolean): string =>
    [...text].filter((_, axis) => wanted(axis)).join('');
  const attended = (axis: number): boolean => axes.includes(axis);
  const product = pick(target, isBatch) + pick(target, attended) + pick(source, attended);
  const query = withNumber(graph, 'Mul', heads.query, scale);
  const raw = einsum(graph, [heads.key, query], { inputs: [source, target], output: product });
  if (axes.length > 1) {
    throw new UnsupportedModelError(
      call.layer.place,
      `attention over the axes [${axes}] at once is not supported`,
      'one axis is',
    );
  }
  const scores = softmaxOf(graph, raw, -1);
  const output = einsum(graph, [scores, heads.value], {
    inputs: [product, source],
    output: target,
  });
  return { output, scores };
}

interface Inputs {
  readonly query: Value;
  readonly value: Value;
  readonly key: Value;
}

function attentionInputs(call: LayerCall): Inputs {
  const { graph, layer } = call;
  const [query, value, key] = ['query', 'value', 'key'].map((name, i) => argument(call, i, name));
  if (!isValue(query) || !isValue(value)) {
    throw new InvalidModelError(layer.place, 'it is called without a query and a value');
  }
  const source = (given: Value): Value => graph.toSource(graph.cast(given, 'FP32'));
  return { query: source(query), value: source(value), key: source(isValue(key) ? key : value) };
}

/** [B, T, S] of all masks together. */
function attentionMask(call: LayerCall, { query, value, key }: Inputs): Value | undefined {
  const { graph, kwargs, config } = call;
  const wide = (mask: Value | undefined, axis: number): Value | undefined =>
    mask && unsqueeze(graph, mask, axis);
  const given = argument(call, 6, 'attention_mask');
  const keyMask = key === value ? kwargs.key_mask : maskFor(call, kwargs.key_mask, key);
  const masks = [
    wide(maskFor(call, kwargs.query_mask, query), -1),
    wide(maskFor(call, kwargs.value_mask, value), -2),
    wide(isValue(keyMask) ? graph.cast(keyMask, 'BOOL') : undefined, -2),
    causalMask(graph, query, value, {
      causal: kwargs.use_causal_mask === true,
      window: config.optionalNumber('sliding_window'),
    }),
    isValue(given) ? graph.cast(given, 'BOOL') : undefined,
  ];
  return masks.reduce((all, mask) => both(graph, all, mask), undefined);
}

const multiHeadAttention: LayerKind = {
  mask: 'own',
  children: childrenOf(''),
  convert(call) {
    const { config, kwargs, layer } = call;
    const inputs = attentionInputs(call);
    const rank = inputs.query.shape.length;
    const axes = config.has('attention_axes')
      ? config.ints('attention_axes').map((axis) => (axis < 0 ? axis + rank : axis))
      : Array.from({ length: rank - 2 }, (_, i) => i + 1);
    const mask = attentionMask(call, inputs);
    const heads = headsOf(call, '', inputs);
    const scale = 1 / Math.sqrt(config.number('key_dim'));
    const wantsScores = kwargs.return_attention_scores === true;
    const isPlain = rank === 3 && axes.join() === '1';
    if (mask && !isPlain) {
      throw new UnsupportedModelError(
        layer.place,
        'a mask with attention over other axes is not supported',
        'attention over the second of three axes is',
      );
    }
    // Keras' fused attention averages over rows without any place, its softmax layer makes them zeros.
    const zero = wantsScores || config.number('dropout', 0) > 0;
    const attended = isPlain
      ? attend(call, heads, mask, scale, zero)
      : attendOver(call, heads, axes, scale);
    return outputOf(call, '', inputs, attended, wantsScores);
  },
};

function headsOf(call: LayerCall, prefix: string, { query, key, value }: Inputs): Heads {
  return {
    query: toHeads(call, `${prefix}query_dense`, query),
    key: toHeads(call, `${prefix}key_dense`, key),
    value: toHeads(call, `${prefix}value_dense`, value),
  };
}

function outputOf(
  call: LayerCall,
  prefix: string,
  inputs: Inputs,
  { output, scores }: Attended,
  wantsScores: boolean,
): Value[] {
  const { config, graph } = call;
  const gated = config.bool('use_gate', false)
    ? binary(
        graph,
        'Mul',
        output,
        unary(graph, 'Sigmoid', toHeads(call, '_gate_dense', inputs.query)),
      )
    : output;
  const kept = letters(gated.shape.length - 2);
  const fresh = 'pqrstu'.slice(
    0,
    call.weights.child(`${prefix}output_dense`).get('kernel').shape.length - 2,
  );
  const result = project(
    call,
    `${prefix}output_dense`,
    gated,
    `${kept}yz,yz${fresh}->${kept}${fresh}`,
  );
  const mask = maskFor(call, call.kwargs.query_mask, inputs.query);
  // As Keras does: what comes after finds no mask on these tensors any more.
  for (const value of [inputs.query, inputs.value, inputs.key]) call.setMask(value, undefined);
  call.setMask(result, mask);
  return wantsScores ? [result, scores] : [result];
}

/** Each key and value head serves several query heads. */
const groupQueryAttention: LayerKind = {
  mask: 'own',
  children: childrenOf('_'),
  convert(call) {
    const { config, graph, kwargs } = call;
    const inputs = attentionInputs(call);
    const mask = attentionMask(call, inputs);
    const heads = headsOf(call, '_', inputs);
    const repeats = config.int('num_query_heads') / config.int('num_key_value_heads');
    const repeated = (value: Value): Value => {
      const count = knownSize(call, value, 2);
      const indices = Array.from({ length: count * repeats }, (_, i) => Math.floor(i / repeats));
      const shape = value.shape.map((size, axis) => (axis === 2 ? count * repeats : size));
      return graph.apply('Gather', [value, graph.ints(indices)], { shape }, { axis: 2 });
    };
    const all = { query: heads.query, key: repeated(heads.key), value: repeated(heads.value) };
    const wantsScores = kwargs.return_attention_scores === true;
    const zero = wantsScores || config.number('dropout', 0) > 0;
    const scale = 1 / Math.sqrt(config.number('head_dim'));
    return outputOf(call, '_', inputs, attend(call, all, mask, scale, zero), wantsScores);
  },
};

/** [query, value] or [query, value, key] without projections. */
function attentionKind(
  score: (call: LayerCall, query: Value, key: Value) => Value,
): Pick<LayerKind, 'mask' | 'convert'> {
  return {
    mask: 'own',
    convert(call) {
      const { graph, inputs, kwargs, layer } = call;
      const [query, value, key = value] = inputs.map((input) => graph.toSource(input));
      if (!query || !value || !key)
        throw new InvalidModelError(layer.place, 'it takes a query and a value');
      const [queryMask, valueMask] = masksOf(call, [query, value]);
      const causal = causalMask(graph, query, value, { causal: kwargs.use_causal_mask === true });
      const mask = both(graph, valueMask && unsqueeze(graph, valueMask, -2), causal);
      const raw = score(call, query, key);
      const scores = mask
        ? whereWide(graph, mask, raw, withNumber(graph, 'Sub', raw, 1e9), raw.shape)
        : raw;
      const weights = softmaxOf(graph, scores, -1);
      const shape = [...query.shape.slice(0, -1), value.shape.at(-1) ?? null];
      const mixed = graph.apply('MatMul', [weights, value], { shape });
      const output = queryMask
        ? whereWide(graph, unsqueeze(graph, queryMask, -1), mixed, graph.floats(0), shape)
        : mixed;
      call.setMask(output, queryMask);
      return kwargs.return_attention_scores === true ? [output, weights] : output;
    },
  };
}

function masksOf(call: LayerCall, carriers: readonly Value[]): (Value | undefined)[] {
  const given = call.kwargs.mask;
  const list = Array.isArray(given) ? given : [];
  return carriers.map((carrier, i) => maskFor(call, list[i], carrier));
}

/** tanh(q + k) for every pair: [B, T, S, size]. */
function sums({ graph }: LayerCall, query: Value, key: Value): Value {
  return binary(graph, 'Add', unsqueeze(graph, query, -2), unsqueeze(graph, key, -3));
}

const attention: LayerKind = {
  weights: (config) => [
    ...slots(config.bool('use_scale', false) && 'scale'),
    ...slots(config.text('score_mode', 'dot') === 'concat' && 'concat_score_weight'),
  ],
  ...attentionKind((call, query, key) => {
    const { config, graph, layer, weights } = call;
    const scale = config.bool('use_scale', false)
      ? graph.weight(`${layer.name}/scale`, weights.get('scale'))
      : undefined;
    if (config.text('score_mode', 'dot') === 'concat') {
      const pairs = sums(call, query, key);
      const scaled = scale ? binary(graph, 'Mul', pairs, scale) : pairs;
      const total = reduce(
        graph,
        'ReduceSum',
        unary(graph, 'Tanh', scaled),
        [scaled.shape.length - 1],
        false,
      );
      return binary(
        graph,
        'Mul',
        total,
        graph.weight(`${layer.name}/concat`, weights.get('concat_score_weight')),
      );
    }
    const last = key.shape.length - 1;
    const order = [...Array.from({ length: last - 1 }, (_, i) => i), last, last - 1];
    const shape = [...query.shape.slice(0, -1), key.shape[last - 1] ?? null];
    const scores = graph.apply('MatMul', [query, graph.transpose(key, order)], { shape });
    return scale ? binary(graph, 'Mul', scores, scale) : scores;
  }),
};

const additiveAttention: LayerKind = {
  weights: (config) => slots(config.bool('use_scale', true) && 'scale'),
  ...attentionKind((call, query, key) => {
    const { config, graph, layer, weights } = call;
    const tanh = unary(graph, 'Tanh', sums(call, query, key));
    const scaled = config.bool('use_scale', true)
      ? binary(graph, 'Mul', tanh, graph.weight(`${layer.name}/scale`, weights.get('scale')))
      : tanh;
    return reduce(graph, 'ReduceSum', scaled, [scaled.shape.length - 1], false);
  }),
};

export const attentions: Record<string, LayerKind> = {
  EinsumDense: einsumDense,
  MultiHeadAttention: multiHeadAttention,
  GroupQueryAttention: groupQueryAttention,
  GroupedQueryAttention: groupQueryAttention,
  Attention: attention,
  AdditiveAttention: additiveAttention,
};
