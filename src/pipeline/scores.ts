/**
 * From a model's scores to labelled predictions: activation, top-k, labels.
 */

import type { OutputYaml } from '../config/model-yaml.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';

export interface LabelledScore {
  readonly label: string;
  /** 0 to 1. */
  readonly probability: number;
}

export interface ScorePlan {
  readonly index: number;
  readonly name: string;
  readonly activation: OutputYaml['activation'];
  readonly labels?: readonly string[] | undefined;
  readonly top: number;
}

export type ScoreDecision =
  | { readonly plan: ScorePlan; readonly problem?: undefined }
  | { readonly plan?: undefined; readonly problem: string };

interface Output extends TensorSpec {
  readonly producedBy?: string;
}

/** Scores are [rows, classes], also with trailing dimensions of 1 as some convolutional heads leave. */
function looksLikeScores({ dtype, shape, anyShape }: TensorSpec): boolean {
  if (!['FP32', 'FP64', 'FP16'].includes(dtype)) return false;
  return anyShape === true || (shape.length >= 2 && shape.slice(2).every((dim) => dim === 1));
}

/** What the graph's last operator tells: a matrix product cannot end in probabilities. */
function activationAfter(op: string | undefined): ScorePlan['activation'] {
  if (op === 'Sigmoid' || op === 'Softmax') return 'none';
  return op === 'Gemm' || op === 'MatMul' ? 'softmax' : 'auto';
}

/** Decides which output holds the scores; the labels must be as many as the classes. */
export function planScores(
  yaml: OutputYaml,
  labels: readonly string[] | undefined,
  outputs: readonly Output[],
): ScoreDecision {
  const candidates = outputs.filter(looksLikeScores);
  const chosen = yaml.tensor ? outputs.find(({ name }) => name === yaml.tensor) : candidates[0];
  const names = outputs.map(({ name }) => name).join(', ');
  if (yaml.tensor && !chosen)
    return { problem: `output.tensor is "${yaml.tensor}", but its outputs are ${names}` };
  if (!chosen || !looksLikeScores(chosen)) {
    return { problem: `none of its outputs (${names}) is a float tensor [rows, classes]` };
  }
  if (!yaml.tensor && candidates.length > 1) {
    const several = candidates.map(({ name }) => name).join(', ');
    return {
      problem: `several outputs look like scores (${several}); say which in model.yaml, output: {tensor: …}`,
    };
  }
  const classes = chosen.shape[1];
  if (labels && classes && labels.length !== classes) {
    return { problem: `there are ${labels.length} labels for ${classes} classes` };
  }
  const activation =
    yaml.activation === 'auto' ? activationAfter(chosen.producedBy) : yaml.activation;
  if (classes === 1 && (activation === 'auto' || activation === 'softmax')) {
    return {
      problem: `'${chosen.name}' has one value a row, which softmax would always make 1; say in model.yaml, output: {activation: sigmoid} or none`,
    };
  }
  return {
    plan: { index: outputs.indexOf(chosen), name: chosen.name, activation, labels, top: yaml.top },
  };
}

/** The numbers of a float tensor. */
function toNumbers({ dtype, data }: Tensor): Float64Array {
  // A copy, because the view may start anywhere; Buffer's own slice would not be one.
  const copy = new Uint8Array(data).buffer;
  if (dtype === 'FP64') return new Float64Array(copy);
  return dtype === 'FP16'
    ? Float64Array.from(new Float16Array(copy))
    : Float64Array.from(new Float32Array(copy));
}

function softmax(row: Float64Array): Float64Array {
  const highest = row.reduce((high, value) => Math.max(high, value), Number.NEGATIVE_INFINITY);
  const powers = row.map((value) => Math.exp(value - highest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}

/** Already probabilities: all within [0, 1] and summing to one, as after a Softmax. */
function isDistribution(row: Float64Array): boolean {
  let sum = 0;
  for (const value of row) {
    if (!(value >= 0 && value <= 1.000_001)) return false;
    sum += value;
  }
  return Math.abs(sum - 1) < 1e-3;
}

function activate(row: Float64Array, activation: ScorePlan['activation']): Float64Array {
  if (activation === 'none') return row;
  if (activation === 'sigmoid') return row.map((value) => 1 / (1 + Math.exp(-value)));
  return activation === 'auto' && isDistribution(row) ? row : softmax(row);
}

/**
 * The best `top` classes, best first; equal scores in the order of their classes. Ordered by the scores
 * themselves, because small probabilities round to 0. A class of −∞ is masked and has no probability.
 */
function topOf(row: Float64Array, { top, labels, activation }: ScorePlan): LabelledScore[] {
  const order = Array.from(row.keys())
    .filter((index) => row[index] !== Number.NEGATIVE_INFINITY)
    .sort((a, b) => (row[b] as number) - (row[a] as number) || a - b);
  const probabilities = activate(row, activation);
  return order.slice(0, top).map((index) => ({
    label: labels?.[index] ?? String(index),
    probability: probabilities[index] as number,
  }));
}

/**
 * Why a model's answer has no predictions for so many rows, or undefined when it has: JSON has no NaN,
 * and an order among NaN would be made up. −∞ is what masked classes have and gets no probability.
 */
export function findScoreProblem({ dtype, shape, data }: Tensor, rows: number): string | undefined {
  const asScores = looksLikeScores({ name: '', dtype, shape });
  if (!asScores || shape[0] !== rows || shape[1] === 0)
    return `it is [${shape.join(', ')}] for ${rows} row${rows === 1 ? '' : 's'}, not [rows, classes]`;
  const numbers = toNumbers({ dtype, shape, data });
  const classes = numbers.length / rows;
  for (let row = 0; row < rows; row += 1) {
    const own = numbers.subarray(row * classes, (row + 1) * classes);
    const highest = own.reduce((high, value) => Math.max(high, value), Number.NEGATIVE_INFINITY);
    if (!Number.isFinite(highest)) return `its highest score is ${highest}`;
  }
  return undefined;
}

/** One list of predictions for each row of `scores` [rows, classes], which `findScoreProblem` has passed. */
export function labelScores(scores: Tensor, plan: ScorePlan): LabelledScore[][] {
  const rows = scores.shape[0] ?? 0;
  const numbers = toNumbers(scores);
  const classes = rows === 0 ? 0 : numbers.length / rows;
  return Array.from({ length: rows }, (_, row) =>
    topOf(numbers.subarray(row * classes, (row + 1) * classes), plan),
  );
}
