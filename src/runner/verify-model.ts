/**
 * Checks a converted model in the runtime: on zeros and on noise, with its optimisations off and on. The
 * outputs are finite, of the declared shape and the same both times; what the optimiser breaks is seen here.
 *
 * Some networks amplify rounding: an optimiser that breaks nothing changes their answers all the same. There
 * the difference is held to what the last bit of the weights does to the same answer.
 */

import { readFileSync, rmSync } from 'node:fs';
import { InferenceSession } from 'onnxruntime-node';
import { messageOf, ServingError } from '../errors.ts';
import type { NumberArray } from '../tensor/npy.ts';
import { parseNpy } from '../tensor/npy.ts';
import { elementCount } from '../tensor/tensor.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import type { FrameTensor } from './frames.ts';
import { canBeNoise, createRandom, noise, openSizes, zeros } from './made-up-inputs.ts';
import { toOrtTensor } from './ort-values.ts';
import { writeRoundedCopy } from './round-weights.ts';

export interface VerifyOrder {
  readonly path: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** .npy files: the first input, and the first output as the framework that made the model gave it. */
  readonly expected?: { readonly input: string; readonly output: string } | undefined;
}

export interface VerifyReport {
  /** Why the model must not be used; undefined when it may be. */
  readonly problem?: string;
  /** What could not be checked, and why. */
  readonly notes: readonly string[];
  /** Largest difference between optimised and not, in standard deviations. */
  readonly difference: number;
  /** Of the expected output, the same. */
  readonly expectedError?: number;
  readonly milliseconds: number;
}

/** Of the standard deviation; a fused operator rounds otherwise, a broken one is far beyond it. */
const bound = 1e-3;
/**
 * As many times may the optimised answer be off as one that the last bit of the weights changes. A sum of thousands
 * of equal numbers, which zeros lead to, rounds in one direction: 41 times were seen, in a network whose FP32 answer
 * was 8 times off in Keras too.
 */
const timesRounding = 64;
/** Answers that the last bit changes by more cannot be told from wrong ones. */
const mostRounding = 0.1;

type Outputs = readonly { readonly data: Float64Array; readonly shape: readonly number[] }[];

async function open(path: string, optimise: boolean): Promise<InferenceSession> {
  return InferenceSession.create(path, {
    graphOptimizationLevel: optimise ? 'all' : 'disabled',
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 4,
  });
}

async function run(
  session: InferenceSession,
  { inputs, outputs }: VerifyOrder,
  tensors: readonly FrameTensor[],
): Promise<Outputs> {
  const feeds = Object.fromEntries(
    tensors.map((tensor) => {
      const spec = inputs[tensor.index] as TensorSpec;
      return [spec.name, toOrtTensor(spec, tensor)];
    }),
  );
  const results = await session.run(feeds as never);
  return outputs.map(({ name }) => {
    const { data, dims } = results[name] as { data: ArrayLike<number>; dims: readonly number[] };
    const numbers = Float64Array.from(data, (value) =>
      typeof value === 'string' ? 0 : Number(value),
    );
    return { data: numbers, shape: dims };
  });
}

function shapesFor({ inputs }: VerifyOrder, openSize: number): number[][] {
  return inputs.map(({ shape }) => shape.map((dim, axis) => dim ?? (axis === 0 ? 2 : openSize)));
}

const isOpen = ({ inputs }: VerifyOrder): boolean =>
  inputs.some(({ shape }) => shape.some((dim, axis) => axis > 0 && dim === null));

function makeZeros(order: VerifyOrder, openSize: number): FrameTensor[] {
  const shapes = shapesFor(order, openSize);
  return order.inputs.map(({ dtype }, i) => zeros(i, dtype, shapes[i] as number[]));
}

function makeNoise(order: VerifyOrder, openSize: number): FrameTensor[] {
  const shapes = shapesFor(order, openSize);
  return order.inputs.map(({ dtype }, i) => {
    const shape = shapes[i] as number[];
    if (dtype === 'UINT8') return randomBytes(i, shape);
    return canBeNoise(dtype) ? noise(i, dtype, shape, createRandom(i + 1)) : zeros(i, dtype, shape);
  });
}

/** Pixels, mostly; where they are indices, what cannot be run is noted. */
function randomBytes(index: number, shape: readonly number[]): FrameTensor {
  const random = createRandom(index + 1);
  const bytes = new Uint8Array(elementCount(shape)).map(() => Math.floor(random() * 256));
  return { index, dtype: 'UINT8', shape, chunks: [bytes] };
}

export function deviationOf(values: Float64Array): number {
  if (values.length === 0) return 0;
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return Math.sqrt(squares / values.length);
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** In standard deviations; where all values are nearly one, rounding alone does not count. */
export function differenceOf(a: Float64Array, b: Float64Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  const spread = deviationOf(a) + 0.01 * largest(a) + 1e-6;
  return a.reduce((most, value, i) => {
    const other = b[i] as number;
    if (Object.is(value, other)) return most;
    const difference = Math.abs(value - other) / spread;
    return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(most, difference);
  }, 0);
}

function shapeProblem(made: Outputs, { outputs }: VerifyOrder): string | undefined {
  for (const [i, { name, shape, anyShape }] of outputs.entries()) {
    const actual = made[i]?.shape ?? [];
    const fits =
      anyShape === true ||
      (actual.length === shape.length &&
        shape.every((dim, axis) => dim === null || dim === actual[axis]));
    if (!fits) {
      return `output '${name}' has the shape [${actual.join(', ')}] where [${shape.map((dim) => dim ?? '?').join(', ')}] is declared`;
    }
  }
  return undefined;
}

const areFinite = (made: Outputs): boolean =>
  made.every(({ data }) => data.every((value) => Number.isFinite(value)));

interface Pair {
  readonly plain: InferenceSession;
  readonly optimised: InferenceSession;
  /** Not optimised, of weights that differ in their last bit; undefined where they are not in the file. */
  rounded(): Promise<InferenceSession | undefined>;
}

interface Verdict {
  readonly problem?: string | undefined;
  readonly note?: string;
  readonly difference: number;
  readonly finite: boolean;
}

async function compare(
  pair: Pair,
  order: VerifyOrder,
  tensors: readonly FrameTensor[],
): Promise<Verdict> {
  const a = await run(pair.plain, order, tensors);
  const b = await run(pair.optimised, order, tensors);
  const finite = areFinite(a) && areFinite(b);
  const problem = shapeProblem(a, order);
  if (problem !== undefined) return { problem, difference: 0, finite };
  const [difference, worst] = farthest(a, b, order);
  if (difference <= bound || !finite) return { difference, finite };
  const rounded = await pair.rounded();
  const byRounding = rounded ? farthest(a, await run(rounded, order, tensors), order)[0] : 0;
  const off = `output '${worst}' differs by ${difference.toExponential(1)} standard deviations when the runtime optimises the graph`;
  const last = `the last bit of its weights changes it by ${byRounding.toExponential(1)}`;
  return difference <= timesRounding * byRounding && byRounding <= mostRounding
    ? { note: `${off}, which is rounding: ${last}`, difference, finite }
    : { problem: rounded ? `${off}; ${last}` : off, difference, finite };
}

/** The largest difference of all outputs in standard deviations, and the name of that output. */
function farthest(a: Outputs, b: Outputs, { outputs }: VerifyOrder): [number, string] {
  const differences = a.map(({ data }, i) => differenceOf(data, b[i]?.data ?? new Float64Array()));
  const most = Math.max(0, ...differences);
  return [most, outputs[differences.indexOf(most)]?.name ?? ''];
}

async function check(pair: Pair, order: VerifyOrder): Promise<Omit<VerifyReport, 'milliseconds'>> {
  const notes: string[] = [];
  const sizes = isOpen(order) ? openSizes : [1 as const];
  let failure = '';
  for (const size of sizes) {
    let zero: Verdict;
    try {
      zero = await compare(pair, order, makeZeros(order, size));
    } catch (error) {
      failure = messageOf(error);
      continue;
    }
    if (zero.problem !== undefined) return { ...zero, problem: zero.problem, notes };
    const noisy = await compareNoise(pair, order, size, notes);
    if (noisy?.problem !== undefined) return { ...noisy, problem: noisy.problem, notes };
    const problem = finiteProblem(zero, noisy, notes);
    if (zero.note !== undefined) notes.push(`on zeros, ${zero.note}`);
    if (noisy?.note !== undefined) notes.push(`on noise, ${noisy.note}`);
    const difference = Math.max(zero.difference, noisy?.difference ?? 0);
    return { ...(problem === undefined ? {} : { problem }), notes, difference };
  }
  if (!isOpen(order)) return { problem: `it fails on zeros: ${failure}`, notes, difference: 0 };
  return {
    notes: [`not run: no size for its open dimensions was found (${failure})`],
    difference: 0,
  };
}

async function compareNoise(
  pair: Pair,
  order: VerifyOrder,
  size: number,
  notes: string[],
): Promise<Verdict | undefined> {
  try {
    return await compare(pair, order, makeNoise(order, size));
  } catch (error) {
    // Indices, for instance: noise is none.
    notes.push(`not run on noise: ${messageOf(error)}`);
    return undefined;
  }
}

function finiteProblem(
  zero: Verdict,
  noisy: Verdict | undefined,
  notes: string[],
): string | undefined {
  if (zero.finite && (noisy?.finite ?? true)) return undefined;
  if (!zero.finite && !(noisy?.finite ?? false))
    return 'its outputs are not finite, on zeros nor on noise';
  notes.push(`its outputs are not finite on ${zero.finite ? 'noise' : 'zeros'}`);
  return undefined;
}

async function expectedErrorOf(
  session: InferenceSession,
  order: VerifyOrder,
): Promise<number | undefined> {
  const { expected, inputs } = order;
  if (!expected) return undefined;
  const [spec] = inputs;
  if (!spec) return undefined;
  const input = readArray(expected.input);
  const output = readArray(expected.output);
  const bytes = toBytes(input, spec.dtype);
  const tensor = { index: 0, dtype: spec.dtype, shape: input.shape, chunks: [bytes] };
  const [made] = await run(session, order, [tensor]);
  const wanted = Float64Array.from(output.values);
  const got = made?.data ?? new Float64Array();
  if (got.length !== wanted.length) return Number.POSITIVE_INFINITY;
  const spread = deviationOf(wanted) || 1;
  return got.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (wanted[i] as number)) / spread),
    0,
  );
}

function readArray(path: string): NumberArray {
  try {
    return parseNpy(readFileSync(path));
  } catch (error) {
    throw new ServingError('ARRAY_FILE_INVALID', { path, problem: messageOf(error) });
  }
}

function toBytes({ values }: NumberArray, dtype: string): Uint8Array {
  const arrays: Record<string, () => ArrayBufferView> = {
    FP32: () => Float32Array.from(values),
    FP64: () => Float64Array.from(values),
    INT64: () => BigInt64Array.from(values, (value) => BigInt(Math.trunc(value))),
    INT32: () => Int32Array.from(values),
    UINT8: () => Uint8Array.from(values),
    INT8: () => Int8Array.from(values),
    BOOL: () => Uint8Array.from(values),
  };
  const make = arrays[dtype];
  if (!make) throw new TypeError(`an input of ${dtype} cannot be verified from a file`);
  const view = make();
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Throws what the runtime says of a model that it does not load. */
export async function verifyModel(order: VerifyOrder): Promise<VerifyReport> {
  const started = performance.now();
  const plain = await open(order.path, false);
  const optimised = await open(order.path, true);
  const copy = `${order.path}.rounded`;
  let rounded: Promise<InferenceSession> | undefined;
  try {
    const pair: Pair = {
      plain,
      optimised,
      rounded: async () => {
        if (!rounded && writeRoundedCopy(order.path, copy)) rounded = open(copy, false);
        return rounded;
      },
    };
    const report = await check(pair, order);
    const expectedError = await expectedErrorOf(optimised, order);
    return {
      ...report,
      ...(expectedError === undefined ? {} : { expectedError }),
      milliseconds: performance.now() - started,
    };
  } finally {
    rmSync(copy, { force: true });
  }
}
