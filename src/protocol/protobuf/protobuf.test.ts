/** Writer against reader, and the reader against bytes that no writer makes. */

import { describe, expect, test } from 'vitest';
import { createRandom } from '../../../test/models/random.ts';
import { ServingError } from '../../errors.ts';
import { runNow } from '../steps.ts';
import type { NarrowArray } from './repeated-numbers.ts';
import * as numbers from './repeated-numbers.ts';
import { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

const { packVarints, packVarints64 } = numbers;
const varintsOf = (bytes: Uint8Array, field: number) => runNow(numbers.findVarints(bytes, field));
const fixedOf = (bytes: Uint8Array, field: number, size: 4 | 8) =>
  runNow(numbers.findFixed(bytes, field, size));

// All at once, from the number of the field.
const countVarints = (bytes: Uint8Array, field: number): number =>
  runNow(numbers.countVarints(bytes, varintsOf(bytes, field)));
const countFixedBytes = (bytes: Uint8Array, field: number, size: 4 | 8): number =>
  numbers.countFixedBytes(fixedOf(bytes, field, size));
const readVarints = (bytes: Uint8Array, field: number, into: NarrowArray): number =>
  runNow(numbers.readVarints(bytes, varintsOf(bytes, field), into));
const readBools = (bytes: Uint8Array, field: number, into: Uint8Array): number =>
  runNow(numbers.readBools(bytes, varintsOf(bytes, field), into));
const readVarints64 = (bytes: Uint8Array, field: number, into: Uint32Array): number =>
  runNow(numbers.readVarints64(bytes, varintsOf(bytes, field), into));
const readFixed = (bytes: Uint8Array, field: number, size: 4 | 8, most: number): Uint8Array =>
  runNow(numbers.readFixed(bytes, fixedOf(bytes, field, size), most));

function first(bytes: Uint8Array): WireReader {
  const reader = new WireReader(bytes);
  expect(reader.next()).toBe(true);
  return reader;
}

const int64s = [
  0n,
  1n,
  127n,
  128n,
  -1n,
  2n ** 28n,
  2n ** 35n,
  2n ** 53n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];

test.each(int64s)('the integer %d is read back', (value) => {
  expect(first(new WireWriter().int(1, value).finish()).int64()).toBe(value);
});

test.each([0, 127, 128, 2 ** 31, 2 ** 53 - 1, -1, -(2 ** 31)])('%d as a number too', (value) => {
  expect(first(new WireWriter().int(1, value).finish()).integer()).toBe(value);
});

test('the bytes are those of the encoding guide', () => {
  const hex = (writer: WireWriter): string => writer.finish().toString('hex');
  expect(hex(new WireWriter().int(1, 150))).toBe('089601');
  expect(hex(new WireWriter().string(2, 'testing'))).toBe('120774657374696e67');
  expect(hex(new WireWriter().bytes(6, packVarints(Int32Array.of(3, 270, 86942))))).toBe(
    '3206038e029ea705',
  );
  expect(hex(new WireWriter().message(3, new WireWriter().int(1, 150)))).toBe('1a03089601');
});

test('an int32 is the low half of what was written', () => {
  const bytes = new WireWriter()
    .int(1, -5)
    .int(1, 2n ** 32n + 7n)
    .finish();
  const reader = first(bytes);
  expect(reader.int32()).toBe(-5);
  reader.next();
  expect(reader.int32()).toBe(7);
});

test('messages in messages, large and small, are read back as views', () => {
  const large = new Uint8Array(5000).fill(7);
  const inner = new WireWriter().bytes(2, large).bool(3, true).float(4, 0.5);
  const outer = first(new WireWriter().message(1, inner).string(5, 'é').finish());
  const reader = outer.message();
  reader.next();
  const view = reader.view();
  expect([view.length, view[4999], view.buffer === outer.bytes.buffer]).toEqual([5000, 7, true]);
  reader.next();
  expect(reader.bool()).toBe(true);
  reader.next();
  expect([reader.float(), reader.next()]).toEqual([0.5, false]);
  outer.next();
  expect([outer.string(), outer.next()]).toEqual(['é', false]);
});

test('unknown fields of every wire type are skipped, groups too', () => {
  const group = Buffer.from([0x0b, 0x10, 1, 0x13, 0x14, 0x0c]);
  const fixed64 = Buffer.from([0x19, 1, 2, 3, 4, 5, 6, 7, 8]);
  const known = new WireWriter().float(101, 1).string(102, 'x').int(7, 9).finish();
  const reader = new WireReader(Buffer.concat([group, fixed64, known]));
  const values: number[] = [];
  while (reader.next()) {
    if (reader.field === 7) values.push(reader.int32());
    else reader.skip();
  }
  expect(values).toEqual([9]);
});

describe('refused:', () => {
  const walk = (reader: WireReader): void => {
    while (reader.next()) {
      if (reader.field === 2) walk(reader.message());
      else reader.skip();
    }
  };
  const nested = (depth: number): Buffer => {
    let writer = new WireWriter();
    for (let i = 0; i < depth; i += 1) writer = new WireWriter().message(2, writer);
    return writer.finish();
  };

  test.each<[string, Uint8Array]>([
    ['it ends inside a number', Uint8Array.of(0x08, 0x80)],
    ['a number longer than ten bytes', new Uint8Array(12).fill(0xff)],
    ['a bad field number', Uint8Array.of(0)],
    ['a bad field number', Buffer.from('ffffffffff0f00', 'hex')],
    ['it ends inside a value', Uint8Array.of(0x0d, 1, 2)],
    ['a field of 2147483647 bytes where only 0 are left', Buffer.from('0affffffff07', 'hex')],
    ['a field of 18446744073709552000 bytes', Buffer.from('0affffffffffffffffff01', 'hex')],
    ['an unexpected wire type 7', Uint8Array.of(0x0f, 1)],
    ['an unexpected wire type 4', Uint8Array.of(0x0c)],
    ['a group without an end', Uint8Array.of(0x0b)],
    ['the end of another group', Uint8Array.of(0x0b, 0x14)],
    ['groups nested deeper than 100', new Uint8Array(200).fill(0x0b)],
    ['field 2 has the wire type 0 where 2 was expected', Uint8Array.of(0x10, 1)],
    ['messages nested deeper than 100', nested(101)],
  ])('%s', (problem, bytes) => {
    expect(() => walk(new WireReader(bytes))).toThrow(
      expect.objectContaining({
        code: 'PROTOBUF_INVALID',
        message: expect.stringContaining(problem),
      }),
    );
  });

  test('a text that is not UTF-8', () => {
    const reader = first(new WireWriter().bytes(1, Uint8Array.of(0xc3, 0x28)).finish());
    expect(() => reader.string()).toThrow('not UTF-8');
  });

  test('not a hundred messages in each other', () => {
    expect(() => walk(new WireReader(nested(100)))).not.toThrow();
  });
});

describe('repeated numbers', () => {
  const mixed = new WireWriter()
    .int(1, 5)
    .string(9, 'between')
    .bytes(1, packVarints(Int32Array.of(6, -7)))
    .int(1, 300)
    .finish();

  test('are read packed, one by one and mixed', () => {
    const into = new Int32Array(6);
    expect([readVarints(mixed, 1, into), countVarints(mixed, 1)]).toEqual([4, 4]);
    expect([...into]).toEqual([5, 6, -7, 300, 0, 0]);
  });

  test('fill an array and no more', () => {
    const into = new Int32Array(2);
    expect(readVarints(mixed, 1, into)).toBe(2);
    expect([...into]).toEqual([5, 6]);
  });

  test('of 8 and 16 bits are the low bits, bools are 0 or 1', () => {
    const small = new Int8Array(4);
    readVarints(mixed, 1, small);
    expect([...small]).toEqual([5, 6, -7, 44]);
    const bools = new Uint8Array(3);
    const bytes = new WireWriter()
      .int(2, 2n ** 40n)
      .int(2, 0)
      .int(2, 7)
      .finish();
    expect([readBools(bytes, 2, bools), ...bools]).toEqual([3, 1, 0, 1]);
  });

  test('of 64 bits are exact', () => {
    const values = BigInt64Array.from(int64s);
    const packed = new WireWriter()
      .bytes(3, packVarints64(new Uint32Array(values.buffer)))
      .finish();
    const into = new BigInt64Array(values.length + 1);
    expect(readVarints64(packed, 3, new Uint32Array(into.buffer))).toBe(values.length);
    expect([...into]).toEqual([...int64s, 0n]);
  });

  test('of floats are a view where they stand together, a copy where they do not', () => {
    const floats = new Uint8Array(Float32Array.of(1, 2, 3).buffer);
    const together = new WireWriter().bytes(5, floats).finish();
    const view = readFixed(together, 5, 4, 100);
    expect([view.buffer === together.buffer, Buffer.from(view).equals(floats)]).toEqual([
      true,
      true,
    ]);
    const apart = new WireWriter().float(5, 1).bytes(5, floats.subarray(4)).finish();
    expect(Buffer.from(readFixed(apart, 5, 4, 100)).equals(floats)).toBe(true);
    expect([readFixed(apart, 5, 4, 8).length, readFixed(together, 5, 4, 8).length]).toEqual([8, 8]);
    expect([countFixedBytes(apart, 5, 4), readFixed(apart, 6, 4, 8).length]).toEqual([12, 0]);
  });

  test('that come one by one in millions are refused, and what is skipped between them', () => {
    // A float field of 0 each, and an unknown number.
    for (const [field, sign] of [
      [5, 0x2d],
      [1, 0x78],
    ] as const) {
      const one = field === 5 ? [sign, 0, 0, 0, 0] : [sign, 0];
      const allowed = Buffer.alloc(250_000 * one.length, Uint8Array.from(one));
      expect(countFixedBytes(allowed, 5, 4)).toBe(field === 5 ? 1_000_000 : 0);
      const more = Buffer.concat([allowed, Uint8Array.from(one)]);
      expect(() => countFixedBytes(more, 5, 4)).toThrow('more than 250000 fields');
    }
  });

  test('that are cut are refused', () => {
    const cut = new WireWriter().bytes(5, new Uint8Array(7)).finish();
    expect(() => readFixed(cut, 5, 4, 100)).toThrow('packed values of 4 bytes are cut');
    const varints = new WireWriter().bytes(5, Uint8Array.of(1, 0x80)).finish();
    expect(() => readVarints(varints, 5, new Int32Array(9))).toThrow('it ends inside a number');
  });

  test('of any size are packed and read back', () => {
    const random = createRandom(11);
    const values = Int32Array.from({ length: 2000 }, () => (random() - 0.5) * 2 ** (random() * 33));
    const message = new WireWriter().bytes(1, packVarints(values)).finish();
    const back = new Int32Array(values.length);
    readVarints(message, 1, back);
    expect(back).toEqual(values);
    const wide = BigUint64Array.from({ length: 2000 }, () =>
      BigInt(Math.floor(2 ** (random() * 64))),
    );
    const message64 = new WireWriter()
      .bytes(1, packVarints64(new Uint32Array(wide.buffer)))
      .finish();
    const back64 = new BigUint64Array(wide.length);
    readVarints64(message64, 1, new Uint32Array(back64.buffer));
    expect(back64).toEqual(wide);
  });
});

test('mutated messages are read or refused, and nothing else', () => {
  const random = createRandom(3);
  const inner = new WireWriter().int(1, -1).bytes(5, new Uint8Array(12)).string(2, 'text');
  const good = new WireWriter()
    .message(2, inner)
    .float(3, 1)
    .int(1, 2n ** 60n)
    .finish();
  let refused = 0;
  for (let i = 0; i < 3000; i += 1) {
    const bytes = Buffer.from(good.subarray(0, 1 + Math.floor(random() * good.length)));
    for (let j = 0; j < 2; j += 1)
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    try {
      const reader = new WireReader(bytes);
      while (reader.next()) reader.skip();
      readVarints(bytes, 1, new Int32Array(4));
      readFixed(bytes, 3, 4, 64);
    } catch (error) {
      if (!(error instanceof ServingError)) throw error;
      expect(error.code).toBe('PROTOBUF_INVALID');
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(500);
});

test('a message of millions of fields is refused while they are counted, in groups and inner messages too', () => {
  const fields = Buffer.alloc(3_000_000, Buffer.from([0x08, 1]));
  const walk = (reader: WireReader): void => {
    while (reader.next()) {
      if (reader.wireType === 2) walk(reader.message());
      else reader.skip();
    }
  };
  const inner = new WireWriter().bytes(3, fields.subarray(0, 400_000)).finish();
  const group = Buffer.concat([Buffer.from([0x23]), fields, Buffer.from([0x24])]);
  for (const message of [fields, group, Buffer.concat([inner, inner])]) {
    expect(() => walk(new WireReader(message))).toThrow(/too many fields \(at byte \d{1,6}\)/);
  }
  expect(() => walk(new WireReader(inner))).not.toThrow();
});

test('megabytes of packed numbers, of texts and of fields are read in hundreds of steps, none of them long', () => {
  const ten = Buffer.alloc(
    4_000_000,
    Buffer.from([255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
  );
  const message = new WireWriter().bytes(1, ten).finish();
  const runs = varintsOf(message, 1);
  const halves = new Uint32Array(800_000);
  const stepsOf = (steps: Iterator<undefined, unknown, undefined>): number => {
    let count = 1;
    while (!steps.next().done) count += 1;
    return count;
  };
  expect(stepsOf(numbers.readVarints64(message, runs, halves))).toBeGreaterThan(100);
  expect(halves.every((half) => half === 0xffff_ffff)).toBe(true);
  expect(stepsOf(numbers.readVarints(message, runs, new Int32Array(400_000)))).toBeGreaterThan(100);
  expect(stepsOf(numbers.countVarints(message, runs))).toBeGreaterThan(10);
  const single = Buffer.alloc(400_000, Buffer.from([0x08, 5]));
  expect(stepsOf(numbers.findVarints(single, 1))).toBeGreaterThan(10);
});
