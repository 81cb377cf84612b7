/** Bytes on a socket, for requests that no HTTP client would send. */

import { connect } from 'node:net';

export interface RawAnswer {
  readonly head: string;
  readonly body: string;
}

/** Sends the bytes and gives what comes back until the server closes, or at once when `hangUp` says so. */
export function exchange(port: number, bytes: string, { hangUp = false } = {}): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(bytes, () => {
        if (hangUp) socket.destroy();
      });
    });
    socket.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    socket.on('error', reject);
    socket.on('close', () => {
      const [head = '', ...rest] = text.split('\r\n\r\n');
      resolve({ head, body: rest.join('\r\n\r\n') });
    });
  });
}
