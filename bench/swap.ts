/**
 * Swapping versions under load: failed requests and the latency of another model on the same server while a
 * ResNet50-shaped version is prepared, loaded and switched to; memory after many swaps; and the scan of a
 * folder with ten thousand versions.
 *
 *   node bench/swap.ts [--swaps 100] [--rounds 3] [scan] [idle] [busy] [memory]
 *
 * The other model is asked on one connection at a steady pace, so that its latency is that of the server and
 * not of its own queue; the model that is swapped by 16 connections in a closed loop.
 */

import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeOnnxModel } from '../src/onnx/write-model.ts';
import { createRepository } from '../src/repository/repository.ts';
import { mlp } from '../test/models/numbers.ts';
import { writePlus } from '../test/models/plus.ts';
import { resnet50 } from './models/resnet50.ts';
import type { Shot } from './support/load.ts';
import { createClient } from './support/load.ts';
import type { BenchServer } from './support/server.ts';
import {
  firstAnswer,
  median,
  processTree,
  pssOf,
  quantile,
  startServer,
} from './support/server.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    swaps: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '3' },
  },
});
const swaps = Number(values.swaps);
const rounds = Number(values.rounds);
const connections = 16;
const folder = mkdtempSync(join(tmpdir(), 'modelship-bench-'));
const models = join(folder, 'models');
const watch = ['--watch', '--poll-interval-ms', '100', '--settle-ms', '100', '--threads', '1'];

/** One row for the model's only input, as binary data. */
function binaryShot(model: string, input: string, shape: readonly number[]): Shot {
  const data = new Uint8Array(4 * shape.reduce((a, b) => a * b, 1));
  const parameters = { binary_data_size: data.byteLength };
  const header = Buffer.from(
    JSON.stringify({
      inputs: [{ name: input, datatype: 'FP32', shape, parameters }],
      parameters: { binary_data_output: true },
    }),
  );
  return {
    path: `/v2/models/${model}/infer`,
    method: 'POST',
    body: Buffer.concat([header, data]),
    headers: { 'inference-header-content-length': String(header.byteLength) },
  };
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

const deliveryOf = (model: string, version: number): string =>
  join(folder, `delivery-${model}-${version}`);

/** Writes a version where the server does not look. */
function prepare(model: string, version: number, write: (path: string) => void): void {
  mkdirSync(deliveryOf(model, version), { recursive: true });
  write(join(deliveryOf(model, version), 'model.onnx'));
}

/** Puts it in place in one step, as a careful delivery does. */
function deliver(model: string, version: number): void {
  mkdirSync(join(models, model), { recursive: true });
  renameSync(deliveryOf(model, version), join(models, model, String(version)));
}

async function servedVersion(server: BenchServer, model: string): Promise<string> {
  const response = await fetch(`${server.url}/models/${model}`);
  const { versions } = (await response.json()) as {
    versions: { version: string; state: string }[];
  };
  const states = versions.map(({ version, state }) => `${version}:${state}`).join(' ');
  return states;
}

async function untilServed(server: BenchServer, model: string, version: number): Promise<void> {
  while ((await servedVersion(server, model)) !== `${version}:READY`) await pause(100);
}

interface Recorder {
  /** Milliseconds of each answer since the last `take`. */
  take(): number[];
  readonly failures: number;
  stop(): Promise<void>;
}

/** Asks again `pauseMs` after each answer, on so many connections. */
function keepAsking(url: string, shot: Shot, count: number, pauseMs: number): Recorder {
  const client = createClient(url, count);
  let latencies: number[] = [];
  let failures = 0;
  let stopped = false;
  async function loop(): Promise<void> {
    while (!stopped) {
      const sentAt = performance.now();
      const status = await client.send(shot).catch(() => 0);
      if (status === 200) latencies.push(performance.now() - sentAt);
      else failures += 1;
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
  const loops = Array.from({ length: count }, loop);
  return {
    take() {
      const taken = latencies;
      latencies = [];
      return taken;
    },
    get failures() {
      return failures;
    },
    async stop() {
      stopped = true;
      await Promise.all(loops);
      client.close();
    },
  };
}

/** p99 of another model before and during the swap of a model of 100 MB, `busy` with connections or idle. */
async function measureSwaps(busy: number): Promise<void> {
  rmSync(models, { recursive: true, force: true });
  prepare('other', 1, (path) => writeOnnxModel(path, mlp()));
  deliver('other', 1);
  // Each has other weights, so that nothing of it is in the cache: its optimisation is part of the swap.
  for (let version = 1; version < 2 + rounds; version += 1)
    prepare('big', version, (path) => writeOnnxModel(path, resnet50(version)));
  deliver('big', 1);
  const server = await startServer(
    [models, ...watch, '--instances', '1'],
    join(folder, `cache-${busy}`),
  );
  const other = binaryShot('other', 'x', [1, 64]);
  const big = binaryShot('big', 'input', [1, 3, 224, 224]);
  for (const shot of [other, big])
    await firstAnswer(`${server.url}${shot.path}`, shot as RequestInit, performance.now());
  const ofOther = keepAsking(server.url, other, 1, 5);
  const ofBig = busy > 0 ? keepAsking(server.url, big, busy, 0) : undefined;
  await pause(2000);
  const ratios: number[] = [];
  const lines: string[] = [];
  for (let version = 2; version < 2 + rounds; version += 1) {
    ofOther.take();
    await pause(6000);
    const before = ofOther.take();
    const startedAt = performance.now();
    deliver('big', version);
    await untilServed(server, 'big', version);
    const during = ofOther.take();
    ratios.push(quantile(during, 0.99) / quantile(before, 0.99));
    lines.push(
      `    ${quantile(before, 0.99).toFixed(2)} → ${quantile(during, 0.99).toFixed(2)} ms (p50 ${median(before).toFixed(2)} → ${median(during).toFixed(2)}; ${during.length} answers in ${((performance.now() - startedAt) / 1000).toFixed(1)} s)`,
    );
  }
  await ofOther.stop();
  await ofBig?.stop();
  const failures = ofOther.failures + (ofBig?.failures ?? 0);
  await server.stop();
  console.log(
    `swap of a ResNet50-shaped model, ${busy === 0 ? 'which nobody asks' : `under ${busy} connections`}: ${failures} failed requests (asked: 0); p99 of another model during ÷ before: ${median(ratios).toFixed(2)} (asked: 1.5), median of ${rounds}\n${lines.join('\n')}`,
  );
}

/** The server itself, and its children together. */
function memoryOf(server: BenchServer): [number, number] {
  const [own = 0, ...others] = processTree(server.process.pid as number).map(pssOf);
  return [own, others.reduce((a, b) => a + b, 0)];
}

/** When nothing of a swap is under way: settled, and collected. */
async function settledMemory(server: BenchServer): Promise<readonly [number, number]> {
  await pause(1500);
  const samples: [number, number][] = [];
  for (let i = 0; i < 3; i += 1) {
    samples.push(memoryOf(server));
    await pause(300);
  }
  return [median(samples.map(([own]) => own)), median(samples.map(([, others]) => others))];
}

const sum = ([a, b]: readonly [number, number]): number => a + b;
const shown = (pair: readonly [number, number]): string =>
  `${sum(pair).toFixed(1)} MB (${pair.map((one) => one.toFixed(1)).join(' + ')})`;

/** V8 lets the heap grow while there is room, with or without swaps: waits until it has, at most 3 minutes. */
async function untilGrown(server: BenchServer): Promise<[number, number]> {
  const start = sum(memoryOf(server));
  let last = start;
  for (let i = 0; i < 6; i += 1) {
    await pause(30_000);
    const now = sum(memoryOf(server));
    if (now < 1.01 * last) break;
    last = now;
  }
  return [start, sum(memoryOf(server))];
}

async function measureMemory(): Promise<void> {
  rmSync(models, { recursive: true, force: true });
  const writeVersion = (version: number): void =>
    prepare('plus', version, (path) => renameSync(writePlus(join(folder, 'plus'), version), path));
  writeVersion(1);
  deliver('plus', 1);
  const server = await startServer([models, ...watch, '--instances', '1'], join(folder, 'cache-m'));
  const shot: Shot = {
    path: '/v2/models/plus/infer',
    method: 'POST',
    body: Buffer.from('{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]}'),
  };
  await firstAnswer(`${server.url}${shot.path}`, shot as RequestInit, performance.now());
  const traffic = keepAsking(server.url, shot, 4, 2);
  const [before, grown] = await untilGrown(server);
  let first: readonly [number, number] = [0, 0];
  const startedAt = performance.now();
  for (let version = 2; version < swaps + 2; version += 1) {
    writeVersion(version);
    deliver('plus', version);
    await untilServed(server, 'plus', version);
    rmSync(join(models, 'plus', String(version - 1)), { recursive: true });
    if (version === 2) first = await settledMemory(server);
  }
  const last = await settledMemory(server);
  await traffic.stop();
  await server.stop();
  console.log(
    `traffic without swaps: ${before.toFixed(1)} → ${grown.toFixed(1)} MB; ${swaps} swaps in a row: ${traffic.failures} failed requests; memory of server + runner ${shown(first)} after the first, ${shown(last)} after the last: ${(sum(last) / sum(first)).toFixed(3)} (asked: within 5%); ${((performance.now() - startedAt) / swaps / 1000).toFixed(2)} s each`,
  );
}

/** Processor time of this thread in milliseconds: what neighbours take of the wall clock is not counted. */
function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** The longest that a look of a watching server keeps everything else waiting, in milliseconds. */
async function measureTurns(path: string): Promise<number[]> {
  const repository = createRepository({ path, settleMs: 2000, now: Date.now });
  const longest: number[] = [];
  for (let i = 0; i < 11; i += 1) {
    let last = threadMs();
    let most = 0;
    let over = false;
    const note = (): void => {
      most = Math.max(most, threadMs() - last);
      last = threadMs();
      if (!over) setImmediate(note);
    };
    setImmediate(note);
    await repository.look();
    over = true;
    longest.push(most);
  }
  return longest;
}

async function measureScan(): Promise<void> {
  const many = join(folder, 'many');
  for (let version = 1; version <= 10_000; version += 1) {
    const path = join(many, 'm', String(version));
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'model.onnx'), '');
  }
  const times: number[] = [];
  for (let i = 0; i < 5; i += 1) {
    const repository = createRepository({ path: many, settleMs: 2000, now: Date.now });
    const startedAt = performance.now();
    const [model] = repository.lookAtOnce();
    // What a start asks: the content of the newest.
    if (model?.onDisk.at(-1)?.stamp === undefined) throw new Error('nothing was found');
    times.push(performance.now() - startedAt);
  }
  console.log(
    `scan of 10,000 version folders: ${median(times).toFixed(0)} ms (asked: under 1000), longest ${Math.max(...times).toFixed(0)} ms`,
  );
  const turns = await measureTurns(many);
  console.log(
    `looks of a watching server at them: longest turn of the event loop ${median(turns).toFixed(1)} ms of processor time in the median (asked: 10), ${Math.max(...turns).toFixed(1)} ms at most`,
  );
}

const parts: Record<string, () => void | Promise<void>> = {
  scan: measureScan,
  idle: () => measureSwaps(0),
  busy: () => measureSwaps(connections),
  memory: measureMemory,
};

try {
  for (const name of positionals.length > 0 ? positionals : Object.keys(parts)) {
    const part = parts[name];
    if (!part) throw new Error(`no part ${name}; there are: ${Object.keys(parts).join(', ')}`);
    await part();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
