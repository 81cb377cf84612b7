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
import type { RestartCause } from '../telemetry/version-metrics.ts';
import type { Frame, FrameTensor } from './frames.ts';
import type { LoadOrder, LoadOutcome, LoadReport, RunFailure } from './protocol.ts';
import { controlFrame, frameKinds, tensorFrame } from './protocol.ts';
import { createRunnerChannel } from './runner-channel.ts';

export interface RunResult {
  readonly outputs: readonly FrameTensor[];
  /** Time inside the runtime, in microseconds. */
  readonly runMicros: number;
}

export interface RunnerProcess {
  readonly pid: number | undefined;
  /** Loads the model. Throws MODEL_LOAD_FAILED, MODEL_WARMUP_FAILED or RUNNER_DIED. */
  load(order: LoadOrder): Promise<LoadReport>;
  /**
   * Runs once. `wanted`: bit i set = output i, 0 = all. `announced`: a RUNNER_DIED says when the runner
   * ended before it began. Throws RUN_FAILED or RUNNER_DIED.
   */
  run(inputs: readonly FrameTensor[], wanted: number, announced?: boolean): Promise<RunResult>;
  /** Settles when it answers. Throws RUNNER_DIED. */
  ping(): Promise<void>;
  /** It loads or runs, and answers a ping only after that. */
  readonly busy: boolean;
  /** It has answered a run. */
  readonly hasAnswered: boolean;
  /** Settles when the process has ended; says how, for people. Never rejects. */
  readonly ended: Promise<string>;
  /** Why it ended, or will have when it does; for counting. */
  readonly endCause: EndCause;
  /** Ends the process at once, whatever it is doing. `why` is what its requests and `ended` are told. */
  kill(why?: string, cause?: EndCause): void;
}

export type EndCause = Exclude<RestartCause, 'load_failed'>;

export interface RunnerOptions {
  readonly model: string;
  /** The whole environment of the process: nothing of the server's own leaks into it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly onLogLine: (line: string) => void;
  /** A process that was started ahead of time (`spawnRunner`); absent: one is started. */
  readonly process?: ChildProcess | undefined;
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

/**
 * Of processes that prepare a version: far below the runners that serve, and not so far that on a machine
 * whose cores are all busy a new version never comes (at 19 it took 20 times as long, docs/decisions/versions.md).
 */
export const preparingNiceness = 12;

/** Starts a bare runner process, which takes a while to come up and holds nothing yet. */
export function spawnRunner(
  environment: Readonly<Record<string, string>>,
  niceness = runnerNiceness,
): ChildProcess {
  const child = spawn(process.execPath, ['--no-warnings', entryPoint], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    env: environment,
  });
  yieldToServer(child.pid, niceness);
  return child;
}

/** Runners fill the cores; a little below the server they do not keep it from answering /healthz. */
function yieldToServer(pid: number | undefined, niceness: number): void {
  try {
    if (pid !== undefined) setPriority(pid, niceness);
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

/** Settles when the process has ended and all it wrote is read; says how, for people. */
function endOf(child: ChildProcess, lastLines: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(describeExit(code, signal, lastLines)));
    // One that was started ahead may be gone already, and its events with it.
    if (hasEnded(child)) resolve(describeExit(child.exitCode, child.signalCode, lastLines));
  });
}

/** True for a process that was collected already. */
export function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return typeof exitCode === 'number' || typeof signalCode === 'string';
}

// Errors of the model are answers; what a `read` throws is the runner's own fault.

function readLoadAnswer({ json }: Frame): LoadReport | ServingError {
  const outcome = JSON.parse(json) as LoadOutcome;
  return outcome.ok ? outcome : fromPlain(outcome.error);
}

const loadQuestion = { answers: [frameKinds.loaded], read: readLoadAnswer, busy: true } as const;
const pingQuestion = { answers: [frameKinds.pong], read: () => undefined, busy: false } as const;
const runAnswers = [frameKinds.result, frameKinds.error];

/** Positions of the outputs that a run is to give, in rising order. */
function wantedOutputs(count: number, wanted: number): number[] {
  const all = Array.from({ length: count }, (_, index) => index);
  return wanted === 0 ? all : all.filter((index) => index < 32 && (wanted >>> index) & 1);
}

function readRunAnswer(
  { kind, json, tensors, word }: Frame,
  expected: readonly number[],
): RunResult | ServingError {
  if (kind === frameKinds.error) return fromPlain((JSON.parse(json) as RunFailure).error);
  const got = tensors.map(({ index }) => index);
  if (got.join() !== expected.join())
    throw new RangeError(`outputs [${got}] instead of [${expected}]`);
  return { outputs: tensors, runMicros: word };
}

/** A runner on a new process or on the given one; it holds nothing until `load`. */
export function startRunner(options: RunnerOptions): RunnerProcess {
  const child = options.process ?? spawnRunner(options.environment);
  const [stream, lifeLine] = pipesOf(child);
  const lastLines: string[] = [];
  let outputCount = 0;
  let hasAnswered = false;
  let endCause: EndCause = 'died';

  const end = (): void => {
    lifeLine.destroy();
    child.kill('SIGKILL');
  };
  const channel = createRunnerChannel({
    model: options.model,
    stream,
    onMisbehaviour() {
      endCause = 'misbehaved';
      end();
    },
  });
  // A runner that closed its channel is of no use; usually it has just ended.
  stream.on('error', end);
  stream.on('end', end);
  lifeLine.on('error', () => {});

  followLines(child, (line) => {
    lastLines.push(line.slice(0, 300));
    if (lastLines.length > 3) lastLines.shift();
    options.onLogLine(line);
  });

  const ended = endOf(child, lastLines).then((how) => {
    channel.fail(how);
    return channel.failure ?? how;
  });

  return {
    pid: child.pid,
    ended,
    get busy() {
      return channel.busy;
    },
    get hasAnswered() {
      return hasAnswered;
    },
    async load(order) {
      const outcome = await channel.ask(
        (id) => controlFrame(frameKinds.load, 0, id, order),
        loadQuestion,
      );
      if (outcome instanceof ServingError) throw outcome;
      outputCount = order.outputs.length;
      return outcome;
    },
    async run(inputs, wanted, announced = false) {
      const kind = announced ? frameKinds.announcedRun : frameKinds.run;
      const expected = wantedOutputs(outputCount, wanted);
      const outcome = await channel.ask((id) => tensorFrame(kind, 0, id, inputs, wanted), {
        answers: runAnswers,
        read: (frame) => readRunAnswer(frame, expected),
        announced,
        busy: true,
      });
      hasAnswered = true;
      if (outcome instanceof ServingError) throw outcome;
      return outcome;
    },
    ping: () => channel.ask((id) => controlFrame(frameKinds.ping, 0, id, {}), pingQuestion),
    get endCause() {
      return endCause;
    },
    kill(why, cause = endCause) {
      // The first reason stays, and so does its kind.
      if (channel.failure === undefined) endCause = cause;
      if (why !== undefined) channel.fail(why);
      end();
    },
  };
}
