/** A load order for a graph that a test builds, as serving makes it from the file. */

import { join } from 'node:path';
import type { Graph } from '../onnx/graph-builder.ts';
import type { WriteOptions } from '../onnx/write-model.ts';
import { writeOnnxModel } from '../onnx/write-model.ts';
import { readSignature } from '../repository/model-signature.ts';
import type { LoadOrder } from './protocol.ts';

export function orderFor(
  folder: string,
  graph: Graph,
  changes: Partial<LoadOrder> = {},
  options: WriteOptions = {},
): LoadOrder {
  const path = join(folder, 'model.onnx');
  writeOnnxModel(path, graph, options);
  const { inputs, outputs } = readSignature(path);
  return {
    model: 'test',
    version: '1',
    path,
    provider: 'cpu',
    threads: 1,
    inputs,
    outputs,
    ...changes,
  };
}
