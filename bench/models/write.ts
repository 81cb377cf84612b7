/** Writes the bench's models, once: `node bench/models/write.ts <folder>`, or from a benchmark. */

import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Graph } from '../../src/onnx/graph-builder.ts';
import { writeOnnxModel } from '../../src/onnx/write-model.ts';
import { mlp } from '../../test/models/numbers.ts';
import { resnet20 } from './resnet20.ts';
import { resnet50 } from './resnet50.ts';

export const benchModels = { mlp, resnet20, resnet50 } satisfies Record<string, () => Graph>;
export type BenchModel = keyof typeof benchModels;

/**
 * Gives the path of `<folder>/<name>/1/model.onnx`, writing it first if it is not there. Delete the
 * folder after a change of the model's code.
 */
export function writeBenchModel(folder: string, name: BenchModel): string {
  const path = join(folder, name, '1', 'model.onnx');
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  writeOnnxModel(temporary, benchModels[name]());
  renameSync(temporary, path);
  return path;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const folder = process.argv[2] ?? 'bench/.models';
  for (const name of Object.keys(benchModels) as BenchModel[]) {
    console.log(writeBenchModel(folder, name));
  }
}
