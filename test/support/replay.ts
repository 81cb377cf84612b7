/** Sends the recorded bytes of a client's request, and reads the answer as bytes. */

import { connect } from 'node:net';

export interface ReplayedAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

function parseHead(head: string): Omit<ReplayedAnswer, 'body'> {
  const [first = '', ...lines] = head.split('\r\n');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { status: Number(first.split(' ')[1]), headers: Object.fromEntries(headers) };
}

/** One request on a connection of its own; its answer must have a Content-Length. */
export function replay(port: number, request: Uint8Array): Promise<ReplayedAnswer> {
  return new Promise((resolve, reject) => {
    let seen = Buffer.alloc(0);
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    socket.on('data', (piece: Buffer) => {
      seen = Buffer.concat([seen, piece]);
      const end = seen.indexOf('\r\n\r\n');
      if (end === -1) return;
      const head = parseHead(seen.toString('latin1', 0, end));
      const body = seen.subarray(end + 4);
      if (body.length < Number(head.headers['content-length'])) return;
      socket.destroy();
      resolve({ ...head, body });
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed after ${seen.length} bytes`)));
  });
}
