/**
 * The port of gRPC: it is opened before the code that speaks gRPC is loaded, so that a port which is taken is
 * known before the server says that it listens. Connections that come earlier wait.
 */

import type { AddressInfo, Socket } from 'node:net';
import { messageOf, ServingError } from '../errors.ts';

export interface GrpcPort {
  readonly port: number;
  /** Connections beyond that are refused; `onDrop` is told once. */
  limit(connections: number, onDrop: () => void): void;
  /** Those that wait, and all that come from now on. */
  accept(onConnection: (socket: Socket) => void): void;
  /** Ends the connections, too, that were not accepted. Settles when all are gone. */
  close(): Promise<void>;
}

const { createServer } = process.getBuiltinModule('node:net');

/** Port 0 is any. Throws PORT_IN_USE or LISTEN_FAILED. */
export async function openGrpcPort(host: string, port: number): Promise<GrpcPort> {
  const waiting = new Set<Socket>();
  const keep = (socket: Socket): void => {
    waiting.add(socket);
    // One that breaks while it waits is nobody's business.
    socket.once('error', () => {}).once('close', () => waiting.delete(socket));
  };
  // What a client sends meanwhile is read as far as a stream reads ahead, and waits in it.
  const server = createServer({ noDelay: true });
  server.on('connection', keep);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const inUse = error.code === 'EADDRINUSE';
      reject(
        inUse
          ? new ServingError('PORT_IN_USE', { host, port, option: '--grpc-port or --no-grpc' })
          : new ServingError('LISTEN_FAILED', { host, port, problem: messageOf(error) }),
      );
    });
    server.listen({ host, port }, resolve);
  });

  return {
    port: (server.address() as AddressInfo).port,
    limit(connections, onDrop) {
      server.maxConnections = connections;
      server.once('drop', onDrop);
    },
    accept(onConnection) {
      server.off('connection', keep).on('connection', onConnection);
      for (const socket of waiting) if (!socket.destroyed) onConnection(socket);
      waiting.clear();
    },
    close() {
      for (const socket of waiting) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
