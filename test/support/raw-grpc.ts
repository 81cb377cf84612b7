/** gRPC by hand over node:http2: for calls that no client library would make. */

import type { ClientHttp2Stream } from 'node:http2';
import { connect } from 'node:http2';

export interface RawAnswer {
  /** The gRPC status; NaN when the stream ended without one. */
  readonly status: number;
  /** As it was sent: percent-encoded. */
  readonly message: string;
  readonly body: Buffer;
}

export interface RawConnection extends Disposable {
  /** Settles when the connection has ended. */
  readonly closed: Promise<void>;
  /** Sends these bytes as the whole of a request. */
  call(path: string, body: Buffer, headers?: Readonly<Record<string, string>>): Promise<RawAnswer>;
  /** Opens a request; its body is the caller's to send. */
  open(path: string, headers?: Readonly<Record<string, string>>): ClientHttp2Stream;
}

export function answerOf(stream: ClientHttp2Stream): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    const seen: Record<string, unknown> = {};
    stream.on('response', (headers) => Object.assign(seen, headers));
    stream.on('trailers', (headers) => Object.assign(seen, headers));
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('error', () => {});
    stream.on('close', () => {
      resolve({
        status: Number(seen['grpc-status'] ?? Number.NaN),
        message: String(seen['grpc-message'] ?? ''),
        body: Buffer.concat(pieces),
      });
    });
  });
}

export function openHttp2(port: number): RawConnection {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});

  function open(path: string, headers: Readonly<Record<string, string>> = {}): ClientHttp2Stream {
    return session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
  }

  return {
    open,
    call(path, body, headers) {
      const stream = open(path, headers);
      stream.end(body);
      return answerOf(stream);
    },
    closed: new Promise((resolve) => session.once('close', () => resolve())),
    [Symbol.dispose]: () => session.destroy(),
  };
}
