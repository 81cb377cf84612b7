/**
 * Models that frameworks saved, with what they answer: converts one, runs it in ONNX Runtime with its
 * optimisations on and off, and gives the error as a part of the outputs' standard deviation.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import type { ImportedModel, ImportedSignature } from '../../src/importers/importer.ts';
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

type Elements = ArrayLike<number | bigint>;

export function readRecorded(path: string): Recorded {
  return JSON.parse(readFileSync(path, 'utf8')) as Recorded;
}

const arrays: Record<string, (buffer: ArrayBuffer) => Elements> = {
  float32: (buffer) => new Float32Array(buffer),
  float64: (buffer) => new Float64Array(buffer),
  int32: (buffer) => new Int32Array(buffer),
  int64: (buffer) => new BigInt64Array(buffer),
  uint8: (buffer) => new Uint8Array(buffer),
  bool: (buffer) => new Uint8Array(buffer),
};

export function unpack({ dtype, data }: Packed): Elements {
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

/** What a model in ONNX answers with one setting of the optimiser, output by output. */
export interface Answer {
  readonly optimised: boolean;
  readonly outputs: readonly ort.Tensor[];
}

type Interface = Pick<ImportedSignature, 'inputs' | 'outputs'>;

export const feedsFor = ({ inputs }: Interface, recorded: Recorded): Record<string, ort.Tensor> =>
  Object.fromEntries(inputs.map(({ value }, i) => [value, toTensor(recorded.inputs[i] as Packed)]));

/** The answers of an ONNX file to the recorded inputs, for both settings of the optimiser. */
export async function answersOf(
  path: string,
  signature: Interface,
  recorded: Recorded,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const level of ['disabled', 'all'] as const) {
    const session = await ort.InferenceSession.create(path, {
      ...sessionOptions,
      graphOptimizationLevel: level,
    });
    const results = await session.run(feedsFor(signature, recorded));
    const outputs = signature.outputs.map(({ value }) => results[value] as ort.Tensor);
    answers.push({ optimised: level === 'all', outputs });
    await session.release();
  }
  return answers;
}

/** Differences of every output, for both settings of the optimiser. */
export async function compareImported(
  model: ImportedModel,
  recorded: Recorded,
): Promise<Difference[]> {
  using folder = temporaryFolder();
  const path = join(folder.path, 'model.onnx');
  const [signature] = model.signatures;
  if (!signature) throw new Error('no signature');
  writeOnnxModel(path, signature.graph, { opset: model.opset });
  const answers = await answersOf(path, signature, recorded);
  return answers.flatMap(({ optimised, outputs }) =>
    signature.outputs.map(({ name, shape }, i) => {
      const [result, expected] = [outputs[i] as ort.Tensor, recorded.outputs[i] as Packed];
      return {
        output: name,
        error: errorOf(result.data as Float32Array, unpack(expected)),
        expectedShape: expected.shape,
        shape: result.dims,
        declared: shape,
        optimised,
      };
    }),
  );
}

/** The largest difference, in standard deviations of what is expected. */
export function errorOf(actualElements: Elements, expectedElements: Elements): number {
  const [actual, expected] = [actualElements, expectedElements].map((all) =>
    Array.from(all, Number),
  ) as [number[], number[]];
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  const spread = deviation(expected);
  const largest = actual.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))),
    0,
  );
  if (actual.some(Number.isNaN)) return Number.POSITIVE_INFINITY;
  return spread === 0 ? largest : largest / spread;
}
