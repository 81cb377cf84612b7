/** What convolutions and pooling share: the attributes of their windows, their padding, their layout. */

import type { Attributes } from '../../../onnx/graph-data.ts';
import type { Value } from '../../import-graph.ts';
import { latePads, onnxPads, samePads } from '../../padding.ts';
import type { Emitter } from '../emitter.ts';
import type { Operation } from '../evaluate/operation.ts';
import type { Dim, Tensor } from '../values.ts';
import { sizeOf } from '../values.ts';

type Pair = readonly [number, number];

export interface Windows {
  /** Height and width, or as many as there are. */
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
}

export interface PlannedWindows {
  /** Its value lies channels first; the padding before it may have been taken over. */
  readonly value: Value;
  readonly attributes: Attributes;
  /** The places along each axis of the picture; null where open. */
  readonly places: readonly (Dim | null)[];
}

/** True for graphs that were made for a GPU: [N, C, H, W]. */
export const isChannelsFirst = (operation: Operation): boolean =>
  operation.text('data_format', 'NHWC').startsWith('NC');

/** A per-axis attribute of the picture's axes only. */
export function spatial(operation: Operation, key: string, rank: number): number[] {
  const list = operation.ints(key, []);
  if (list.length === 0) return new Array<number>(rank - 2).fill(1);
  if (list.length === 1) return new Array<number>(rank - 2).fill(list[0] ?? 1);
  const at = isChannelsFirst(operation) ? [0, 1] : [0, rank - 1];
  if (at.some((axis) => list[axis] !== 1)) {
    operation.refuse(`${key} [${list.join(', ')}] over rows or channels is not supported`);
  }
  return list.filter((_, axis) => !at.includes(axis));
}

/** The tensor with its channels last by name: one that has them second by name lies right already. */
export function channelsLast(operation: Operation, emitter: Emitter, tensor: Tensor): Tensor {
  if (!isChannelsFirst(operation)) return tensor;
  const value = emitter.graph.toSource(tensor.value);
  const dims = [tensor.dims[0] as Dim, ...tensor.dims.slice(2), tensor.dims[1] as Dim];
  return {
    ...tensor,
    dims,
    value: { ...value, shape: dims.map(sizeOf), layout: 'channels-first' },
  };
}

/** The opposite, for the result. */
export function asNamed(operation: Operation, emitter: Emitter, tensor: Tensor): Tensor {
  if (!isChannelsFirst(operation)) return tensor;
  const value = emitter.graph.toChannelsFirst(tensor.value);
  const dims = [tensor.dims[0] as Dim, tensor.dims.at(-1) as Dim, ...tensor.dims.slice(1, -1)];
  return { ...tensor, dims, value: { ...value, shape: dims.map(sizeOf), layout: 'source' } };
}

interface Padding {
  readonly pads: readonly Pair[];
  /** SAME with open sizes and strides: the runtime works it out. */
  readonly isLate: boolean;
}

function paddingOf(operation: Operation, dims: readonly Dim[], windows: Windows): Padding {
  const { kernel, strides, dilations } = windows;
  const kind = operation.text('padding', 'VALID');
  if (kind === 'EXPLICIT') {
    const list = operation.ints('explicit_paddings', []);
    const from = isChannelsFirst(operation) ? 4 : 2;
    return {
      pads: kernel.map((_, i) => [list[from + 2 * i] ?? 0, list[from + 2 * i + 1] ?? 0]),
      isLate: false,
    };
  }
  if (kind === 'VALID') return { pads: kernel.map(() => [0, 0]), isLate: false };
  const pads = kernel.map((size, i) => {
    const window = { size, stride: strides[i] ?? 1, dilation: dilations[i] ?? 1 };
    return samePads(sizeOf(dims[i + 1] as Dim), window);
  });
  if (pads.every((pair) => pair !== undefined)) return { pads, isLate: false };
  return { pads: kernel.map(() => [0, 0]), isLate: true };
}

/** `takesPadding`: zeros that were padded before may become this operator's own. */
export function planWindows(
  operation: Operation,
  emitter: Emitter,
  tensor: Tensor,
  windows: Windows,
  takesPadding: boolean,
): PlannedWindows {
  const { kernel, strides, dilations } = windows;
  const { pads, isLate } = paddingOf(operation, tensor.dims, windows);
  const places = kernel.map((size, i) => {
    const stride = strides[i] ?? 1;
    const reach = (dilations[i] ?? 1) * (size - 1) + 1;
    const dim = tensor.dims[i + 1] as Dim;
    const [before, after] = pads[i] ?? [0, 0];
    if (typeof dim !== 'number') return stride === 1 && before + after === reach - 1 ? dim : null;
    return Math.floor((dim + before + after - reach) / stride) + 1;
  });
  if (places.some((count) => typeof count === 'number' && count <= 0)) {
    operation.refuse(`its window [${kernel.join(', ')}] does not fit into its input`);
  }
  const taken = takesPadding && !isLate ? takePadding(tensor, pads) : undefined;
  const value = emitter.graph.toChannelsFirst(taken?.value ?? tensor.value);
  const padding: Attributes = isLate
    ? latePads(
        kernel.map((size, i) => ({
          size,
          stride: strides[i] ?? 1,
          dilation: dilations[i] ?? 1,
        })),
        (what, supported) => operation.refuse(what, supported),
      )
    : { pads: onnxPads(taken?.pads ?? pads) };
  return { value, attributes: { kernel_shape: kernel, strides, dilations, ...padding }, places };
}

function takePadding(
  { value }: Tensor,
  pads: readonly Pair[],
): { value: Value; pads: Pair[] } | undefined {
  const { padded } = value;
  if (!padded) return undefined;
  const outer = padded.pads;
  const isInner = outer.every(([before, after], axis) => {
    const isPicture = axis > 0 && axis < outer.length - 1;
    return before >= 0 && after >= 0 && (isPicture || before + after === 0);
  });
  if (!isInner) return undefined;
  const sum = pads.map(([before, after], i): Pair => {
    const [more, andMore] = outer[i + 1] ?? [0, 0];
    return [before + more, after + andMore];
  });
  return { value: padded.from, pads: sum };
}
