/** A web server on the loopback that gives pictures, as {"url": …} fetches them. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface PictureServer extends AsyncDisposable {
  readonly url: string;
  /** The paths that were asked for. */
  readonly asked: string[];
}

/** Answers these paths; a string is a redirect to there, any other path is a 404. */
export async function servePictures(
  pictures: Readonly<Record<string, Uint8Array | string>>,
): Promise<PictureServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const found = pictures[path];
    if (typeof found === 'string') response.writeHead(302, { location: found }).end();
    else if (found) response.writeHead(200, { 'content-type': 'image/png' }).end(found);
    else response.writeHead(404).end('nothing here');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
