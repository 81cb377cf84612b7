/** A proxy that keeps the bytes of the HTTP requests that ask for it with a header `x-record: <name>`. */

import { mkdirSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

const headEnd = '\r\n\r\n';

/** The length of the first request in `bytes`, or undefined while it is not whole. */
function lengthOfRequest(bytes: Buffer): number | undefined {
  const end = bytes.indexOf(headEnd);
  if (end === -1) return undefined;
  const [, body = '0'] = /^content-length: *(\d+)/im.exec(bytes.toString('latin1', 0, end)) ?? [];
  const length = end + headEnd.length + Number(body);
  return bytes.length >= length ? length : undefined;
}

function keep(folder: string, request: Buffer): void {
  const head = request.toString('latin1', 0, request.indexOf(headEnd));
  const [line, name] = /^x-record: *(\S+)\r?\n?/im.exec(head) ?? [];
  if (!line || !name) return;
  const rest = request.subarray(head.length);
  const without = head.replace(line, '').replace(/\r\n$/, '');
  writeFileSync(
    join(folder, `${name}.http`),
    Buffer.concat([Buffer.from(without, 'latin1'), rest]),
  );
}

function record(client: Socket, folder: string): void {
  let seen = Buffer.alloc(0);
  client.on('data', (piece: Buffer) => {
    seen = Buffer.concat([seen, piece]);
    for (let length = lengthOfRequest(seen); length; length = lengthOfRequest(seen)) {
      keep(folder, seen.subarray(0, length));
      seen = seen.subarray(length);
    }
  });
}

/** Listens on a free port, which it gives; passes everything on to `port`. */
export function startRecorder(port: number, folder: string): Promise<number> {
  mkdirSync(folder, { recursive: true });
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    record(client, folder);
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) socket.on('error', () => socket.destroy());
  });
  server.unref();
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}
