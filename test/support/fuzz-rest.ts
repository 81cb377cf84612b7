/**
 * Mutated requests to the REST front ends of a server, Open Inference's and TensorFlow Serving's, as many as
 * one likes, from one seed.
 */

import { readdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createRandom } from '../models/random.ts';
import type { Random } from './mutate-bytes.ts';
import { below, mutateBytes } from './mutate-bytes.ts';

/** Models that the requests ask. */
export const fuzzedModels = [
  'simple',
  'identity-fp32',
  'identity-bytes',
  'half-plus-two',
  'mlp',
] as const;

interface Seed {
  /** Request line and headers without Content-Length, each with its line end. */
  readonly head: string;
  readonly body: Buffer;
}

const headEnd = '\r\n\r\n';

function toSeed(request: Buffer): Seed {
  const end = request.indexOf(headEnd);
  const lines = request.toString('latin1', 0, end).split('\r\n');
  const kept = lines.filter((line) => !/^(content-length|connection):/i.test(line));
  return { head: `${kept.join('\r\n')}\r\n`, body: request.subarray(end + headEnd.length) };
}

function written(method: string, path: string, body: unknown, headers = ''): Seed {
  const bytes = body instanceof Buffer ? body : Buffer.from(JSON.stringify(body));
  return { head: `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}`, body: bytes };
}

const half = '/v1/models/half-plus-two';
const texts = {
  inputs: [{ name: 'x', datatype: 'BYTES', shape: [1, 2], data: ['a', 'é\\u00e9"'] }],
};
const folder = join(import.meta.dirname, '..', 'fixtures', 'open-inference');
const seeds: Seed[] = [
  ...readdirSync(folder).map((file) => toSeed(readFileSync(join(folder, file)))),
  written('POST', '/v2/models/identity-bytes/infer', texts),
  written(
    'POST',
    '/v2/models/identity-bytes/infer',
    gzipSync(JSON.stringify(texts)),
    'Content-Encoding: gzip\r\n',
  ),
  written('POST', '/v2/repository/index', { ready: true }),
  written('POST', '/v2/repository/models/simple/load', { parameters: { config: '{}' } }),
  written('GET', '/v2/models/simple/config', Buffer.alloc(0)),
  written('POST', `${half}:predict`, { instances: [2, 3, 4], signature_name: 'serving_default' }),
  written('POST', `${half}/versions/1:predict`, { inputs: { x: [2, Number.MAX_VALUE, -0.5e-7] } }),
  written('POST', `${half}:regress`, { examples: [{ x: 2 }, { x: [3] }], context: {} }),
  written('POST', `${half}:classify`, { examples: [{ x: 2 }] }),
  written('POST', '/v1/models/identity-bytes:predict', {
    instances: [{ x: [{ b64: 'AAEC' }, 'a'] }],
  }),
  written('GET', `${half}/metadata`, Buffer.alloc(0)),
];
const bodies = seeds.map(({ body }) => body);

export interface FuzzReport {
  /** Requests by status; 0: the connection was closed without an answer. */
  readonly counts: Map<number, number>;
  /** What was sent where the answer was none of those that bad input gets. */
  readonly odd: string[];
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** The first answer in `bytes`, or undefined while it is not whole. */
function readAnswer(bytes: Buffer): Answer | undefined {
  const end = bytes.indexOf(headEnd);
  if (end === -1) return undefined;
  const head = bytes.toString('latin1', 0, end);
  const [, length = '0'] = /^content-length: *(\d+)/im.exec(head) ?? [];
  const body = bytes.subarray(end + headEnd.length);
  if (body.length < Number(length)) return undefined;
  return { status: Number(head.split(' ')[1]), body: body.toString('utf8', 0, Number(length)) };
}

/** Sends a request and reads its answer; status 0 when the server closes without one. */
function exchange(socket: Socket, request: Buffer, last: boolean): Promise<Answer> {
  return new Promise((resolve) => {
    let seen = Buffer.alloc(0);
    const look = (piece: Buffer): void => {
      seen = Buffer.concat([seen, piece]);
      const answer = readAnswer(seen);
      if (answer) end(answer);
    };
    const giveUp = (): void => end({ status: 0, body: '' });
    const end = (answer: Answer): void => {
      socket.off('data', look).off('close', giveUp);
      resolve(answer);
    };
    socket.on('data', look).on('close', giveUp);
    socket.write(request);
    if (last) socket.end();
  });
}

/** Connections one after the other: each is used until the server closes it. */
class Connection {
  private socket: Socket | undefined;
  private readonly port: number;

  constructor(port: number) {
    this.port = port;
  }

  async ask(request: Buffer): Promise<Answer> {
    const used = this.socket;
    const answer = used && (await exchange(used, request, false));
    // It may have been about to close.
    return answer && answer.status !== 0 ? answer : exchange(this.open(), request, false);
  }

  /** On a connection of its own, of which the server sees the end: it may have got less than a request. */
  async askLast(request: Buffer): Promise<Answer> {
    const socket = connect(this.port, '127.0.0.1').on('error', () => {});
    const answer = await exchange(socket, request, true);
    socket.destroy();
    return answer;
  }

  close(): void {
    this.socket?.destroy();
  }

  private open(): Socket {
    const socket = connect(this.port, '127.0.0.1').on('error', () => {});
    socket.once('close', () => {
      if (this.socket === socket) this.socket = undefined;
    });
    this.socket = socket;
    return socket;
  }
}

/** What bad input may get; 0 only for what is no whole request. */
const fine = new Set([200, 400, 403, 404, 405, 408, 413, 415, 429, 431, 501, 504]);

function isError(body: string): boolean {
  try {
    return typeof JSON.parse(body).error === 'string';
  } catch {
    return false;
  }
}

const isFine = ({ status, body }: Answer): boolean =>
  fine.has(status) && (status === 200 || isError(body));

/** Sends so many requests, some at a time. */
export async function fuzzRest(port: number, requests: number, seed: number): Promise<FuzzReport> {
  const random = createRandom(seed);
  const report: FuzzReport = { counts: new Map(), odd: [] };

  async function one(connection: Connection): Promise<void> {
    const { head, body } = seeds[below(random, seeds.length)] as Seed;
    const ofHead = random() < 0.15;
    const bytes = mutateBytes(body, random, bodies);
    const whole = Buffer.concat([
      Buffer.from(`${head}Content-Length: ${bytes.length}${headEnd}`, 'latin1'),
      bytes,
    ]);
    const request = ofHead ? mutateHead(whole, random) : whole;
    const answer = await (ofHead ? connection.askLast(request) : connection.ask(request));
    report.counts.set(answer.status, (report.counts.get(answer.status) ?? 0) + 1);
    if (!isFine(answer) && !(ofHead && answer.status === 0))
      report.odd.push(
        `${answer.status} ${answer.body.slice(0, 300)} to ${request.toString('base64')}`,
      );
  }

  let left = requests;
  const worker = async (): Promise<void> => {
    const connection = new Connection(port);
    for (; left > 0; left -= 1) await one(connection);
    connection.close();
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return report;
}

function mutateHead(request: Buffer, random: Random): Buffer {
  const end = request.indexOf(headEnd) + headEnd.length;
  return Buffer.concat([mutateBytes(request.subarray(0, end), random, []), request.subarray(end)]);
}
