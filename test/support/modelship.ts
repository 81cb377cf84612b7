/**
 * The real `bin/modelship`, started as a user starts it: a server, or a command that ends by itself.
 * Every process has a home of its own and is gone when its scope ends.
 */

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

export const root = join(import.meta.dirname, '..', '..');
export const binary = join(root, 'bin', 'modelship');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What to start instead of the binary itself, with `binary` among its arguments. */
  readonly command?: readonly string[];
  /** A process group of its own, as a shell gives its jobs. */
  readonly ownGroup?: boolean;
}

export interface Program extends AsyncDisposable {
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly ended: Promise<Ended>;
  /** Waits until what it printed matches; fails with all it printed when it ends before. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
}

export interface Modelship extends Program {
  readonly url: string;
  readonly port: number;
  /** SIGTERM, and how it ended. */
  stop(): Promise<Ended>;
}

const children = new Set<ChildProcess>();
/** One for all programs of a test file: compiled code and optimised models are made once. */
const sharedCache = mkdtempSync(join(tmpdir(), 'modelship-test-cache-'));
// Registered before those of the test file, so it comes last.
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(sharedCache, { recursive: true, force: true, maxRetries: 10 });
});

/** A folder that is gone when the scope ends. */
export function temporaryFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'modelship-test-'));
  return {
    path,
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** Nothing of the machine's own settings; one instance a model, so that starts are cheap. */
function environment(home: string, extra: StartOptions['env']): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    HOME: home,
    MODELSHIP_CACHE_DIR: sharedCache,
    MODELSHIP_INSTANCES: '1',
    // Not the same port for all servers of the tests.
    MODELSHIP_GRPC_PORT: '0',
    ...extra,
  };
}

/** Starts `bin/modelship` with these arguments; it need not be a server. */
export function startProgram(options: StartOptions): Program {
  const home = temporaryFolder();
  const [command = binary, ...before] = options.command ?? [];
  const child = spawn(command, [...before, ...(options.args ?? [])], {
    cwd: options.cwd ?? home.path,
    env: environment(home.path, options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: options.ownGroup === true,
  });
  children.add(child);
  const text = { stdout: '', stderr: '' };
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const look of waiting) look();
  };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (piece: string) => {
      text[name] += piece;
      wake();
    });
  }
  let over = false;
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      over = true;
      children.delete(child);
      wake();
      resolve({ code, signal, ...text });
    });
  });
  return {
    pid: child.pid as number,
    get stdout() {
      return text.stdout;
    },
    get stderr() {
      return text.stderr;
    },
    ended,
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(text.stdout) ?? pattern.exec(text.stderr);
          if (!match && !over) return;
          waiting.delete(look);
          if (match) resolve(match);
          else reject(new Error(`it ended without ${pattern}:\n${text.stdout}${text.stderr}`));
        };
        waiting.add(look);
        look();
      }),
    signal: (name) => void child.kill(name),
    async [Symbol.asyncDispose]() {
      if (!over) child.kill('SIGKILL');
      await ended;
      home[Symbol.dispose]();
    },
  };
}

/** Runs a command of `bin/modelship` to its end. */
export async function runModelship(
  args: readonly string[],
  options: Omit<StartOptions, 'args'> = {},
): Promise<Ended> {
  await using program = startProgram({ ...options, args });
  return await program.ended;
}

export interface ServeOptions extends StartOptions {
  /** `listening` does not wait for the models. */
  readonly until?: 'models' | 'listening';
}

/** `modelship serve PATH` on a free port (without a PATH, the options say which); settles when it listens and every model is READY or FAILED. */
export async function startModelship(
  path: string | undefined,
  options: ServeOptions = {},
): Promise<Modelship> {
  const named = path === undefined ? [] : [path, '--port', '0'];
  const args = ['serve', ...named, ...(options.args ?? [])];
  const program = startProgram({ ...options, args });
  try {
    const [, port] = await program.printed(/Listening on http:\/\/\S+:(\d+)\n/);
    if (options.until !== 'listening') await program.printed(/in a browser\.|No model serves/);
    return asServer(program, Number(port));
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

function asServer(program: Program, port: number): Modelship {
  const server = {
    url: `http://127.0.0.1:${port}`,
    port,
    stop() {
      program.signal('SIGTERM');
      return program.ended;
    },
  };
  // The getters of the program stay getters.
  return Object.defineProperties(server, Object.getOwnPropertyDescriptors(program)) as Modelship;
}
