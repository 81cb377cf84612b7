import { describe, expect, test } from 'vitest';
import { decodeMessage, encodeMessage, many, mapOf, message, one } from './small-message.ts';
import { WireWriter } from './wire-writer.ts';

const state = { numbers: { NONE: 0, READY: 2 } };
const inner = message({ size: one(1, 'int'), names: many(2, 'string') });
const outer = message({
  name: one(1, 'string'),
  data: one(2, 'bytes'),
  flag: one(3, 'bool'),
  count: one(4, 'int'),
  state: one(5, state),
  part: one(6, inner),
  parts: many(7, inner),
  named: mapOf(8, inner),
});

const full = {
  name: 'é',
  data: Buffer.from([0, 255]),
  flag: true,
  count: 2 ** 40,
  state: 'READY',
  part: { size: -1, names: [] },
  parts: [{ size: 1, names: ['a', ''] }],
  named: { x: { size: 3, names: [] }, constructor: { size: 4, names: [] } },
};

describe('a message', () => {
  test('is read as it was written', () => {
    const bytes = encodeMessage(outer, full);
    const read = decodeMessage<typeof full>(outer, bytes);
    expect({ ...read, data: Buffer.from(read.data) }).toEqual(full);
  });

  test('leaves defaults out, and has them when it is read', () => {
    const defaults = { name: '', flag: false, count: 0, state: 'NONE', parts: [], named: {} };
    expect(encodeMessage(outer, defaults)).toHaveLength(0);
    expect(decodeMessage(outer, Buffer.alloc(0))).toEqual({
      ...{ name: '', flag: false, count: 0, parts: [], named: {} },
      ...{ data: undefined, state: undefined, part: undefined },
    });
  });

  test('passes over fields that the table does not name', () => {
    const bytes = new WireWriter().string(99, 'new').string(1, 'n').finish();
    expect(decodeMessage(outer, bytes)).toMatchObject({ name: 'n' });
  });

  test('keeps a number of an enum that is not known', () => {
    expect(decodeMessage(outer, new WireWriter().int(5, 77).finish())).toMatchObject({ state: 77 });
    expect(() => encodeMessage(outer, { state: 'constructor' })).toThrow('the enum has no');
  });

  test('cannot reach what every object has', () => {
    const entry = new WireWriter().string(1, '__proto__').message(2, new WireWriter().int(1, 7));
    const { named } = decodeMessage<{ named: object }>(
      outer,
      new WireWriter().message(8, entry).finish(),
    );
    expect(Object.getPrototypeOf(named)).toBe(Object.prototype);
    expect(Object.keys(named)).toEqual(['__proto__']);
  });

  test('of more values than any has is refused', () => {
    const writer = new WireWriter();
    for (let i = 0; i <= 10_000; i += 1) writer.message(7, new WireWriter());
    expect(() => decodeMessage(outer, writer.finish())).toThrow('more than 10000 values');
  });

  test('with a wrong wire type or cut anywhere is refused, and nothing else is thrown', () => {
    expect(() => decodeMessage(outer, new WireWriter().int(1, 5).finish())).toThrow('wire type 0');
    const bytes = encodeMessage(outer, full);
    for (let end = 0; end < bytes.length; end += 1) {
      try {
        decodeMessage(outer, bytes.subarray(0, end));
      } catch (error) {
        expect(error).toMatchObject({ code: 'PROTOBUF_INVALID' });
      }
    }
  });
});
