/** The reference: a fastify route that reads the body and does nothing. Prints its port over IPC. */

import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';

const app = fastify();
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.post('/', (_request, reply) => reply.send(''));
process.once('disconnect', () => process.exit());
await app.listen({ host: '127.0.0.1', port: 0 });
process.send?.((app.server.address() as AddressInfo).port);
