/**
 * Checks a request's tensors against the model's signature and puts them into its order.
 */

import { ServingError } from '../errors.ts';
import type { FrameTensor } from '../runner/frames.ts';
import type { NamedTensor } from '../tensor/tensor.ts';
import {
  byteLengthOf,
  countBytesElements,
  elementCount,
  mostBytesElements,
} from '../tensor/tensor.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import { wireShape } from '../tensor/tensor-spec.ts';
import type { ServedSignature } from './signatures.ts';

function checkShape(model: string, spec: TensorSpec, { shape }: NamedTensor): void {
  if (spec.anyShape) return;
  const fits =
    shape.length === spec.shape.length &&
    spec.shape.every((dim, axis) => dim === null || dim === shape[axis]);
  if (!fits) {
    throw new ServingError('INPUT_SHAPE_MISMATCH', {
      model,
      input: spec.name,
      got: shape,
      expected: wireShape(spec.shape),
    });
  }
}

/** Also with a 0 among them: the runtime multiplies the others first. */
function isCountable(shape: readonly number[]): boolean {
  let count = 1;
  for (const dim of shape) if (dim !== 0) count *= dim;
  return count <= Number.MAX_SAFE_INTEGER;
}

function checkData({ name, dtype, shape, data }: NamedTensor): void {
  const fail = (problem: string): never => {
    throw new ServingError('INPUT_DATA_INVALID', { input: name, problem });
  };
  if (!isCountable(shape))
    fail(`the shape [${shape.join(', ')}] takes more elements than there are`);
  // The runtime computes on with any other byte: Not of 2 is 0.
  if (dtype === 'BOOL' && data.some((byte) => byte > 1)) fail('a BOOL is a byte of 0 or 1');
  if (dtype !== 'BYTES') {
    const expected = byteLengthOf(dtype, shape);
    if (data.byteLength !== expected)
      fail(`it has ${data.byteLength} bytes; ${dtype} [${shape.join(', ')}] takes ${expected}`);
    return;
  }
  if (elementCount(shape) > mostBytesElements)
    fail(`it has more than ${mostBytesElements} elements, which is the limit for BYTES`);
  const count = countBytesElements(data);
  if (count === -1) fail('an element says it is longer than the data');
  if (count !== elementCount(shape))
    fail(`it has ${count} elements; the shape [${shape.join(', ')}] takes ${elementCount(shape)}`);
}

function checkInput(model: string, specs: readonly TensorSpec[], tensor: NamedTensor): FrameTensor {
  const index = specs.findIndex(({ name }) => name === tensor.name);
  const spec = specs[index];
  const expected = specs.map(({ name }) => name);
  if (!spec) throw new ServingError('INPUT_UNKNOWN', { model, input: tensor.name, expected });
  if (tensor.dtype !== spec.dtype) {
    throw new ServingError('INPUT_DTYPE_MISMATCH', {
      model,
      input: spec.name,
      got: tensor.dtype,
      expected: spec.dtype,
    });
  }
  checkShape(model, spec, tensor);
  checkData(tensor);
  return { index, dtype: tensor.dtype, shape: tensor.shape, chunks: [tensor.data] };
}

/** Throws INPUT_UNKNOWN, INPUT_MISSING, INPUT_DTYPE_MISMATCH, INPUT_SHAPE_MISMATCH or INPUT_DATA_INVALID. */
export function checkInputs(
  model: string,
  specs: readonly TensorSpec[],
  tensors: readonly NamedTensor[],
): FrameTensor[] {
  const inputs = tensors.map((tensor) => checkInput(model, specs, tensor));
  const given = new Set(inputs.map(({ index }) => index));
  const missing = specs.filter((_, index) => !given.has(index)).map(({ name }) => name);
  if (missing.length > 0) throw new ServingError('INPUT_MISSING', { model, missing });
  if (given.size < inputs.length) {
    throw new ServingError('INFER_REQUEST_INVALID', { problem: 'an input is given twice' });
  }
  return inputs;
}

/** The wanted outputs of a signature as a mask of the graph's (0 = all of them). Throws OUTPUT_UNKNOWN. */
export function checkOutputs(
  model: string,
  signature: ServedSignature,
  wanted: readonly string[] | undefined,
): number {
  if (!wanted || wanted.length === 0) return signature.wanted;
  let mask = 0;
  for (const output of wanted) {
    const spec = signature.outputs.find(({ name }) => name === output);
    if (!spec) {
      const expected = signature.outputs.map(({ name }) => name);
      throw new ServingError('OUTPUT_UNKNOWN', { model, output, expected });
    }
    // No bits where there are more outputs than bits: all are computed, and those not wanted are dropped.
    mask |= spec.bit;
  }
  return mask;
}
