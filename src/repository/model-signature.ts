/**
 * A model's inputs and outputs as every other part of the server knows them, read from the file.
 */

import { basename, dirname, extname, join } from 'node:path';
import { ServingError } from '../errors.ts';
import { readOnnxModel } from '../onnx/read-model.ts';
import { checkServable } from '../onnx/servable.ts';
import type { OnnxSummary, OnnxValue } from '../onnx/summary.ts';
import { isDType } from '../tensor/dtype.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import { formatOfFile, servedFormats } from './model-files.ts';

export interface OutputSpec extends TensorSpec {
  /** The operator that makes it (`Softmax`, `Gemm`), when one does. */
  readonly producedBy?: string;
}

export interface ModelSignature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly OutputSpec[];
  readonly format: string;
  readonly producer: string;
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  readonly weightBytes: number;
  readonly operators: readonly { readonly op: string; readonly count: number }[];
  /** The model file and the files with its external data. */
  readonly files: readonly string[];
}

function toSpec({ name, type }: OnnxValue, path: string): TensorSpec {
  if (type.kind !== 'tensor' || !isDType(type.dtype)) {
    // checkServable has refused these with a better message.
    throw new ServingError('MODEL_FILE_INVALID', { path, problem: `'${name}' is not a tensor` });
  }
  const { dtype, shape } = type;
  if (!shape) return { name, dtype, shape: [], anyShape: true };
  return {
    name,
    dtype,
    shape: shape.map((dim) => (typeof dim === 'number' && dim >= 0 ? dim : null)),
  };
}

function externalFiles(path: string, { externalTensors }: OnnxSummary): string[] {
  return [...new Set(externalTensors.map(({ location }) => join(dirname(path), location)))].sort();
}

/** How PyTorch itself writes the file that can be served. */
function exportAdvice(path: string): string {
  const onnx = `${basename(path, extname(path))}.onnx`;
  return `Export it where it was trained: torch.onnx.export(model.eval(), (example,), "${onnx}", input_names=["input"], output_names=["output"], dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}})`;
}

/**
 * Reads the signature of a model file. Throws MODEL_FORMAT_UNSUPPORTED, MODEL_FILE_INVALID,
 * OPSET_TOO_NEW, VALUE_TYPE_UNSUPPORTED or PATH_UNREADABLE.
 */
export function readSignature(path: string): ModelSignature {
  const format = formatOfFile(path.split('/').pop() ?? '');
  if (format !== 'ONNX') {
    throw new ServingError('MODEL_FORMAT_UNSUPPORTED', {
      path,
      format: `a ${format ?? 'file'} model`,
      supported: servedFormats,
      advice: format === 'PyTorch' ? exportAdvice(path) : undefined,
    });
  }
  const summary = readOnnxModel(path);
  checkServable(summary, path);
  return {
    inputs: summary.inputs.map((value) => toSpec(value, path)),
    outputs: summary.outputs.map((value) => ({
      ...toSpec(value, path),
      ...(value.producer ? { producedBy: value.producer.op } : {}),
    })),
    format,
    producer: `${summary.producer.name} ${summary.producer.version}`.trim(),
    opsets: summary.opsets,
    weightBytes: summary.initialisers.bytes + summary.constants.bytes,
    operators: summary.ops.map(({ op, count }) => ({ op, count })),
    files: [path, ...externalFiles(path, summary)],
  };
}
