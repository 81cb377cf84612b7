import { describe, expect, test } from 'vitest';
import type { NamedTensor } from '../../tensor/tensor.ts';
import { runNow } from '../steps.ts';
import { encodeInferAnswer } from './infer-answer.ts';
import type { InferBody } from './infer-request.ts';
import { parseInferBody } from './infer-request.ts';

const input = { name: 'x', shape: [2], datatype: 'UINT8' };

/** A body with a JSON header and the binary parts behind it. */
function binaryBody(header: object, ...parts: Uint8Array[]): [body: Buffer, length: string] {
  const json = Buffer.from(JSON.stringify(header));
  return [Buffer.concat([json, ...parts]), String(json.length)];
}

const parseBody = (body: Buffer, headerLength: string | undefined): InferBody =>
  runNow(parseInferBody(body, headerLength));

const parse = (body: unknown): InferBody => parseBody(Buffer.from(JSON.stringify(body)), undefined);

const binary = (size: unknown) => ({ ...input, parameters: { binary_data_size: size } });

describe('more than any client sends is refused without looking at each:', () => {
  const parameters = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`p${i}`, i]));
  const one = { ...input, data: [1, 2] };

  test.each([
    ['parameters of the request', { parameters, inputs: [one] }, /1000 parameters/],
    ['of an input', { inputs: [one, { ...one, parameters }] }, /1000 parameters/],
    ['of an output', { inputs: [one], outputs: [{ name: 'y', parameters }] }, /1000 parameters/],
    ['inputs', { inputs: Array(4097).fill(1) }, /4096 inputs/],
    ['outputs', { inputs: [one], outputs: Array(4097).fill(1) }, /4096 outputs/],
  ])('%s', (_, body, problem) => {
    expect(() => parse(body)).toThrow(problem);
  });

  test('but not a thousand parameters', () => {
    const { p1000: _, ...thousand } = parameters;
    expect(parse({ parameters: thousand, inputs: [one] }).inputs).toHaveLength(1);
  });
});

describe('a request', () => {
  test('in JSON', () => {
    const body = parse({ id: 'a', inputs: [{ ...input, data: [1, 2] }], outputs: [{ name: 'y' }] });
    expect(body).toMatchObject({
      id: 'a',
      inputs: [{ name: 'x', dtype: 'UINT8', shape: [2], data: Uint8Array.of(1, 2) }],
      outputs: [{ name: 'y', binary: false }],
      binaryByDefault: false,
    });
  });

  test('with binary parts in the order of the inputs, as views on the body', () => {
    const inputs = [binary(2), { ...input, name: 'z', data: [9, 9] }, { ...binary(2), name: 'y' }];
    const [body, length] = binaryBody({ inputs }, Uint8Array.of(1, 2, 3, 4));
    const parsed = parseBody(body, length).inputs;
    expect(parsed.map(({ name, data }) => [name, ...data])).toEqual([
      ['x', 1, 2],
      ['z', 9, 9],
      ['y', 3, 4],
    ]);
    expect(parsed[0]?.data.buffer).toBe(body.buffer);
  });

  test('with an empty binary part', () => {
    const [body, length] = binaryBody({ inputs: [{ ...binary(0), shape: [0] }] });
    expect(parseBody(body, length).inputs[0]?.data.length).toBe(0);
  });

  test('may ask for binary outputs, all or one by one', () => {
    const outputs = [{ name: 'a' }, { name: 'b', parameters: { binary_data: false } }];
    const body = parse({
      inputs: [{ ...input, data: [1, 2] }],
      parameters: { binary_data_output: true },
      outputs,
    });
    expect([body.binaryByDefault, body.outputs?.map((output) => output.binary)]).toEqual([
      true,
      [true, false],
    ]);
  });

  test('may hold names that every object has', () => {
    const text =
      '{"inputs":[{"name":"__proto__","shape":[1],"datatype":"UINT8","data":[1],"parameters":{"__proto__":1,"constructor":"x"}}],"parameters":{"__proto__":true},"__proto__":{"id":"evil"}}';
    const body = parseBody(Buffer.from(text), undefined);
    expect([body.id, body.binaryByDefault, body.inputs[0]?.name]).toEqual([
      undefined,
      false,
      '__proto__',
    ]);
    expect(({} as { id?: string }).id).toBeUndefined();
  });
});

describe('refused in JSON:', () => {
  const withData = { ...input, data: [1, 2] };
  test.each<[string, unknown]>([
    ['body: expected an object (key: value), got a list', []],
    ['inputs: it is missing; expected a list', {}],
    ['inputs: expected at least 1 entry, got a list', { inputs: [] }],
    [
      'inputs.0.name: expected a text, got 1 without quotes',
      { inputs: [{ ...withData, name: 1 }] },
    ],
    ['inputs.0.shape.0: expected at least 0, got -1', { inputs: [{ ...withData, shape: [-1] }] }],
    [
      'inputs.0.shape.0: expected a whole number, got 1.5',
      { inputs: [{ ...withData, shape: [1.5] }] },
    ],
    ['inputs.0.shape.0: expected at most ', { inputs: [{ ...withData, shape: [2 ** 32] }] }],
    [
      'inputs.0.shape: expected at most 32 entries',
      { inputs: [{ ...withData, shape: new Array(33).fill(1) }] },
    ],
    [
      "input 'x' has the unknown datatype 'float32'",
      { inputs: [{ ...withData, datatype: 'float32' }] },
    ],
    [
      "input 'x' has the unknown datatype 'constructor'",
      { inputs: [{ ...withData, datatype: 'constructor' }] },
    ],
    ["input 'x' needs either data or binary_data_size", { inputs: [input] }],
    [
      "input 'x' needs either data or binary_data_size",
      { inputs: [{ ...binary(2), data: [1, 2] }] },
    ],
    ["input 'x' has binary_data_size 2, but 0 bytes are left", { inputs: [binary(2)] }],
    ['shared memory', { inputs: [{ ...withData, parameters: { shared_memory_region: 'a' } }] }],
    ['parameters: expected an object', { inputs: [withData], parameters: 1 }],
    ['parameters.a', { inputs: [withData], parameters: { a: null } }],
    ['parameters.a', { inputs: [withData], parameters: { a: [1] } }],
    ['sequence_id', { inputs: [withData], parameters: { sequence_id: 1 } }],
    ['timeout', { inputs: [withData], parameters: { timeout: -1 } }],
    [
      'binary_data is not true or false',
      { inputs: [withData], outputs: [{ name: 'y', parameters: { binary_data: 1 } }] },
    ],
    ['an output is listed twice', { inputs: [withData], outputs: [{ name: 'y' }, { name: 'y' }] }],
    [
      "The data of input 'x' is invalid: it has 3 elements",
      { inputs: [{ ...input, data: [1, 2, 3] }] },
    ],
  ])('%s', (problem, body) => {
    expect(() => parse(body)).toThrow(problem);
  });
});

describe('refused in binary:', () => {
  const header = { inputs: [binary(2)] };

  test.each<[string, unknown]>([
    ['a size beyond the body', 3],
    ['a negative size', -1],
    ['half a byte', 1.5],
    ['a size that is a text', '2'],
    ['a size that is true', true],
    ['more than there can be', 2 ** 53],
  ])('%s', (_, size) => {
    const [body, length] = binaryBody({ inputs: [binary(size)] }, Uint8Array.of(1, 2));
    expect(() => parseBody(body, length)).toThrow('binary_data_size');
  });

  test('bytes behind the last input', () => {
    const [body, length] = binaryBody(header, Uint8Array.of(1, 2, 3));
    expect(() => parseBody(body, length)).toThrow('unexpected additional input data: 1 bytes');
  });

  test.each(['', '-1', '1.5', '0x10', ' 5', '99999999999', '1000', '5,5'])(
    'a header length of %j',
    (length) => {
      const [body] = binaryBody(header, Uint8Array.of(1, 2));
      expect(() => parseBody(body, length)).toThrow('Inference-Header-Content-Length');
    },
  );

  test('a header length that cuts the JSON', () => {
    const [body, length] = binaryBody(header, Uint8Array.of(1, 2));
    expect(() => parseBody(body, String(Number(length) - 1))).toThrow(
      expect.objectContaining({ code: 'JSON_INVALID' }),
    );
  });

  test('no header at all', () => {
    expect(() => parseBody(Buffer.from('xx'), '00')).toThrow('it is empty');
  });
});

describe('an answer', () => {
  const outputs: NamedTensor[] = [
    { name: 'a', dtype: 'FP32', shape: [2], data: new Uint8Array(Float32Array.of(0.5, -0).buffer) },
    { name: 'h', dtype: 'FP16', shape: [1], data: Uint8Array.of(0, 0x3c) },
  ];
  const request = parse({ id: '"quoted"', inputs: [{ ...input, data: [1, 2] }] });
  function answer(
    parts: NamedTensor[],
    changes: Partial<InferBody> = {},
  ): { body: Buffer; headerLength?: number } {
    const answered = { model: 'm "1"', version: '2', outputs: parts };
    const { pieces, ...rest } = runNow(encodeInferAnswer(answered, { ...request, ...changes }));
    return { body: Buffer.concat(pieces), ...rest };
  }

  test('in JSON is one document', () => {
    const { body, headerLength } = answer(outputs.slice(0, 1));
    expect(headerLength).toBeUndefined();
    expect(JSON.parse(body.toString())).toEqual({
      id: '"quoted"',
      model_name: 'm "1"',
      model_version: '2',
      outputs: [{ name: 'a', datatype: 'FP32', shape: [2], data: [0.5, -0] }],
    });
  });

  test('with what has no JSON form sends that as bytes behind the JSON', () => {
    const { body, headerLength = 0 } = answer(outputs);
    const json = JSON.parse(body.subarray(0, headerLength).toString());
    expect(json.outputs[0].data).toEqual([0.5, -0]);
    expect(json.outputs[1].parameters).toEqual({ binary_data_size: 2 });
    expect([...body.subarray(headerLength)]).toEqual([0, 0x3c]);
  });

  test('in binary has the parts in the order of the outputs', () => {
    const { body, headerLength = 0 } = answer(outputs, { binaryByDefault: true });
    expect(body.subarray(headerLength)).toEqual(Buffer.concat(outputs.map(({ data }) => data)));
  });

  test('is empty in shape and data for no rows', () => {
    const none: NamedTensor = { name: 'a', dtype: 'INT64', shape: [0, 3], data: new Uint8Array(0) };
    expect(JSON.parse(answer([none]).body.toString()).outputs[0]).toMatchObject({
      shape: [0, 3],
      data: [],
    });
  });
});
