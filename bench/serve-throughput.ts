/**
 * A ResNet50-shaped model, 500×375 JPEG in, 16 connections: pictures a second as a share of the bare
 * two-instance loop of the same run, with exact and with fast preprocessing; /healthz meanwhile.
 *
 *   node bench/serve-throughput.ts [pairs] [seconds a measurement]
 */

import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { writeBenchModel } from './models/write.ts';
import { startBarePair } from './support/bare-pair.ts';
import { createClient, load } from './support/load.ts';
import { makePhoto } from './support/photo.ts';
import { firstAnswer, median, quantile, startServer } from './support/server.ts';

const pairs = Number(process.argv[2] ?? 10);
const milliseconds = Number(process.argv[3] ?? 4) * 1000;
const connections = 16;
const folder = mkdtempSync(join(tmpdir(), 'modelship-bench-'));
const photo = await makePhoto();
const shot = {
  path: '/models/exact/predict',
  method: 'POST',
  body: new Uint8Array(photo),
  headers: { 'content-type': 'image/jpeg' },
};

const model = writeBenchModel(folder, 'resnet50');
const served = dirname(dirname(model));
const models = join(folder, 'served');
for (const name of ['exact', 'fast']) {
  cpSync(served, join(models, name), { recursive: true });
  writeFileSync(
    join(models, name, 'model.yaml'),
    `input: {preset: torchvision/resnet50, fast: ${name === 'fast'}}\n`,
  );
}

/** Probes /healthz every 20 ms while `work` goes on. */
async function probing<T>(url: string, into: number[], work: () => Promise<T>): Promise<T> {
  const client = createClient(url, 1);
  let done = false;
  async function probe(): Promise<void> {
    while (!done) {
      const sentAt = performance.now();
      await client.send({ path: '/healthz' });
      into.push(performance.now() - sentAt);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  const probes = probe();
  const result = await work();
  done = true;
  await probes;
  client.close();
  return result;
}

const bare = await startBarePair(model, [1, 3, 224, 224]);
const cache = join(folder, 'cache');
for (const [name, asked] of [
  ['exact', 0.85],
  ['fast', 0.9],
] as const) {
  const server = await startServer(
    [join(models, name), '--instances', '2', '--threads', '1'],
    cache,
  );
  await firstAnswer(
    `${server.url}/predict`,
    { ...shot, body: new Uint8Array(photo) },
    performance.now(),
  );
  const target = { ...shot, path: '/predict' };
  await load(server.url, connections, target, 1000);
  const ratios: number[] = [];
  const rates: number[] = [];
  const health: number[] = [];
  for (let i = 0; i < pairs; i += 1) {
    const reference = await bare.measure(milliseconds);
    const result = await probing(server.url, health, () =>
      load(server.url, connections, target, milliseconds),
    );
    if (result.failures > 0) console.log(`${result.failures} requests failed`);
    ratios.push(result.perSecond / reference);
    rates.push(result.perSecond);
  }
  await server.stop();
  console.log(
    `resnet50 ${name}: ${median(ratios).toFixed(3)} of the bare two-instance loop (asked: ${asked}); ${median(rates).toFixed(1)} pictures/s; range ${Math.min(...ratios).toFixed(3)}–${Math.max(...ratios).toFixed(3)}; medians of ${pairs} interleaved pairs`,
  );
  console.log(
    `  /healthz meanwhile: p50 ${quantile(health, 0.5).toFixed(1)} ms, p99 ${quantile(health, 0.99).toFixed(1)} ms (asked: under 10)`,
  );
}
bare.stop();
rmSync(folder, { recursive: true, force: true });
