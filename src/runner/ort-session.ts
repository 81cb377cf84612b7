/**
 * Opening a model in ONNX Runtime, through its optimised copy where there is one.
 *
 * Measured (docs/decisions/runner.md): loading an optimised model with external data takes a seventh of
 * the time, and sessions of several runners share its pages.
 */

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { checkUnchanged } from './file-stamp.ts';
import type { LoadOrder, OptimisedFolder } from './protocol.ts';

const optimisedName = 'model.onnx';
const weightsName = 'weights.bin';

function commonOptions(order: LoadOrder): InferenceSession.SessionOptions {
  return {
    executionProviders: [order.provider],
    intraOpNumThreads: order.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 3,
    // Threads that spin while idle take the cores of the other instances.
    extra: { session: { intra_op: { spin_duration_us: '50' } } },
  };
}

async function openOptimised(order: LoadOrder, folder: string): Promise<InferenceSession> {
  return InferenceSession.create(join(folder, optimisedName), {
    ...commonOptions(order),
    graphOptimizationLevel: 'disabled',
  });
}

async function openOriginal(order: LoadOrder, writeTo?: string): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    ...commonOptions(order),
    graphOptimizationLevel: 'all',
  };
  if (!writeTo) return createUnchanged(order, options);
  const extra = {
    session: {
      intra_op: { spin_duration_us: '50' },
      optimized_model_external_initializers_file_name: weightsName,
      optimized_model_external_initializers_min_size_in_bytes: '1024',
    },
  };
  return createUnchanged(order, {
    ...options,
    extra,
    optimizedModelFilePath: join(writeTo, optimisedName),
  });
}

/** Opens the model's own file, which must be the one that the server read before and after. */
async function createUnchanged(
  { path, stamps = {} }: LoadOrder,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  checkUnchanged(stamps);
  const session = await InferenceSession.create(path, options);
  checkUnchanged(stamps);
  return session;
}

/** On the disk before the rename that makes it count: a copy of zeros after a power loss would be believed. */
function flushFolder(folder: string): void {
  for (const name of readdirSync(folder)) {
    const file = openSync(join(folder, name), 'r');
    fsyncSync(file);
    closeSync(file);
  }
}

/** Writes the optimised copy under a temporary name, then renames it. False: it could not be written. */
async function makeOptimised(order: LoadOrder, optimised: OptimisedFolder): Promise<boolean> {
  const { folder } = optimised;
  // Several runners of one order may get here at once, when the copy was removed under a server.
  const building = `${optimised.building}-${process.pid}`;
  try {
    mkdirSync(building, { recursive: true, mode: 0o700 });
    const session = await openOriginal(order, building);
    await session.release();
    flushFolder(building);
    // Copies come whole, by a rename: a folder without one is what is left of a damaged copy.
    if (!existsSync(join(folder, optimisedName))) rmSync(folder, { recursive: true, force: true });
    renameSync(building, folder);
    return true;
  } catch {
    // A full disk, a folder that cannot be written, or another runner that was first.
    rmSync(building, { recursive: true, force: true });
    return existsSync(join(folder, optimisedName));
  }
}

export interface OpenedSession {
  readonly session: InferenceSession;
  readonly fromCache: boolean;
}

/** Opens the model, from its optimised copy when there is (or can be made) one. */
export async function openSession(order: LoadOrder): Promise<OpenedSession> {
  const { optimised } = order;
  if (!optimised) return { session: await openOriginal(order), fromCache: false };
  const fromCache = existsSync(join(optimised.folder, optimisedName));
  if (!fromCache && !(await makeOptimised(order, optimised))) {
    return { session: await openOriginal(order), fromCache: false };
  }
  try {
    return { session: await openOptimised(order, optimised.folder), fromCache };
  } catch {
    // A damaged copy: the original is the truth, and the next start makes a new copy.
    rmSync(optimised.folder, { recursive: true, force: true });
    return { session: await openOriginal(order), fromCache: false };
  }
}
