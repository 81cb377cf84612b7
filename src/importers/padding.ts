/**
 * Padding as training frameworks mean it, in ONNX's words.
 */

import type { ImportGraph, Size, Value } from './import-graph.ts';

export type Pads = readonly (readonly [number, number])[];

export interface Window {
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
}

/**
 * TensorFlow's SAME for one axis: the output has ceil(n / stride) places; an odd pad goes to the end.
 * Undefined when it depends on a size that is open.
 */
export function samePads(
  size: Size,
  { size: k, stride, dilation }: Window,
): [number, number] | undefined {
  const reach = dilation * (k - 1) + 1;
  if (reach === 1) return [0, 0];
  if (size === null && stride !== 1) return undefined;
  const total =
    size === null ? reach - 1 : Math.max((Math.ceil(size / stride) - 1) * stride + reach - size, 0);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

/**
 * SAME where `samePads` does not know: the runtime works it out. Between windows it may skip two elements; where
 * it has to skip more it begins one too late (ONNX Runtime 1.30 takes padding below zero), so `refuse` is called.
 */
export function latePads(
  windows: readonly Window[],
  refuse: (what: string, supported: string) => never,
): { readonly auto_pad: 'SAME_UPPER' } {
  if (windows.some(({ size, stride, dilation }) => dilation * (size - 1) + 1 < stride - 2)) {
    refuse(
      'SAME with a window far smaller than its stride is not supported where the size is open',
      'models of a fixed size are',
    );
  }
  return { auto_pad: 'SAME_UPPER' };
}

/** Places of a window along an axis that was padded already (VALID). */
export function placesOf(size: Size, { size: k, stride, dilation }: Window): Size {
  return size === null ? null : Math.floor((size - dilation * (k - 1) - 1) / stride) + 1;
}

/** ONNX's order: all beginnings, then all ends. */
export const onnxPads = (pads: Pads): number[] => [
  ...pads.map(([begin]) => begin),
  ...pads.map(([, end]) => end),
];

/**
 * ONNX Runtime's Pad_Fusion gives a Pad of zeros to the pooling behind it as the pooling's own padding,
 * which is -inf for a maximum and is not counted for an average. It leaves any other value alone, so
 * zeros are padded as the smallest normal float.
 */
const nearlyZero = 1.1754943508222875e-38;

/**
 * Constant padding; `pads` for each axis of the source. Zeros are remembered, for a convolution that
 * takes them over (`Value.padded`).
 */
export function padConstant(graph: ImportGraph, value: Value, pads: Pads, fill = 0): Value {
  const inMemory = value.shape.map(() => [0, 0] as readonly [number, number]);
  pads.forEach((pad, axis) => {
    inMemory[graph.memoryAxis(value, axis)] = pad;
  });
  const shape = value.shape.map((size, i) => {
    const [begin, end] = pads[i] ?? [0, 0];
    return size === null ? null : size + begin + end;
  });
  const filler = value.dtype === 'FP32' ? graph.floats(fill === 0 ? nearlyZero : fill) : '';
  const { dtype, layout } = value;
  const made = graph.apply('Pad', [value, graph.ints(onnxPads(inMemory)), filler], {
    dtype,
    shape,
    layout,
  });
  return fill === 0 && value.dtype === 'FP32' ? { ...made, padded: { from: value, pads } } : made;
}
