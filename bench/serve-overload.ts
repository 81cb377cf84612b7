/**
 * A ResNet50-shaped model, 500×375 JPEG in: latency at 50 connections, throughput at 200 against 50, and
 * pictures offered at three times what it can answer.
 *
 *   node bench/serve-overload.ts [seconds a closed loop] [seconds of overload]
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { writeBenchModel } from './models/write.ts';
import { createClient, load } from './support/load.ts';
import { makePhoto } from './support/photo.ts';
import {
  firstAnswer,
  median,
  processTree,
  pssOf,
  quantile,
  startServer,
} from './support/server.ts';

const closedMs = Number(process.argv[2] ?? 20) * 1000;
const overloadMs = Number(process.argv[3] ?? 60) * 1000;
const times = 3;
const folder = mkdtempSync(join(tmpdir(), 'modelship-bench-'));
const photo = await makePhoto();
const shot = {
  path: '/predict',
  method: 'POST',
  body: new Uint8Array(photo),
  headers: { 'content-type': 'image/jpeg' },
};

const model = dirname(dirname(writeBenchModel(folder, 'resnet50')));
writeFileSync(join(model, 'model.yaml'), 'input: {preset: torchvision/resnet50}\n');
const server = await startServer([model, '--instances', '2', '--threads', '1'], join(folder, 'c'));
await firstAnswer(`${server.url}/predict`, shot, performance.now());
const memory = (): number =>
  processTree(server.process.pid as number)
    .map(pssOf)
    .reduce((a, b) => a + b, 0);

async function closedLoops(): Promise<number> {
  const rates: Record<50 | 200, number[]> = { 50: [], 200: [] };
  for (let round = 0; round < 3; round += 1) {
    for (const connections of [50, 200] as const) {
      // As long as a full round of the connections takes, so that the window begins in the steady state.
      const warmUpMs = connections === 50 ? 5000 : 18_000;
      const result = await load(server.url, connections, shot, closedMs, warmUpMs);
      rates[connections].push(result.perSecond);
      const p99 = quantile(result.latencies, 0.99);
      const ideal = (1000 * connections) / result.perSecond;
      console.log(
        `${connections} connections: ${result.perSecond.toFixed(1)} pictures/s, p50 ${quantile(result.latencies, 0.5).toFixed(0)} ms, p99 ${p99.toFixed(0)} ms = ${(p99 / ideal).toFixed(2)} × (connections ÷ throughput)${connections === 50 ? ' (asked: at most 1.3)' : ''}, ${result.failures} failures`,
      );
    }
  }
  const [at50, at200] = [median(rates[50]), median(rates[200])];
  console.log(`200 connections: ${(at200 / at50).toFixed(3)} of the throughput at 50 (asked: 1)`);
  return at50;
}

interface Outcome {
  readonly status: number;
  readonly ms: number;
  readonly at: number;
}

async function overload(capacity: number): Promise<void> {
  const client = createClient(server.url, 1024);
  const outcomes: Outcome[] = [];
  const sizes: number[] = [];
  const everyMs = 1000 / (times * capacity);
  const startedAt = performance.now();
  const pending: Promise<void>[] = [];
  let sent = 0;
  while (performance.now() - startedAt < overloadMs) {
    for (; sent * everyMs <= performance.now() - startedAt; sent += 1) {
      const sentAt = performance.now();
      const settle = (status: number): void => {
        const now = performance.now();
        outcomes.push({ status, ms: now - sentAt, at: now - startedAt });
      };
      pending.push(client.send(shot).then(settle, () => settle(0)));
    }
    if (sent % 50 === 0) sizes.push(memory());
    await new Promise((resolve) => setTimeout(resolve, Math.min(5, everyMs)));
  }
  await Promise.all(pending);
  client.close();
  const within = outcomes.filter(({ at }) => at < overloadMs);
  const good = within.filter(({ status }) => status === 200).length / (overloadMs / 1000);
  const refused = outcomes.filter(({ status }) => status === 429).map(({ ms }) => ms);
  const other = outcomes.filter(({ status }) => status !== 200 && status !== 429);
  console.log(
    `overload, ${times} × capacity for ${overloadMs / 1000} s: goodput ${(good / capacity).toFixed(3)} of capacity (asked: 0.95); ${refused.length} refused, p50 ${quantile(refused, 0.5).toFixed(1)} ms, p99 ${quantile(refused, 0.99).toFixed(1)} ms, longest ${Math.max(0, ...refused).toFixed(1)} ms (asked: within 50); ${other.length} other failures ${[...new Set(other.map(({ status }) => status))].join(' ')}`,
  );
  const tenth = Math.ceil(sizes.length / 10);
  const [early, late] = [sizes.slice(tenth, 2 * tenth), sizes.slice(-tenth)];
  console.log(
    `  memory of all processes: ${median(early).toFixed(0)} MB early, ${median(late).toFixed(0)} MB at the end, ${Math.max(...sizes).toFixed(0)} MB at most`,
  );
}

try {
  await overload(await closedLoops());
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
