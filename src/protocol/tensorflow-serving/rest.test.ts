/** REST bodies to tensors and back, with the errors in TensorFlow Serving's words. */

import { describe, expect, test } from 'vitest';
import { createRandom } from '../../../test/models/random.ts';
import { ServingError } from '../../errors.ts';
import type { DType } from '../../tensor/dtype.ts';
import type { NamedTensor } from '../../tensor/tensor.ts';
import { packBytes, unpackBytes } from '../../tensor/tensor.ts';
import type { TensorSpec } from '../../tensor/tensor-spec.ts';
import type { Steps } from '../json-numbers/steps.ts';
import { runNow } from '../json-numbers/steps.ts';
import { describeRestError } from './error-text.ts';
import type { Example, Feature } from './example.ts';
import { encodeRestAnswer, encodeRestResults } from './rest-answer.ts';
import { readRestBody } from './rest-body.ts';
import { readRestExamples } from './rest-examples.ts';
import { parseRestPath, requireRestTarget } from './rest-path.ts';
import type { RestForm } from './rest-predict.ts';
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

describe('an answer', () => {
  const floats = (name: string, shape: number[], ...values: number[]): NamedTensor => ({
    name,
    dtype: 'FP32',
    shape,
    data: new Uint8Array(Float32Array.from(values).buffer),
  });
  const longs: NamedTensor = {
    name: 'n',
    dtype: 'INT64',
    shape: [2],
    data: new Uint8Array(BigInt64Array.of(2n ** 62n, -1n).buffer),
  };
  const texts = (name: string): NamedTensor => ({
    name,
    dtype: 'BYTES',
    shape: [2],
    data: packBytes([Buffer.from('"é'), Buffer.from([0xff])]),
  });
  const write = (form: RestForm, ...outputs: NamedTensor[]): string =>
    runNow(encodeRestAnswer(outputs, form)).toString();

  test.each<[string, RestForm, NamedTensor[], string]>([
    [
      'of one output is its rows',
      'row',
      [floats('y', [3], 3, 3.5, 4)],
      '{"predictions":[3.0,3.5,4.0]}',
    ],
    [
      'of one output is the output',
      'columnar',
      [floats('y', [3], 3, 3.5, 4)],
      '{"outputs":[3.0,3.5,4.0]}',
    ],
    [
      'has words for what is no number',
      'row',
      [floats('y', [2, 2], Number.NaN, -Infinity, -0, 0.1)],
      '{"predictions":[[NaN,-Infinity],[-0.0,0.1]]}',
    ],
    [
      'of several outputs has an object a row',
      'row',
      [floats('y', [2, 1, 1], 1, 2), longs],
      '{"predictions":[{"y":[[1.0]],"n":4611686018427387904},{"y":[[2.0]],"n":-1}]}',
    ],
    [
      'of several outputs has all of each',
      'columnar',
      [floats('"', [], 1), longs],
      '{"outputs":{"\\"":1.0,"n":[4611686018427387904,-1]}}',
    ],
    ['has texts as they are', 'row', [texts('t')], '{"predictions":["\\"é","\ufffd"]}'],
    [
      'has bytes as base64',
      'row',
      [texts('t_bytes')],
      '{"predictions":[{"b64":"IsOp"},{"b64":"/w=="}]}',
    ],
    ['of no rows', 'row', [floats('y', [0, 3])], '{"predictions":[]}'],
    ['of no rows of several', 'row', [floats('y', [0, 3]), floats('z', [0])], '{"predictions":[]}'],
    [
      'of rows without values',
      'row',
      [floats('y', [2, 0]), longs],
      '{"predictions":[{"y":[],"n":4611686018427387904},{"y":[],"n":-1}]}',
    ],
  ])('%s', (_, form, outputs, text) => {
    expect(write(form, ...outputs)).toBe(text);
  });

  test.each<[string, RestForm, NamedTensor[]]>([
    ['Tensor name: y has no shape information ', 'row', [floats('y', [], 1)]],
    [
      'Tensor name: y has inconsistent batch size: 3 expecting: 2',
      'row',
      [longs, floats('y', [3], 1, 2, 3)],
    ],
    [
      'Failed to write JSON value for tensor type: half',
      'columnar',
      [{ ...floats('y', []), dtype: 'FP16' }],
    ],
  ])('is refused: %s', (message, form, outputs) => {
    expect(() => write(form, ...outputs)).toThrow(
      expect.objectContaining({ code: 'TENSORFLOW_REQUEST_INVALID', message }),
    );
  });

  test('of classes and values', () => {
    const classes = [
      [{ label: '', score: 3 }],
      [
        { label: 'a"', score: 0.5 },
        { label: 'b', score: 0 },
      ],
    ];
    expect(runNow(encodeRestResults({ method: 'classify', classes })).toString()).toBe(
      '{"results":[[["",3.0]],[["a\\"",0.5],["b",0.0]]]}',
    );
    expect(
      runNow(encodeRestResults({ method: 'regress', values: [3, Number.NaN] })).toString(),
    ).toBe('{"results":[3.0,NaN]}');
  });
});

describe('examples', () => {
  function* readExamplesOf(text: string): Steps<readonly Example[]> {
    return yield* readRestExamples(yield* readRestBody(Buffer.from(text)), createTensorRoom(1e6));
  }
  const examples = (text: string) => runNow(readExamplesOf(text));

  test.each<[string, string, unknown]>([
    ['a float', '2.0', { kind: 'float', values: Float64Array.of(2) }],
    ['floats', '[1, 2.5, NaN]', { kind: 'float', values: Float64Array.of(1, 2.5, Number.NaN) }],
    [
      'an integer',
      '9007199254740993',
      { kind: 'int64', values: BigInt64Array.of(9007199254740993n) },
    ],
    ['integers', '[1,-2]', { kind: 'int64', values: BigInt64Array.of(1n, -2n) }],
    ['booleans', '[true,false]', { kind: 'int64', values: BigInt64Array.of(1n, 0n) }],
    ['a text', '"a"', { kind: 'bytes', values: [new Uint8Array([97])] }],
    [
      'base64',
      '[{"b64":"YQ=="},{"b64":""}]',
      { kind: 'bytes', values: [new Uint8Array([97]), new Uint8Array(0)] },
    ],
    ['one base64', '{"b64":"YQ=="}', { kind: 'bytes', values: [new Uint8Array([97])] }],
    ['nothing', '[]', { kind: 'float', values: new Float64Array(0) }],
  ])('have features of %s', (_, value, feature) => {
    const [example] = examples(`{"examples":[{"x":${value}}]}`) as [Example];
    const { kind, values } = example.get('x') as Feature;
    const plain = kind === 'bytes' ? values.map((one) => new Uint8Array(one)) : values;
    expect({ kind, values: plain }).toEqual(feature);
  });

  test('have a context before them', () => {
    const read = examples('{"examples":[{"x":1},{}],"context":{"x":5,"c":"d"}}');
    expect(read.map((one) => [one.get('x')?.values[0], one.has('c')])).toEqual([
      [1n, true],
      [5n, true],
    ]);
  });

  test.each([
    ["key 'examples' is expected and was not found", '{}'],
    ["Expecting 'examples' value to be an list/array", '{"examples":{"x":1}}'],
    ["Expecting 'examples' value to be an list/array", '{"examples":3}'],
    ["'examples' value is an empty array", '{"examples":[]}'],
    ['Example must be JSON object but got JSON 1', '{"examples":[1]}'],
    ['Example must be JSON object but got JSON Array', '{"examples":[{"x":1},[1]]}'],
    ['Example must be JSON object but got JSON', '{"examples":[{"x":1}],"context":[]}'],
    ['Feature: x has element with unexpected JSON type: Null', '{"examples":[{"x":null}]}'],
    ['Feature: x has element with unexpected JSON type: Array', '{"examples":[{"x":[[1]]}]}'],
    ['Feature: x has element with unexpected JSON type: Object', '{"examples":[{"x":{"y":1}}]}'],
    ['Unexpected element type in feature: x', '{"examples":[{"x":[1,"a"]}]}'],
    [
      'Feature: x: 9223372036854775808 does not fit into INT64',
      '{"examples":[{"x":9223372036854775808}]}',
    ],
  ])('are refused: %s', (problem, text) => {
    expect(() => examples(text)).toThrow(
      expect.objectContaining({
        code: 'TENSORFLOW_REQUEST_INVALID',
        message: expect.stringContaining(problem),
      }),
    );
  });
});

describe('a path', () => {
  test.each<[string, string, object]>([
    ['POST', '/v1/models/m:predict', { kind: 'predict', model: 'm' }],
    [
      'POST',
      '/V1/Models/a%20b/Versions/007:CLASSIFY',
      { kind: 'classify', model: 'a b', version: '7' },
    ],
    [
      'POST',
      '/v1/models/m/labels/canary:regress',
      { kind: 'regress', model: 'm', label: 'canary' },
    ],
    ['GET', '/v1/models/m', { kind: 'status', model: 'm' }],
    ['GET', '/v1/models/m/versions/12/metadata', { kind: 'metadata', model: 'm', version: '12' }],
    ['GET', '/v1/models/m/labels/stable', { kind: 'status', model: 'm', label: 'stable' }],
    ['GET', '/v1/models/metadata', { kind: 'status', model: 'metadata' }],
  ])('%s %s', (method, path, target) => {
    expect(requireRestTarget(method, path)).toMatchObject(target);
  });

  test.each([
    ['POST', '/v1/models/m'],
    ['POST', '/v1/models/m:explain'],
    ['POST', '/v1/models/m/versions/x:predict'],
    ['POST', '/v1/models/a/b:predict'],
    ['GET', '/v1/models/m:predict'],
    ['GET', '/v1/models/m/versions/1/labels/a'],
    ['GET', '/v1/models/'],
    ['GET', '/v1/model'],
    ['PUT', '/v1/models/m:predict'],
    ['DELETE', '/v1/models/m'],
  ])('that means nothing: %s %s', (method, path) => {
    expect(() => requireRestTarget(method, path)).toThrow(
      expect.objectContaining({ message: `Malformed request: ${method} ${path}` }),
    );
  });

  test('without a model', () => {
    expect(() => requireRestTarget('GET', '/v1/models')).toThrow('Missing model name in request.');
  });
});

describe('errors have the words that clients compare:', () => {
  const available: string[] = [];
  const unknown = new ServingError('MODEL_NOT_FOUND', { model: 'm', available });
  const version = new ServingError('VERSION_NOT_FOUND', { model: 'm', version: '3', available });
  const signature = new ServingError('SIGNATURE_NOT_FOUND', {
    model: 'm',
    signature: 's',
    available,
  });

  test.each<[ServingError, string, string]>([
    [unknown, '/v1/models/m:predict', 'Servable not found for request: Latest(m)'],
    [version, '/v1/models/m/versions/3:predict', 'Servable not found for request: Specific(m, 3)'],
    [unknown, '/v1/models/m/metadata', 'Servable not found for request: Latest(m)'],
    [unknown, '/v1/models/m', 'Could not find any versions of model m'],
    [version, '/v1/models/m/versions/3', 'Could not find version 3 of model m'],
    [signature, '/v1/models/m:predict', 'Serving signature name: "s" not found in signature def'],
    [
      new ServingError('SHUTTING_DOWN', {}),
      '/v1/%ff',
      new ServingError('SHUTTING_DOWN', {}).message,
    ],
  ])('%s on %s', (error, path, text) => {
    expect(describeRestError(error, path)).toEqual({ error: text });
    expect(parseRestPath('PUT', path)).toBeUndefined();
  });
});

test('long names are shown short', () => {
  const signature = 'x'.repeat(5000);
  const error = new ServingError('SIGNATURE_NOT_FOUND', { model: 'm', signature, available: [] });
  const { error: text } = describeRestError(error, '/v1/models/m:predict') as { error: string };
  expect(text.length).toBeLessThan(300);
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
