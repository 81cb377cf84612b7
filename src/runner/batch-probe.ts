/**
 * Finds out whether the rows of a model may be computed in company.
 *
 * Runs f(a), f(a) again, f(a,b) and f(c,a) on distinct noise and compares the row of a in each within a
 * tolerance of the outputs' spread; a is first once and last once, because a model may answer everybody
 * with its first row or add the rows up. A model that fails any comparison, that has a fixed batch
 * dimension or that cannot be probed is never batched across requests (docs/decisions/batching.md).
 */

import { messageOf } from '../errors.ts';
import type { FrameTensor } from './frames.ts';
import { canBeNoise, concreteShapes, createRandom, isAffordable, noise } from './made-up-inputs.ts';
import type { BatchVerdict, LoadOrder } from './protocol.ts';

export type RunTensors = (inputs: readonly FrameTensor[]) => Promise<readonly FrameTensor[]>;

export interface ProbeResult {
  readonly verdict: BatchVerdict;
  /** False when another load may find something else (the probe itself failed). */
  readonly certain: boolean;
}

/** Differences up to this part of an output's spread are the rounding of another summation order. */
const tolerance = 1e-3;
/** The same for an output whose values hardly differ, as a part of their size. */
const rounding = 1e-6;

function problemOfSignature({ inputs, outputs }: LoadOrder): string | undefined {
  if (inputs.length === 0) return 'it has no inputs';
  for (const { name, shape, anyShape } of [...inputs, ...outputs]) {
    if (anyShape) return `the model does not say the shape of '${name}'`;
    if (shape.length === 0) return `'${name}' is a scalar without a batch dimension`;
    if (shape[0] !== null) return `the first dimension of '${name}' is fixed to ${shape[0]}`;
  }
  const index = inputs.findIndex(({ dtype }) => !canBeNoise(dtype));
  if (index === -1) return undefined;
  return `input '${inputs[index]?.name}' is ${inputs[index]?.dtype}, which cannot be probed with noise`;
}

type Values = ArrayLike<number>;

function valuesOf({ dtype, chunks }: FrameTensor): Values | undefined {
  const { buffer, byteOffset, byteLength } = chunks[0] as Uint8Array<ArrayBuffer>;
  if (dtype === 'FP32') return new Float32Array(buffer, byteOffset, byteLength / 4);
  if (dtype === 'FP64') return new Float64Array(buffer, byteOffset, byteLength / 8);
  if (dtype === 'FP16') return new Float16Array(buffer, byteOffset, byteLength / 2);
  return undefined;
}

/** How far two values may be apart, or undefined when no value is a finite number. */
function allowedDifference(values: Values): number | undefined {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return undefined;
  return tolerance * (high - low) + rounding * Math.max(Math.abs(low), Math.abs(high));
}

function closeTo(a: number, b: number, allowed: number): boolean {
  if (Number.isFinite(a) && Number.isFinite(b)) return Math.abs(a - b) <= allowed;
  return Object.is(a, b);
}

/** True when the row of `alone` (its only one) is row `row` of `company`. */
function sameRow(alone: FrameTensor, company: FrameTensor, row: number): boolean {
  if (alone.shape.slice(1).join() !== company.shape.slice(1).join()) return false;
  const a = valuesOf(alone);
  const b = valuesOf(company);
  if (!a || !b) {
    const [own, all] = [alone.chunks[0] as Uint8Array, company.chunks[0] as Uint8Array];
    const start = row * own.length;
    return Buffer.compare(own, all.subarray(start, start + own.length)) === 0;
  }
  const allowed = Math.max(allowedDifference(a) ?? 0, allowedDifference(b) ?? 0);
  for (let i = 0; i < a.length; i += 1) {
    if (!closeTo(a[i] as number, b[row * a.length + i] as number, allowed)) return false;
  }
  return true;
}

/** Noise for each input, one row a seed: the same seed is the same row. */
function noiseRows(order: LoadOrder, openSize: number, seeds: readonly number[]): FrameTensor[] {
  const shapes = concreteShapes(order, openSize);
  return order.inputs.map(({ dtype }, index) => {
    const shape = shapes[index] as number[];
    const rows = seeds.map((seed) => noise(index, dtype, shape, createRandom(seed * 7919 + index)));
    const bytes = new Uint8Array(Buffer.concat(rows.flatMap(({ chunks }) => chunks)));
    return { index, dtype, shape: [seeds.length, ...shape.slice(1)], chunks: [bytes] };
  });
}

/** The seed of the row that is compared. */
const own = 1;

function findDifference(
  { outputs }: LoadOrder,
  alone: readonly FrameTensor[],
  together: readonly FrameTensor[],
  seeds: readonly number[],
): string | undefined {
  for (const [i, { name }] of outputs.entries()) {
    const [one, all] = [alone[i], together[i]] as [FrameTensor, FrameTensor];
    if (one.shape[0] !== 1 || all.shape[0] !== seeds.length)
      return `'${name}' has not one row for each row of the input`;
    if (sameRow(one, all, seeds.indexOf(own))) continue;
    return seeds.length === 1
      ? `'${name}' differs between two runs of the same input`
      : `a row of '${name}' depends on the other rows of its batch`;
  }
  return undefined;
}

/** An output that the noise makes NaN or infinite throughout tells nothing. */
function findUnclear({ outputs }: LoadOrder, alone: readonly FrameTensor[]): string | undefined {
  const index = alone.findIndex((output) => {
    const values = valuesOf(output);
    return values && values.length > 0 && allowedDifference(values) === undefined;
  });
  if (index === -1) return undefined;
  return `'${outputs[index]?.name}' has no finite numbers for the noise of the probe`;
}

async function findObstacle(
  order: LoadOrder,
  openSize: number,
  run: RunTensors,
): Promise<string | undefined> {
  const alone = await run(noiseRows(order, openSize, [own]));
  const unclear = findUnclear(order, alone);
  if (unclear) return unclear;
  for (const seeds of [[own], [own, 2], [3, own]]) {
    const together = await run(noiseRows(order, openSize, seeds));
    const difference = findDifference(order, alone, together, seeds);
    if (difference) return difference;
  }
  return undefined;
}

/** Runs the model four times; `openSize` is the size of open dimensions that the warm-up found to work. */
export async function probeBatching(
  order: LoadOrder,
  openSize: number,
  run: RunTensors,
): Promise<ProbeResult> {
  const no = (reason: string, certain = true): ProbeResult => ({
    verdict: { acrossRequests: false, reason },
    certain,
  });
  const known = problemOfSignature(order);
  if (known) return no(known);
  if (!isAffordable(concreteShapes(order, openSize)))
    return no('its inputs are too large to probe');
  try {
    const obstacle = await findObstacle(order, openSize, run);
    if (obstacle) return no(obstacle);
  } catch (error) {
    return no(`the probe with noise failed: ${messageOf(error).slice(0, 200)}`, false);
  }
  const reason = 'rows answer the same alone and in company (probed at load)';
  return { verdict: { acrossRequests: true, reason }, certain: true };
}
