/**
 * Elements of a JSON text as the bytes of a tensor: little-endian and row-major, each number the nearest of
 * its dtype. FP32 is rounded from the nearest double, as every JSON parser does; where that differs from
 * rounding the decimal once, the decimal lies within 2^-53 of the middle between two floats.
 */

import type { DType } from '../../tensor/dtype.ts';
import { sizeOfDType } from '../../tensor/dtype.ts';
import { mostBytesElements } from '../../tensor/tensor.ts';
import type { Steps } from '../steps.ts';
import { stepBytes } from '../steps.ts';
import type { ElementKind, Elements } from './elements.ts';
import { isBetween } from './elements.ts';
import { encodeBooleans } from './encode-booleans.ts';
import { encodeStrings } from './encode-strings.ts';
import type { ChunkWriter, NumberChunk } from './number-chunk.ts';
import { sharedChunk } from './number-chunk.ts';
import { createChunkWriter } from './number-dtypes.ts';
import { RunReader } from './number-run.ts';

export interface EncodeOptions {
  readonly dtype: DType;
  /** 'literal': an integer dtype takes nothing with a point or an exponent, not even 1.0. */
  readonly integers: 'whole' | 'literal';
  /** Throws; `problem` says what is wrong, as in "1.5 is not an integer". */
  readonly refuse: (problem: string) => never;
}

const wanted: Partial<Record<DType, readonly [ElementKind, name: string]>> = {
  BOOL: ['boolean', 'true or false'],
  BYTES: ['string', 'a string'],
  FP32: ['number', 'a number'],
  FP64: ['number', 'a number'],
};
const integer = ['number', 'an integer'] as const;

/** True when JSON has a form for the dtype. */
export function hasJsonForm(dtype: DType): boolean {
  return dtype !== 'FP16' && dtype !== 'BF16';
}

/** The elements of all `parts`, one after the other; `refuse` is called for what does not fit the dtype. */
export function* encodeElements(
  parts: readonly Elements[],
  options: EncodeOptions,
): Steps<Uint8Array> {
  const { dtype, integers, refuse } = options;
  if (!hasJsonForm(dtype))
    refuse(`${dtype} cannot be sent as JSON numbers; use the binary tensor form`);
  let count = 0;
  for (const part of parts) {
    checkKind(part, options);
    count += part.count;
  }
  if (dtype === 'BYTES') {
    if (count > mostBytesElements) refuse(`it has more than ${mostBytesElements} strings`);
    return yield* encodeStrings(parts);
  }
  if (dtype === 'BOOL') return yield* encodeBooleans(parts, count);
  const [first] = parts;
  if (parts.length === 1 && first?.read?.dtype === dtype && first.read.integers === integers)
    return first.read.bytes;
  const bytes = new Uint8Array(count * sizeOfDType(dtype));
  yield* readNumbers(parts, count, createChunkWriter(bytes, options), dtype === 'FP32');
  return bytes;
}

/** "a number", for messages. */
export function nameOfElement(dtype: DType): string {
  return (wanted[dtype] ?? integer)[1];
}

function checkKind(part: Elements, { dtype, refuse }: EncodeOptions): void {
  const [kind, name] = wanted[dtype] ?? integer;
  if (part.kind !== kind && part.kind !== 'none') refuse(`${part.firstText} is not ${name}`);
  if (part.oddAt >= 0) refuse(`${part.textAt(part.oddAt)} is not ${name}`);
}

function* readNumbers(
  parts: readonly Elements[],
  count: number,
  write: ChunkWriter,
  asFloats: boolean,
): Steps<void> {
  const body = parts[0]?.body;
  if (!body || count === 0) return;
  const reader = new RunReader(body, asFloats);
  const chunk = sharedChunk;
  chunk.begin(body);
  let pause = 0;
  for (const { start, end } of parts) {
    for (let at = start; at < end; ) {
      if (isBetween(body[at] as number)) at += 1;
      else {
        reader.at = at;
        reader.read(chunk, Math.min(end, at + stepBytes));
        at = reader.at;
        if (chunk.isFull) flush(chunk, write);
      }
      // In one text, so that places tell how much was done.
      if (at < pause) continue;
      pause = at + stepBytes;
      flush(chunk, write);
      yield;
      chunk.begin(body);
    }
  }
  flush(chunk, write);
}

function flush(chunk: NumberChunk, write: ChunkWriter): void {
  write(chunk);
  chunk.clear();
}
