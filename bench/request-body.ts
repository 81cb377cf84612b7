/**
 * Reading bodies: ours (counted in one budget, with a rate) against fastify's own reader, each behind an
 * empty route, interleaved; medians of requests a second. `tools/node24 bench/request-body.ts`
 */

import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import { createBodyIntake } from '../src/http/body-intake.ts';
import { createByteBudget } from '../src/http/byte-budget.ts';
import { rawLoad } from './support/raw-load.ts';

const maxBody = 64 * 1024 ** 2;
const [pairs, connections, windowMs] = [11, 16, 400];

async function listen(ours: boolean): Promise<number> {
  const app = fastify({ bodyLimit: maxBody });
  if (ours) {
    const budget = createByteBudget(512 * 1024 ** 2);
    createBodyIntake({ budget, maxBody, now: () => performance.now() }).register(app);
  } else {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body));
  }
  app.post('/', (_request, reply) => reply.send(''));
  await app.listen({ host: '127.0.0.1', port: 0 });
  return (app.server.address() as AddressInfo).port;
}

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const [ours, theirs] = [await listen(true), await listen(false)];
for (const size of [3000, 30_000, 600_000, 6_000_000]) {
  const body = new Uint8Array(size);
  const headers = { 'content-type': 'application/octet-stream' };
  const ask = (port: number) =>
    rawLoad({ port, path: '/', body, headers }, connections, windowMs, 100);
  const rates: (readonly [number, number])[] = [];
  for (let i = 0; i < pairs; i += 1) {
    if (i % 2 === 0) rates.push([await ask(ours), await ask(theirs)]);
    else {
      const reference = await ask(theirs);
      rates.push([await ask(ours), reference]);
    }
  }
  const ratio = median(rates.map(([a, b]) => a / b));
  const [a, b] = [median(rates.map(([rate]) => rate)), median(rates.map(([, rate]) => rate))];
  console.log(
    `${size} bytes: ${a.toFixed(0)}/s, fastify's ${b.toFixed(0)}/s, ratio ${ratio.toFixed(2)}`,
  );
}
process.exit(0);
