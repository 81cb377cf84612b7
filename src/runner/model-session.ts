/**
 * One loaded model inside a runner: load → warm up → probe → tune → ready, then runs.
 */

import type { InferenceSession } from 'onnxruntime-node';
import { messageOf, ServingError } from '../errors.ts';
import { timeRuns } from './batch-tuning.ts';
import { findBatchSize, findVerdict } from './findings.ts';
import type { FrameTensor } from './frames.ts';
import {
  concreteShapes,
  hasOpenDimensions,
  isAffordable,
  sizesToTry,
  zeros,
} from './made-up-inputs.ts';
import type { Normaliser } from './normaliser.ts';
import { createNormaliser } from './normaliser.ts';
import { openSession } from './ort-session.ts';
import { fromOrtTensor, toOrtTensor } from './ort-values.ts';
import type { LoadOrder, LoadReport } from './protocol.ts';

export interface ModelSession {
  readonly report: LoadReport;
  /** `wanted`: bit i set = output i; 0 = all. */
  run(inputs: readonly FrameTensor[], wanted: number): Promise<FrameTensor[]>;
}

type Feeds = Record<string, InferenceSession.OnnxValueMapType[string]>;

function toFeed(
  order: LoadOrder,
  tensor: FrameTensor,
  normalise: Normaliser | undefined,
): FrameTensor {
  const { picture } = order;
  if (!normalise || tensor.index !== picture?.index || tensor.dtype !== 'UINT8') return tensor;
  // A model that takes bytes gets them as they come, in its own layout.
  if (order.inputs[tensor.index]?.dtype === 'UINT8') return tensor;
  const [pixels] = tensor.chunks.length === 1 ? tensor.chunks : [Buffer.concat(tensor.chunks)];
  const { data, shape } = normalise(
    pixels as Uint8Array,
    tensor.shape as [number, number, number, number],
  );
  return { ...tensor, dtype: 'FP32', shape, chunks: [new Uint8Array(data.buffer)] };
}

function createRun(order: LoadOrder, session: InferenceSession): ModelSession['run'] {
  const normalise = order.picture ? createNormaliser(order.picture) : undefined;
  const indexOf = new Map(order.outputs.map(({ name }, index) => [name, index]));
  const all = order.outputs.map(({ name }) => name);
  return async (inputs, wanted) => {
    const feeds: Feeds = {};
    for (const tensor of inputs) {
      const spec = order.inputs[tensor.index];
      if (!spec) throw new RangeError(`there is no input ${tensor.index}`);
      feeds[spec.name] = toOrtTensor(spec, toFeed(order, tensor, normalise));
    }
    const names =
      wanted === 0 ? all : all.filter((_, index) => index < 32 && (wanted >>> index) & 1);
    const results = await session.run(feeds, names);
    return names.map((name) => fromOrtTensor(indexOf.get(name) as number, results[name] as never));
  };
}

interface WarmUp {
  readonly openSize: number;
  readonly skipped?: string;
}

/** Runs on zeros. Throws when a model of fully known shape fails; open shapes are tried in a few sizes. */
async function warmUp(order: LoadOrder, run: ModelSession['run']): Promise<WarmUp> {
  const open = hasOpenDimensions(order);
  let failure: unknown;
  for (const openSize of sizesToTry(order)) {
    const shapes = concreteShapes(order, openSize);
    if (open && !isAffordable(shapes)) break;
    try {
      await run(
        order.inputs.map(({ dtype }, index) => zeros(index, dtype, shapes[index] as number[])),
        0,
      );
      return { openSize };
    } catch (error) {
      failure = error;
    }
  }
  if (open)
    return {
      openSize: 1,
      skipped: `no made-up size of its open dimensions works (${messageOf(failure)})`,
    };
  throw failure;
}

async function openOrFail(order: LoadOrder): Promise<Awaited<ReturnType<typeof openSession>>> {
  try {
    return await openSession(order);
  } catch (error) {
    const { model, version } = order;
    throw new ServingError('MODEL_LOAD_FAILED', { model, version, problem: messageOf(error) });
  }
}

/** Loads a model and proves that it answers. Throws MODEL_LOAD_FAILED or MODEL_WARMUP_FAILED. */
export async function openModelSession(order: LoadOrder): Promise<ModelSession> {
  const started = performance.now();
  const { session, fromCache } = await openOrFail(order);
  const loaded = performance.now();
  const run = createRun(order, session);
  let warm: WarmUp;
  try {
    warm = await warmUp(order, run);
  } catch (error) {
    const { model, version } = order;
    throw new ServingError('MODEL_WARMUP_FAILED', { model, version, problem: messageOf(error) });
  }
  const warmed = performance.now();
  const runs = timeRuns((inputs) => run(inputs, 0), performance.now.bind(performance));
  const batching = await findVerdict(order, warm.openSize, runs);
  const probed = performance.now();
  const batchSize = await findBatchSize(order, warm.openSize, batching, runs);
  const report: LoadReport = {
    loadMs: loaded - started,
    warmUpMs: warmed - loaded,
    probeMs: probed - warmed,
    tuneMs: performance.now() - probed,
    fromCache,
    batching,
    batchSize,
    warmUpSkipped: warm.skipped,
  };
  return { report, run };
}
