/**
 * From `modelship serve` to the first answered prediction, one instance, with warm caches and with cold
 * ones; and the memory of server and runner, idle after 100 requests.
 *
 *   node bench/serve-start.ts [rounds]
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { writeBenchModel } from './models/write.ts';
import { makePhoto } from './support/photo.ts';
import { firstAnswer, median, processTree, pssOf, root, startServer } from './support/server.ts';

const rounds = Number(process.argv[2] ?? 10);
const folder = mkdtempSync(join(tmpdir(), 'modelship-bench-'));
const photo = await makePhoto();
const shot = {
  method: 'POST',
  body: new Uint8Array(photo),
  headers: { 'content-type': 'image/jpeg' },
};

async function timeStart(model: string, cacheDir: string): Promise<number> {
  const since = performance.now();
  const server = await startServer([model, '--instances', '1'], cacheDir);
  const elapsed = await firstAnswer(`${server.url}/predict`, shot, since);
  await server.stop();
  return elapsed;
}

async function startTimes(name: string, model: string, limitMs: number): Promise<void> {
  const cold: number[] = [];
  const warm: number[] = [];
  const cache = join(folder, `cache-${name}`);
  await timeStart(model, cache);
  for (let i = 0; i < rounds; i += 1) {
    const fresh = join(folder, `cold-${name}-${i}`);
    cold.push(await timeStart(model, fresh));
    rmSync(fresh, { recursive: true, force: true });
    warm.push(await timeStart(model, cache));
  }
  console.log(
    `start → first answer, ${name}: warm ${median(warm).toFixed(0)} ms (asked: under ${limitMs}), cold ${median(cold).toFixed(0)} ms, best warm ${Math.min(...warm).toFixed(0)} ms; medians of ${rounds}`,
  );
}

async function idleMemory(model: string): Promise<void> {
  const server = await startServer([model, '--instances', '1'], join(folder, 'cache-digits'));
  await firstAnswer(`${server.url}/predict`, shot, performance.now());
  for (let i = 0; i < 100; i += 1) await (await fetch(`${server.url}/predict`, shot)).arrayBuffer();
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const sizes = processTree(server.process.pid as number).map(pssOf);
  await server.stop();
  const total = sizes.reduce((a, b) => a + b, 0);
  console.log(
    `idle memory, server + digits runner: ${total.toFixed(0)} MB PSS (${sizes.map((size) => size.toFixed(0)).join(' + ')}; asked: under 200)`,
  );
}

const digits = join(root, 'models', 'digits');
const resnet = dirname(dirname(writeBenchModel(folder, 'resnet50')));
writeFileSync(join(resnet, 'model.yaml'), 'input: {preset: torchvision/resnet50}\n');
try {
  await startTimes('digits', digits, 500);
  await startTimes('resnet50', resnet, 600);
  await idleMemory(digits);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
