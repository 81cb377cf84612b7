/**
 * Reading bodies: ours (counted in one budget, with a rate) against fastify's own reader, each behind an
 * empty route in a process of its own, interleaved; medians of its processor time a request.
 * `tools/node24 bench/request-body.ts`
 */

import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import { createBodyIntake } from '../src/http/body-intake.ts';
import { createByteBudget } from '../src/serving/byte-budget.ts';
import { rawLoad } from './support/raw-load.ts';

const maxBody = 64 * 1024 ** 2;
const [pairs, connections, windowMs] = [15, 16, 300];

/** Answers each message with its processor time in microseconds and its requests so far. */
async function serve(ours: boolean): Promise<void> {
  const app = fastify({ bodyLimit: maxBody });
  if (ours) {
    const budget = createByteBudget(512 * 1024 ** 2);
    createBodyIntake({ budget, maxBody, now: () => performance.now() }).register(app);
  } else {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body));
  }
  let requests = 0;
  app.post('/', (_request, reply) => {
    requests += 1;
    return reply.send('');
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.([user + system, requests]);
  });
  process.send?.((app.server.address() as AddressInfo).port);
}

async function start(
  kind: string,
): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = fork(import.meta.filename, [kind]);
  const [port] = (await once(child, 'message')) as [number];
  return { child, port };
}

async function readingOf(child: ChildProcess): Promise<[number, number]> {
  child.send('reading');
  return (await once(child, 'message'))[0] as [number, number];
}

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

async function compare(): Promise<void> {
  const servers = [await start('ours'), await start('fastify')] as const;
  for (const size of [3000, 30_000, 600_000, 6_000_000]) {
    const headers = { 'content-type': 'application/octet-stream' };
    const cost = async ({ child, port }: (typeof servers)[0]): Promise<number> => {
      const before = await readingOf(child);
      const body = new Uint8Array(size);
      await rawLoad({ port, path: '/', body, headers }, connections, windowMs, 50);
      const after = await readingOf(child);
      return (after[0] - before[0]) / (after[1] - before[1]);
    };
    const costs: (readonly [number, number])[] = [];
    for (let i = 0; i < pairs; i += 1) {
      const first = await cost(servers[i % 2] as (typeof servers)[0]);
      const second = await cost(servers[(i + 1) % 2] as (typeof servers)[0]);
      costs.push(i % 2 === 0 ? [first, second] : [second, first]);
    }
    const ratio = median(costs.map(([ours, theirs]) => ours / theirs));
    const [a, b] = [median(costs.map(([x]) => x)), median(costs.map(([, x]) => x))];
    console.log(
      `${size} bytes: ${a.toFixed(0)} µs, fastify's ${b.toFixed(0)} µs, ratio ${ratio.toFixed(2)}`,
    );
  }
  for (const { child } of servers) child.kill();
}

const [kind] = process.argv.slice(2);
if (kind === undefined) await compare();
else await serve(kind === 'ours');
