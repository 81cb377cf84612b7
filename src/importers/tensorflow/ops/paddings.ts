/** Padding: with a value, or with the mirrored inside. */

import { onnxPads, padConstant } from '../../padding.ts';
import { listOf } from '../constant.ts';
import type { Emitter } from '../emitter.ts';
import type { Handler, Handlers } from '../evaluate/context.ts';
import type { Operation } from '../evaluate/operation.ts';
import type { Dim, Tensor, TfValue } from '../values.ts';
import { constantAt, intsAt, known } from './arguments.ts';
import { asTensor } from './broadcast.ts';
import { concatTensors, sourceTensor } from './parts.ts';

/** Pads from a node's constant input: [before, after] for each axis. */
function padsOf(operation: Operation, inputs: readonly TfValue[]): [number, number][] {
  const list = intsAt(operation, inputs, 1);
  return Array.from({ length: list.length / 2 }, (_, i) => [
    list[2 * i] ?? 0,
    list[2 * i + 1] ?? 0,
  ]);
}

const pad: Handler = (operation, inputs, { emitter }) => {
  const tensor = asTensor(emitter, known(operation, inputs, 0));
  const pads = padsOf(operation, inputs);
  if (pads.every(([before, after]) => before === 0 && after === 0)) return tensor;
  const fill = inputs.length > 2 ? (listOf(constantAt(operation, inputs, 2))[0] ?? 0) : 0;
  const value = padConstant(emitter.graph, tensor.value, pads, fill);
  return emitter.tensor(value, tensor.type, paddedDims(tensor.dims, pads));
};

const paddedDims = (
  dims: readonly Dim[],
  pads: readonly (readonly [number, number])[],
): (Dim | null)[] =>
  dims.map((dim, axis) => {
    const [before, after] = pads[axis] ?? [0, 0];
    if (before + after === 0) return dim;
    return typeof dim === 'number' ? dim + before + after : null;
  });

const mirrorPad: Handler = (operation, inputs, { emitter }) => {
  const tensor = sourceTensor(emitter, known(operation, inputs, 0));
  const pads = padsOf(operation, inputs);
  if (operation.text('mode', 'REFLECT') === 'SYMMETRIC') return padSymmetric(emitter, tensor, pads);
  const made = { type: tensor.type, dims: paddedDims(tensor.dims, pads) };
  return emitter.apply('Pad', [tensor.value, emitter.ints(onnxPads(pads))], made, {
    mode: 'reflect',
  });
};

const far = 2 ** 53 - 1;

/** `count` elements along an axis, back to front, from the first or from the last. */
function mirrored(
  emitter: Emitter,
  tensor: Tensor,
  axis: number,
  count: number,
  atEnd: boolean,
): Tensor {
  const { value, type } = tensor;
  const dims = tensor.dims.map((dim, i) => (i === axis ? count : dim));
  const [start, end] = atEnd ? [-1, -count - 1] : [count - 1, -far];
  const memory = emitter.graph.memoryAxis(value, axis);
  return emitter.apply(
    'Slice',
    [value, emitter.ints([start]), emitter.ints([end]), emitter.ints([memory]), emitter.ints([-1])],
    { type, dims, layout: value.layout },
  );
}

/** SYMMETRIC: the edge itself is repeated. */
function padSymmetric(
  emitter: Emitter,
  tensor: Tensor,
  pads: readonly (readonly [number, number])[],
): Tensor {
  return pads.reduce((padded, [before, after], axis) => {
    const parts = [
      ...(before > 0 ? [mirrored(emitter, padded, axis, before, false)] : []),
      padded,
      ...(after > 0 ? [mirrored(emitter, padded, axis, after, true)] : []),
    ];
    return parts.length === 1 ? padded : (concatTensors(emitter, parts, axis) as Tensor);
  }, tensor);
}

export const paddingHandlers: Handlers = {
  Pad: pad,
  PadV2: pad,
  MirrorPad: mirrorPad,
};
