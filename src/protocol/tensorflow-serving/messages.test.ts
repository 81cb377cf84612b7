/** Against bytes that TensorFlow's own classes made (test/fixtures/tensorflow-serving/record.py). */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../../test/models/random.ts';
import { ServingError } from '../../errors.ts';
import type { NamedTensor } from '../../tensor/tensor.ts';
import { unpackBytes } from '../../tensor/tensor.ts';
import type { TensorSpec } from '../../tensor/tensor-spec.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import { runNow } from '../steps.ts';
import {
  decodeExamplesRequest,
  decodeMultiInferenceRequest,
  encodeExamplesResponse,
  encodeMultiInferenceResponse,
} from './classify-message.ts';
import { decodeMetadataRequest } from './metadata.ts';
import type { ModelSpec } from './model-spec.ts';
import {
  decodePredictRequest,
  encodePredictResponse,
  readPredictInputs,
} from './predict-message.ts';
import { decodeReloadRequest } from './reload-config.ts';
import { decodeStatusRequest } from './status.ts';
import { decodeTensorProto } from './tensor-proto.ts';
import { createTensorRoom } from './tensor-room.ts';

const path = join(import.meta.dirname, '../../../test/fixtures/tensorflow-serving/messages.json');
const recorded = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
const bytes = (name: string): Buffer => Buffer.from(recorded[name] as string, 'hex');
const room = () => createTensorRoom(1e6);

const answered: ModelSpec = { name: 'half_plus_two', version: '123', signature: 'serving_default' };

describe('tensors of make_tensor_proto', () => {
  const read = (name: string): NamedTensor =>
    runNow(decodeTensorProto(bytes(`tensor: ${name}`), 'x', room()));
  const arrayOf = {
    FP32: Float32Array,
    FP64: Float64Array,
    FP16: Float16Array,
    BF16: Uint16Array,
    INT8: Int8Array,
    UINT8: Uint8Array,
    INT16: Int16Array,
    UINT16: Uint16Array,
    INT32: Int32Array,
    UINT32: Uint32Array,
    INT64: BigInt64Array,
    UINT64: BigUint64Array,
    BOOL: Uint8Array,
  };
  function valuesOf({ dtype, data }: NamedTensor): unknown[] {
    if (dtype === 'BYTES')
      return unpackBytes(data).map((one) => Buffer.from(one).toString('latin1'));
    return Array.from(new arrayOf[dtype](new Uint8Array(data).buffer) as ArrayLike<unknown>);
  }

  test.each<[string, string, number[], unknown[]]>([
    ['float list', 'FP32', [3], [2, 3, 4]],
    ['float constant', 'FP32', [2, 3], new Array(6).fill(1.5)],
    ['float array', 'FP32', [2, 3], [0, 1, 2, 3, 4, 5]],
    ['float equal array', 'FP32', [2, 3], new Array(6).fill(1.5)],
    ['double list', 'FP64', [2], [0.1, -0]],
    ['half', 'FP16', [2], [1, -0]],
    ['bfloat16', 'BF16', [2], [0x3f80, 0xc000]],
    ['int8', 'INT8', [2], [1, -2]],
    ['uint8', 'UINT8', [2], [1, 200]],
    ['int16', 'INT16', [2], [1, -300]],
    ['uint16', 'UINT16', [2], [1, 60_000]],
    ['int32', 'INT32', [2], [1, -2]],
    ['uint32', 'UINT32', [2], [1, 4_000_000_000]],
    ['int64', 'INT64', [2], [1n, -(2n ** 63n)]],
    ['uint64', 'UINT64', [2], [1n, 2n ** 64n - 1n]],
    ['bool', 'BOOL', [2], [1, 0]],
    ['string', 'BYTES', [3], ['a', '\x00\xff', '']],
    ['string scalar', 'BYTES', [], ['abc']],
    ['empty', 'FP32', [0, 3], []],
  ])('%s', (name, dtype, shape, values) => {
    const tensor = read(name);
    expect([tensor.dtype, tensor.shape, valuesOf(tensor)]).toEqual([dtype, shape, values]);
  });
});

describe('predict', () => {
  const images: TensorSpec = { name: 'images', dtype: 'BYTES', shape: [null] };
  const scores: TensorSpec = { name: 'scores', dtype: 'FP32', shape: [null, 10] };
  const signature = { inputs: [images], outputs: [scores] };

  test('a request says the model, its version, the signature, inputs and wanted outputs', () => {
    const request = decodePredictRequest(bytes('predict request'));
    expect(request.model).toEqual({
      name: 'half_plus_two',
      version: '123',
      label: undefined,
      signature: 'predict_images',
    });
    expect(request.outputFilter).toEqual(['scores']);
    const [input] = runNow(readPredictInputs(request, signature, room()));
    expect(input).toMatchObject({ name: 'images', dtype: 'BYTES', shape: [2] });
    const elements = unpackBytes(input?.data ?? new Uint8Array(0));
    expect(elements.map((one) => Buffer.from(one).toString())).toEqual(['jpeg', 'png']);
  });

  test('a label instead of a version', () => {
    expect(decodePredictRequest(bytes('predict request by label')).model).toMatchObject({
      version: undefined,
      label: 'canary',
      signature: '',
    });
  });

  test('an answer is what a server of TensorFlow writes', () => {
    const data = new Uint8Array(Float32Array.of(3, 3.5).buffer);
    const outputs: NamedTensor[] = [{ name: 'y', dtype: 'FP32', shape: [2], data }];
    // tf.make_tensor_proto wrote tensor_content (field 4) where we write float_val (field 5).
    const expected = recorded['predict response']?.replace('2208', '2a08');
    expect(encodePredictResponse(answered, outputs).toString('hex')).toBe(expected);
  });

  test.each<[string, readonly string[], readonly string[], string]>([
    [
      'an input too many',
      ['images', 'more'],
      [],
      'input size does not match signature: 2!=1 len({images,more}) != len({images}). Sent extra: {more}. Missing but required: {}.',
    ],
    [
      'an input too few',
      [],
      [],
      'input size does not match signature: 0!=1 len({}) != len({images}). Sent extra: {}. Missing but required: {images}.',
    ],
    [
      'another input',
      ['other'],
      [],
      'input tensor alias not found in signature: other. Inputs expected to be in the set {images}.',
    ],
    [
      'another output',
      ['images'],
      ['other'],
      'output tensor alias not found in signature: other Outputs expected to be in the set {scores}.',
    ],
    ['an output twice', ['images'], ['scores', 'scores'], 'duplicate output tensor alias: scores'],
  ])('refuses %s', (_, inputs, outputFilter, message) => {
    const request = {
      model: answered,
      inputs: new Map(inputs.map((name) => [name, new Uint8Array(0)])),
      outputFilter,
    };
    expect(() => runNow(readPredictInputs(request, signature, room()))).toThrow(
      expect.objectContaining({ code: 'TENSORFLOW_REQUEST_INVALID', message }),
    );
  });

  test('refuses a request without a model, and one with a flood of names', () => {
    expect(() => decodePredictRequest(Buffer.alloc(0))).toThrow('Missing ModelSpec');
    const flood = new WireWriter();
    for (let i = 0; i < 1100; i += 1) flood.string(3, 'y');
    expect(() => decodePredictRequest(flood.finish())).toThrow('more than 1000 inputs or outputs');
  });

  test('shows the beginning of a long list of names', () => {
    const names = Array.from({ length: 900 }, (_, i) => `${i}${'x'.repeat(1000)}`);
    const request = {
      model: answered,
      inputs: new Map(names.map((name) => [name, new Uint8Array(0)])),
      outputFilter: [],
    };
    try {
      runNow(readPredictInputs(request, signature, room()));
      expect.unreachable();
    } catch (error) {
      expect((error as Error).message.length).toBeLessThan(7000);
    }
  });
});

describe('examples', () => {
  const example = {
    x: { kind: 'float', values: Float32Array.of(2) },
    n: { kind: 'int64', values: BigInt64Array.of(1n, -1n) },
    s: { kind: 'bytes', values: [Buffer.from('text')] },
  };

  test('of a classification', () => {
    const { model, examples } = decodeExamplesRequest(bytes('classify request'), room());
    expect([model.name, examples.length]).toEqual(['half_plus_two', 1]);
    expect(Object.fromEntries(examples[0] ?? [])).toEqual(example);
  });

  test('with a context, before which their own features go', () => {
    const { model, examples } = decodeExamplesRequest(bytes('regress request'), room());
    expect(model.version).toBe('0');
    expect(examples.map((one) => one.get('x')?.values[0])).toEqual([2, 9]);
  });

  test('cost more room than they are sent in', () => {
    const list = new WireWriter();
    for (let i = 0; i < 1000; i += 1) list.message(1, new WireWriter());
    const input = new WireWriter().message(1, list);
    const model = new WireWriter().string(1, 'm');
    const message = new WireWriter().message(1, model).message(2, input).finish();
    expect(() => decodeExamplesRequest(message, createTensorRoom(100_000))).toThrow(
      expect.objectContaining({ code: 'TENSOR_TOO_LARGE' }),
    );
  });

  test('of several tasks', () => {
    const { tasks, examples } = decodeMultiInferenceRequest(
      bytes('multi inference request'),
      room(),
    );
    expect(tasks.map(({ model, method }) => [model.signature, method])).toEqual([
      ['a', 'classify'],
      ['b', 'regress'],
    ]);
    expect(examples).toHaveLength(1);
  });

  test('are answered as a server of TensorFlow answers', () => {
    const classes = [[{ label: 'cat', score: 0.75 }]];
    const classify = { method: 'classify', classes } as const;
    const regress = { method: 'regress', values: [3] } as const;
    expect(encodeExamplesResponse(answered, classify).toString('hex')).toBe(
      recorded['classify response'],
    );
    expect(encodeExamplesResponse(answered, regress).toString('hex')).toBe(
      recorded['regress response'],
    );
    const of = (signature: string): ModelSpec => ({ ...answered, version: '1', signature });
    const both = encodeMultiInferenceResponse([
      { model: of('a'), result: classify },
      { model: of('b'), result: regress },
    ]);
    expect(both.toString('hex')).toBe(recorded['multi inference response']);
  });

  const task = (name: string, signature: string, method: string): WireWriter =>
    new WireWriter()
      .message(1, new WireWriter().string(1, name).string(3, signature))
      .string(2, `tensorflow/serving/${method}`);

  test.each<[string, string, WireWriter[]]>([
    ['no tasks', 'Inference request is empty', []],
    [
      'two models',
      'must access the same model name',
      [task('a', 'x', 'classify'), task('b', 'y', 'regress')],
    ],
    [
      'a signature twice',
      'Duplicate evaluation',
      [task('a', 'x', 'classify'), task('a', 'x', 'regress')],
    ],
    [
      'another method',
      'Unsupported signature method_name: tensorflow/serving/predict',
      [task('a', 'x', 'predict')],
    ],
    ['a task without a model', 'Missing ModelSpec', [new WireWriter()]],
  ])('are refused with %s', (_, problem, tasks) => {
    const message = new WireWriter();
    for (const one of tasks) message.message(1, one);
    expect(() => decodeMultiInferenceRequest(message.finish(), room())).toThrow(problem);
  });
});

test('mutated requests are read or refused, and nothing else', () => {
  const random = createRandom(21);
  const decoders: [string, (message: Buffer) => unknown][] = [
    ['predict request', decodePredictRequest],
    ['classify request', (message) => decodeExamplesRequest(message, room())],
    ['regress request', (message) => decodeExamplesRequest(message, room())],
    ['multi inference request', (message) => decodeMultiInferenceRequest(message, room())],
    ['metadata request', decodeMetadataRequest],
    ['status request', decodeStatusRequest],
    ['reload request', decodeReloadRequest],
  ];
  let refused = 0;
  for (let i = 0; i < 7000; i += 1) {
    const [name, decode] = decoders[i % decoders.length] as (typeof decoders)[number];
    const message = bytes(name);
    for (let j = 0; j < 2; j += 1)
      message[Math.floor(random() * message.length)] = Math.floor(random() * 256);
    const cut = random() < 0.3 ? Math.floor(random() * message.length) : message.length;
    try {
      decode(message.subarray(0, cut));
    } catch (error) {
      if (!(error instanceof ServingError)) throw error;
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(2000);
});
