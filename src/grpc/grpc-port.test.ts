import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { openGrpcPort } from './grpc-port.ts';

test('a connection that comes early waits, and loses nothing that it sent', async () => {
  const port = await openGrpcPort('127.0.0.1', 0);
  const early = connect(port.port, '127.0.0.1');
  early.write('early');
  await once(early, 'connect');
  await new Promise(setImmediate);
  port.accept((socket) => {
    socket.on('data', (bytes) => socket.end(`${bytes}, answered`));
  });
  const [answer] = await once(early, 'data');
  expect(String(answer)).toBe('early, answered');
  early.end();
  await port.close();
});

test('one that nobody accepts ends with the port', async () => {
  const port = await openGrpcPort('127.0.0.1', 0);
  const early = connect(port.port, '127.0.0.1');
  early.on('error', () => {});
  await once(early, 'connect');
  const closed = once(early, 'close');
  await new Promise((resolve) => setTimeout(resolve, 20));
  await port.close();
  await closed;
});

test('a port that is taken is named, with what chooses another', async () => {
  const port = await openGrpcPort('127.0.0.1', 0);
  const again = openGrpcPort('127.0.0.1', port.port);
  await expect(again).rejects.toMatchObject({
    code: 'PORT_IN_USE',
    message: expect.stringMatching(new RegExp(`Port ${port.port} .*--grpc-port`)),
  });
  await port.close();
});
