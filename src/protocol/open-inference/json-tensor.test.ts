import { describe, expect, test } from 'vitest';
import { createRandom } from '../../../test/models/random.ts';
import type { DType } from '../../tensor/dtype.ts';
import { dtypes } from '../../tensor/dtype.ts';
import { hasJsonForm } from '../json-numbers/encode-elements.ts';
import { readJson } from '../json-numbers/read-json.ts';
import { TextSink } from '../json-numbers/text-sink.ts';
import { runNow } from '../steps.ts';
import type { DataList } from './json-tensor.ts';
import { encodeJsonData, writeJsonData } from './json-tensor.ts';

/** `data` as it stands in a request: a text, or what makes one. */
function encode(
  dtype: DType,
  data: string | readonly unknown[],
  shape: number[] = [data.length],
): Uint8Array {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  const body = Buffer.from(`{"data":${text}}`);
  const read = runNow(readJson(body, { isData: (key) => key === 'data', after: 'nothing' }));
  return runNow(encodeJsonData('x', dtype, shape, (read as { data: DataList }).data));
}

function decode(dtype: DType, data: Uint8Array, shape: number[]): string {
  const sink = new TextSink();
  runNow(writeJsonData(sink, { dtype, shape, data }));
  return runNow(sink.join()).toString();
}

/** Through JSON and back to bytes. */
function roundTrip(dtype: DType, bytes: Uint8Array, count: number): Uint8Array {
  return encode(dtype, decode(dtype, bytes, [count]), [count]);
}

const random = createRandom(5);

describe('any finite float comes back as the same bits,', () => {
  test('FP32', () => {
    const bits = Uint32Array.from({ length: 20_000 }, () => random() * 2 ** 32);
    const special = [
      0, 0x8000_0000, 1, 0x8000_0001, 0x007f_ffff, 0x0080_0000, 0x7f7f_ffff, 0x3f80_0000,
      0x3dcc_cccd,
    ];
    const floats = new Float32Array(Uint32Array.from([...special, ...bits]).buffer).filter(
      Number.isFinite,
    );
    const bytes = new Uint8Array(floats.buffer);
    expect(roundTrip('FP32', bytes, floats.length)).toEqual(bytes);
  });

  test('FP64', () => {
    const bits = BigUint64Array.from(
      { length: 2000 },
      () => BigInt(Math.floor(random() * 2 ** 32)) * BigInt(Math.floor(random() * 2 ** 32)),
    );
    const floats = new Float64Array(bits.buffer).filter(Number.isFinite);
    const all = Float64Array.of(-0, 0.1, 5e-324, Number.MAX_VALUE, ...floats);
    const bytes = new Uint8Array(all.buffer);
    expect(roundTrip('FP64', bytes, all.length)).toEqual(bytes);
  });
});

test.each<[number, string]>([
  [0.1, '0.1'],
  [1, '1'],
  [-0, '-0.0'],
  [1 / 3, '0.33333334'],
  [16_777_216, '16777216'],
  [3.4028234663852886e38, '3.4028235e+38'],
  [Number.NaN, 'NaN'],
  [Infinity, 'Infinity'],
  [-Infinity, '-Infinity'],
])('the FP32 nearest to %d is written %s', (value, text) => {
  expect(decode('FP32', new Uint8Array(Float32Array.of(value).buffer), [1])).toBe(`[${text}]`);
});

describe('an integer at its bounds fits, beyond them it does not:', () => {
  test.each<[DType, number, number]>([
    ['INT8', -128, 127],
    ['INT16', -32_768, 32_767],
    ['INT32', -(2 ** 31), 2 ** 31 - 1],
    ['UINT8', 0, 255],
    ['UINT16', 0, 65_535],
    ['UINT32', 0, 2 ** 32 - 1],
  ])('%s', (dtype, low, high) => {
    const bytes = encode(dtype, [low, high]);
    expect(JSON.parse(decode(dtype, bytes, [2]))).toEqual([low, high]);
    expect(() => encode(dtype, [low - 1])).toThrow(`${low - 1} does not fit into ${dtype}`);
    expect(() => encode(dtype, [high + 1])).toThrow(`${high + 1} does not fit into ${dtype}`);
  });

  test.each<[DType, string]>([
    ['INT64', '[-9223372036854775808,9223372036854775807]'],
    ['UINT64', '[0,18446744073709551615]'],
  ])('%s, beyond what a double holds exactly', (dtype, text) => {
    expect(decode(dtype, encode(dtype, text, [2]), [2])).toBe(text);
    expect(() => encode(dtype, text.replaceAll('7]', '8]').replace('15]', '16]'), [2])).toThrow(
      `does not fit into ${dtype}`,
    );
  });

  test('64-bit numbers are written exactly', () => {
    const bytes = new Uint8Array(BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n).buffer);
    expect(decode('INT64', bytes, [2])).toBe('[-9223372036854775808,9223372036854775807]');
    expect(decode('UINT64', new Uint8Array(8).fill(255), [1])).toBe('[18446744073709551615]');
  });

  test('-0 is 0', () => {
    expect(encode('INT32', '[-0]', [1])).toEqual(new Uint8Array(4));
  });
});

test('BOOL is true and false alone', () => {
  expect([...encode('BOOL', [true, false])]).toEqual([1, 0]);
  expect(decode('BOOL', Uint8Array.of(1, 0), [2])).toBe('[true,false]');
});

test('BYTES are texts, whatever is in them', () => {
  const texts = ['', 'é😀', '"\\\n\u0000', '\uFEFFa', '__proto__'];
  const bytes = encode('BYTES', texts);
  expect(JSON.parse(decode('BYTES', bytes, [5]))).toEqual(texts);
});

test('nested lists are the same as flat ones', () => {
  expect(
    encode(
      'UINT8',
      [
        [1, 2],
        [3, 4],
      ],
      [2, 2],
    ),
  ).toEqual(Uint8Array.of(1, 2, 3, 4));
  expect(encode('UINT8', [[[]], []], [0, 3])).toEqual(new Uint8Array(0));
});

describe('refused:', () => {
  const deep = (depth: number): unknown[] => (depth === 0 ? [1] : [deep(depth - 1)]);

  test.each<[string, DType, string | unknown[], number[]]>([
    ['it has 2 elements; the shape [3] takes 3', 'FP32', [1, 2], [3]],
    ['it has 1 elements; the shape [0] takes 0', 'FP32', [1], [0]],
    ['"1" is not a number', 'FP32', ['1'], [1]],
    ['null is not a number', 'FP64', [null], [1]],
    ['an object is not a number', 'FP32', [{ toString: 'x' }], [1]],
    ['a number is too large for FP32', 'FP32', [1e39], [1]],
    ['a number is too large for FP64', 'FP64', '[1e999]', [1]],
    ['1.5 is not an integer', 'INT8', [1.5], [1]],
    ['true is not an integer', 'INT8', [true], [1]],
    ['1 is not true or false', 'BOOL', [1], [1]],
    ['1 is not a string', 'BYTES', [1], [1]],
    ['FP16 cannot be sent as JSON numbers', 'FP16', [1], [1]],
    ['BF16 cannot be sent as JSON numbers', 'BF16', [1], [1]],
    ['nested deeper than 16 lists', 'FP32', deep(17), [1]],
  ])('%s', (problem, dtype, data, shape) => {
    expect(() => encode(dtype, data, shape)).toThrow(problem);
  });

  test('a long value, without repeating it whole', () => {
    try {
      encode('FP32', ['x'.repeat(1e6)]);
      expect.unreachable();
    } catch (error) {
      expect((error as Error).message.length).toBeLessThan(200);
    }
  });
});

test('only the half floats have no JSON form', () => {
  expect(dtypes.filter((dtype) => !hasJsonForm(dtype))).toEqual(['FP16', 'BF16']);
});
