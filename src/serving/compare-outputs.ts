/** Whether two versions gave the same answer, within a tolerance. */

import type { FrameTensor } from '../runner/frames.ts';
import { bytesOfChunks } from '../tensor/chunked-tensor.ts';

type Numbers = ArrayLike<number | bigint>;

/** The elements as numbers; undefined for types that are compared byte by byte. */
function numbersOf(dtype: FrameTensor['dtype'], bytes: Uint8Array): Numbers | undefined {
  const { buffer } = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  const from = bytes.byteOffset % 8 === 0 ? bytes.byteOffset : 0;
  if (dtype === 'FP32') return new Float32Array(buffer, from, bytes.byteLength / 4);
  if (dtype === 'FP64') return new Float64Array(buffer, from, bytes.byteLength / 8);
  if (dtype === 'FP16') return new Float16Array(buffer, from, bytes.byteLength / 2);
  return undefined;
}

function areClose(a: Numbers, b: Numbers, tolerance: number): boolean {
  for (let i = 0; i < a.length; i += 1) {
    const [x, y] = [Number(a[i]), Number(b[i])];
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    if (!Number.isFinite(x) || !Number.isFinite(y)) return false;
    // Below 1e-6 the numbers of a softmax say nothing, however much they differ.
    if (Math.abs(x - y) > tolerance * Math.max(Math.abs(x), Math.abs(y)) + 1e-6) return false;
  }
  return true;
}

function isSame(a: FrameTensor, b: FrameTensor, tolerance: number): boolean {
  if (a.dtype !== b.dtype || a.shape.join() !== b.shape.join()) return false;
  const [x, y] = [bytesOfChunks(a.chunks), bytesOfChunks(b.chunks)];
  if (x.byteLength !== y.byteLength) return false;
  const [left, right] = [numbersOf(a.dtype, x), numbersOf(b.dtype, y)];
  return left && right ? areClose(left, right, tolerance) : Buffer.compare(x, y) === 0;
}

/** Compares the outputs by position; `tolerance` is relative to the larger number. */
export function compareOutputs(
  a: readonly FrameTensor[],
  b: readonly FrameTensor[],
  tolerance: number,
): boolean {
  return (
    a.length === b.length &&
    a.every((one, i) => {
      const other = b[i];
      return other?.index === one.index && isSame(one, other, tolerance);
    })
  );
}
