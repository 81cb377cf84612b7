/**
 * A process that does one thing and ends: started with an order, bounded in time and memory, of low
 * priority, killed when it is not wanted any more. It knows who started it, and ends soon when that is gone, which
 * cannot kill it then.
 *
 * Owns the process and its limits. Does not own what it does (processes/converter.ts, verifier.ts).
 */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { PlainError } from '../errors.ts';
import { fromPlain } from '../errors.ts';

export type ChildOutcome =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: PlainError };

export interface OneShotOptions {
  /** A file of processes/, without its ending. */
  readonly entry: 'converter' | 'verifier';
  readonly order: unknown;
  readonly nodeOptions?: readonly string[];
  /** The whole environment of the process. */
  readonly environment: Readonly<Record<string, string>>;
  readonly maxBytes: number;
  readonly maxMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Why it ended without an outcome, for people, as an error. */
  readonly failure: (problem: string) => Error;
}

const niceness = 10;
const lookEveryMs = 50;
/** An outcome is a report, not a model. */
const longestOutcome = 2 ** 26;

const isSource = import.meta.url.endsWith('.ts');

/** The folder of our own code, which such a process must be able to read. */
export const codeFolder = fileURLToPath(new URL('..', import.meta.url));

const entryPoint = (name: string): string =>
  fileURLToPath(new URL(`../processes/${name}.${isSource ? 'ts' : 'js'}`, import.meta.url));

/** Resident memory in bytes; 0 where the platform does not say. */
function residentBytes(pid: number): number {
  try {
    const pages = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1];
    return Number(pages) * 4096;
  } catch {
    return 0;
  }
}

/** Gives the result. Throws the error that the process told of, or `failure`. */
export async function runOneShot(options: OneShotOptions): Promise<unknown> {
  const { entry, order, environment, nodeOptions = [], failure, signal } = options;
  const child = spawn(
    process.execPath,
    [...nodeOptions, entryPoint(entry), JSON.stringify(order), String(process.pid)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment,
    },
  );
  let stopped: string | undefined;
  const stop = (why: string): void => {
    stopped ??= why;
    child.kill('SIGKILL');
  };
  const onAbort = (): void => stop('it is not wanted any more');
  signal?.addEventListener('abort', onAbort, { once: true });
  const deadline = setTimeout(() => stop(`it took longer than ${options.maxMs} ms`), options.maxMs);
  const watch = setInterval(() => {
    const bytes = child.pid === undefined ? 0 : residentBytes(child.pid);
    if (bytes > options.maxBytes)
      stop(`it took more than ${Math.round(options.maxBytes / 2 ** 20)} MB of memory`);
  }, lookEveryMs);
  lowerPriority(child.pid);
  if (signal?.aborted) onAbort();
  try {
    const { output, errors, how } = await collect(child, stop);
    if (stopped !== undefined) throw failure(stopped);
    return (
      readOutcome(output) ?? raise(failure(`its process ended without a result (${how})${errors}`))
    );
  } finally {
    clearTimeout(deadline);
    clearInterval(watch);
    signal?.removeEventListener('abort', onAbort);
  }
}

function raise(error: Error): never {
  throw error;
}

function lowerPriority(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, niceness);
  } catch {
    // Gone already, or a platform that does not allow it.
  }
}

interface Collected {
  readonly output: string;
  /** The last line of its standard error, or ''. */
  readonly errors: string;
  readonly how: string;
}

function collect(child: ReturnType<typeof spawn>, stop: (why: string) => void): Promise<Collected> {
  const { promise, resolve } = Promise.withResolvers<Collected>();
  let output = '';
  let errors = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.length > longestOutcome) stop('it wrote too much');
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4096);
  });
  child.once('error', (error) => resolve({ output, errors: '', how: error.message }));
  child.once('close', (code, killedBy) => {
    const lines = errors.trim().split('\n');
    const last = lines.find((line) => /error/i.test(line)) ?? lines.at(-1) ?? '';
    const how = killedBy ? `killed by ${killedBy}` : `exit code ${code}`;
    resolve({ output, errors: last === '' ? '' : `: ${last.slice(0, 300)}`, how });
  });
  return promise;
}

/** Undefined when the process wrote no whole outcome. */
function readOutcome(output: string): unknown {
  let outcome: ChildOutcome;
  try {
    outcome = JSON.parse(output) as ChildOutcome;
  } catch {
    return undefined;
  }
  if (!outcome.ok) throw fromPlain(outcome.error);
  return outcome.result;
}
