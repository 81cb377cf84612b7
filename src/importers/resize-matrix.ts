/**
 * TensorFlow's resizing kernels as matrices [to, from] of weights, or as indices: for sizes that are known
 * they give the very weights of TensorFlow, and need no operator that has its own idea of a resize.
 * Source: tensorflow/core/kernels/image/ (resize_bilinear_op.cc, resize_bicubic_op.cc,
 * scale_and_translate_op.cc, resize_nearest_neighbor_op.cc), with half-pixel centres.
 */

export type ResizeMethod = 'nearest' | 'bilinear' | 'bicubic';

const isInside = (index: number, size: number): boolean => index >= 0 && index < size;
const clamp = (index: number, size: number): number => Math.min(Math.max(index, 0), size - 1);

/** The place in the source of each place of the result, in single precision. */
function placesOf(from: number, to: number): number[] {
  const scale = Math.fround(from / to);
  return Array.from({ length: to }, (_, i) =>
    Math.fround(Math.fround(Math.fround(i + 0.5) * scale) - 0.5),
  );
}

export function nearestIndices(from: number, to: number): number[] {
  const scale = Math.fround(from / to);
  return Array.from({ length: to }, (_, i) =>
    clamp(Math.floor(Math.fround(Math.fround(i + 0.5) * scale)), from),
  );
}

export function resizeMatrix(
  method: Exclude<ResizeMethod, 'nearest'>,
  from: number,
  to: number,
  antialias: boolean,
): Float32Array {
  if (antialias) return spanMatrix(method === 'bilinear' ? triangle : keys, from, to);
  return method === 'bilinear' ? linearMatrix(from, to) : cubicMatrix(from, to);
}

function linearMatrix(from: number, to: number): Float32Array {
  const matrix = new Float32Array(to * from);
  for (const [row, at] of placesOf(from, to).entries()) {
    const low = Math.floor(at);
    const part = at - low;
    for (const [index, weight] of [
      [low, 1 - part],
      [low + 1, part],
    ] as const) {
      const place = row * from + clamp(index, from);
      matrix[place] = (matrix[place] as number) + weight;
    }
  }
  return matrix;
}

const tableSize = 1024;
const a = -0.5;

/** Keys' kernel at a distance from 0 to 1, and from 1 to 2. */
const near = (x: number): number => ((a + 2) * x - (a + 3)) * x * x + 1;
const far = (x: number): number => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;

/** The kernel is looked up in a table of 1024 steps, so its weights are up to 1e-3 from the exact ones. */
function cubicMatrix(from: number, to: number): Float32Array {
  const matrix = new Float32Array(to * from);
  for (const [row, at] of placesOf(from, to).entries()) {
    const place = Math.floor(at);
    const x = roundHalfEven((at - place) * tableSize) / tableSize;
    const weights = [far(1 + x), near(x), near(1 - x), far(2 - x)];
    setNormalized(matrix, row * from, from, place - 1, weights);
  }
  return matrix;
}

/** Pixels outside weigh nothing; the others are made to sum to 1. */
function setNormalized(
  matrix: Float32Array,
  start: number,
  size: number,
  first: number,
  weights: readonly number[],
): void {
  const inside = weights.map((weight, i) => (isInside(first + i, size) ? weight : 0));
  const sum = inside.reduce((total, weight) => total + weight, 0);
  for (const [i, weight] of inside.entries()) {
    if (isInside(first + i, size)) matrix[start + first + i] = weight / sum;
  }
}

/** As C's lrintf. */
function roundHalfEven(value: number): number {
  const low = Math.floor(value);
  if (value - low !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}

interface Kernel {
  readonly radius: number;
  weight(distance: number): number;
}

const triangle: Kernel = { radius: 1, weight: (x) => (x < 1 ? 1 - x : 0) };
const keys: Kernel = {
  radius: 2,
  weight: (x) => {
    if (x >= 2) return 0;
    return x < 1 ? near(x) : far(x);
  },
};

/** With antialiasing the kernel is as wide as the step, when that is more than a pixel. */
function spanMatrix(kernel: Kernel, from: number, to: number): Float32Array {
  const matrix = new Float32Array(to * from);
  const step = from / to;
  const width = Math.max(step, 1);
  for (let row = 0; row < to; row += 1) {
    const at = (row + 0.5) * step;
    const first = Math.max(Math.ceil(at - kernel.radius * width - 0.5), 0);
    const last = Math.min(Math.floor(at + kernel.radius * width - 0.5), from - 1);
    const weights = Array.from({ length: last - first + 1 }, (_, i) =>
      kernel.weight(Math.abs((first + i + 0.5 - at) / width)),
    );
    setNormalized(matrix, row * from, from, first, weights);
  }
  return matrix;
}
