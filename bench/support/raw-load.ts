/**
 * A closed-loop load over bare sockets: for servers that answer faster than an HTTP client can ask. All
 * answers of a shot must have the same length; each must begin with the status line of the first.
 */

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';

export interface RawShot {
  readonly port: number;
  readonly path: string;
  readonly body: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

function encodeShot({ port, path, body, headers = {} }: RawShot): Buffer {
  const lines = [
    `POST ${path} HTTP/1.1`,
    `host: 127.0.0.1:${port}`,
    `content-length: ${body.byteLength}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]);
}

/** The length of an answer. Throws unless it is a 200. */
async function lengthOfAnswer(port: number, bytes: Buffer): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes);
  let seen = Buffer.alloc(0);
  for (;;) {
    seen = Buffer.concat([seen, (await once(socket, 'data'))[0] as Buffer]);
    const end = seen.indexOf('\r\n\r\n');
    if (end === -1) continue;
    const head = seen.subarray(0, end).toString();
    if (!head.startsWith('HTTP/1.1 200')) throw new Error(`${head}\n${seen.subarray(end)}`);
    const [, length = ''] = /^content-length: (\d+)/im.exec(head) ?? [];
    socket.destroy();
    return end + 4 + Number(length);
  }
}

/** Counts answers on one connection, sending the next request after each. */
function keepAsking(port: number, bytes: Buffer, length: number, onAnswer: () => void): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  let left = length;
  socket.on('data', (chunk: Buffer) => {
    if (left === length && chunk[9] !== 0x32) throw new Error(chunk.toString('latin1', 0, 200));
    left -= chunk.byteLength;
    if (left > 0) return;
    if (left < 0) throw new Error('an answer is longer than the first one');
    left = length;
    onAnswer();
    socket.write(bytes);
  });
  socket.write(bytes);
  return socket;
}

/** Answers a second in a window of `milliseconds` after a warm-up; what is under way at its ends is not counted. */
export async function rawLoad(
  shot: RawShot,
  connections: number,
  milliseconds: number,
  warmUpMs = 500,
): Promise<number> {
  const bytes = encodeShot(shot);
  const length = await lengthOfAnswer(shot.port, bytes);
  let answers = 0;
  const sockets = Array.from({ length: connections }, () =>
    keepAsking(shot.port, bytes, length, () => {
      answers += 1;
    }),
  );
  await new Promise((resolve) => setTimeout(resolve, warmUpMs));
  const [from, startedAt] = [answers, performance.now()];
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  const perSecond = (1000 * (answers - from)) / (performance.now() - startedAt);
  for (const socket of sockets) socket.destroy();
  return perSecond;
}
