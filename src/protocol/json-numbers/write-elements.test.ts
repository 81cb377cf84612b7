import { describe, expect, test } from 'vitest';
import { createRandom } from '../../../test/models/random.ts';
import type { DType } from '../../tensor/dtype.ts';
import { packBytes } from '../../tensor/tensor.ts';
import { runNow } from '../steps.ts';
import { anyDouble } from './number-texts.fixture.ts';
import { TextSink } from './text-sink.ts';
import type { WriteOptions } from './write-elements.ts';
import { createElementWriter, writeElements } from './write-elements.ts';

interface Options extends WriteOptions {
  readonly first?: number;
}

function write(
  dtype: DType,
  values: ArrayBufferView,
  shape: readonly number[],
  { first, ...options }: Options = {},
): string {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const sink = new TextSink();
  runNow(writeElements(sink, createElementWriter({ dtype, shape, data }, options), shape, first));
  return runNow(sink.join()).toString();
}

const float32s = (bits: Iterable<number>): Float32Array =>
  new Float32Array(Uint32Array.from(bits).buffer);

describe('a FP32 is written', () => {
  const random = createRandom(31);
  const special = [
    ...[1, 2, 3, 0x7f_ffff, 0x80_0000, 0x80_0001, 0x7f7f_ffff, 0x3f80_0000, 0x3dcc_cccd],
    // Powers of two, whose neighbours lie at different distances, and their neighbours.
    ...Array.from({ length: 254 }, (_, i) => [
      (i + 1) << 23,
      ((i + 1) << 23) + 1,
      ((i + 1) << 23) - 1,
    ]).flat(),
    ...Array.from({ length: 23 }, (_, i) => 1 << i),
  ];
  const anyBits = Array.from({ length: 100_000 }, () => random() * 2 ** 31);
  const round = Array.from({ length: 20_000 }, () =>
    Math.fround(
      Number((random() * 10 ** Math.floor(random() * 9)).toPrecision(1 + Math.floor(random() * 8))),
    ),
  );
  const values = [...float32s([...special, ...anyBits]), ...round].filter(
    (value) => Number.isFinite(value) && value !== 0,
  );
  const texts = write('FP32', Float32Array.from(values), [values.length]).slice(1, -1).split(',');

  test('so that it comes back', () => {
    expect(values.filter((value, i) => Math.fround(Number(texts[i])) !== value)).toEqual([]);
  });

  test('in the form that JavaScript has for that number', () => {
    expect(texts.filter((text) => String(Number(text)) !== text)).toEqual([]);
  });

  test('in the fewest digits, and of those the nearest', () => {
    const digitsOf = (text: string): number =>
      text
        .replace(/e.*/, '')
        .replace('.', '')
        .replace(/^0+|0+$/g, '').length;
    const wrong = values.filter((value, i) => {
      const text = texts[i] as string;
      const digits = digitsOf(text);
      const shorter = value.toPrecision(Math.max(1, digits - 1));
      if (digits > 1 && Math.fround(Number(shorter)) === value) return true;
      const nearest = value.toPrecision(digits);
      return Math.fround(Number(nearest)) === value && Number(nearest) !== Number(text);
    });
    expect(wrong).toEqual([]);
  });

  test.each<[number, string, string]>([
    [0.1, '0.1', '0.1'],
    [1, '1', '1.0'],
    [-0, '-0.0', '-0.0'],
    [0, '0', '0.0'],
    [1 / 3, '0.33333334', '0.33333334'],
    [16_777_216, '16777216', '16777216.0'],
    [1e21, '1e+21', '1e+21'],
    [1e20, '100000000000000000000', '100000000000000000000.0'],
    [-2.5e-6, '-0.0000025', '-0.0000025'],
    [1e-7, '1e-7', '1e-7'],
    [2 ** -149, '1e-45', '1e-45'],
    [3.4028234663852886e38, '3.4028235e+38', '3.4028235e+38'],
    [Number.NaN, 'NaN', 'NaN'],
    [Infinity, 'Infinity', 'Infinity'],
    [-Infinity, '-Infinity', '-Infinity'],
  ])('as %d: %s', (value, text, withPoint) => {
    expect(write('FP32', Float32Array.of(value), [])).toBe(text);
    expect(write('FP32', Float32Array.of(value), [], { point: true })).toBe(withPoint);
  });
});

test('a FP64 is written as JavaScript does', () => {
  const random = createRandom(32);
  const values = Array.from({ length: 2000 }, () => anyDouble(random));
  expect(write('FP64', Float64Array.from(values), [2000])).toBe(`[${values.map(String).join()}]`);
  const special = Float64Array.of(-0, 0, 1, Number.NaN, -Infinity);
  expect(write('FP64', special, [5])).toBe('[-0.0,0,1,NaN,-Infinity]');
  expect(write('FP64', special, [5], { point: true })).toBe('[-0.0,0.0,1.0,NaN,-Infinity]');
});

test.each<[DType, ArrayBufferView, string]>([
  ['INT8', Int8Array.of(-128, 127), '[-128,127]'],
  ['INT16', Int16Array.of(-32_768, 32_767), '[-32768,32767]'],
  ['INT32', Int32Array.of(-(2 ** 31), 2 ** 31 - 1), '[-2147483648,2147483647]'],
  [
    'INT64',
    BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n),
    '[-9223372036854775808,9223372036854775807]',
  ],
  ['UINT8', Uint8Array.of(0, 255), '[0,255]'],
  ['UINT16', Uint16Array.of(0, 65_535), '[0,65535]'],
  ['UINT32', Uint32Array.of(0, 2 ** 32 - 1), '[0,4294967295]'],
  ['UINT64', BigUint64Array.of(0n, 2n ** 64n - 1n), '[0,18446744073709551615]'],
  ['BOOL', Uint8Array.of(1, 0), '[true,false]'],
])('%s', (dtype, values, text) => {
  expect(write(dtype, values, [2])).toBe(text);
});

test('BYTES are strings, short and long', () => {
  const texts = ['', 'é😀"\n\u0000', 'x'.repeat(10_000), 'é'.repeat(5000), 'end'];
  const data = packBytes(texts.map((text) => Buffer.from(text)));
  expect(JSON.parse(write('BYTES', data, [5]))).toEqual(texts);
  const text: WriteOptions['text'] = (sink, element) => sink.ascii(`<${element.length}>`);
  expect(write('BYTES', data, [5], { text })).toBe('[<0>,<9>,<10000>,<10000>,<3>]');
});

describe('lists are nested as the shape says:', () => {
  const counting = Uint8Array.from({ length: 24 }, (_, i) => i);
  test.each<[readonly number[], string]>([
    [[], '0'],
    [[1], '[0]'],
    [[3], '[0,1,2]'],
    [[2, 2], '[[0,1],[2,3]]'],
    [[3, 1], '[[0],[1],[2]]'],
    [[2, 1, 2], '[[[0,1]],[[2,3]]]'],
    [[1, 1, 1], '[[[0]]]'],
    [[0], '[]'],
    [[2, 0], '[[],[]]'],
    [[0, 3], '[]'],
    [[2, 0, 3], '[[],[]]'],
  ])('%j', (shape, text) => {
    expect(write('UINT8', counting, shape)).toBe(text);
  });

  test('from any element on', () => {
    expect(write('UINT8', counting, [2, 2], { first: 4 })).toBe('[[4,5],[6,7]]');
  });

  test('of any length', () => {
    const many = Uint16Array.from({ length: 60_000 }, (_, i) => i);
    const rows = Array.from({ length: 30_000 }, (_, i) => [2 * i, 2 * i + 1]);
    expect(JSON.parse(write('UINT16', many, [30_000, 2]))).toEqual(rows);
    expect(JSON.parse(write('UINT16', many, [60_000]))).toEqual([...many]);
  });
});
