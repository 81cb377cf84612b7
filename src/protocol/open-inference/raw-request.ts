/**
 * The raw binary request: `Inference-Header-Content-Length: 0`, and the body is the data of the model's only
 * input. Its shape follows from the model's and from the length.
 * Source: Triton, "Binary Tensor Data Extension", "Raw Binary Request".
 */

import { ServingError } from '../../errors.ts';
import { sizeOfDType } from '../../tensor/dtype.ts';
import { packBytes } from '../../tensor/tensor.ts';
import type { Dimension, TensorSpec } from '../../tensor/tensor-spec.ts';
import type { InferBody } from './infer-request.ts';

export interface RawTarget {
  readonly model: string;
  readonly inputs: readonly TensorSpec[];
  /** The first dimension of the inputs is the batch's. */
  readonly batched: boolean;
}

function fail(problem: string): never {
  throw new ServingError('INFER_REQUEST_INVALID', { problem });
}

function theOnlyInput({ model, inputs }: RawTarget): TensorSpec {
  const [input, ...others] = inputs;
  if (input && others.length === 0) return input;
  return fail(
    `Raw request must only have 1 input (found 1) to be deduced but got ${inputs.length} inputs in '${model}' model configuration`,
  );
}

/** The model's dimensions with one open at most: the batch is of one row where another is open too. */
function withOneOpen({ name, shape, anyShape }: TensorSpec, batched: boolean): Dimension[] {
  const isOpen = (dim: Dimension): boolean => dim === null;
  const dims = [...shape];
  if (batched && dims.slice(1).some(isOpen)) dims[0] = 1;
  if (anyShape || dims.filter(isOpen).length > 1) {
    fail(
      `The shape of the raw input '${name}' can not be deduced because there are more than one variable-sized dimension`,
    );
  }
  return dims;
}

function shapeFor(dims: readonly Dimension[], bytes: number, elementSize: number): number[] {
  const known = dims.reduce<number>((product, dim) => product * (dim ?? 1), elementSize);
  // What does not come out even is found when the data is checked against the shape.
  return dims.map((dim) => dim ?? (known === 0 ? 0 : Math.floor(bytes / known)));
}

/** The body is one element, without a length before it. */
function oneElement({ name, shape }: TensorSpec, body: Buffer): InferBody['inputs'][number] {
  if (shape.some((dim) => dim !== null && dim !== 1))
    fail('For BYTE datatype raw input, the model must have input shape [1]');
  return { name, dtype: 'BYTES', shape: shape.map(() => 1), data: packBytes([body]) };
}

/** Throws INFER_REQUEST_INVALID. All outputs are answered as binary data. */
export function readRawRequest(body: Buffer, target: RawTarget): InferBody {
  const spec = theOnlyInput(target);
  const { name, dtype } = spec;
  const dims = withOneOpen(spec, target.batched);
  const input =
    dtype === 'BYTES'
      ? oneElement(spec, body)
      : { name, dtype, shape: shapeFor(dims, body.length, sizeOfDType(dtype)), data: body };
  return { inputs: [input], binaryByDefault: true };
}
