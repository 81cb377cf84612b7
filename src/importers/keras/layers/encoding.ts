/**
 * Layers that make numbers of categories.
 * Source: keras/src/layers/preprocessing/{category_encoding,discretization,integer_lookup}.py (3.15),
 * keras/src/utils/numerical_utils.py.
 */

import { binary, scalar } from '../../elementwise.ts';
import type { Value } from '../../import-graph.ts';
import { InvalidModelError, UnsupportedModelError } from '../../problems.ts';
import { reduce } from '../../reduce.ts';
import { where } from '../activations.ts';
import { isList, plain } from '../config.ts';
import type { LayerCall, LayerKind } from '../layer-kind.ts';
import { unsqueeze } from './attention-parts.ts';
import { onlyInput } from './call-parts.ts';

/** Indices as `int`, `one_hot`, `multi_hot` or `count` over `depth` classes. */
function encode(call: LayerCall, indices: Value, depth: number, mode: string): Value {
  const { graph } = call;
  if (mode === 'int') return indices;
  const isColumn = indices.shape.length > 1 && indices.shape.at(-1) === 1;
  const shrink = mode === 'one_hot' && isColumn;
  const flat = shrink
    ? graph.apply('Squeeze', [indices, graph.ints([indices.shape.length - 1])], {
        dtype: 'INT64',
        shape: indices.shape.slice(0, -1),
      })
    : indices;
  const shape = [...flat.shape, depth];
  const count = graph.constant('depth', {
    dtype: 'INT64',
    shape: [],
    data: BigInt64Array.of(BigInt(depth)),
  });
  const hot = graph.apply('OneHot', [flat, count, graph.floats([0, 1])], { shape }, { axis: -1 });
  if (mode === 'one_hot') return hot;
  const samples = shape.length - 2;
  if (mode === 'multi_hot') return reduce(graph, 'ReduceMax', hot, [samples], false);
  if (mode === 'count') return reduce(graph, 'ReduceSum', hot, [samples], false);
  throw new UnsupportedModelError(
    call.layer.place,
    `the output mode ${mode} is not supported`,
    'int, one_hot, multi_hot and count are',
  );
}

const categoryEncoding: LayerKind = {
  anyDtype: true,
  convert(call) {
    const { config, graph } = call;
    const indices = graph.cast(graph.toSource(onlyInput(call)), 'INT64');
    return encode(call, indices, config.int('num_tokens'), config.text('output_mode', 'multi_hot'));
  },
};

/** The number of boundaries that are not above the value. */
const discretization: LayerKind = {
  convert(call) {
    const { config, graph, layer } = call;
    const boundaries = plain(config.get('bin_boundaries'));
    if (!isList(boundaries)) {
      throw new UnsupportedModelError(
        layer.place,
        'its boundaries are not in the configuration',
        'give it bin_boundaries',
      );
    }
    const input = unsqueeze(graph, graph.toSource(onlyInput(call)), -1);
    const above = binary(
      graph,
      'GreaterOrEqual',
      input,
      graph.floats(boundaries.map(Number)),
      'BOOL',
    );
    const wide = { ...above, shape: [...input.shape.slice(0, -1), boundaries.length] };
    const sum = reduce(
      graph,
      'ReduceSum',
      graph.cast(wide, 'INT32'),
      [wide.shape.length - 1],
      false,
    );
    const mode = config.text('output_mode', 'int');
    if (mode === 'int') return sum;
    return encode(call, graph.cast(sum, 'INT64'), boundaries.length + 1, mode);
  },
};

const mostWords = 10_000;

/** The place of a number in the vocabulary, behind the ones for masks and unknown numbers. */
const integerLookup: LayerKind = {
  anyDtype: true,
  convert(call) {
    const { config, graph, layer } = call;
    const words = plain(config.get('vocabulary'));
    const isPlain = config.int('num_oov_indices', 1) === 1 && !config.bool('invert', false);
    if (!isList(words) || words.length > mostWords || !isPlain) {
      throw new UnsupportedModelError(
        layer.place,
        'this form of a look-up is not supported',
        `a vocabulary of up to ${mostWords} numbers in the configuration and one index for unknown ones are`,
      );
    }
    const numbers = words.map(Number);
    if (!numbers.every(Number.isSafeInteger)) {
      throw new InvalidModelError(
        layer.place,
        'its vocabulary has something that is no whole number',
      );
    }
    const hasMask = config.has('mask_token');
    const mode = config.text('output_mode', 'int');
    // Only whole numbers have a place for the mask; encoded, it leaves all places empty.
    const offset = hasMask && mode === 'int' ? 2 : 1;
    const depth = numbers.length + offset;
    const input = graph.cast(graph.toSource(onlyInput(call)), 'INT64');
    const table = graph.constant('vocabulary', {
      dtype: 'INT64',
      shape: [numbers.length],
      data: BigInt64Array.from(numbers, BigInt),
    });
    const equal = binary(graph, 'Equal', unsqueeze(graph, input, -1), table, 'BOOL');
    const hits = graph.cast({ ...equal, shape: [...input.shape, numbers.length] }, 'FP32');
    const places = graph.floats(numbers.map((_, i) => i + 1));
    const at = reduce(
      graph,
      'ReduceSum',
      binary(graph, 'Mul', hits, places),
      [input.shape.length],
      false,
    );
    // 0 is unknown, which is index 0, or 1 behind the mask.
    const index = binary(graph, 'Add', graph.cast(at, 'INT64'), scalar(graph, offset - 1, 'INT64'));
    const masked = hasMask
      ? where(
          graph,
          binary(graph, 'Equal', input, scalar(graph, config.int('mask_token'), 'INT64'), 'BOOL'),
          filledLike(call, index, mode === 'int' ? 0 : depth),
          index,
        )
      : index;
    const result = { ...masked, shape: index.shape };
    return encode(call, result, depth, mode);
  },
};

/** That number in the same shape: what a masked number is looked up as. */
const filledLike = ({ graph }: LayerCall, value: Value, number: number): Value => {
  const zeros = binary(graph, 'Mul', value, scalar(graph, 0, 'INT64'));
  return number === 0 ? zeros : binary(graph, 'Add', zeros, scalar(graph, number, 'INT64'));
};

export const encodings: Record<string, LayerKind> = {
  CategoryEncoding: categoryEncoding,
  Discretization: discretization,
  IntegerLookup: integerLookup,
};
