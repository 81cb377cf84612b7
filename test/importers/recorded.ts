/**
 * Models that frameworks saved, with what they answer: converts one, runs it in ONNX Runtime with its
 * optimisations on and off, and gives the error as a part of the outputs' standard deviation.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import type { ImportedModel, Importer, ImportOptions } from '../../src/importers/importer.ts';
import { writeOnnxModel } from '../../src/onnx/write-model.ts';
import { sessionOptions, temporaryFolder } from '../models/run.ts';

interface Packed {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: string;
}

export interface Recorded {
  readonly inputs: readonly Packed[];
  readonly outputs: readonly Packed[];
}

export function readRecorded(path: string): Recorded {
  return JSON.parse(readFileSync(path, 'utf8')) as Recorded;
}

const arrays: Record<string, (buffer: ArrayBuffer) => ArrayLike<number | bigint>> = {
  float32: (buffer) => new Float32Array(buffer),
  float64: (buffer) => new Float64Array(buffer),
  int32: (buffer) => new Int32Array(buffer),
  int64: (buffer) => new BigInt64Array(buffer),
  uint8: (buffer) => new Uint8Array(buffer),
  bool: (buffer) => new Uint8Array(buffer),
};

function unpack({ dtype, data }: Packed): ArrayLike<number | bigint> {
  const bytes = Buffer.from(data, 'base64');
  const make = arrays[dtype];
  if (!make) throw new Error(`no dtype ${dtype}`);
  return make(new Uint8Array(bytes).buffer);
}

const toTensor = (packed: Packed): ort.Tensor =>
  new ort.Tensor(packed.dtype as 'float32', unpack(packed) as Float32Array, packed.shape);

export interface Difference {
  readonly output: string;
  /** Largest difference, in standard deviations of the expected output. */
  readonly error: number;
  readonly expectedShape: readonly number[];
  readonly shape: readonly number[];
  readonly declared: readonly (number | null)[];
  readonly optimised: boolean;
}

export function deviation(values: ArrayLike<number>): number {
  const list = Array.from(values);
  const mean = list.reduce((sum, value) => sum + value, 0) / list.length;
  return Math.sqrt(list.reduce((sum, value) => sum + (value - mean) ** 2, 0) / list.length);
}

/** Differences of every output, for both settings of the optimiser. */
export async function compareImported(
  model: ImportedModel,
  { inputs, outputs }: Recorded,
): Promise<Difference[]> {
  using folder = temporaryFolder();
  const path = join(folder.path, 'model.onnx');
  const [signature] = model.signatures;
  if (!signature) throw new Error('no signature');
  writeOnnxModel(path, signature.graph, { opset: model.opset });
  const found: Difference[] = [];
  for (const level of ['disabled', 'all'] as const) {
    const session = await ort.InferenceSession.create(path, {
      ...sessionOptions,
      graphOptimizationLevel: level,
    });
    const feeds = Object.fromEntries(
      signature.inputs.map(({ value }, i) => [value, toTensor(inputs[i] as Packed)]),
    );
    const results = await session.run(feeds);
    for (const [i, { name, value, shape }] of signature.outputs.entries()) {
      const expected = outputs[i] as Packed;
      const result = results[value] as ort.Tensor;
      found.push({
        output: name,
        error: errorOf(
          Array.from(result.data as Float32Array, Number),
          Array.from(unpack(expected), Number),
        ),
        expectedShape: expected.shape,
        shape: result.dims,
        declared: shape,
        optimised: level === 'all',
      });
    }
    await session.release();
  }
  return found;
}

function errorOf(actual: readonly number[], expected: readonly number[]): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  const spread = deviation(expected);
  const largest = actual.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))),
    0,
  );
  if (actual.some(Number.isNaN)) return Number.POSITIVE_INFINITY;
  return spread === 0 ? largest : largest / spread;
}

export function openRecorded(
  importer: Importer,
  path: string,
  options: ImportOptions = {},
): ImportedModel {
  return importer.open(path, options);
}
