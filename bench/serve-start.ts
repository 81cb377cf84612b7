/**
 * From `modelship serve` to the first answered prediction, one instance, with warm caches and with cold
 * ones; and the memory of server and runner, idle after 100 requests.
 *
 *   node bench/serve-start.ts [rounds]
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
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

/** The reference: a bare process that imports the runtime, loads the model and runs it once. */
async function timeBareStart(file: string, shape: readonly number[]): Promise<number> {
  const since = performance.now();
  const script = join(import.meta.dirname, 'support', 'bare-loop.ts');
  const loop = fork(script, [file, JSON.stringify(shape)], { execArgv: [] });
  await once(loop, 'message');
  const elapsed = performance.now() - since;
  loop.kill('SIGKILL');
  return elapsed;
}

async function startTimes(
  name: string,
  model: string,
  side: number,
  limitMs: number,
): Promise<void> {
  const bare: number[] = [];
  const cold: number[] = [];
  const warm: number[] = [];
  const cache = join(folder, `cache-${name}`);
  await timeStart(model, cache);
  for (let i = 0; i < rounds; i += 1) {
    const fresh = join(folder, `cold-${name}-${i}`);
    cold.push(await timeStart(model, fresh));
    rmSync(fresh, { recursive: true, force: true });
    warm.push(await timeStart(model, cache));
    bare.push(await timeBareStart(join(model, '1', 'model.onnx'), [1, 3, side, side]));
  }
  console.log(
    `start → first answer, ${name}: warm ${median(warm).toFixed(0)} ms (asked: under ${limitMs}), cold ${median(cold).toFixed(0)} ms, best warm ${Math.min(...warm).toFixed(0)} ms; a bare process that loads and runs the model once: ${median(bare).toFixed(0)} ms, so warm is ${(median(warm) / median(bare)).toFixed(1)} × that; medians of ${rounds}`,
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
  await startTimes('digits', digits, 32, 500);
  await startTimes('resnet50', resnet, 224, 600);
  await idleMemory(digits);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
