/** REST bodies to tensors, with the errors in TensorFlow Serving's words. */

import { describe, expect, test } from 'vitest';
import { createRandom } from '../../../test/models/random.ts';
import { ServingError } from '../../errors.ts';
import type { DType } from '../../tensor/dtype.ts';
import type { NamedTensor } from '../../tensor/tensor.ts';
import { unpackBytes } from '../../tensor/tensor.ts';
import type { TensorSpec } from '../../tensor/tensor-spec.ts';
import type { Steps } from '../steps.ts';
import { runNow } from '../steps.ts';
import { readRestBody } from './rest-body.ts';
import { readRestExamples } from './rest-examples.ts';
import { readRestInputs } from './rest-predict.ts';
import { createTensorRoom } from './tensor-room.ts';

const spec = (name: string, dtype: DType, shape: TensorSpec['shape'] = [null]): TensorSpec => ({
  name,
  dtype,
  shape,
});

function* readAll(text: string | Buffer, inputs: readonly TensorSpec[]): Steps<NamedTensor[]> {
  return yield* readRestInputs(yield* readRestBody(Buffer.from(text as string)), inputs);
}

const read = (text: string | object, ...inputs: TensorSpec[]): NamedTensor[] =>
  runNow(readAll(typeof text === 'string' ? text : JSON.stringify(text), inputs));

const arrays = {
  FP32: Float32Array,
  FP64: Float64Array,
  INT8: Int8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  UINT64: BigUint64Array,
  BOOL: Uint8Array,
};

function valuesOf({ dtype, data }: NamedTensor): unknown[] {
  if (dtype === 'BYTES') return unpackBytes(data).map((one) => Buffer.from(one).toString());
  const array = arrays[dtype as keyof typeof arrays];
  return Array.from(new array(new Uint8Array(data).buffer) as ArrayLike<unknown>);
}

const b64 = (text: string) => ({ b64: Buffer.from(text).toString('base64') });
const x = (dtype: DType = 'FP32') => spec('x', dtype);
const [p, q] = [spec('p', 'FP32'), spec('q', 'INT64')];

describe('rows', () => {
  test.each<[string, string | object, DType, number[], unknown[]]>([
    ['numbers', '{"instances":[2.0,3,4.5]}', 'FP32', [3], [2, 3, 4.5]],
    ['lists', '{"instances":[[1,2],[3,4],[5,6]]}', 'INT32', [3, 2], [1, 2, 3, 4, 5, 6]],
    ['deep lists', '{"instances":[[[1],[2]]]}', 'FP64', [1, 2, 1], [1, 2]],
    ['objects', '{"instances":[{"x":[1,2]},{"x":[3,4]}]}', 'FP32', [2, 2], [1, 2, 3, 4]],
    ['objects of scalars', '{"instances":[{"x":1}]}', 'FP32', [1], [1]],
    ['empty lists', '{"instances":[[],[]]}', 'FP32', [2, 0], []],
    [
      'words',
      '{"instances":[NaN,Infinity,-Infinity,-0.0]}',
      'FP32',
      [4],
      [Number.NaN, Infinity, -Infinity, -0],
    ],
    [
      'large integers',
      '{"instances":[9007199254740993,-9223372036854775808]}',
      'INT64',
      [2],
      [9007199254740993n, -(2n ** 63n)],
    ],
    ['larger integers', '{"instances":[18446744073709551615]}', 'UINT64', [1], [2n ** 64n - 1n]],
    ['booleans', '{"instances":[[true,false]]}', 'BOOL', [1, 2], [1, 0]],
    ['texts', '{"instances":["a\\u00e9\\n",""]}', 'BYTES', [2], ['aé\n', '']],
    ['base64', { instances: [b64('abc'), b64('')] }, 'BYTES', [2], ['abc', '']],
    ['base64 in objects', { instances: [{ x: b64('abc') }] }, 'BYTES', [1], ['abc']],
    [
      'lists of base64',
      {
        instances: [
          [b64('a'), b64('b')],
          [b64('c'), b64('d')],
        ],
      },
      'BYTES',
      [2, 2],
      ['a', 'b', 'c', 'd'],
    ],
    ['base64 and texts', { instances: [b64('a'), 'b'] }, 'BYTES', [2], ['a', 'b']],
    [
      'base64 with escaped slashes',
      '{"instances":[{"b64":"\\/\\/8="}]}',
      'BYTES',
      [1],
      ['\ufffd\ufffd'],
    ],
    ['with garbage behind', '{"instances":[1]} }{ ]', 'FP32', [1], [1]],
    ['behind other keys', '{"a":{"instances":[9]},"instances":[1],"b":[{}]}', 'FP32', [1], [1]],
    ['behind a byte order mark', '\ufeff{"instances":[1]}', 'FP32', [1], [1]],
  ])('of %s', (_, body, dtype, shape, values) => {
    const [tensor] = read(body, x(dtype)) as [NamedTensor];
    expect([tensor.name, tensor.shape, valuesOf(tensor)]).toEqual(['x', shape, values]);
  });

  test('of several inputs', () => {
    const tensors = read('{"instances":[{"q":1,"p":[0.5]},{"p":[2],"q":-7}]}', p, q);
    expect(tensors.map((one) => [one.name, one.shape, valuesOf(one)])).toEqual([
      ['p', [2, 1], [0.5, 2]],
      ['q', [2], [1n, -7n]],
    ]);
  });

  test('of a picture of megabytes', () => {
    const picture = Buffer.alloc(1_000_001, 'picture');
    for (const text of [
      picture.toString('base64'),
      picture.toString('base64').replace(/.{76}/g, '$&\n'),
    ]) {
      const [tensor] = read({ instances: [{ b64: text }] }, x('BYTES')) as [NamedTensor];
      expect(Buffer.from(unpackBytes(tensor.data)[0] as Uint8Array).equals(picture)).toBe(true);
    }
  });
});

describe('columns', () => {
  test.each<[string, string | object, DType, number[], unknown[]]>([
    ['a list', '{"inputs":[2.0,3.0]}', 'FP32', [2], [2, 3]],
    ['a scalar', '{"inputs":2}', 'FP32', [], [2]],
    ['an object', '{"inputs":{"x":[[1],[2]]}}', 'FP32', [2, 1], [1, 2]],
    ['one base64', { inputs: b64('a') }, 'BYTES', [], ['a']],
    ['several', { inputs: [b64('a'), b64('b')] }, 'BYTES', [2], ['a', 'b']],
    ['nothing', '{"inputs":[]}', 'FP32', [0], []],
    ['an object with others', '{"inputs":{"x":[1],"y":"z"}}', 'FP32', [1], [1]],
  ])('of %s', (_, body, dtype, shape, values) => {
    const [tensor] = read(body, x(dtype)) as [NamedTensor];
    expect([tensor.shape, valuesOf(tensor)]).toEqual([shape, values]);
  });

  test('of several inputs, of any first dimension', () => {
    const tensors = read('{"inputs":{"q":[1,2,3],"p":0.5}}', p, q);
    expect(tensors.map((one) => [one.name, one.shape])).toEqual([
      ['p', []],
      ['q', [3]],
    ]);
  });
});

const typeError = (value: string, type: string, wanted: string) =>
  `JSON Value: ${value} Type: ${type} is not of expected type: ${wanted}`;

describe('refused:', () => {
  test.each<[string, string, TensorSpec[]]>([
    ['JSON Parse error: The document is empty', '', [x()]],
    ['JSON Parse error: ', '{"instances":[1', [x()]],
    ['JSON Parse error: its lists are nested', `{"instances":${'['.repeat(200)}`, [x()]],
    ['Is not object', '[1]', [x()]],
    ['Is not object', '"instances"', [x()]],
    ["'signature_name' key must be a string value.", '{"signature_name":1,"instances":[1]}', [x()]],
    ["Missing 'inputs' or 'instances' key", '{}', [x()]],
    ["Missing 'inputs' or 'instances' key", '{"__proto__":{"instances":[1]}}', [x()]],
    ["expecting only one of 'inputs' or 'instances'", '{"instances":[1],"inputs":[1]}', [x()]],
    ["Excepting 'instances' to be an list/array", '{"instances":1}', [x()]],
    ["Excepting 'instances' to be an list/array", '{"instances":{"x":1}}', [x()]],
    ["No values in 'instances' array", '{"instances":[]}', [x()]],
    ['instances is a plain list, but expecting list of objects', '{"instances":[1]}', [p, q]],
    [
      'instances is a plain list, but expecting list of objects',
      '{"instances":[{"b64":"YQ=="}]}',
      [p, q],
    ],
    ['inputs is a plain value/list, but expecting an object', '{"inputs":[1]}', [p, q]],
    ["Missing named input: q in 'inputs' object.", '{"inputs":{"p":1}}', [p, q]],
    [
      "Failed to process element: 1 key: r of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not have named input: r",
      '{"instances":[{"p":1,"q":1},{"r":1}]}',
      [p, q],
    ],
    ['does not have named input: __proto__', '{"instances":[{"__proto__":1}]}', [x()]],
    [
      `Failed to process element: 0 of 'instances' list. JSON object: {"p": …} keys must be equal to: p,q`,
      '{"instances":[{"p":1}]}',
      [q, p],
    ],
    [
      "Failed to process element: 1 key: x of 'instances' list. Error: INVALID_ARGUMENT: Expecting tensor size: 2 but got: 3",
      '{"instances":[{"x":[1,2]},{"x":[1,2,3]}]}',
      [x()],
    ],
    ['Expecting shape [2] but got: [1,2]', '{"instances":[{"x":[1,2]},{"x":[[1,2]]}]}', [x()]],
    ['Encountered list at unexpected size', '{"instances":[[1,2],[3]]}', [x()]],
    ['Encountered list at unexpected size', '{"inputs":[[1,2],[3]]}', [x()]],
    [
      'Encountered list at unexpected size',
      '{"inputs":[[{"b64":""}],[{"b64":""},{"b64":""}]]}',
      [x('BYTES')],
    ],
    ['Expecting object but got list at item 1 of input list', '{"instances":[{"x":1},2]}', [x()]],
    [
      'Expecting value/list but got object at item 1 of input list',
      '{"instances":[{"b64":""},{"x":1}]}',
      [x('BYTES')],
    ],
    [typeError('"a"', 'String', 'float'), '{"instances":["a"]}', [x()]],
    [typeError('null', 'Null', 'float'), '{"instances":[null]}', [x()]],
    [typeError('true', 'Boolean', 'int32'), '{"instances":[1,true]}', [x('INT32')]],
    [typeError('1', 'Number', 'bool'), '{"instances":[1]}', [x('BOOL')]],
    [typeError('1', 'Number', 'string'), '{"inputs":[1]}', [x('BYTES')]],
    [typeError('1.0', 'Number', 'int32'), '{"instances":[1.0]}', [x('INT32')]],
    [typeError('1e2', 'Number', 'int64'), '{"instances":[1e2]}', [x('INT64')]],
    [typeError('NaN', 'Number', 'int64'), '{"instances":[NaN]}', [x('INT64')]],
    [typeError('2147483648', 'Number', 'int32'), '{"instances":[2147483648]}', [x('INT32')]],
    [typeError('an object', 'Object', 'float'), '{"instances":[{"b64":"YQ=="}]}', [x()]],
    ['JSON Value: a number is too large for FP32', '{"instances":[1e39]}', [x()]],
    [
      'not formatted correctly for base64 data',
      '{"instances":[[{"b64":"YQ==","c":1}]]}',
      [x('BYTES')],
    ],
    ['not formatted correctly for base64 data', '{"instances":[{"x":{"b64":1}}]}', [x('BYTES')]],
  ])('%s', (problem, body, inputs) => {
    expect(() => read(body, ...inputs)).toThrow(
      expect.objectContaining({
        code: 'TENSORFLOW_REQUEST_INVALID',
        message: expect.stringContaining(problem),
      }),
    );
  });

  test('halves, which JSON cannot say', () => {
    for (const dtype of ['FP16', 'BF16'] as const) {
      expect(() => read('{"instances":[1]}', x(dtype))).toThrow(
        expect.objectContaining({ code: 'TENSORFLOW_UNSUPPORTED' }),
      );
    }
  });

  test('what is no base64', () => {
    expect(() => read('{"instances":[{"b64":"!"}]}', x('BYTES'))).toThrow(
      expect.objectContaining({ code: 'BASE64_INVALID' }),
    );
  });
});

test('mutated bodies are read or refused, and nothing else', () => {
  const random = createRandom(33);
  const bodies = [
    '{"signature_name":"s","instances":[[1.5,2],[NaN,-0]]}',
    '{"instances":[{"p":1,"q":[1,2]},{"p":2,"q":[3,4]}]}',
    '{"inputs":{"p":[1,2],"q":[["a",{"b64":"YQ=="}]]}}',
    '{"examples":[{"x":[1,2.5],"y":{"b64":"YQ=="}}],"context":{"c":true}}',
  ];
  const signs = '{}[]",:0.eE-+NaInfinity\\"u tx';
  const inputs = [[x()], [p, q], [spec('p', 'INT8'), spec('q', 'BYTES')], [x('BOOL')]];
  let refused = 0;
  for (let i = 0; i < 8000; i += 1) {
    const text = Buffer.from(bodies[i % bodies.length] as string);
    for (let j = 0; j < 2; j += 1)
      text[Math.floor(random() * text.length)] = signs.charCodeAt(
        Math.floor(random() * signs.length),
      );
    try {
      const body = runNow(readRestBody(text));
      if (body.examples !== undefined) runNow(readRestExamples(body, createTensorRoom(1e6)));
      else runNow(readRestInputs(body, inputs[i % inputs.length] ?? []));
    } catch (error) {
      if (!(error instanceof ServingError)) throw error;
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(3000);
});
