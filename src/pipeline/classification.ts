/**
 * An output as its best classes: texts "score:index:label", as the classification extension has them.
 * Source: Triton, "Classification Extension"; the score in the digits of C++'s `std::to_string`.
 */

import { ServingError } from '../errors.ts';
import type { DType } from '../tensor/dtype.ts';
import type { NamedTensor } from '../tensor/tensor.ts';
import { elementCount, packBytes } from '../tensor/tensor.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';

export interface ClassesWanted {
  /** How many a row, at most. */
  readonly count: number;
  /** The first dimension is that of the batch: each row has its own classes. */
  readonly batched: boolean;
  /** Used where they are as many as a row has elements. */
  readonly labels?: readonly string[] | undefined;
}

type Scores = ArrayLike<number> | ArrayLike<bigint>;
type ScoresOf = new (buffer: ArrayBuffer) => Scores;

const arrays: Partial<Record<DType, ScoresOf>> = {
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Float16Array,
  FP32: Float32Array,
  FP64: Float64Array,
};

/** Triton's own limit. Looking through so many takes about 10 ms. */
const mostElements = 1_000_000;
const mostResults = 100_000;

function fail(model: string, output: string, problem: string): never {
  throw new ServingError('CLASSIFICATION_UNAVAILABLE', { model, output, problem });
}

/** Refuses, before anything runs, what has no order. Throws CLASSIFICATION_UNAVAILABLE. */
export function refuseUnclassifiable(
  model: string,
  outputs: readonly TensorSpec[],
  classes: ReadonlyMap<string, number>,
): void {
  for (const { name, dtype } of outputs) {
    if (classes.has(name) && !arrays[dtype]) {
      const problem = `class result not available for output due to unsupported type '${dtype}'`;
      fail(model, name, problem);
    }
  }
}

/** Higher first, equal ones by their place, NaN last. */
function comesBefore(scores: Scores, a: number, b: number): boolean {
  const [left, right] = [scores[a] as number, scores[b] as number];
  if (left > right) return true;
  if (left < right) return false;
  const [leftIsNaN, rightIsNaN] = [Number.isNaN(left), Number.isNaN(right)];
  return leftIsNaN === rightIsNaN ? a < b : rightIsNaN;
}

/** Lets the element at the root of a heap, whose root comes last of all, sink to its place. */
function sink(heap: Uint32Array, size: number, scores: Scores): void {
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= size) return;
    if (child + 1 < size && comesBefore(scores, heap[child] as number, heap[child + 1] as number))
      child += 1;
    if (!comesBefore(scores, heap[at] as number, heap[child] as number)) return;
    [heap[at], heap[child]] = [heap[child] as number, heap[at] as number];
    at = child;
  }
}

/** Indices of the best `count` of the scores from `start` to `end`, best first. */
function bestOf(scores: Scores, start: number, end: number, count: number): Uint32Array {
  const size = Math.min(count, end - start);
  const inOrder = (a: number, b: number): number => (comesBefore(scores, a, b) ? -1 : 1);
  // Sorted with the last one first, it is a heap.
  const heap = Uint32Array.from({ length: size }, (_, i) => start + i).sort((a, b) =>
    inOrder(b, a),
  );
  for (let i = start + size; i < end; i += 1) {
    if (!comesBefore(scores, i, heap[0] as number)) continue;
    heap[0] = i;
    sink(heap, size, scores);
  }
  return heap.sort(inOrder);
}

/** As `std::to_string` writes it. */
function scoreText(score: number | bigint, isFloat: boolean): string {
  if (!isFloat || typeof score === 'bigint') return String(score);
  if (!Number.isFinite(score)) return String(score).toLowerCase().replace('infinity', 'inf');
  // `toFixed` turns to exponents there.
  return Math.abs(score) >= 1e21 ? `${BigInt(score)}.000000` : score.toFixed(6);
}

/**
 * BYTES [rows, classes], or [classes] without a batch, in the place of an output.
 * Throws CLASSIFICATION_UNAVAILABLE.
 */
export function classifyOutput(
  model: string,
  { name, dtype, shape, data }: NamedTensor,
  { count, batched, labels }: ClassesWanted,
): NamedTensor {
  const Typed = arrays[dtype] as ScoresOf;
  const hasRows = batched && shape.length > 0;
  const rows = hasRows ? (shape[0] as number) : 1;
  const width = elementCount(hasRows ? shape.slice(1) : shape);
  const classes = Math.min(count, width);
  if (rows * width > mostElements || rows * classes > mostResults)
    fail(model, name, 'classification output tensor too large');
  // A copy, because the view may start anywhere.
  const scores = new Typed(new Uint8Array(data).buffer);
  const known = labels?.length === width ? labels : undefined;
  const isFloat = dtype.startsWith('FP');
  const texts: Uint8Array[] = [];
  for (let row = 0; row < rows; row += 1) {
    const start = row * width;
    for (const at of bestOf(scores, start, start + width, classes)) {
      const text = `${scoreText(scores[at] as number, isFloat)}:${at - start}`;
      texts.push(Buffer.from(known ? `${text}:${known[at - start]}` : text));
    }
  }
  const resultShape = hasRows ? [rows, classes] : [classes];
  return { name, dtype: 'BYTES', shape: resultShape, data: packBytes(texts) };
}
