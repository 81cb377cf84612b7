/**
 * The queue of one model version: which requests may share a run, and how a run is made of them.
 *
 * Owns the translation between requests of the model and the scheduler, which knows no model.
 */

import type { Tensors } from '../batching/batch.ts';
import { countRows, createTensorBatch, describeRows, joinOutputs } from '../batching/batch.ts';
import { systemClock } from '../batching/clock.ts';
import type { Scheduler } from '../batching/scheduler.ts';
import { createScheduler } from '../batching/scheduler.ts';
import type { BatchPolicy } from '../batching/waiting-room.ts';
import type { ReadModel, ReadVersion } from '../repository/read-model.ts';
import type { FrameTensor } from '../runner/frames.ts';
import type { BatchVerdict } from '../runner/protocol.ts';
import type { RunnerProcess, RunResult } from '../runner/runner-process.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import type { Timings } from './inference-types.ts';
import type { RequestLife } from './request-life.ts';

export interface RunAnswer {
  readonly outputs: readonly FrameTensor[];
  readonly timings: Timings;
}

/** The inputs of a request and the mask of its wanted outputs. */
export interface RunRequest {
  readonly inputs: Tensors;
  readonly wanted: number;
  /** Room was reserved for it (`reserve`). */
  readonly admitted?: boolean | undefined;
  /** As in `RunnerProcess.run`. */
  readonly announced?: boolean;
}

export interface VersionQueueOptions {
  readonly model: ReadModel;
  readonly version: ReadVersion;
  /** Runs once on a runner. */
  readonly run: (runner: RunnerProcess, request: RunRequest) => Promise<RunResult>;
}

export interface VersionQueue
  extends Pick<
    Scheduler<RunnerProcess, RunRequest, RunAnswer>,
    'reserve' | 'addInstance' | 'removeInstance' | 'close' | 'waiting' | 'running'
  > {
  /** Throws QUEUE_FULL, DEADLINE_UNREACHABLE, RUN_FAILED, RUNNER_DIED or why the request ended. */
  run(request: RunRequest, life: RequestLife): Promise<RunAnswer>;
  /** What the probe at load found; until then no run is shared. */
  setVerdict(verdict: BatchVerdict): void;
}

/** Rows of a run where model.yaml does not say. */
export const defaultMaxBatch = 8;

/** Whether the pictures or tensors of several requests may be rows of one run. */
export function mayShareRuns(model: ReadModel, verdict: BatchVerdict | undefined): boolean {
  return model.config.batching.acrossRequests ?? verdict?.acrossRequests ?? false;
}

/** model.yaml may allow what the probe cannot find out, not what the shapes rule out. */
function hasOpenBatch({ signature }: ReadVersion): boolean {
  const open = ({ shape, anyShape }: TensorSpec): boolean => anyShape === true || shape[0] === null;
  return signature !== undefined && [...signature.inputs, ...signature.outputs].every(open);
}

function policyOf(
  { model, version }: VersionQueueOptions,
  verdict: BatchVerdict | undefined,
): BatchPolicy {
  const { maxBatch = defaultMaxBatch, maxDelayMs } = model.config.batching;
  const acrossRequests = hasOpenBatch(version) && mayShareRuns(model, verdict);
  return { maxBatch, maxDelayMs, acrossRequests };
}

function bytesOf(inputs: Tensors): number {
  let total = 0;
  for (const { chunks } of inputs) for (const chunk of chunks) total += chunk.byteLength;
  return total;
}

function joinAnswers(model: string, answers: readonly RunAnswer[]): RunAnswer {
  const timings = answers.map((answer) => answer.timings);
  const outputs = joinOutputs(
    model,
    answers.map((answer) => answer.outputs),
  );
  return {
    outputs,
    timings: {
      queueMs: Math.max(...timings.map(({ queueMs }) => queueMs)),
      runMs: timings.reduce((total, { runMs }) => total + runMs, 0),
    },
  };
}

export function createVersionQueue(options: VersionQueueOptions): VersionQueue {
  const { model, run } = options;
  const clock = systemClock;
  const scheduler = createScheduler<RunnerProcess, RunRequest, RunAnswer>({
    model: model.name,
    limits: model.config.queue,
    policy: policyOf(options, undefined),
    clock,
    async runBatch(runner, { parts, again }) {
      const startedAt = clock.now();
      const batch = createTensorBatch(model.name, parts);
      const wanted = parts[0]?.payload.wanted ?? 0;
      const { outputs, runMicros } = await run(runner, {
        inputs: batch.inputs,
        wanted,
        announced: again,
      });
      const runMs = runMicros / 1000;
      return batch.split(outputs).map((rows, i) => ({
        outputs: rows,
        timings: { queueMs: startedAt - (parts[i]?.submittedAt ?? startedAt), runMs },
      }));
    },
    join: (answers) => joinAnswers(model.name, answers),
  });

  return {
    reserve: scheduler.reserve,
    addInstance: scheduler.addInstance,
    removeInstance: scheduler.removeInstance,
    close: scheduler.close,
    run(request, life) {
      const { inputs, wanted, admitted } = request;
      const { deadline, acceptedAt, priority } = life;
      const rows = countRows(inputs);
      const ticket = scheduler.submit({
        payload: request,
        rows: rows ?? 1,
        alone: rows === undefined,
        bytes: bytesOf(inputs),
        group: `${wanted}:${describeRows(inputs)}`,
        deadline,
        acceptedAt,
        priority,
        admitted,
      });
      life.attach(ticket);
      return ticket.answer;
    },
    setVerdict: (verdict) => scheduler.setPolicy(policyOf(options, verdict)),
    get waiting() {
      return scheduler.waiting;
    },
    get running() {
      return scheduler.running;
    },
  };
}
