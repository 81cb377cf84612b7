/**
 * Models that TensorFlow saved, in test/fixtures/tensorflow: their files, inputs, and the outputs that
 * TensorFlow computed from the reloaded files. Made by the scripts beside them.
 */

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as ort from 'onnxruntime-node';
import type {
  ImportedModel,
  ImportedSignature,
  ImportOptions,
} from '../../src/importers/importer.ts';
import {
  frozenGraphImporter,
  savedModelImporter,
} from '../../src/importers/tensorflow/importer.ts';
import { writeOnnxModel } from '../../src/onnx/write-model.ts';
import { sessionOptions } from './run.ts';

export interface EncodedArray {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Base64 of the elements, little-endian. */
  readonly data: string;
}

export interface TensorFlowCase {
  /** Base64 of gzip, by name. */
  readonly files: Readonly<Record<string, string>>;
  readonly inputs: Readonly<Record<string, EncodedArray>>;
  readonly outputs: Readonly<Record<string, EncodedArray>>;
}

/** A model with what each of its signatures gives. */
export interface TensorFlowModel {
  readonly files: TensorFlowCase['files'];
  readonly signatures: Readonly<Record<string, Omit<TensorFlowCase, 'files'>>>;
}

const root = join(import.meta.dirname, '../fixtures/tensorflow');

export const opCases: readonly string[] = readdirSync(join(root, 'ops')).map((name) =>
  name.replace(/\.json$/, ''),
);

export function readCase(name: string): TensorFlowCase {
  return JSON.parse(readFileSync(join(root, `${name}.json`), 'utf8'));
}

export function readModel(name: string): TensorFlowModel {
  return JSON.parse(readFileSync(join(root, `models/${name}.json`), 'utf8'));
}

/** Writes the files of a model into a folder. */
export function put(folder: string, files: TensorFlowCase['files']): void {
  for (const [name, packed] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, gunzipSync(Buffer.from(packed, 'base64')));
  }
}

/** The model's folder, gone when the scope ends. */
export function unpack(files: TensorFlowCase['files']): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'modelship-tensorflow-'));
  put(path, files);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

type Numbers = InstanceType<(typeof arrays)[keyof typeof arrays]>;

export function decode({ dtype, data }: EncodedArray): Numbers {
  const bytes = new Uint8Array(Buffer.from(data, 'base64'));
  return new arrays[dtype as keyof typeof arrays](bytes.buffer);
}

/** As plain numbers; half-precision bits become the numbers they mean. */
export function plainNumbers(dtype: string, values: ArrayLike<number | bigint>): number[] {
  if (dtype !== 'float16' || values instanceof Float16Array) return Array.from(values, Number);
  const bits =
    values instanceof Uint16Array ? values : Uint16Array.from(values as ArrayLike<number>);
  return [...new Float16Array(bits.buffer, bits.byteOffset, bits.length)];
}

export type OptimizationLevel = 'disabled' | 'all';

/** The outputs by their names in the signature, computed by ONNX Runtime. */
export async function runSignature(
  signature: ImportedSignature,
  { opset }: Pick<ImportedModel, 'opset'>,
  feeds: Readonly<Record<string, ort.Tensor>>,
  level: OptimizationLevel,
): Promise<Record<string, ort.Tensor>> {
  const folder = mkdtempSync(join(tmpdir(), 'modelship-onnx-'));
  try {
    const path = join(folder, 'model.onnx');
    writeOnnxModel(path, signature.graph, { opset });
    const options = { ...sessionOptions, graphOptimizationLevel: level };
    const session = await ort.InferenceSession.create(path, options);
    const results = await session.run(feeds);
    await session.release();
    return Object.fromEntries(
      signature.outputs.map(({ name, value }) => [name, results[value] as ort.Tensor]),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function feedsOf(
  signature: ImportedSignature,
  inputs: TensorFlowCase['inputs'],
): Record<string, ort.Tensor> {
  const entries = signature.inputs.map(({ name, value }) => {
    const array = inputs[name] as EncodedArray;
    const tensor = new ort.Tensor(
      array.dtype as 'float32',
      decode(array) as Float32Array,
      array.shape,
    );
    return [value, tensor] as const;
  });
  return Object.fromEntries(entries);
}

/** The largest difference, in standard deviations of what is expected; Infinity for other shapes or NaN. */
export function errorInSigmas(actual: readonly number[], expected: readonly number[]): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  const mean = expected.reduce((sum, value) => sum + value, 0) / expected.length;
  const variance = expected.reduce((sum, value) => sum + (value - mean) ** 2, 0) / expected.length;
  const worst = actual.reduce((most, value, i) => {
    const difference = Math.abs(value - (expected[i] as number));
    return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(most, difference);
  }, 0);
  return worst / Math.sqrt(variance);
}

/** Opens the unpacked files of a case: a SavedModel, or a frozen graph. */
export function openCase(folder: string, options: ImportOptions = {}): ImportedModel {
  const frozen = join(folder, 'model.pb');
  return existsSync(frozen)
    ? frozenGraphImporter.open(frozen, options)
    : savedModelImporter.open(folder, options);
}

/** What differs from what is expected, beyond 1e-4 of its standard deviation; [] when nothing does. */
export function differences(
  results: Readonly<Record<string, ort.Tensor>>,
  outputs: TensorFlowCase['outputs'],
): string[] {
  return Object.entries(outputs).flatMap(([key, expected]) => {
    const { dtype, shape } = expected;
    const actual = results[key];
    const got = plainNumbers(dtype, (actual?.data ?? []) as Float32Array);
    const error = errorInSigmas(got, plainNumbers(dtype, decode(expected)));
    const isRight = error <= (dtype === 'float16' ? 1e-3 : 1e-4);
    const found = `${actual?.type} [${actual?.dims}]`;
    const wanted = `${dtype} [${shape}]`;
    return isRight && found === wanted ? [] : [`${key}: ${error} σ, ${found} for ${wanted}`];
  });
}

export interface SvhnPictures {
  readonly jpegs: readonly Uint8Array[];
  /** What TensorFlow decodes them to: [n, 32, 32, 3]. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** For all of them, and for the first two. */
  readonly scores: readonly (readonly (readonly number[])[])[];
}

/** The pictures of svhn_gan, and TensorFlow's scores of them. */
export function readPictures(): SvhnPictures {
  const stored = JSON.parse(readFileSync(join(root, 'svhn_gan/pictures.json'), 'utf8'));
  const { jpegs, pixels, scores } = stored as Record<'jpegs', string[]> & {
    pixels: string;
    scores: number[][][];
  };
  return {
    jpegs: jpegs.map((jpeg) => new Uint8Array(Buffer.from(jpeg, 'base64'))),
    pixels: new Uint8Array(Buffer.from(pixels, 'base64')),
    scores,
  };
}

export const pixelTensor = (bytes: Uint8Array, shape: readonly number[]): ort.Tensor =>
  new ort.Tensor('uint8', bytes, shape);
