/**
 * Finds out whether the rows of a model may be computed in company.
 *
 * Runs f(a), f(a) again, f(a,b) and f(a,c) on distinct noise and compares row 0 of each within a tolerance
 * of the outputs' spread. A model that fails any comparison, that has a fixed batch dimension or that
 * cannot be probed is never batched across requests (docs/decisions/batching.md).
 */

import type { FrameTensor } from './frames.ts';
import { canBeNoise, concreteShape, createRandom, noise } from './made-up-inputs.ts';
import type { BatchVerdict, LoadOrder } from './protocol.ts';

export type RunTensors = (inputs: readonly FrameTensor[]) => Promise<readonly FrameTensor[]>;

/** Differences up to this part of an output's spread are the rounding of another summation order. */
const tolerance = 1e-3;

function verdictFromSignature({ inputs, outputs }: LoadOrder): BatchVerdict | undefined {
  const no = (reason: string): BatchVerdict => ({ acrossRequests: false, reason });
  if (inputs.length === 0) return no('it has no inputs');
  for (const { name, dtype, shape } of [...inputs, ...outputs]) {
    if (shape.length === 0) return no(`'${name}' is a scalar without a batch dimension`);
    if (shape[0] !== null) return no(`the first dimension of '${name}' is fixed to ${shape[0]}`);
    if (inputs.some((input) => input.name === name) && !canBeNoise(dtype)) {
      return no(`input '${name}' is ${dtype}, which cannot be probed with noise`);
    }
  }
  return undefined;
}

function valuesOf(tensor: FrameTensor): ArrayLike<number> | undefined {
  const bytes = tensor.chunks[0] as Uint8Array;
  const { buffer, byteOffset, byteLength } = bytes;
  if (tensor.dtype === 'FP32')
    return new Float32Array(buffer as ArrayBuffer, byteOffset, byteLength / 4);
  if (tensor.dtype === 'FP64')
    return new Float64Array(buffer as ArrayBuffer, byteOffset, byteLength / 8);
  if (tensor.dtype === 'FP16')
    return new Float16Array(buffer as ArrayBuffer, byteOffset, byteLength / 2);
  return undefined;
}

function spreadOf(values: ArrayLike<number>): number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i += 1) {
    low = Math.min(low, values[i] as number);
    high = Math.max(high, values[i] as number);
  }
  return high - low;
}

/** True when the first `alone.length` values of `company` are those of `alone`. */
function sameFirstRow(alone: FrameTensor, company: FrameTensor): boolean {
  const a = valuesOf(alone);
  const b = valuesOf(company);
  const first = alone.chunks[0] as Uint8Array;
  if (!a || !b)
    return Buffer.compare(first, (company.chunks[0] as Uint8Array).subarray(0, first.length)) === 0;
  const allowed = tolerance * Math.max(spreadOf(a), spreadOf(b)) + 1e-6;
  for (let i = 0; i < a.length; i += 1) {
    const difference = Math.abs((a[i] as number) - (b[i] as number));
    if (difference > allowed || Number.isNaN(difference) !== Number.isNaN(a[i] as number))
      return false;
  }
  return true;
}

function noiseRows(order: LoadOrder, openSize: number, seeds: readonly number[]): FrameTensor[] {
  const pictureSize =
    order.pictureSize && order.picture
      ? { layout: order.picture.layout, size: order.pictureSize }
      : undefined;
  return order.inputs.map((spec, index) => {
    const isPicture = order.picture?.index === index;
    const shape = concreteShape(spec, 1, openSize, isPicture ? pictureSize : undefined);
    const rows = seeds.map((seed) =>
      noise(index, spec.dtype, shape, createRandom(seed * 7919 + index)),
    );
    const bytes = Buffer.concat(rows.map((row) => row.chunks[0] as Uint8Array));
    return { index, dtype: spec.dtype, shape: [seeds.length, ...shape.slice(1)], chunks: [bytes] };
  });
}

function findDifference(
  order: LoadOrder,
  alone: readonly FrameTensor[],
  other: readonly FrameTensor[],
): string | undefined {
  const index = alone.findIndex((output, i) => !sameFirstRow(output, other[i] as FrameTensor));
  return index === -1 ? undefined : `'${order.outputs[index]?.name}'`;
}

/** Runs the model four times; `openSize` is the size of open dimensions that the warm-up found to work. */
export async function probeBatching(
  order: LoadOrder,
  openSize: number,
  run: RunTensors,
): Promise<BatchVerdict> {
  const known = verdictFromSignature(order);
  if (known) return known;
  try {
    const alone = await run(noiseRows(order, openSize, [1]));
    const again = findDifference(order, alone, await run(noiseRows(order, openSize, [1])));
    if (again)
      return {
        acrossRequests: false,
        reason: `${again} differs between two runs of the same input`,
      };
    for (const company of [
      [1, 2],
      [1, 3],
    ]) {
      const together = await run(noiseRows(order, openSize, company));
      const misshapen = together.findIndex((output) => output.shape[0] !== 2);
      if (misshapen !== -1) {
        return {
          acrossRequests: false,
          reason: `'${order.outputs[misshapen]?.name}' has not one row for each row of the input`,
        };
      }
      const differs = findDifference(order, alone, together);
      if (differs)
        return {
          acrossRequests: false,
          reason: `a row of ${differs} depends on the other rows of its batch`,
        };
    }
  } catch (error) {
    return {
      acrossRequests: false,
      reason: `the probe with noise failed: ${String(error).slice(0, 200)}`,
    };
  }
  return {
    acrossRequests: true,
    reason: 'rows answer the same alone and in company (probed at load)',
  };
}
