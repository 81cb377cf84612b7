/** Runs a built model in ONNX Runtime, for the tests that check what the models answer. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import * as ort from 'onnxruntime-node';
import type { Graph } from '../../src/onnx/graph-builder.ts';
import type { WriteOptions } from '../../src/onnx/write-model.ts';
import { writeOnnxModel } from '../../src/onnx/write-model.ts';

export type Feeds = Record<string, Tensor>;
export type Results = InferenceSession.OnnxValueMapType;

/** One thread each: the default pins threads to host cores and fails in a cpuset container. */
export const sessionOptions: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  logSeverityLevel: 4,
};

/** A folder that is gone when the scope ends: `using folder = temporaryFolder()`. */
export function temporaryFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'modelship-onnx-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Writes the model, loads it, runs it once for each feeds, and releases it. */
export async function runModel(
  graph: Graph,
  feeds: readonly Feeds[],
  options: WriteOptions = {},
): Promise<Results[]> {
  using folder = temporaryFolder();
  const path = join(folder.path, 'model.onnx');
  writeOnnxModel(path, graph, options);
  const session = await ort.InferenceSession.create(path, sessionOptions);
  try {
    const results: Results[] = [];
    for (const feed of feeds) results.push(await session.run(feed));
    return results;
  } finally {
    await session.release();
  }
}

export const float32 = (data: Iterable<number>, dims: readonly number[]): Tensor =>
  tensorOf('float32', Float32Array.from(data), dims);

/**
 * A tensor of the runtime. The elements of `float16` are their bits in a Uint16Array, and are put into
 * the tensor behind its back: onnxruntime-node 1.30 takes Node 24's Float16Array for an empty array.
 */
export function tensorOf(
  type: Tensor.Type,
  data: Tensor.DataType,
  dims: readonly number[],
): Tensor {
  const tensor = new ort.Tensor(type as 'float32', data as Float32Array, dims);
  if (type === 'float16') Object.assign(tensor, { cpuData: data });
  return tensor;
}

/** The elements of one output as plain numbers; throws when there is no such output. */
export function numbersOf(results: Results | undefined, output: string): number[] {
  const value = results?.[output];
  if (!value) throw new Error(`no output '${output}' among ${Object.keys(results ?? {})}`);
  return Array.from(value.data as Float32Array, Number);
}
