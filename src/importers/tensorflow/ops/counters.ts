/** The running number of a loop: what may be done to it while it stays one. */

import { listOf } from '../constant.ts';
import type { Operation } from '../evaluate/operation.ts';
import type { Condition, Counter, TfValue } from '../values.ts';
import { isKnown } from './arguments.ts';

const passes = new Set([
  'Identity',
  'LoopCond',
  'NextIteration',
  'Enter',
  'StopGradient',
  'EnsureShape',
]);
const lists = /^Tensor(List|Array)/;

/**
 * The result as a counter or a condition; undefined when the operator is to get the number itself, by
 * `plainCounters`.
 */
export function counterResult(
  operation: Operation,
  inputs: readonly TfValue[],
): TfValue | undefined {
  const { op } = operation;
  const [a, b] = inputs;
  if (inputs.length === 1 && a && passes.has(op)) return a;
  if (op === 'LogicalAnd') return joinConditions(operation, a, b);
  if (a?.kind !== 'counter') return undefined;
  if (b?.kind === 'constant' && (op === 'Add' || op === 'AddV2'))
    return shifted(a, listOf(b)[0] ?? 0);
  if (b?.kind === 'constant' && op === 'Sub') return shifted(a, -(listOf(b)[0] ?? 0));
  if (a.mode === 'limit' && op === 'Less' && isKnown(b)) {
    return { kind: 'condition', terms: [{ counter: a, limit: b }] };
  }
  return undefined;
}

const shifted = (counter: Counter, by: number): Counter => ({
  ...counter,
  offset: counter.offset + by,
});

function joinConditions(
  operation: Operation,
  a: TfValue | undefined,
  b: TfValue | undefined,
): Condition | undefined {
  const terms = [a, b].map((value) => {
    if (value?.kind === 'condition') return value.terms;
    return value?.kind === 'constant' && Number(value.read()[0]) === 1 ? [] : undefined;
  });
  const [left, right] = terms;
  if (!left || !right)
    return operation.refuse('the loop goes on by a condition that is not a number of turns');
  return { kind: 'condition', terms: [...left, ...right] };
}

/** Counters as plain scalars, for operators that compute with them; lists take them as they are. */
export function plainCounters(
  operation: Operation,
  inputs: readonly TfValue[],
): readonly TfValue[] {
  if (lists.test(operation.op)) return inputs;
  return inputs.map((input) => (input.kind === 'counter' ? input.make() : input));
}
