/**
 * Decompresses one Snappy block. The length stands at its beginning and is checked before anything is
 * allocated; nothing outside it is written or read.
 * Source: google/snappy, format_description.txt.
 */

import { InvalidModelError } from '../../problems.ts';

/** Throws InvalidModelError; `place` is where the block is, `limit` the most bytes it may become. */
export function decompressSnappy(input: Uint8Array, place: string, limit: number): Uint8Array {
  const fail = (problem: string): never => {
    throw new InvalidModelError(place, `its Snappy data is damaged: ${problem}`);
  };
  const reader = { at: 0 };
  const length = readLength(input, reader, fail);
  if (length > limit) fail(`${length} bytes announced, at most ${limit} taken`);
  const output = new Uint8Array(length);
  let done = 0;
  while (reader.at < input.length) {
    const tag = input[reader.at++] as number;
    done += tag & 3 ? copyBack(tag) : copyLiteral(tag);
  }
  if (done !== length) fail(`${done} bytes where ${length} were announced`);
  return output;

  function little(count: number): number {
    if (reader.at + count > input.length) fail('it ends inside an element');
    let value = 0;
    for (let i = 0; i < count; i += 1) value += (input[reader.at++] as number) * 256 ** i;
    return value;
  }

  function copyLiteral(tag: number): number {
    const short = tag >> 2;
    const count = 1 + (short < 60 ? short : little(short - 59));
    if (count > input.length - reader.at) fail('a literal reaches beyond the end');
    if (count > length - done) fail('more bytes than announced');
    output.set(input.subarray(reader.at, reader.at + count), done);
    reader.at += count;
    return count;
  }

  function copyBack(tag: number): number {
    const isShort = (tag & 3) === 1;
    const count = isShort ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2);
    const offset = isShort ? ((tag >> 5) << 8) + little(1) : little((tag & 3) === 2 ? 2 : 4);
    if (offset === 0 || offset > done) fail('a copy reaches before the beginning');
    if (count > length - done) fail('more bytes than announced');
    // Byte by byte: a copy may overlap what it writes.
    for (let i = 0; i < count; i += 1) output[done + i] = output[done + i - offset] as number;
    return count;
  }
}

function readLength(
  input: Uint8Array,
  reader: { at: number },
  fail: (problem: string) => never,
): number {
  let length = 0;
  for (let unit = 1; unit < 2 ** 35; unit *= 128) {
    if (reader.at >= input.length) fail('it has no length');
    const byte = input[reader.at++] as number;
    length += (byte & 0x7f) * unit;
    if (byte < 0x80) return length;
  }
  return fail('a length of more than five bytes');
}
