/**
 * What classify and regress answer, from the outputs of a signature. The scores are those of the graph:
 * no activation is applied.
 * Source: tensorflow_serving/servables/tensorflow/{classifier,regressor}.cc.
 */

import { ServingError } from '../../errors.ts';
import type { DType } from '../../tensor/dtype.ts';
import type { NamedTensor } from '../../tensor/tensor.ts';
import { unpackBytes } from '../../tensor/tensor.ts';
import type { TensorSpec } from '../../tensor/tensor-spec.ts';

export interface ScoredClass {
  /** Empty where the model has no labels. */
  readonly label: string;
  readonly score: number;
}

/** Which outputs of a signature classify and regress read. */
export interface ResultOutputs {
  readonly scores: string;
  /** The labels of each row, where the model gives them itself. */
  readonly classes?: string | undefined;
}

function refuse(problem: string): never {
  throw new ServingError('TENSORFLOW_REQUEST_INVALID', { problem });
}

const floatTypes: Partial<Record<DType, (bytes: ArrayBuffer) => ArrayLike<number>>> = {
  FP16: (bytes) => new Float16Array(bytes),
  FP32: (bytes) => new Float32Array(bytes),
  FP64: (bytes) => new Float64Array(bytes),
};

const isFloat = ({ dtype }: TensorSpec): boolean => dtype in floatTypes;

/**
 * The output `scores` (classify) or `outputs` (regress) as TensorFlow names them, else the one float output
 * that there is. Throws TENSORFLOW_REQUEST_INVALID.
 */
export function chooseOutputs(
  outputs: readonly TensorSpec[],
  method: 'classify' | 'regress',
): ResultOutputs {
  const usual = method === 'classify' ? 'scores' : 'outputs';
  const candidates = outputs.filter(isFloat);
  const chosen =
    candidates.find(({ name }) => name === usual) ??
    (candidates.length === 1 ? candidates[0] : undefined);
  if (!chosen) {
    refuse(
      `Signature has no output "${usual}" and ${candidates.length} float outputs; ${method} needs one.`,
    );
  }
  const labels = method === 'classify' && outputs.find(({ name }) => name === 'classes');
  return {
    scores: chosen.name,
    classes: labels && labels.dtype === 'BYTES' ? 'classes' : undefined,
  };
}

function numbersOf({ dtype, data }: NamedTensor): ArrayLike<number> {
  const read = floatTypes[dtype];
  // A copy lies where a typed array may begin.
  return read ? read(new Uint8Array(data).buffer) : [];
}

/** The values [rows, n] of an output [rows] or [rows, n], possibly with more dimensions of 1. */
function rowsOf(output: NamedTensor, rows: number): { values: ArrayLike<number>; perRow: number } {
  const { name, shape } = output;
  if (shape.length === 0 || shape[0] !== rows || shape.slice(2).some((dim) => dim !== 1))
    refuse(
      `Output "${name}" is [${shape.join(', ')}] for ${rows} examples; expected [examples, classes].`,
    );
  return { values: numbersOf(output), perRow: shape[1] ?? 1 };
}

function findOutput(outputs: readonly NamedTensor[], wanted: string): NamedTensor {
  const output = outputs.find(({ name }) => name === wanted);
  if (output) return output;
  refuse(`The model gave no output "${wanted}".`);
}

/**
 * The classes of each of so many examples, in the order of the scores. Labels are those of the output
 * `classes`, else `labels` when they are as many as the scores. Throws TENSORFLOW_REQUEST_INVALID.
 */
export function toClasses(
  outputs: readonly NamedTensor[],
  { scores, classes }: ResultOutputs,
  rows: number,
  labels: readonly string[] | undefined,
): ScoredClass[][] {
  const { values, perRow } = rowsOf(findOutput(outputs, scores), rows);
  const given = classes === undefined ? undefined : unpackBytes(findOutput(outputs, classes).data);
  if (given && given.length !== rows * perRow)
    refuse(`Outputs "classes" and "${scores}" have ${given.length} and ${rows * perRow} values.`);
  const fits = labels?.length === perRow;
  const labelAt = (row: number, i: number): string =>
    given
      ? Buffer.from(given[row * perRow + i] as Uint8Array).toString()
      : ((fits ? labels[i] : undefined) ?? '');
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: perRow }, (_, i) => ({
      label: labelAt(row, i),
      score: values[row * perRow + i] as number,
    })),
  );
}

/** The value of each of so many examples. Throws TENSORFLOW_REQUEST_INVALID. */
export function toRegressions(
  outputs: readonly NamedTensor[],
  { scores }: ResultOutputs,
  rows: number,
): number[] {
  const output = findOutput(outputs, scores);
  const { values, perRow } = rowsOf(output, rows);
  if (perRow !== 1)
    refuse(
      `Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got [${output.shape.join(', ')}]`,
    );
  return Array.from({ length: rows }, (_, row) => values[row] as number);
}
