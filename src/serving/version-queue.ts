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
import type { ReadModel } from '../repository/read-model.ts';
import type { FrameTensor } from '../runner/frames.ts';
import type { RunnerProcess, RunResult } from '../runner/runner-process.ts';
import type { VersionMetrics } from '../telemetry/version-metrics.ts';
import type { RunSize } from './batch-size.ts';
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
  /** What holds until `setRunSize`. */
  readonly runSize: RunSize;
  /** Runs once on a runner. */
  readonly run: (runner: RunnerProcess, request: RunRequest) => Promise<RunResult>;
  readonly metrics?: Pick<VersionMetrics, 'countRun' | 'countRetry'> | undefined;
}

export interface VersionQueue
  extends Pick<
    Scheduler<RunnerProcess, RunRequest, RunAnswer>,
    | 'reserve'
    | 'addInstance'
    | 'removeInstance'
    | 'refuseWaiting'
    | 'close'
    | 'waiting'
    | 'waitingBytes'
    | 'running'
  > {
  /** Throws QUEUE_FULL, DEADLINE_UNREACHABLE, RUN_FAILED, RUNNER_DIED or why the request ended. */
  run(request: RunRequest, life: RequestLife): Promise<RunAnswer>;
  /** From the next run on. */
  setRunSize(size: RunSize): void;
}

/** Of runs this short, handing over the next one is a part that can be seen (docs/decisions/scheduler.md). */
const aheadMs = 5;

function policyOf(model: ReadModel, { maxBatch, source }: RunSize): BatchPolicy {
  const { maxDelayMs } = model.config.batching;
  return { maxBatch, maxDelayMs, aheadMs, acrossRequests: source !== 'not batched' };
}

function bytesOf(inputs: Tensors): number {
  let total = 0;
  for (const { chunks } of inputs) for (const chunk of chunks) total += chunk.byteLength;
  return total;
}

function joinAnswers(model: string, answers: readonly RunAnswer[]): RunAnswer {
  let queueMs = 0;
  let runMs = 0;
  // Not with Math.max(...): a request of a million rows has more parts than a call may have arguments.
  for (const { timings } of answers) {
    queueMs = Math.max(queueMs, timings.queueMs);
    runMs += timings.runMs;
  }
  const outputs = joinOutputs(
    model,
    answers.map((answer) => answer.outputs),
  );
  return { outputs, timings: { queueMs, runMs } };
}

export function createVersionQueue(options: VersionQueueOptions): VersionQueue {
  const { model, run, metrics } = options;
  const clock = systemClock;
  const scheduler = createScheduler<RunnerProcess, RunRequest, RunAnswer>({
    model: model.name,
    limits: model.config.queue,
    policy: policyOf(model, options.runSize),
    clock,
    onRetry: () => metrics?.countRetry(),
    async runBatch(runner, { parts, rows, again }) {
      const startedAt = clock.now();
      const batch = createTensorBatch(model.name, parts);
      const wanted = parts[0]?.payload.wanted ?? 0;
      const { outputs, runMicros } = await run(runner, {
        inputs: batch.inputs,
        wanted,
        announced: again,
      });
      const runMs = runMicros / 1000;
      const answers = batch.split(outputs).map((outputs, i) => ({
        outputs,
        timings: { queueMs: startedAt - (parts[i]?.submittedAt ?? startedAt), runMs },
      }));
      metrics?.countRun({ rows, waitMs: answers.map(({ timings }) => timings.queueMs), runMs });
      return answers;
    },
    join: (answers) => joinAnswers(model.name, answers),
  });

  return {
    reserve: scheduler.reserve,
    addInstance: scheduler.addInstance,
    removeInstance: scheduler.removeInstance,
    refuseWaiting: scheduler.refuseWaiting,
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
    setRunSize: (size) => scheduler.setPolicy(policyOf(model, size)),
    get waiting() {
      return scheduler.waiting;
    },
    get waitingBytes() {
      return scheduler.waitingBytes;
    },
    get running() {
      return scheduler.running;
    },
  };
}
