import { describe, expect, test } from 'vitest';
import { createRandom } from '../../../test/models/random.ts';
import type { DType } from '../../tensor/dtype.ts';
import { unpackBytes } from '../../tensor/tensor.ts';
import { runNow } from '../steps.ts';
import type { Elements, NumberPlan } from './elements.ts';
import { encodeElements } from './encode-elements.ts';
import { anyNumberText, hardNumberTexts } from './number-texts.fixture.ts';
import { readJson } from './read-json.ts';

const refuse = (problem: string): never => {
  throw new Error(problem);
};

interface Options {
  readonly integers?: 'whole' | 'literal';
  readonly plan?: Partial<NumberPlan>;
}

/** The bytes of a JSON value; with a plan its numbers are read while the text is looked through. */
function encode(
  dtype: DType,
  text: string,
  { integers = 'whole', plan }: Options = {},
): Uint8Array {
  const { data } = runNow(
    readJson(Buffer.from(`{"data":${text}}`), {
      isData: (key) => key === 'data',
      after: 'nothing',
      plan: () => plan && { dtype, integers, count: 0, ...plan },
    }),
  ) as { data: Elements };
  return runNow(encodeElements([data], { dtype, integers, refuse }));
}

const float64sOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Float64Array =>
  new Float64Array(buffer, byteOffset, byteLength / 8);
const float32sOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Float32Array =>
  new Float32Array(buffer, byteOffset, byteLength / 4);

/** The texts as a list, in the ways that clients write lists. */
const separators = [',', ', ', ' , ', ',\n  ', ',\t'];

describe('floats are those of Number, bit for bit,', () => {
  const random = createRandom(71);
  const texts = [
    ...hardNumberTexts,
    ...Array.from({ length: 60_000 }, () => anyNumberText(random)),
  ].filter((text) => Number.isFinite(Number(text)));
  const doubles = Float64Array.from(texts, Number);

  test.each(separators)('FP64 with %j between them', (separator) => {
    const list = `[${texts.join(separator)}]`;
    for (const options of [{}, { plan: { count: texts.length } }]) {
      const bytes = encode('FP64', list, options);
      const wrong = texts.filter((_, i) => !Object.is(float64sOf(bytes)[i], doubles[i]));
      expect(wrong).toEqual([]);
    }
  });

  test.each(separators)('FP32, rounded from the double, with %j between them', (separator) => {
    const small = texts.filter((text) => Number.isFinite(Math.fround(Number(text))));
    const floats = Float32Array.from(small, Number);
    const list = `[${small.join(separator)}]`;
    for (const options of [{}, { plan: { count: small.length } }]) {
      const read = float32sOf(encode('FP32', list, options));
      expect(small.filter((_, i) => !Object.is(read[i], floats[i]))).toEqual([]);
    }
  });

  test('close to the middle between two floats, however many digits say on which side', () => {
    const middles = Array.from({ length: 2000 }, () => {
      const float = Math.fround(random() + 0.5);
      const next = float + 2 ** -24;
      return ((float + next) / 2).toPrecision(30);
    });
    const list = middles.flatMap((text) => [text, `${text}1`, text.replace(/(\d)0*$/, '$19')]);
    const read = float32sOf(encode('FP32', `[${list.join()}]`));
    expect(read).toEqual(Float32Array.from(list, Number));
  });

  test('NaN, the infinities and -0 too', () => {
    const list = '[NaN, Infinity,-Infinity ,-0, 0,-0.0,1]';
    for (const options of [{}, { plan: { count: 7 } }]) {
      expect([...float64sOf(encode('FP64', list, options))]).toEqual([
        ...[Number.NaN, Infinity, -Infinity, -0, 0, -0, 1],
      ]);
      expect([...float32sOf(encode('FP32', list, options))].map(String).join()).toBe(
        'NaN,Infinity,-Infinity,0,0,0,1',
      );
    }
  });
});

describe('integers', () => {
  test.each<[DType, bigint, bigint]>([
    ['INT8', -128n, 127n],
    ['INT16', -(2n ** 15n), 2n ** 15n - 1n],
    ['INT32', -(2n ** 31n), 2n ** 31n - 1n],
    ['INT64', -(2n ** 63n), 2n ** 63n - 1n],
    ['UINT8', 0n, 255n],
    ['UINT16', 0n, 2n ** 16n - 1n],
    ['UINT32', 0n, 2n ** 32n - 1n],
    ['UINT64', 0n, 2n ** 64n - 1n],
  ])('%s are exact up to their bounds, and refused beyond them', (dtype, low, high) => {
    const list = [low, high, low + 1n, high - 1n, 0n, 1n];
    const size = dtype.endsWith('8') ? 1 : Number(dtype.replace(/\D/g, '')) / 8;
    const expected = Buffer.concat(
      list.map((value) => {
        const bytes = Buffer.alloc(8);
        bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
        return bytes.subarray(0, size);
      }),
    );
    for (const options of [{}, { plan: { count: 6 } }, { integers: 'literal' } as const]) {
      expect(Buffer.from(encode(dtype, `[${list.join()}]`, options))).toEqual(expected);
      for (const beyond of [low - 1n, high + 1n, high * 1000n, high * 10n ** 70n])
        expect(() => encode(dtype, `[${beyond}]`, options)).toThrow(`does not fit into ${dtype}`);
    }
  });

  test.each(['INT64', 'UINT64'] as const)('%s of any digits', (dtype) => {
    const random = createRandom(9);
    const values = Array.from({ length: 5000 }, () => {
      const bits = 1 + Math.floor(random() * 64);
      const value = BigInt.asUintN(bits, BigInt(Math.floor(random() * 2 ** 53)) * 3141592653589n);
      return dtype === 'INT64' ? BigInt.asIntN(64, value) : value;
    });
    const read = encode(dtype, `[${values.join(', ')}]`);
    const type = dtype === 'INT64' ? BigInt64Array : BigUint64Array;
    expect([...new type(read.buffer as ArrayBuffer)]).toEqual(values);
  });

  test('may be written with points and exponents, unless literals are asked for', () => {
    const list = '[1.0, 2e3, 1.50e2, -0.0, 12300e-2]';
    const int32 = new Int32Array(encode('INT32', list).buffer as ArrayBuffer);
    expect([...int32]).toEqual([1, 2000, 150, 0, 123]);
    const long = '[1.8446744073709551615e19, 100e17, 1.0]';
    const uint64 = new BigUint64Array(encode('UINT64', long).buffer as ArrayBuffer);
    expect([...uint64]).toEqual([2n ** 64n - 1n, 10n ** 19n, 1n]);
    for (const dtype of ['INT32', 'INT64'] as const) {
      const options = { integers: 'literal', plan: { count: 2 } } as const;
      expect(() => encode(dtype, '[1, 2.0]', options)).toThrow('2.0 is not an integer');
      expect(() => encode(dtype, '[1e3]', options)).toThrow('1e3 is not an integer');
    }
  });

  test.each(['1.5', 'NaN', '-Infinity', '1e-3', '1e999'])('are not %s', (text) => {
    for (const dtype of ['INT8', 'INT64', 'UINT64'] as const)
      expect(() => encode(dtype, `[1,${text}]`)).toThrow(
        text === '1e999' ? 'does not fit' : `${text} is not an integer`,
      );
  });
});

describe('strings', () => {
  const texts = [
    ...['', 'a', 'é😀', '"\\/\b\f\n\r\t', '\u0000\u001f\u007f', '\ufeff', '[1,"]', '\ud83d\ude00'],
    'x'.repeat(100_000),
    'é"\n'.repeat(40_000),
    `${'a'.repeat(32_762)}😀😀`,
  ];
  const escapeAll = (text: string): string =>
    `"${Array.from(text, (sign) => [...sign].flatMap((c) => Array.from({ length: c.length }, (_, i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`)).join('')).join('')}"`;

  test('are their UTF-8, with or without escapes', () => {
    for (const form of [JSON.stringify, escapeAll]) {
      const packed = encode('BYTES', `[${texts.map((text) => form(text)).join(', ')}]`);
      expect(unpackBytes(packed).map((one) => Buffer.from(one).toString())).toEqual(texts);
    }
  });

  test('with any place of a pause in a surrogate pair', () => {
    const shifted = Array.from({ length: 14 }, (_, i) => `${'a'.repeat(i)}${'😀'.repeat(6000)}`);
    const packed = encode('BYTES', `[${shifted.map(escapeAll).join()}]`);
    expect(unpackBytes(packed).map((one) => Buffer.from(one).toString())).toEqual(shifted);
  });

  test('with half a pair in them have U+FFFD there, as always', () => {
    const packed = encode('BYTES', '["\\ud800","\\udc00x","\\ud800\\ud83d\\ude00"]');
    expect(unpackBytes(packed).map((one) => Buffer.from(one).toString())).toEqual([
      ...['\ufffd', '\ufffdx', '\ufffd😀'],
    ]);
  });
});

test('booleans are true and false', () => {
  expect([...encode('BOOL', '[[true ,false],[ false,true]]')]).toEqual([1, 0, 0, 1]);
});

test('several parts follow each other', () => {
  const { rows } = runNow(
    readJson(Buffer.from('{"rows":[{"x":[1,2]},{"x":[]},{"x":3},{"x":[[4],[5]]}]}'), {
      isData: (key) => key === 'rows',
      after: 'nothing',
    }),
  ) as { rows: { x: Elements }[] };
  const parts = rows.map(({ x }) => x);
  const bytes = runNow(encodeElements(parts, { dtype: 'UINT8', integers: 'whole', refuse }));
  expect([...bytes]).toEqual([1, 2, 3, 4, 5]);
});

describe('a plan that the text does not keep is no harm:', () => {
  test.each<[string, string, Partial<NumberPlan>]>([
    ['more numbers', '[1,2,3]', { count: 2 }],
    ['fewer numbers', '[1,2,3]', { count: 4 }],
    ['more than there can be', '[1,2,3]', { count: 1e15 }],
    ['none', '[1,2,3]', { count: 0 }],
    ['another dtype', '[1,2,3]', { count: 3, dtype: 'INT16' }],
    ['ends behind a comma', '[1,2, 3]', { count: 2 }],
    ['white space', '[ 1 ,\n2 ,  3 ]', { count: 3 }],
    ['nested', '[[1],[2],[3]]', { count: 3 }],
    ['other forms', '[1.0, 20e-1,3E0]', { count: 3 }],
  ])('%s', (_, text, plan) => {
    expect([...float64sOf(encode('FP64', text, { plan }))]).toEqual([1, 2, 3]);
  });

  test.each(['[1,]', '[1, ]', '[1,2', '[1,x]', '[1 2]', '[1,2}', '[01,2]', '[1,-]', '[.5,1]'])(
    '%s is refused with a plan as without',
    (text) => {
      const message = (plan?: NumberPlan): string => {
        try {
          encode('FP64', text, { plan: plan as NumberPlan });
        } catch (error) {
          return (error as Error).message;
        }
        return 'accepted';
      };
      expect(message()).toContain('not valid JSON');
      expect(message({ dtype: 'FP64', integers: 'whole', count: 2 })).toBe(message());
    },
  );
});

describe('refused:', () => {
  test.each<[string, DType, string]>([
    ['"1" is not a number', 'FP32', '["1"]'],
    ['null is not a number', 'FP64', '[null]'],
    ['"a" is not a number', 'FP32', '[1,2,"a"]'],
    ['an object is not a number', 'FP32', '[1,{"a":1}]'],
    ['a number is too large for FP32', 'FP32', '[1e39]'],
    ['a number is too large for FP32', 'FP32', '[3.4028235677973366e38]'],
    ['a number is too large for FP64', 'FP64', '[1e999]'],
    ['true is not an integer', 'INT8', '[true]'],
    ['1 is not true or false', 'BOOL', '[1]'],
    ['null is not true or false', 'BOOL', '[true,null]'],
    ['1 is not a string', 'BYTES', '[1]'],
    ['FP16 cannot be sent as JSON numbers', 'FP16', '[1]'],
    ['BF16 cannot be sent as JSON numbers', 'BF16', '[1]'],
  ])('%s', (problem, dtype, text) => {
    expect(() => encode(dtype, text)).toThrow(problem);
    expect(() => encode(dtype, text, { plan: { count: 1 } })).toThrow(problem);
  });
});
