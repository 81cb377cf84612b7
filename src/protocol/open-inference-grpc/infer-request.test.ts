/** ModelInferRequest as real clients send it (scripts/clients/record_grpc.py), and its bounds. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { NamedTensor } from '../../tensor/tensor.ts';
import { packBytes } from '../../tensor/tensor.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import { runNow } from '../steps.ts';
import type { InferMessage } from './infer-request.ts';
import { decodeInferRequest, tensorsOf as stepsOf } from './infer-request.ts';

const tensorsOf = (...args: Parameters<typeof stepsOf>): NamedTensor[] => runNow(stepsOf(...args));

const folder = join(import.meta.dirname, '../../../test/fixtures/open-inference-grpc');

function recorded(client: 'tritonclient' | 'kserve', name: string): InferMessage {
  const all = JSON.parse(readFileSync(join(folder, `${client}.json`), 'utf8'));
  return decodeInferRequest(Buffer.from(all[name], 'base64'));
}

const noRoom = (): never => {
  throw new Error('no memory was asked for');
};
const anyRoom = (): void => {};

const bytesOf = ({ buffer, byteOffset, byteLength }: NodeJS.TypedArray): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
const texts = (...all: string[]): Uint8Array => packBytes(all.map((text) => Buffer.from(text)));
const plain = ({ data, ...rest }: NamedTensor): object => ({ ...rest, data: [...data] });

describe('tritonclient', () => {
  test('raw integers', () => {
    const request = recorded('tritonclient', 'simple');
    expect(request).toMatchObject({
      model: 'simple',
      version: undefined,
      id: '',
      outputs: undefined,
    });
    const values = (from: number): number[] => [
      ...bytesOf(Int32Array.from({ length: 16 }, (_, i) => i + from)),
    ];
    expect(tensorsOf(request, noRoom).map(plain)).toEqual([
      { name: 'INPUT0', dtype: 'INT32', shape: [1, 16], data: values(0) },
      { name: 'INPUT1', dtype: 'INT32', shape: [1, 16], data: values(1) },
    ]);
  });

  test('everything that a request can say', () => {
    const { version, id, parameters, outputs } = recorded('tritonclient', 'everything');
    expect([version, id]).toEqual(['1', 'r-1']);
    expect({ ...parameters }).toEqual({
      note: 'é',
      flag: true,
      count: 7,
      priority: 2,
      timeout: 1_500_000,
    });
    expect(outputs?.map(({ name }) => name)).toEqual(['OUTPUT1', 'OUTPUT0']);
    expect({ ...outputs?.[0]?.parameters }).toEqual({ classification: 3 });
  });

  test('a sequence', () => {
    const { parameters } = recorded('tritonclient', 'sequence');
    expect({ ...parameters }).toMatchObject({ sequence_id: 7, sequence_start: true });
  });

  test('texts and 16-bit floats', () => {
    const [one] = tensorsOf(recorded('tritonclient', 'texts'), noRoom);
    expect(plain(one as NamedTensor)).toEqual({
      name: 'x',
      dtype: 'BYTES',
      shape: [1, 3],
      data: [...texts('a', 'é', '')],
    });
    const [half] = tensorsOf(recorded('tritonclient', 'halves'), noRoom);
    expect([...(half?.data ?? [])]).toEqual([
      ...bytesOf(Float16Array.of(1, -2, Number.POSITIVE_INFINITY)),
    ]);
  });
});

test.each<[string, string, Uint8Array]>([
  ['floats', 'FP32', bytesOf(Float32Array.of(1.5, -2.25))],
  ['longs', 'INT64', bytesOf(BigInt64Array.of(-1n, 2n ** 62n + 1n))],
  ['bytes', 'UINT8', Uint8Array.of(0, 255)],
  ['bools', 'BOOL', Uint8Array.of(1, 0)],
  ['texts', 'BYTES', texts('a', 'é')],
])('typed %s of the KServe SDK', (name, dtype, data) => {
  const request = recorded('kserve', name);
  expect(request.id).toBe('k-1');
  const tensors = tensorsOf(request, anyRoom);
  expect(tensors.map(plain)).toEqual([{ name: 'x', dtype, shape: [1, 2], data: [...data] }]);
});

/** A request with one typed input. */
function typed(dtype: string, shape: number[], field: number, packed: Uint8Array): InferMessage {
  const input = new WireWriter().string(1, 'x').string(2, dtype);
  for (const dim of shape) input.int(3, dim);
  input.message(5, new WireWriter().bytes(field, packed));
  return decodeInferRequest(new WireWriter().message(5, input).finish());
}

describe('memory', () => {
  test('floats, raw bytes and texts are views of the message', () => {
    const floats = Buffer.from(Float32Array.of(1, 2).buffer);
    const message = new WireWriter()
      .message(5, new WireWriter().string(1, 'x').string(2, 'FP32').int(3, 2))
      .bytes(7, floats)
      .finish();
    const [raw] = tensorsOf(decodeInferRequest(message), noRoom);
    expect(raw?.data.buffer).toBe(message.buffer);
    const [packed] = tensorsOf(typed('FP32', [2], 6, floats), noRoom);
    expect(floats.equals(packed?.data as Uint8Array)).toBe(true);
  });

  test('is asked for before integers grow to their width, and only when their count is right', () => {
    const asked: number[] = [];
    const room = (bytes: number): void => void asked.push(bytes);
    tensorsOf(typed('INT64', [4], 3, Uint8Array.of(1, 2, 3, 4)), room);
    tensorsOf(typed('INT8', [4], 2, Uint8Array.of(1, 2, 3, 4)), room);
    expect(asked).toEqual([32, 16]);
    expect(() => tensorsOf(typed('INT64', [5], 3, Uint8Array.of(1, 2, 3, 4)), noRoom)).toThrow(
      'it has 4 elements in int64_contents; the shape [5] takes 5',
    );
  });
});

test('a parameter of a kind that is not known, and names that every object has, mean nothing', () => {
  const parameter = (key: string, value: WireWriter): WireWriter =>
    new WireWriter().string(1, key).message(2, value);
  const message = new WireWriter()
    .message(4, parameter('new', new WireWriter().string(9, 'x')))
    .message(4, parameter('__proto__', new WireWriter().string(3, 'x')))
    .finish();
  const { parameters } = decodeInferRequest(message);
  expect(Object.keys(parameters)).toEqual(['__proto__']);
  expect(parameters.toString).toBeUndefined();
});
