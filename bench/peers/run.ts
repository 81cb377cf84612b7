/**
 * The articles' own stacks and a strong simple peer beside ours, 50 closed-loop users, 500×375 JPEG as
 * multipart. Opt-in: it needs redis-server and a Python environment.
 *
 *   python3 -m venv V && V/bin/pip install -r bench/peers/requirements.txt
 *   tools/node24 bench/peers/run.ts V/bin/python [seconds a measurement] [rounds]
 */

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { writeBenchModel } from '../models/write.ts';
import { startBarePair } from '../support/bare-pair.ts';
import { load } from '../support/load.ts';
import { makePhoto } from '../support/photo.ts';
import {
  firstAnswer,
  freePort,
  median,
  processTree,
  pssOf,
  quantile,
  root,
} from '../support/server.ts';

const [python = '', secondsText = '20', roundsText = '3'] = process.argv.slice(2);
if (python === '') {
  console.error('usage: tools/node24 bench/peers/run.ts PYTHON [seconds] [rounds]');
  process.exit(2);
}
const milliseconds = Number(secondsText) * 1000;
const rounds = Number(roundsText);
const users = 50;
const folder = mkdtempSync(join(tmpdir(), 'modelship-peers-'));
const model = writeBenchModel(folder, 'resnet50');
const served = dirname(dirname(model));
writeFileSync(join(served, 'model.yaml'), 'input: {preset: torchvision/resnet50}\n');
const photo = await makePhoto();

type Spawn = (command: string, args: readonly string[], more?: NodeJS.ProcessEnv) => void;

interface Stack {
  readonly name: string;
  readonly field: string;
  start(port: number, spawnOne: Spawn): Promise<void> | void;
}

const uvicorn = (app: string, port: number, workers: number): string[] =>
  `-m uvicorn ${app} --port ${port} --workers ${workers} --log-level warning --no-access-log`.split(
    ' ',
  );

const stacks: readonly Stack[] = [
  {
    name: 'modelship',
    field: 'image',
    start: (port, spawnOne) =>
      spawnOne(
        join(root, 'bin', 'modelship'),
        ['serve', served, '--port', String(port), '--grpc-port', '0', '--log-level', 'error'],
        {
          MODELSHIP_CACHE_DIR: join(folder, 'cache'),
        },
      ),
  },
  {
    name: '000: Flask + Keras',
    field: 'image',
    start: (port, spawnOne) => spawnOne(python, ['flask_keras.py', String(port)]),
  },
  {
    name: '004: FastAPI + Redis + Keras',
    field: 'img_file',
    async start(port, spawnOne) {
      const redisPort = String(await freePort());
      spawnOne('redis-server', ['--port', redisPort, '--save', '', '--dir', folder]);
      const environment = { REDIS_PORT: redisPort };
      spawnOne(python, ['redis_worker.py'], environment);
      spawnOne(python, uvicorn('redis_web:app', port, 1), environment);
    },
  },
  {
    name: 'FastAPI ×2 + Python ONNX Runtime',
    field: 'image',
    start: (port, spawnOne) =>
      spawnOne(python, uvicorn('fastapi_ort:app', port, 2), { MODEL: model }),
  },
];

function multipart(field: string): {
  headers: Record<string, string>;
  body: Uint8Array<ArrayBuffer>;
} {
  const boundary = 'modelship-bench-boundary';
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="${field}"; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`;
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: new Uint8Array(
      Buffer.concat([Buffer.from(head), photo, Buffer.from(`\r\n--${boundary}--\r\n`)]),
    ),
  };
}

// A benchmark that fails leaves nothing behind.
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

interface Figures {
  readonly firstMs: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p95: number;
  readonly onePersonMs: number;
  readonly megabytes: number;
  readonly failures: number;
}

async function measure({ field, start }: Stack): Promise<Figures> {
  const children: ChildProcess[] = [];
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const shot = { path: '/predict', method: 'POST', ...multipart(field) };
  const startedAt = performance.now();
  try {
    await start(port, (command, args, more = {}) => {
      const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', ...more };
      const child = spawn(command, args, { cwd: import.meta.dirname, env, stdio: 'ignore' });
      children.push(child);
      running.add(child);
    });
    const firstMs = await firstAnswer(`${url}/predict`, shot, startedAt);
    const alone = await load(url, 1, shot, 3000);
    const { perSecond, latencies, failures } = await load(url, users, shot, milliseconds, 8000);
    const megabytes = children
      .flatMap(({ pid }) => processTree(pid as number))
      .map(pssOf)
      .reduce((a, b) => a + b, 0);
    return {
      firstMs,
      perSecond,
      p50: quantile(latencies, 0.5),
      p95: quantile(latencies, 0.95),
      onePersonMs: quantile(alone.latencies, 0.5),
      megabytes,
      failures,
    };
  } finally {
    for (const child of children) child.kill('SIGTERM');
    await Promise.all(children.map((child) => child.exitCode ?? once(child, 'exit')));
    for (const child of children) running.delete(child);
  }
}

const figures = new Map<Stack, Figures[]>(stacks.map((stack) => [stack, []]));
const bare = await startBarePair(model, [1, 3, 224, 224]);
const references: number[] = [];
for (let round = 0; round < rounds; round += 1) {
  references.push(await bare.measure(5000));
  for (const stack of stacks) figures.get(stack)?.push(await measure(stack));
}
bare.stop();
rmSync(folder, { recursive: true, force: true });

const reference = median(references);
console.log(
  `bare two-process ONNX Runtime loop: ${reference.toFixed(1)} pictures/s; ${users} users; medians of ${rounds} rounds`,
);
console.table(
  Object.fromEntries(
    stacks.map((stack) => {
      const all = figures.get(stack) ?? [];
      const of = (key: keyof Figures): number => median(all.map((one) => one[key]));
      return [
        stack.name,
        {
          'pictures/s': of('perSecond').toFixed(1),
          'of bare': (of('perSecond') / reference).toFixed(2),
          'p50 ms': of('p50').toFixed(0),
          'p95 ms': of('p95').toFixed(0),
          'one user p50 ms': of('onePersonMs').toFixed(0),
          'MB PSS': of('megabytes').toFixed(0),
          'first start s': ((all[0]?.firstMs ?? Number.NaN) / 1000).toFixed(2),
          'later starts s': (median(all.slice(1).map(({ firstMs }) => firstMs)) / 1000).toFixed(2),
          failures: all.reduce((sum, { failures }) => sum + failures, 0),
        },
      ];
    }),
  ),
);
