/**
 * The one place where requests become a batch and a batch's outputs become answers again.
 *
 * Merging lists the chunks of the requests' tensors, splitting takes views: nothing is copied. What is
 * split must have exactly the rows that were merged, in every output, so that no caller ever gets rows
 * of another.
 */

import { ServingError } from '../errors.ts';
import type { ChunkedTensor } from '../tensor/chunked-tensor.ts';
import { joinRows, splitRows } from '../tensor/chunked-tensor.ts';
import type { BatchPart } from './queued-request.ts';

export type Tensors = readonly ChunkedTensor[];

/** What the scheduler holds of a request of tensors. */
export interface TensorPayload {
  readonly inputs: Tensors;
}

export interface TensorBatch {
  /** The inputs [rows, …] of all parts, in the parts' order. */
  readonly inputs: Tensors;
  /** The outputs of each part. Throws RUN_FAILED unless each output has one row for each input row. */
  split(outputs: Tensors): Tensors[];
}

/** Rows of a request: the first dimension that all its tensors share; undefined when they do not. */
export function countRows(inputs: Tensors): number | undefined {
  const rows = inputs[0]?.shape[0];
  if (!rows) return undefined;
  return inputs.every(({ shape }) => shape[0] === rows) ? rows : undefined;
}

/** What two requests must have in common to be merged: their tensors but for the number of rows. */
export function describeRows(inputs: Tensors): string {
  let key = '';
  for (const { index, dtype, shape } of inputs) {
    key += `${index}${dtype}`;
    for (let axis = 1; axis < shape.length; axis += 1) key += `,${shape[axis]}`;
    key += ';';
  }
  return key;
}

function inputsOf({ payload, fromRow, rows, whole }: BatchPart<TensorPayload>): Tensors {
  if (whole) return payload.inputs;
  return payload.inputs.map((tensor) => {
    const after = (tensor.shape[0] ?? 0) - fromRow - rows;
    return splitRows(tensor, [fromRow, rows, after])[1] as ChunkedTensor;
  });
}

function merge(parts: readonly BatchPart<TensorPayload>[]): Tensors {
  const all = parts.map(inputsOf);
  const [first = []] = all;
  if (all.length === 1) return first;
  return first.map((_, i) => joinRows(all.map((inputs) => inputs[i] as ChunkedTensor)));
}

function split(model: string, outputs: Tensors, counts: readonly number[]): Tensors[] {
  const rows = counts.reduce((a, b) => a + b, 0);
  const answers: ChunkedTensor[][] = counts.map(() => []);
  for (const output of outputs) {
    if (output.shape[0] !== rows) {
      const problem = `its output ${output.index} is [${output.shape.join(', ')}] for a batch of ${rows} rows.`;
      throw new ServingError('RUN_FAILED', { model, problem });
    }
    const pieces = splitRows(output, counts);
    for (const [i, piece] of pieces.entries()) answers[i]?.push(piece);
  }
  return answers;
}

/**
 * Merges parts of one group. A single whole request passes as it is, in and out: its outputs are its
 * own, whatever their shapes.
 */
export function createTensorBatch(
  model: string,
  parts: readonly BatchPart<TensorPayload>[],
): TensorBatch {
  const whole = parts.length === 1 && parts[0]?.whole === true;
  const counts = parts.map(({ rows }) => rows);
  return {
    inputs: merge(parts),
    split: (outputs) => (whole ? [outputs] : split(model, outputs, counts)),
  };
}

/**
 * The outputs of a request from those of its parts, in the order of their rows. Throws RUN_FAILED when
 * the runs gave rows that do not fit together.
 */
export function joinOutputs(model: string, results: readonly Tensors[]): Tensors {
  const [first = []] = results;
  const expected = describeRows(first);
  for (const outputs of results) {
    if (describeRows(outputs) === expected) continue;
    const problem = 'the parts of a large request gave rows of different shapes.';
    throw new ServingError('RUN_FAILED', { model, problem });
  }
  return first.map((_, i) => joinRows(results.map((outputs) => outputs[i] as ChunkedTensor)));
}
