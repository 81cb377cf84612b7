/**
 * Sends mutated calls to every gRPC method, or mutated requests to both REST front ends, of a server of its
 * own, and watches its memory:
 *
 *   tools/node24 scripts/fuzz.ts grpc|rest [calls] [seed]
 */

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTestModel } from '../test/models/test-models.ts';
import { fuzzGrpc } from '../test/support/fuzz-grpc.ts';
import { fuzzedModels, fuzzRest } from '../test/support/fuzz-rest.ts';

const [front = 'grpc', calls = 100_000, seed = 1] = process.argv
  .slice(2)
  .map((text, i) => (i === 0 ? text : Number(text))) as [string?, number?, number?];
const fuzz = front === 'rest' ? fuzzRest : fuzzGrpc;
const rounds = 10;
const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'modelship-fuzz-'));
for (const name of fuzzedModels) writeTestModel(folder, name);

const args = ['serve', folder, '--port', '0', '--grpc-port', '0', '--instances', '1'];
const server = spawn(join(root, 'bin', 'modelship'), [...args, '--log-level', 'warn'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
let gone = false;
server.once('exit', () => {
  gone = true;
});
const port = await new Promise<number>((resolve) => {
  let text = '';
  server.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
    const address = front === 'rest' ? /Listening on \S+:(\d+)\n/ : /gRPC on \S+:(\d+)\n/;
    const [, found] = address.exec(text) ?? [];
    if (found && /in a browser/.test(text)) resolve(Number(found));
  });
});

function residentMegabytes(): string {
  const [, kilobytes] =
    /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8')) ?? [];
  return (Number(kilobytes) / 1024).toFixed(0);
}

let odd = 0;
const total = new Map<number, number>();
for (let round = 0; round < rounds && !gone; round += 1) {
  const report = await fuzz(port, Math.ceil(calls / rounds), seed + round);
  for (const [status, count] of report.counts) total.set(status, (total.get(status) ?? 0) + count);
  for (const one of report.odd.slice(0, 5)) console.log(one);
  odd += report.odd.length;
  console.log(`round ${round + 1} of ${rounds}: ${residentMegabytes()} MB resident`);
}
const shown = [...total].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
const alive = !gone;
console.log(`${calls} calls; by status ${shown.join(', ')}; odd: ${odd}; alive: ${alive}`);
server.kill('SIGTERM');
if (alive) await new Promise((resolve) => server.once('exit', resolve));
rmSync(folder, { recursive: true, force: true });
process.exit(odd === 0 && alive ? 0 : 1);
