/**
 * Reads a version in a short-lived process of low priority (processes/preparer.ts): the graph of a
 * large model is not read, and its file not hashed, by the process that answers requests.
 */

import { spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import type { PlainError } from '../errors.ts';
import { fromPlain, messageOf, ServingError } from '../errors.ts';
import type { ModelSignature } from './model-signature.ts';
import type { ReadVersion } from './read-model.ts';

/** What the child is told, as one line of JSON on its standard input, which stays open as its life line. */
export interface PrepareOrder {
  readonly version: string;
  readonly file: string;
  /** Where hashes of files are remembered; absent: nothing is hashed. */
  readonly cache?: { readonly folder: string; readonly maxBytes: number } | undefined;
}

/** What it answers on its standard output. */
export interface PrepareAnswer {
  readonly file: string;
  readonly signature?: ModelSignature | undefined;
  readonly problem?: PlainError | undefined;
}

export interface ChildOptions {
  readonly environment: Readonly<Record<string, string>>;
  readonly cache: PrepareOrder['cache'];
}

/** As that of the runner that prepares (runner/runner-process.ts). */
const niceness = 12;
const mostAnswerBytes = 64 * 1024 ** 2;

/** The entry point beside this file: .js when built, .ts when tests run the sources. */
const entryPoint = new URL(
  `../processes/preparer${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
  import.meta.url,
).pathname;

function ask(
  order: PrepareOrder,
  { environment }: ChildOptions,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--no-warnings', entryPoint], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: environment,
      signal,
      killSignal: 'SIGKILL',
    });
    try {
      if (child.pid !== undefined) setPriority(child.pid, niceness);
    } catch {
      // Gone already, or a platform that does not allow it.
    }
    let answer = '';
    let complaint = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
      if (answer.length > mostAnswerBytes) child.kill('SIGKILL');
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-1000);
    });
    child.stdin.on('error', () => {});
    child.once('error', reject);
    child.once('close', (code, killed) => {
      if (code === 0) resolve(answer);
      else
        reject(new Error(`${killed ? `killed by ${killed}` : `exit code ${code}`} ${complaint}`));
    });
    child.stdin.write(`${JSON.stringify(order)}\n`);
  });
}

/** What is wrong with the version is in its `problem`. Throws only when `signal` ended it. */
export async function readInChild(
  read: ReadVersion,
  options: ChildOptions,
  signal: AbortSignal,
): Promise<ReadVersion> {
  const { version, file, problem } = read;
  if (problem || !file) return read;
  try {
    const text = await ask({ version, file, cache: options.cache }, options, signal);
    const answer = JSON.parse(text) as PrepareAnswer;
    if (answer.problem) return { version, file, problem: fromPlain(answer.problem) };
    return {
      version,
      file: answer.file,
      ...(answer.signature ? { signature: answer.signature } : {}),
    };
  } catch (error) {
    signal.throwIfAborted();
    const unread = `the process that was to read it ended: ${messageOf(error)}`;
    return {
      version,
      file,
      problem: new ServingError('PATH_UNREADABLE', { path: file, problem: unread }),
    };
  }
}
