/** Clients that do not behave: they stop in the middle, send drop by drop, or do not read. */

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';

export interface SlowClient extends Disposable {
  readonly socket: Socket;
  /** What came so far. */
  readonly text: string;
  /** The status of the answer; undefined before there is one. */
  readonly status: number | undefined;
  /** Settles when the connection is closed, however it ended. */
  readonly closed: Promise<void>;
}

/** Sends the bytes and does nothing more by itself. `reads: false` takes nothing of what comes. */
export async function startClient(
  port: number,
  bytes: string | Uint8Array,
  { reads = true } = {},
): Promise<SlowClient> {
  const socket = connect(port, '127.0.0.1');
  // Being cut off is what it is here for.
  socket.on('error', () => {});
  let text = '';
  if (reads) {
    socket.setEncoding('latin1').on('data', (piece: string) => {
      text += piece;
    });
  }
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await once(socket, 'connect');
  if (bytes.length > 0) socket.write(bytes);
  return {
    socket,
    closed,
    get text() {
      return text;
    },
    get status() {
      const [, status] = /^HTTP\/1\.1 ([2-9]\d\d)/m.exec(text) ?? [];
      return status ? Number(status) : undefined;
    },
    [Symbol.dispose]: () => socket.destroy(),
  };
}

/** The head of a POST, as far as `length` goes: a number of bytes to come, or chunks. */
export function headOf(
  path: string,
  length: number | 'chunked',
  ...more: readonly string[]
): string {
  const framing = length === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
  return [`POST ${path} HTTP/1.1`, 'Host: localhost', framing, ...more, '', ''].join('\r\n');
}
