/**
 * Resizing by kernels. Bicubic as TensorFlow does it: the kernel comes from a table of 1,024 steps, so no formula of
 * ONNX's gives the same numbers. Where the sizes are known, it is a product with a matrix for each axis.
 * Source: tensorflow/core/kernels/image/resize_bicubic_op.cc.
 */

import { float } from '../../../onnx/graph-data.ts';
import { resizeTo } from '../../resize.ts';
import { constantOf, listOf } from '../constant.ts';
import { dataType } from '../data-types.ts';
import type { Emitter } from '../emitter.ts';
import type { Handler } from '../evaluate/context.ts';
import type { Operation } from '../evaluate/operation.ts';
import type { Dim, Tensor } from '../values.ts';
import { constantAt, intsAt, known } from './arguments.ts';
import { castTo } from './arithmetic.ts';
import { asTensor } from './broadcast.ts';

const steps = 1024;

/** The four weights around a place, `offset` steps behind the second of them. */
function weightsAt(offset: number, a: number): [number, number, number, number] {
  const near = (x: number): number => ((a + 2) * x - (a + 3)) * x * x + 1;
  const far = (x: number): number => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  const x = offset / steps;
  return [far(x + 1), near(x), near(1 - x), far(2 - x)];
}

const clamp = (at: number, size: number): number => Math.min(Math.max(at, 0), size - 1);

/** Where output place `i` lies in the input. */
function placeIn(i: number, from: number, to: number, place: string): number {
  if (place === 'half_pixel') return Math.fround((i + 0.5) * Math.fround(from / to)) - 0.5;
  const scale = place === 'align_corners' && to > 1 ? (from - 1) / (to - 1) : from / to;
  return Math.fround(i * Math.fround(scale));
}

/** [to, from]. Beyond the edge: left out with half-pixel centres, else the edge itself. */
function matrixOf(from: number, to: number, place: string): Float32Array {
  const isHalf = place === 'half_pixel';
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i += 1) {
    const at = placeIn(i, from, to, place);
    const first = Math.floor(at);
    const weights = weightsAt(Math.round((at - first) * steps), isHalf ? -0.5 : -0.75);
    const inside = (k: number): boolean => !isHalf || clamp(first - 1 + k, from) === first - 1 + k;
    const sum = isHalf ? weights.reduce((all, w, k) => all + (inside(k) ? w : 0), 0) : 1;
    weights.forEach((weight, k) => {
      if (!inside(k)) return;
      const cell = i * from + clamp(first - 1 + k, from);
      matrix[cell] = (matrix[cell] as number) + weight / sum;
    });
  }
  return matrix;
}

/** Input [n, h, w, c] to the two sizes; `place` as ONNX names the ways to map places. */
export function resizeBicubic(
  operation: Operation,
  emitter: Emitter,
  tensor: Tensor,
  size: readonly Dim[],
  place: string,
): Tensor {
  const [batch, height, width, channels] = tensor.dims as [Dim, Dim, Dim, Dim];
  const [toHeight, toWidth] = size as [Dim, Dim];
  const value = emitter.graph.toChannelsFirst(tensor.value);
  const { type } = tensor;
  const layout = 'channels-first' as const;
  const made = { type, dims: [batch, toHeight, toWidth, channels], layout };
  if ([height, width, toHeight, toWidth].some((dim) => typeof dim !== 'number')) {
    const target = emitter.sizes([batch, channels, toHeight, toWidth]);
    const isHalf = place === 'half_pixel';
    return emitter.apply('Resize', [value, '', '', target], made, {
      mode: 'cubic',
      coordinate_transformation_mode: place,
      cubic_coeff_a: float(isHalf ? -0.5 : -0.75),
      exclude_outside: isHalf ? 1 : 0,
    });
  }
  const [h, w, toH, toW] = [height, width, toHeight, toWidth] as [number, number, number, number];
  if (toH * h + toW * w > 2 ** 24) return operation.refuse('pictures of that size are not resized');
  const rows = constantOf(type, [toH, h], matrixOf(h, toH, place));
  const columns = emitter.permuted(constantOf(type, [toW, w], matrixOf(w, toW, place)), [1, 0]);
  const wide = { type, dims: [batch, height, toWidth, channels], layout };
  const across = emitter.apply('MatMul', [value, columns], wide);
  return emitter.apply('MatMul', [emitter.initialiser(rows), across.value], made);
}

const kernels = { triangle: 'bilinear', keyscubic: 'bicubic' } as const;

/** `tf.image.resize(antialias=True)`: kernels that grow with the step. */
export const scaleAndTranslate: Handler = (operation, inputs, { emitter }) => {
  const tensor = asTensor(emitter, castTo(emitter, known(operation, inputs, 0), dataType('float')));
  const size = intsAt(operation, inputs, 1);
  const kernel = operation.text('kernel_type', 'lanczos3');
  if (!Object.hasOwn(kernels, kernel)) {
    return operation.refuse(`the kernel ${kernel} is not supported`, 'triangle and keyscubic are');
  }
  const from = tensor.dims.slice(1, 3);
  const scale = listOf(constantAt(operation, inputs, 2));
  const isWhole = from.every(
    (dim, i) => typeof dim === 'number' && Math.abs((scale[i] ?? 0) - (size[i] ?? 0) / dim) < 1e-4,
  );
  const stays = listOf(constantAt(operation, inputs, 3)).every((shift) => shift === 0);
  if (!isWhole || !stays || !operation.bool('antialias', true)) {
    return operation.refuse(
      'it takes a part of its input, or one of open size',
      'whole pictures are resized',
    );
  }
  const method = kernels[kernel as keyof typeof kernels];
  const options = { method, antialias: true, channelsLast: true };
  const value = resizeTo(emitter.graph, tensor.value, size, options);
  return emitter.tensor(value, tensor.type, [
    tensor.dims[0] as Dim,
    ...size,
    tensor.dims[3] as Dim,
  ]);
};
