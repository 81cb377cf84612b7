/**
 * The server's side of one runner: starts the process, loads a model into it, sends runs.
 *
 * Owns the process and what is pending on it. Does not own restarts (serving/ decides those).
 */

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import { Duplex } from 'node:stream';
import { fromPlain, ServingError } from '../errors.ts';
import { createFrameReader, writeFrame } from './frame-stream.ts';
import type { Frame, FrameTensor } from './frames.ts';
import type { LoadOrder, LoadOutcome, LoadReport, RunFailure } from './protocol.ts';
import { controlFrame, frameKinds, tensorFrame } from './protocol.ts';

export interface RunResult {
  readonly outputs: readonly FrameTensor[];
  /** Time inside the runtime, in microseconds. */
  readonly runMicros: number;
}

export interface RunnerProcess {
  readonly pid: number | undefined;
  /** Loads the model. Throws MODEL_LOAD_FAILED, MODEL_WARMUP_FAILED or RUNNER_DIED. */
  load(order: LoadOrder): Promise<LoadReport>;
  /** Runs once. `wanted`: bit i set = output i, 0 = all. Throws RUN_FAILED or RUNNER_DIED. */
  run(inputs: readonly FrameTensor[], wanted: number): Promise<RunResult>;
  /** Settles when the process has ended; says how, for people. Never rejects. */
  readonly ended: Promise<string>;
  /** Ends the process at once, whatever it is doing. */
  kill(): void;
}

export interface RunnerOptions {
  readonly model: string;
  /** The whole environment of the process: nothing of the server's own leaks into it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly onLogLine: (line: string) => void;
  /** A process that was started ahead of time (`spawnRunner`); absent: one is started. */
  readonly process?: ChildProcess | undefined;
}

interface Pending {
  resolve(frame: Frame): void;
  reject(error: Error): void;
}

/** The entry point beside this file: .js when built, .ts when tests run the sources. */
const entryPoint = new URL(
  `../processes/runner${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
  import.meta.url,
).pathname;

function describeExit(
  code: number | null,
  signal: string | null,
  lastLines: readonly string[],
): string {
  const how = signal ? `killed by ${signal}` : `exit code ${code}`;
  return lastLines.length > 0 ? `${how}; it last said: ${lastLines.join(' | ')}` : how;
}

function followLines(child: ChildProcess, onLine: (line: string) => void): void {
  let rest = '';
  child.stderr?.setEncoding('utf8');
  child.stderr?.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = (lines.pop() ?? '').slice(-4096);
    for (const line of lines) if (line.trim() !== '') onLine(line);
  });
}

/** 99 of 100 answers of /healthz under full load: within 6.5–10.5 ms instead of 12 (docs/decisions/runner.md). */
const runnerNiceness = 5;

/** Starts a bare runner process, which takes a while to come up and holds nothing yet. */
export function spawnRunner(environment: Readonly<Record<string, string>>): ChildProcess {
  const child = spawn(process.execPath, ['--no-warnings', entryPoint], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    env: environment,
  });
  yieldToServer(child.pid);
  return child;
}

/** Runners fill the cores; a little below the server they do not keep it from answering /healthz. */
function yieldToServer(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, runnerNiceness);
  } catch {
    // Gone already, or a platform that does not allow it.
  }
}

/** The channel and the life line. Without file descriptors left, a child comes without streams. */
function pipesOf({ stdio }: { readonly stdio?: ChildProcess['stdio'] }): [Duplex, Duplex] {
  if (stdio) return [stdio[3] as Duplex, stdio[4] as Duplex];
  const nowhere = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  return [nowhere, nowhere];
}

/** A runner on a new process or on the given one; it holds nothing until `load`. */
export function startRunner(options: RunnerOptions): RunnerProcess {
  const child = options.process ?? spawnRunner(options.environment);
  const [channel, lifeLine] = pipesOf(child);
  const pending = new Map<number, Pending>();
  const lastLines: string[] = [];
  let nextId = 0;
  let death: string | undefined;

  followLines(child, (line) => {
    lastLines.push(line.slice(0, 300));
    if (lastLines.length > 3) lastLines.shift();
    options.onLogLine(line);
  });

  const died = (how: string): ServingError<'RUNNER_DIED'> =>
    new ServingError('RUNNER_DIED', { model: options.model, how });

  const ended = new Promise<string>((resolve) => {
    const end = (how: string): void => {
      death ??= how;
      for (const { reject } of pending.values()) reject(died(how));
      pending.clear();
      resolve(how);
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code, signal) => end(describeExit(code, signal, lastLines)));
  });

  const reader = createFrameReader((frame) => {
    const waiting = pending.get(frame.requestId);
    pending.delete(frame.requestId);
    waiting?.resolve(frame);
  });
  channel.on('data', (chunk: Uint8Array) => {
    try {
      reader.push(chunk);
    } catch {
      // Not our protocol any more: nothing that comes can be trusted.
      child.kill('SIGKILL');
    }
  });
  // A broken pipe is followed by the end of the process, which answers for everything.
  channel.on('error', () => {});
  lifeLine.on('error', () => {});

  function send(makeFrame: (id: number) => Frame): Promise<Frame> {
    if (death !== undefined) return Promise.reject(died(death));
    nextId = (nextId + 1) >>> 0;
    const id = nextId;
    return new Promise((resolve, reject) => {
      // First, because a frame that cannot be written (longer than 2 GiB) has no answer to wait for.
      writeFrame(channel, makeFrame(id));
      pending.set(id, { resolve, reject });
    });
  }

  return {
    pid: child.pid,
    ended,
    async load(order) {
      const answer = await send((id) => controlFrame(frameKinds.load, 0, id, order));
      const outcome = JSON.parse(answer.json) as LoadOutcome;
      if (!outcome.ok) throw fromPlain(outcome.error);
      return outcome;
    },
    async run(inputs, wanted) {
      const answer = await send((id) => tensorFrame(frameKinds.run, 0, id, inputs, wanted));
      if (answer.kind === frameKinds.error)
        throw fromPlain((JSON.parse(answer.json) as RunFailure).error);
      return { outputs: answer.tensors, runMicros: answer.word };
    },
    kill() {
      lifeLine.destroy();
      child.kill('SIGKILL');
    },
  };
}
