/** Starts a command that ends up serving, and waits until it is ready. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface RunningCommand extends AsyncDisposable {
  readonly url: string;
  /** Standard output so far. */
  output(): string;
}

export interface CommandOptions {
  readonly cwd: string;
  /** A folder to look for programs in first. */
  readonly path?: string;
}

/** The arguments get `--port 0`; ready means that the line to try was printed. */
export async function startCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<RunningCommand> {
  const cache = await mkdtemp(join(tmpdir(), 'modelship-cache-'));
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|NODE_|VITEST|MODELSHIP_)/i.test(name),
  );
  const environment = Object.fromEntries(inherited);
  const child = spawn(command, [...args, '--port', '0'], {
    cwd: options.cwd,
    env: {
      ...environment,
      PATH: [options.path, environment.PATH].filter(Boolean).join(delimiter),
      MODELSHIP_CACHE_DIR: cache,
      MODELSHIP_GRPC_PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that npm and what it starts can be ended together.
    detached: true,
  });
  let output = '';
  let errors = '';
  const ready = Promise.withResolvers<void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (/Try it:|No model serves/.test(output)) ready.resolve();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const exited = once(child, 'exit');
  exited.then(
    ([code]) => ready.reject(new Error(`${command} ended with ${code}:\n${output}\n${errors}`)),
    ready.reject,
  );
  await ready.promise;
  const [, url = ''] = /Listening on (http:\S+)/.exec(output) ?? [];
  return {
    url,
    output: () => output,
    async [Symbol.asyncDispose]() {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
      await exited;
      // What npm started may still be writing when npm itself has ended.
      await rm(cache, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}
