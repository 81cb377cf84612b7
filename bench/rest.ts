/**
 * Open Inference REST with a dummy `serving` behind it, against an empty route of the same HTTP library that
 * takes and gives the same bytes; each in a process of its own, interleaved. Requests a second over bare
 * sockets, and processor time a request, which other load on the machine disturbs less.
 *
 *   tools/node24 bench/rest.ts [pairs] [milliseconds a measurement]
 */

import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { fastify } from 'fastify';
import { createHttpServer } from '../src/http/http-server.ts';
import { createRequestGate } from '../src/http/request-gate.ts';
import { createByteBudget } from '../src/serving/byte-budget.ts';
import type { InferenceService } from '../src/serving/inference-service.ts';
import { createLongWork } from '../src/serving/long-work.ts';
import { createLog } from '../src/telemetry/log.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import type { NamedTensor } from '../src/tensor/tensor.ts';
import { rawLoad } from './support/raw-load.ts';
import { median } from './support/server.ts';

const [pairs, windowMs] = [Number(process.argv[2] ?? 11), Number(process.argv[3] ?? 500)];
const connections = 8;
const asked = 0.8;
const lengthHeader = 'inference-header-content-length';

/** Gives the input back as its output, or ten of its numbers. */
function dummyService(echo: boolean): InferenceService {
  const served = { timeLimitMs: 30_000, version: {}, hold() {}, release() {} };
  return {
    registry: { models: [], resolve: () => served, find: () => served },
    resolve: () => served,
    acquire: () => served,
    async infer({ model, inputs }: { model: string; inputs: readonly NamedTensor[] }) {
      const [input] = inputs as [NamedTensor];
      const few = { name: 'y', dtype: 'FP32', shape: [1, 10], data: input.data.subarray(0, 40) };
      const outputs = echo ? [{ ...input, name: 'y' }] : [few];
      return { model, version: '1', outputs, timings: { runMs: 0, queueMs: 0 } };
    },
  } as unknown as InferenceService;
}

function ourServer(echo: boolean): FastifyInstance {
  return createHttpServer({
    service: dummyService(echo),
    gate: createRequestGate(),
    metrics: createMetrics({ version: '0', runtime: '0' }),
    log: createLog('error', false),
    maxBody: 64 * 1024 ** 2,
    bodyMemory: createByteBudget(1024 ** 3),
    longWork: createLongWork({
      now: () => performance.now(),
      defer: (run) => void setImmediate(run),
    }),
    maxConnections: 1000,
    stallMs: 20_000,
    host: '127.0.0.1',
    allowedHosts: [],
    timeoutMs: 30_000,
    maxPictures: 1,
    version: '0',
    describe: () => '',
  }).app;
}

function emptyServer(echo: boolean): FastifyInstance {
  const app = fastify({ bodyLimit: 64 * 1024 ** 2 });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body));
  app.post('/v2/models/model/infer', ({ body }, reply) =>
    reply.send(echo ? body : (body as Buffer).subarray(0, 150)),
  );
  return app;
}

async function serve(kind: string, echo: boolean): Promise<void> {
  const app = kind === 'ours' ? ourServer(echo) : emptyServer(echo);
  await app.listen({ host: '127.0.0.1', port: 0 });
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.(user + system);
  });
  process.once('disconnect', () => process.exit());
  process.send?.((app.server.address() as AddressInfo).port);
}

interface Subject {
  readonly child: ChildProcess;
  readonly port: number;
}

async function start(kind: string, echo: boolean): Promise<Subject> {
  const child = fork(import.meta.filename, [kind, String(echo)], { execArgv: [] });
  const [port] = (await once(child, 'message')) as [number];
  return { child, port };
}

async function microsOf({ child }: Subject): Promise<number> {
  child.send('reading');
  return (await once(child, 'message'))[0] as number;
}

function requestOf(floats: number): { body: Buffer; headers: Record<string, string> } {
  const size = 4 * floats;
  const header = Buffer.from(
    JSON.stringify({
      inputs: [
        {
          name: 'x',
          datatype: 'FP32',
          shape: [1, floats],
          parameters: { binary_data_size: size },
        },
      ],
      parameters: { binary_data_output: true },
    }),
  );
  return {
    body: Buffer.concat([header, Buffer.alloc(size)]),
    headers: {
      [lengthHeader]: String(header.length),
      'content-type': 'application/octet-stream',
    },
  };
}

interface Measured {
  readonly perSecond: number;
  /** Processor time a request, of the server alone. */
  readonly micros: number;
}

async function measure(
  subject: Subject,
  floats: number,
  milliseconds = windowMs,
): Promise<Measured> {
  const shot = { port: subject.port, path: '/v2/models/model/infer', ...requestOf(floats) };
  const warmUpMs = 50;
  const before = await microsOf(subject);
  const perSecond = await rawLoad(shot, connections, milliseconds, warmUpMs);
  const spent = (await microsOf(subject)) - before;
  return { perSecond, micros: spent / (perSecond * ((milliseconds + warmUpMs) / 1000)) };
}

async function compare(what: string, floats: number, echo: boolean): Promise<void> {
  const subjects = [await start('ours', echo), await start('empty', echo)] as const;
  // Until their code is compiled.
  for (const subject of subjects) await measure(subject, floats, 4 * windowMs);
  const rates: number[] = [];
  const costs: number[] = [];
  const own: Measured[] = [];
  for (let i = 0; i < pairs; i += 1) {
    const order = i % 2 === 0 ? [0, 1] : [1, 0];
    const measured: Measured[] = [];
    for (const at of order) measured[at] = await measure(subjects[at] as Subject, floats);
    const [ours, empty] = measured as [Measured, Measured];
    rates.push(ours.perSecond / empty.perSecond);
    costs.push(empty.micros / ours.micros);
    own.push(ours);
  }
  for (const { child } of subjects) child.kill();
  const rate = median(own.map(({ perSecond }) => perSecond)).toFixed(0);
  const micros = median(own.map((one) => one.micros)).toFixed(0);
  console.log(
    `${what}: ${median(rates).toFixed(2)} of an empty route by requests a second, ${median(costs).toFixed(2)} by processor time (asked: ${asked}); ${rate}/s, ${micros} µs; medians of ${pairs} interleaved pairs`,
  );
}

const [kind, echo] = process.argv.slice(2);
if (kind === 'ours' || kind === 'empty') await serve(kind, echo === 'true');
else {
  await compare('600 KB in, few bytes out', 150_000, false);
  await compare('600 KB in, 600 KB out', 150_000, true);
  await compare('3 KB in, few bytes out', 750, false);
}
