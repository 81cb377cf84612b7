/** Starts the real `bin/modelship serve` for a benchmark, and looks at it from outside. */

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..', '..');

export interface BenchServer {
  readonly url: string;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** Starts it; does not wait. */
export async function startServer(args: readonly string[], cacheDir: string): Promise<BenchServer> {
  const port = await freePort();
  const child = spawn(
    join(root, 'bin', 'modelship'),
    ['serve', ...args, '--port', String(port), '--grpc-port', '0', '--log-level', 'error'],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      // The variable, not the option: so the compiled code is kept there too.
      env: { ...process.env, MODELSHIP_CACHE_DIR: cacheDir },
    },
  );
  // A benchmark that fails leaves nothing behind.
  const onExit = (): boolean => child.kill('SIGKILL');
  process.once('exit', onExit);
  return {
    url: `http://127.0.0.1:${port}`,
    process: child,
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      process.off('exit', onExit);
    },
  };
}

/** Asks until the answer is 200; returns the milliseconds since `since`. */
export async function firstAnswer(url: string, init: RequestInit, since: number): Promise<number> {
  for (;;) {
    try {
      const response = await fetch(url, init);
      await response.arrayBuffer();
      if (response.status === 200) return performance.now() - since;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

/** Process ids of a process and its children. */
export function processTree(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return [pid, ...(children === '' ? [] : children.split(' ').map(Number)).flatMap(processTree)];
}

/** Proportional set size in MB: shared pages counted by share. */
export function pssOf(pid: number): number {
  const [, kilobytes] =
    /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
