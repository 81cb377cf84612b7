/**
 * How long one request holds the event loop of the server: the longest turn while requests are handled that
 * were made to be slow, in milliseconds of the thread's processor time, the least of some runs.
 *
 *   node bench/loop-turns.ts [part of a name] [--runs 3] [--server bin/modelship]
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeTestModel } from '../test/models/test-models.ts';
import { root } from './support/server.ts';
import { slowRequests } from './support/slow-requests.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '3' },
    server: { type: 'string', default: join(root, 'bin', 'modelship') },
  },
});
const [part = ''] = positionals;
const folder = mkdtempSync(join(tmpdir(), 'modelship-turns-'));
const models = [
  'total',
  'half-plus-two',
  'identity-int64',
  'identity-fp32',
  'identity-bytes',
] as const;
for (const name of models) writeTestModel(join(folder, 'models'), name);

const probe = join(root, 'bench', 'support', 'turn-probe.ts');
const args = [
  'serve',
  join(folder, 'models'),
  '--port',
  '0',
  '--grpc-port',
  '0',
  '--instances',
  '1',
];
const server = spawn(values.server, [...args, '--max-body-memory', '2GB', '--log-level', 'error'], {
  stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  env: {
    ...process.env,
    MODELSHIP_CACHE_DIR: join(folder, 'cache'),
    NODE_OPTIONS: `--import=${probe} ${process.env.NODE_OPTIONS ?? ''}`,
  },
});
process.once('exit', () => {
  server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function portsOf(): Promise<{ http: number; grpc: number }> {
  let text = '';
  for await (const piece of server.stdout ?? []) {
    text += piece;
    const [, http] = /Listening on \S+:(\d+)\n/.exec(text) ?? [];
    const [, grpc] = /gRPC on \S+:(\d+)\n/.exec(text) ?? [];
    if (http && grpc && /in a browser/.test(text))
      return { http: Number(http), grpc: Number(grpc) };
  }
  throw new Error(`it did not start:\n${text}`);
}

/** Since it was asked last. */
async function longestTurn(): Promise<number> {
  server.send('turn');
  const [longest] = (await once(server, 'message')) as [number];
  return longest;
}

const ports = await portsOf();
for (const { name, send } of slowRequests.filter((one) => one.name.includes(part))) {
  const turns: number[] = [];
  let answer = '';
  for (let run = 0; run < Number(values.runs); run += 1) {
    await longestTurn();
    answer = await send(ports);
    turns.push(await longestTurn());
  }
  console.log(
    `${name}: ${Math.min(...turns).toFixed(1)} ms (${turns.map((ms) => ms.toFixed(0)).join(', ')}); ${answer}`,
  );
}
server.kill('SIGTERM');
await once(server, 'exit');
process.exit(0);
