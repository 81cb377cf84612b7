/**
 * Binary tensors to /v2/models/{name}/infer, 50 connections, interleaved with a reference of the same run:
 * a small MLP against an empty fastify route, a CIFAR-ResNet20-shaped one on two instances against the
 * bare two-instance loop.
 *
 *   node bench/serve-tensors.ts [pairs] [seconds a measurement]
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { writeBenchModel } from './models/write.ts';
import { startBarePair } from './support/bare-pair.ts';
import type { RawShot } from './support/raw-load.ts';
import { rawLoad } from './support/raw-load.ts';
import { firstAnswer, median, startServer } from './support/server.ts';

const pairs = Number(process.argv[2] ?? 10);
const milliseconds = Number(process.argv[3] ?? 3) * 1000;
const connections = 50;
const folder = mkdtempSync(join(tmpdir(), 'modelship-bench-'));

/** One row of the model's only input, as the binary tensor extension has it. */
function tensorShot(port: number, input: string, shape: readonly number[]): RawShot {
  const data = new Uint8Array(4 * shape.reduce((a, b) => a * b, 1));
  const header = Buffer.from(
    JSON.stringify({
      inputs: [
        {
          name: input,
          datatype: 'FP32',
          shape,
          parameters: { binary_data_size: data.byteLength },
        },
      ],
      parameters: { binary_data_output: true },
    }),
  );
  return {
    port,
    path: '/v2/models/model/infer',
    body: Buffer.concat([header, data]),
    headers: { 'inference-header-content-length': String(header.byteLength) },
  };
}

interface Subject {
  readonly name: 'mlp' | 'resnet20';
  readonly input: string;
  readonly shape: readonly number[];
  readonly instances: number;
  readonly asked: number;
}

async function compare(
  { name, input, shape, instances, asked }: Subject,
  what: string,
  reference: (port: number) => Promise<number>,
): Promise<void> {
  const model = dirname(dirname(writeBenchModel(folder, name)));
  const args = [model, '--instances', String(instances), '--threads', '1'];
  const server = await startServer(args, join(folder, 'cache'));
  const port = Number(new URL(server.url).port);
  const shot = { ...tensorShot(port, input, shape), path: `/v2/models/${name}/infer` };
  const init = { method: 'POST', headers: shot.headers ?? {}, body: shot.body };
  await firstAnswer(`${server.url}${shot.path}`, init as RequestInit, performance.now());
  const ratios: number[] = [];
  const rates: number[] = [];
  for (let i = 0; i < pairs; i += 1) {
    const bare = await reference(port);
    const ours = await rawLoad(shot, connections, milliseconds);
    ratios.push(ours / bare);
    rates.push(ours);
  }
  await server.stop();
  console.log(
    `${name}: ${median(ratios).toFixed(3)} of ${what} (asked: ${asked}); ${median(rates).toFixed(0)} requests/s; range ${Math.min(...ratios).toFixed(3)}–${Math.max(...ratios).toFixed(3)}; medians of ${pairs} interleaved pairs`,
  );
}

const empty = fork(join(import.meta.dirname, 'support', 'empty-route.ts'), { execArgv: [] });
const [emptyPort] = (await once(empty, 'message')) as [number];
const smallBody = tensorShot(0, 'x', [1, 64]);
await compare(
  { name: 'mlp', input: 'x', shape: [1, 64], instances: 1, asked: 0.5 },
  'an empty fastify route',
  () => rawLoad({ ...smallBody, port: emptyPort, path: '/' }, connections, milliseconds),
);
empty.kill('SIGKILL');

const resnet20 = writeBenchModel(folder, 'resnet20');
const bare = await startBarePair(resnet20, [1, 3, 32, 32]);
await compare(
  { name: 'resnet20', input: 'input', shape: [1, 3, 32, 32], instances: 2, asked: 0.85 },
  'the bare two-instance loop',
  () => bare.measure(milliseconds),
);
bare.stop();
rmSync(folder, { recursive: true, force: true });
