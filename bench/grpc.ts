/**
 * ModelInfer with a serving that only gives tensors back, interleaved with references of the same run: an
 * empty handler of grpc-js that gives the same bytes back, and one that reads and writes with protobufjs.
 * The ratios are of the processor time that the server takes for a call, so that the client, which is a
 * library too, and what else runs on the machine are not in them.
 *
 *   node bench/grpc.ts [pairs] [seconds a measurement]
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import {
  decodeInferRequest,
  tensorsOf,
} from '../src/protocol/open-inference-grpc/infer-request.ts';
import { WireWriter } from '../src/protocol/protobuf/wire-writer.ts';
import { runNow } from '../src/protocol/steps.ts';
import { median } from './support/server.ts';

const pairs = Number(process.argv[2] ?? 10);
const milliseconds = Number(process.argv[3] ?? 1) * 1000;
const path = '/inference.GRPCInferenceService/ModelInfer';

interface Ports {
  readonly empty: number;
  readonly protobufjs: number;
  readonly ours: number;
}

const servers = fork(join(import.meta.dirname, 'support', 'grpc-servers.ts'), { execArgv: [] });
const [ports] = (await once(servers, 'message')) as [Ports];

/** A ModelInferRequest of one row of so many floats. */
function requestOf(count: number, form: 'raw' | 'typed'): Buffer {
  const values = Buffer.from(Float32Array.from({ length: count }, (_, i) => i / 7).buffer);
  const input = new WireWriter().string(1, 'x').string(2, 'FP32').int(3, 1).int(3, count);
  if (form === 'typed') input.message(5, new WireWriter().bytes(6, values));
  const request = new WireWriter().string(1, 'model').message(5, input);
  if (form === 'raw') request.bytes(7, values);
  // The answer is then without tensors: what is compared is reading them.
  else request.message(6, new WireWriter().string(1, 'none'));
  return request.finish();
}

const same = (bytes: Buffer): Buffer => bytes;

/** Microseconds of processor time that the servers took so far. */
async function serverTime(): Promise<number> {
  servers.send('time');
  const [microseconds] = (await once(servers, 'message')) as [number];
  return microseconds;
}

/** Microseconds of the server for a call, with so many calls at a time over one connection. */
async function load(port: number, message: Buffer, atATime: number): Promise<number> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.use_local_subchannel_pool': 1,
  });
  const call = (): Promise<void> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, same, same, message, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  await Promise.all(Array.from({ length: atATime }, call));
  const started = performance.now();
  const before = await serverTime();
  let answers = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() - started < milliseconds) {
      await call();
      answers += 1;
    }
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  const taken = (await serverTime()) - before;
  client.close();
  return taken / answers;
}

interface Comparison {
  readonly what: string;
  readonly asked: number;
  readonly reference: keyof Ports;
  readonly message: Buffer;
  /** What the reference gets, where that is not the same. */
  readonly other?: Buffer;
  readonly atATime: number;
}

async function compare(comparison: Comparison): Promise<void> {
  const { what, asked, reference, message, other = message, atATime } = comparison;
  const ratios: number[] = [];
  const times: number[] = [];
  for (let i = 0; i < pairs; i += 1) {
    const bare = await load(ports[reference], other, atATime);
    const ours = await load(ports.ours, message, atATime);
    ratios.push(bare / ours);
    times.push(ours);
  }
  console.log(
    `${what}: ${median(ratios).toFixed(2)} (asked: ${asked || 'nothing'}); ${median(times).toFixed(0)} µs of the server a call; range ${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}; medians of ${pairs} interleaved pairs`,
  );
}

/** Reading a request alone, without gRPC around it. */
function compareReading(): void {
  const root = new protobuf.Root();
  const folder = join(import.meta.dirname, '..', 'proto');
  root.resolvePath = (_from, target) => (target.startsWith('/') ? target : join(folder, target));
  root.loadSync(join(folder, 'open_inference.proto'), { keepCase: true });
  const type = root.lookupType('inference.ModelInferRequest');
  const message = requestOf(floats, 'typed');
  const time = (times: number, read: () => unknown): number => {
    const before = process.cpuUsage();
    for (let i = 0; i < times; i += 1) read();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / times;
  };
  const ratios: number[] = [];
  for (let i = 0; i < pairs; i += 1) {
    const theirs = time(30, () => type.decode(message));
    const ours = time(1000, () => runNow(tensorsOf(decodeInferRequest(message), () => {})));
    ratios.push(theirs / ours);
  }
  console.log(
    `600 KB as packed floats, reading alone, times protobufjs: ${median(ratios).toFixed(0)} (asked: 8); medians of ${pairs} interleaved pairs`,
  );
}

const floats = 150_000;
const warmUp = requestOf(750, 'raw');
for (const port of Object.values(ports)) await load(port, warmUp, 32);
await compare({
  what: '600 KB raw, of the same bytes through an empty handler',
  asked: 0.5,
  reference: 'empty',
  message: requestOf(floats, 'raw'),
  atATime: 8,
});
compareReading();
await compare({
  what: '600 KB as packed floats with all of gRPC around it, times a handler on protobufjs',
  asked: 0,
  reference: 'protobufjs',
  message: requestOf(floats, 'typed'),
  atATime: 8,
});
await compare({
  what: '3 KB raw, of the same bytes through an empty handler',
  asked: 0.6,
  reference: 'empty',
  message: requestOf(750, 'raw'),
  atATime: 32,
});
await compare({
  what: '3 KB raw, of a call with nothing in it through an empty handler',
  asked: 0.6,
  reference: 'empty',
  message: requestOf(750, 'raw'),
  other: Buffer.alloc(0),
  atATime: 32,
});
servers.kill('SIGKILL');
