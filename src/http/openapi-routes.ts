/**
 * GET /openapi.json: every route of this server, described. The document is made when somebody asks for it,
 * and so is the code loaded that makes it.
 */

import type { FastifyInstance } from 'fastify';
import type { RouteName } from './openapi-document.ts';

/** To be called before the routes that it is to describe are registered. `version`: of Modelship itself. */
export function registerOpenApi(app: FastifyInstance, version: string): void {
  const routes: RouteName[] = [];
  let text: string | undefined;
  app.addHook('onRoute', ({ method, url }) => {
    for (const name of [method].flat()) routes.push({ method: name, path: url });
  });

  app.get('/openapi.json', async (_request, reply) => {
    const { describeApi } = await import('./openapi-document.ts');
    text ??= JSON.stringify(describeApi(routes, version));
    return reply.header('content-type', 'application/json; charset=utf-8').send(text);
  });
}
