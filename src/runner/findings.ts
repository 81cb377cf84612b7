/**
 * What is found out about a model at load: whether its rows may share a run, and how many pay. Kept as
 * small files beside its optimised copy, so that only the first load runs the model for it.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { probeBatching } from './batch-probe.ts';
import type { TimedRuns } from './batch-tuning.ts';
import { tuneBatch } from './batch-tuning.ts';
import { concreteShapes, repeatedRows } from './made-up-inputs.ts';
import type { BatchSize, BatchVerdict, LoadOrder } from './protocol.ts';

interface Finding<T> {
  readonly value: T;
  /** False when another load may find something else: it is not kept. */
  readonly certain: boolean;
}

/** A finding holds for the shapes that were run (model.yaml may change them) and for this way of finding it. */
function fileOf(order: LoadOrder, kind: string, openSize: number): string | undefined {
  const shapes = concreteShapes(order, openSize).map((shape) => shape.join('x'));
  return (
    order.optimised &&
    join(order.optimised.folder, `${kind}-${shapes.join(',').slice(0, 200)}.json`)
  );
}

async function readOrFind<T>(
  path: string | undefined,
  find: () => Promise<Finding<T>>,
): Promise<T> {
  try {
    if (path) return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    // Not found yet.
  }
  const { value, certain } = await find();
  try {
    if (path && certain) writeFileSync(path, JSON.stringify(value));
  } catch {
    // Only slower next time.
  }
  return value;
}

/** Whether rows may share a run; `openSize` is the size of open dimensions that the warm-up found to work. */
export function findVerdict(
  order: LoadOrder,
  openSize: number,
  { run }: TimedRuns,
): Promise<BatchVerdict> {
  return readOrFind(fileOf(order, 'probe-2', openSize), async () => {
    const { verdict, certain } = await probeBatching(order, openSize, run);
    return { value: verdict, certain };
  });
}

/**
 * How many rows a run should take, where the order asks for it and rows may share a run. What the order
 * says already is believed. How long a run takes depends on the threads, so they are in the file's name.
 */
export async function findBatchSize(
  order: LoadOrder,
  openSize: number,
  { acrossRequests }: BatchVerdict,
  runs: TimedRuns,
): Promise<BatchSize | undefined> {
  if (order.batchSize !== 'measure') return order.batchSize;
  if (!acrossRequests) return undefined;
  return readOrFind(fileOf(order, `batch-1-${order.threads}`, openSize), async () => {
    const makeRows = repeatedRows(order, openSize);
    const now = performance.now.bind(performance);
    const { batchSize, certain } = await tuneBatch({ runs, makeRows, now });
    return { value: batchSize, certain };
  });
}
