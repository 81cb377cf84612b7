import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { testCertificate, testKey } from './test-certificate.fixture.ts';

/** Servers on port 0 of 127.0.0.1 that end with their test. Each gives its port. */

export function serveHttp(listener: RequestListener): Promise<number> {
  return listen(createHttpServer(listener));
}

/** Its certificate is for pictures.example and signed by itself. */
export function serveHttps(listener: RequestListener): Promise<number> {
  return listen(createHttpsServer({ key: testKey, cert: testCertificate }, listener));
}

/** Writes `answer` to whoever connects, then does what `then` says. */
export async function serveTcp(answer: string, then?: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => socket.write(answer, 'latin1', () => then?.(socket)));
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function listen(server: Server): Promise<number> {
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
