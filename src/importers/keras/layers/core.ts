/**
 * Dense, Embedding and the layers that change shapes or nothing at all.
 * Source: keras/src/layers/core/, keras/src/layers/reshaping/ (3.15).
 */

import { binary, scalar, unary, withNumber } from '../../elementwise.ts';
import type { Size, Value } from '../../import-graph.ts';
import { InvalidModelError, UnsupportedModelError } from '../../problems.ts';
import type { LayerKind } from '../layer-kind.ts';
import { slots } from '../layer-kind.ts';
import { activate, axisOf, knownSize, onlyInput, productOf, requireShape } from './call-parts.ts';

const dense: LayerKind = {
  mask: 'keep',
  weights: (config) => slots('kernel', config.bool('use_bias', true) && 'bias'),
  convert(call) {
    const { config, graph, layer, weights } = call;
    refuseExtras(call.config.values, layer.place);
    const input = graph.toSource(onlyInput(call));
    const units = config.int('units');
    const size = knownSize(call, input, input.shape.length - 1);
    const kernel = graph.weight(
      `${layer.name}/kernel`,
      requireShape(weights.get('kernel'), [size, units]),
    );
    const shape = [...input.shape.slice(0, -1), units];
    if (!config.bool('use_bias', true)) {
      return activate(call, graph.apply('MatMul', [input, kernel], { shape }));
    }
    const bias = graph.weight(`${layer.name}/bias`, requireShape(weights.get('bias'), [units]));
    if (input.shape.length === 2) {
      return activate(call, graph.apply('Gemm', [input, kernel, bias], { shape }));
    }
    const product = graph.apply('MatMul', [input, kernel], { shape });
    return activate(call, binary(graph, 'Add', product, bias));
  },
};

/** Weights of another form than the layer's own. */
export function refuseExtras(config: { readonly [key: string]: unknown }, place: string): void {
  if (config.quantization_mode || config.quantization_config) {
    throw new UnsupportedModelError(place, 'it is quantised', 'save it before quantize()');
  }
  if (config.lora_rank) {
    throw new UnsupportedModelError(
      place,
      'it has LoRA weights',
      'merge them with load_own_variables first',
    );
  }
}

const embedding: LayerKind = {
  mask: 'own',
  anyDtype: true,
  weights: () => slots('embeddings'),
  convert(call) {
    const { config, graph, layer, weights } = call;
    refuseExtras(config.values, layer.place);
    const input = graph.toSource(onlyInput(call));
    const [rows, size] = [config.int('input_dim'), config.int('output_dim')];
    const table = requireShape(weights.get('embeddings'), [rows, size]);
    const indices = graph.cast(input, 'INT32');
    const result = graph.apply(
      'Gather',
      [graph.weight(`${layer.name}/embeddings`, table), indices],
      {
        shape: [...input.shape, size],
      },
    );
    if (config.bool('mask_zero', false)) {
      const isZero = binary(graph, 'Equal', indices, scalar(graph, 0, 'INT32'), 'BOOL');
      call.setMask(result, unary(graph, 'Not', isZero, {}, 'BOOL'));
    }
    return result;
  },
};

const masking: LayerKind = {
  mask: 'own',
  convert(call) {
    const { config, graph } = call;
    const input = graph.toSource(onlyInput(call));
    const ignored = scalar(graph, config.number('mask_value', 0), input.dtype);
    const same = binary(graph, 'Equal', input, ignored, 'BOOL');
    const differs = graph.cast(unary(graph, 'Not', same, {}, 'BOOL'), 'FP32');
    const last = graph.ints([input.shape.length - 1]);
    const any = (keep: number): Value =>
      graph.apply(
        'ReduceMax',
        [differs, last],
        {
          shape: keep ? [...input.shape.slice(0, -1), 1] : input.shape.slice(0, -1),
        },
        { keepdims: keep },
      );
    const result = binary(graph, 'Mul', input, any(1));
    call.setMask(result, graph.cast(any(0), 'BOOL'));
    return result;
  },
};

const flatten: LayerKind = {
  anyDtype: true,
  convert(call) {
    const { config, graph } = call;
    const input = onlyInput(call);
    const [batch = null, ...rest] = input.shape;
    if (rest.length === 0) return graph.reshape(input, [batch, 1]);
    // Keras moves the channels last before it flattens; places of size 1 need no moving.
    const first = config.text('data_format', 'channels_last') === 'channels_first';
    const inOrder =
      first && rest.length > 1
        ? graph.transpose(input, [0, ...rest.slice(1).map((_, i) => i + 2), 1])
        : (withoutTurning(input) ?? graph.toSource(input));
    return graph.apply(
      'Flatten',
      [inOrder],
      { shape: [batch, productOf(rest)], dtype: input.dtype },
      { axis: 1 },
    );
  },
};

/** Channels first in memory with one place each: already in order. */
function withoutTurning(value: Value): Value | undefined {
  const places = value.shape.slice(1, -1);
  return places.every((size) => size === 1) ? value : undefined;
}

const reshape: LayerKind = {
  anyDtype: true,
  convert(call) {
    const { config, graph, layer } = call;
    const input = onlyInput(call);
    const [batch = null, ...rest] = input.shape;
    const wanted = config.ints('target_shape');
    const total = productOf(rest);
    const known = wanted.filter((size) => size !== -1).reduce((count, size) => count * size, 1);
    const target = wanted.map((size): Size => {
      if (size !== -1) return size;
      return total === null ? null : total / known;
    });
    if (total !== null && productOf(target) !== total) {
      throw new InvalidModelError(layer.place, `[${rest}] has not as many elements as [${wanted}]`);
    }
    const ones = target.slice(0, -1).every((size) => size === 1);
    const isFlat = withoutTurning(input) !== undefined;
    // (C) → (1, 1, C), as squeeze-and-excitation has it: the channels are second in memory at once.
    if (isFlat && ones && target.length >= 2) {
      const dims = graph.ints([0, target.at(-1) ?? -1, ...target.slice(0, -1).map(() => 1)]);
      return graph.apply('Reshape', [input, dims], {
        dtype: input.dtype,
        shape: [batch, ...target],
        layout: 'channels-first',
      });
    }
    const source = isFlat ? input : graph.toSource(input);
    return graph.apply('Reshape', [source, graph.ints([0, ...wanted])], {
      dtype: input.dtype,
      shape: [batch, ...target],
    });
  },
};

const permute: LayerKind = {
  anyDtype: true,
  convert(call) {
    const dims = call.config.ints('dims');
    return call.graph.transpose(onlyInput(call), [0, ...dims]);
  },
};

const repeatVector: LayerKind = {
  convert(call) {
    const { config, graph } = call;
    const input = onlyInput(call);
    const [batch = null, size = null] = input.shape;
    const times = config.int('n');
    const row = graph.apply('Unsqueeze', [input, graph.ints([1])], { shape: [batch, 1, size] });
    return graph.apply('Tile', [row, graph.ints([1, times, 1])], { shape: [batch, times, size] });
  },
};

/** At inference what goes in comes out. */
const identity: LayerKind = {
  mask: 'keep',
  anyDtype: true,
  convert: (call) => onlyInput(call),
};

const activation: LayerKind = {
  mask: 'keep',
  convert: (call) => activate(call, onlyInput(call)),
};

/** Multiplies by a learned vector: ConvNeXt's own layer. */
const layerScale: LayerKind = {
  weights: () => slots('gamma'),
  convert(call) {
    const { graph, layer, weights } = call;
    const input = onlyInput(call);
    const axis = axisOf(call, input, -1);
    const gamma = requireShape(weights.get('gamma'), [knownSize(call, input, axis)]);
    return binary(graph, 'Mul', graph.toSource(input), graph.weight(`${layer.name}/gamma`, gamma));
  },
};

/** inputs[0] + scale · inputs[1]: InceptionResNetV2's own layer. */
const customScaleLayer: LayerKind = {
  convert(call) {
    const { config, graph, inputs, layer } = call;
    const [a, b] = inputs;
    if (!a || !b) throw new InvalidModelError(layer.place, 'it takes two tensors');
    return binary(graph, 'Add', a, withNumber(graph, 'Mul', b, config.number('scale')));
  },
};

const identityNames = [
  'Identity',
  'Dropout',
  'SpatialDropout1D',
  'SpatialDropout2D',
  'SpatialDropout3D',
  'GaussianDropout',
  'GaussianNoise',
  'AlphaDropout',
  'ActivityRegularization',
];

export const coreLayers: Record<string, LayerKind> = {
  Dense: dense,
  Embedding: embedding,
  Masking: masking,
  Flatten: flatten,
  Reshape: reshape,
  Permute: permute,
  RepeatVector: repeatVector,
  Activation: activation,
  LayerScale: layerScale,
  CustomScaleLayer: customScaleLayer,
  ...Object.fromEntries(identityNames.map((name) => [name, identity])),
};
