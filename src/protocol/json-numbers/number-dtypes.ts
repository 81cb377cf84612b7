/** What each dtype makes of numbers: range, rounding, place in the bytes. */

import type { DType } from '../../tensor/dtype.ts';
import type { EncodeOptions } from './encode-elements.ts';
import { parseInteger } from './integer-text.ts';
import type { ChunkWriter, NumberArray, NumberChunk } from './number-chunk.ts';
import { signs } from './number-kernel.ts';

/** Rounds to infinity, and so does everything beyond. */
const firstBeyondFloat = 3.4028235677973366e38;

interface IntegerType {
  readonly low: bigint;
  readonly high: bigint;
  readonly view?: new (buffer: ArrayBufferLike) => NumberArray;
}

const integerTypes: Partial<Record<DType, IntegerType>> = {
  INT8: { low: -128n, high: 127n, view: Int8Array },
  INT16: { low: -(2n ** 15n), high: 2n ** 15n - 1n, view: Int16Array },
  INT32: { low: -(2n ** 31n), high: 2n ** 31n - 1n, view: Int32Array },
  INT64: { low: -(2n ** 63n), high: 2n ** 63n - 1n },
  UINT8: { low: 0n, high: 255n, view: Uint8Array },
  UINT16: { low: 0n, high: 2n ** 16n - 1n, view: Uint16Array },
  UINT32: { low: 0n, high: 2n ** 32n - 1n, view: Uint32Array },
  UINT64: { low: 0n, high: 2n ** 64n - 1n },
};

/** True when its elements are JSON numbers. */
export function takesNumbers(dtype: DType): boolean {
  return dtype === 'FP32' || dtype === 'FP64' || integerTypes[dtype] !== undefined;
}

/** Writes chunks of numbers into `bytes`, which own their buffer. */
export function createChunkWriter(
  bytes: Uint8Array<ArrayBuffer>,
  options: EncodeOptions,
): ChunkWriter {
  const { dtype } = options;
  const type = integerTypes[dtype];
  if (!type) return createFloatWriter(bytes, options);
  return type.view
    ? createIntegerWriter(new type.view(bytes.buffer), type, options)
    : createLongWriter(bytes, type, options);
}

function createFloatWriter(
  { buffer }: Uint8Array<ArrayBuffer>,
  { dtype, refuse }: EncodeOptions,
): ChunkWriter {
  const view = dtype === 'FP32' ? new Float32Array(buffer) : new Float64Array(buffer);
  const beyond = dtype === 'FP32' ? firstBeyondFloat : Infinity;
  let written = 0;
  return (chunk) => {
    const { values, count } = chunk;
    // Digits alone are never so many.
    const end = chunk.signs >= signs.exponent ? count : 0;
    for (let i = 0; i < end; i += 1) {
      // The word Infinity is meant; 1e999 is a mistake.
      if (Math.abs(values[i] as number) >= beyond && !chunk.textOf(i).includes('Inf'))
        refuse(`a number is too large for ${dtype}`);
    }
    chunk.copyTo(view, written);
    written += count;
  };
}

function createIntegerWriter(
  view: NumberArray,
  { low, high }: IntegerType,
  options: EncodeOptions,
): ChunkWriter {
  const [least, most] = [Number(low), Number(high)];
  let written = 0;
  return (chunk) => {
    const { values, count } = chunk;
    checkLiterals(chunk, options);
    for (let i = 0; i < count; i += 1) {
      const value = values[i] as number;
      if (!(value >= least && value <= most && Number.isInteger(value)))
        refuseInteger(chunk, i, options);
    }
    chunk.copyTo(view, written);
    written += count;
  };
}

/** 64 bits: what a double holds exactly is taken from it, the rest from the text. */
function createLongWriter(
  { buffer }: Uint8Array<ArrayBuffer>,
  { low, high }: IntegerType,
  options: EncodeOptions,
): ChunkWriter {
  const halves = new Uint32Array(buffer);
  const least = Math.max(Number(low), Number.MIN_SAFE_INTEGER);
  const put = (at: number, chunk: NumberChunk, index: number): void => {
    const exact = parseInteger(chunk.textOf(index));
    if (exact === undefined || exact < low || exact > high) refuseInteger(chunk, index, options);
    const bits = BigInt.asUintN(64, exact);
    halves[at] = Number(bits & 0xffff_ffffn);
    halves[at + 1] = Number(bits >> 32n);
  };
  let written = 0;
  return (chunk) => {
    const { values, count } = chunk;
    checkLiterals(chunk, options);
    for (let i = 0; i < count; i += 1) {
      const value = values[i] as number;
      if (value >= least && value <= Number.MAX_SAFE_INTEGER && Number.isInteger(value)) {
        halves[written] = value >>> 0;
        halves[written + 1] = Math.floor(value / 4_294_967_296) >>> 0;
      } else put(written, chunk, i);
      written += 2;
    }
  };
}

function checkLiterals(chunk: NumberChunk, { integers, refuse }: EncodeOptions): void {
  if (integers === 'whole' || chunk.signs === 0) return;
  for (let i = 0; i < chunk.count; i += 1)
    if (!/^-?\d+$/.test(chunk.textOf(i))) refuse(`${chunk.shownTextOf(i)} is not an integer`);
}

function refuseInteger(chunk: NumberChunk, index: number, { dtype, refuse }: EncodeOptions): never {
  const text = chunk.shownTextOf(index);
  const isWhole = Number.isInteger(chunk.values[index]) || chunk.values[index] === Infinity;
  return refuse(isWhole ? `${text} does not fit into ${dtype}` : `${text} is not an integer`);
}
