/**
 * The HTTP transport: one fastify instance with all routes.
 *
 * Owns: sockets, request ids, the limit of bodies, errors as answers.
 * Does not own: anything about models; it only translates to and from the InferenceService.
 */

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { fastify } from 'fastify';
import { systemClock } from '../batching/clock.ts';
import { messageOf, ServingError } from '../errors.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { fromFastifyError, toErrorAnswer } from './error-answer.ts';
import { registerHealthRoutes } from './health-routes.ts';
import { registerInferRoutes } from './infer-routes.ts';
import { refuseBadPath, refuseBrokenHttp } from './malformed-request.ts';
import { registerModelReadyRoutes } from './model-ready-routes.ts';
import { registerModelRoutes } from './model-routes.ts';
import { registerPage } from './page.ts';
import { registerPredictRoutes } from './predict-routes.ts';
import type { PictureForms } from './read-pictures.ts';
import type { RequestGate } from './request-gate.ts';
import { identityOf, registerRequestLog } from './request-log.ts';
import { createRequestScopes, requestIdFrom } from './request-scope.ts';

export interface HttpServerOptions extends PictureForms {
  readonly service: InferenceService;
  readonly gate: RequestGate;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly maxBody: number;
  readonly timeoutMs: number;
  /** One line for those who ask `/` from a terminal. */
  readonly describe: () => string;
}

// Not imported: as an ES module node:crypto evaluates Web Crypto too (docs/decisions/start-up.md).
const { randomUUID } = process.getBuiltinModule('node:crypto');

/** Longer than the idle time of the usual load balancers, so that they close first. */
const keepAliveMs = 620_000;
/** A client that sends its headers and body slower than this is cut off. */
const receiveTimeoutMs = 120_000;

/** No route declares a schema, so the validator's and the serialiser's code need not be loaded. */
const noSchemas = {
  buildValidator: refuseSchemas,
  buildSerializer: refuseSchemas,
} as const;

function refuseSchemas(): never {
  throw new Error('routes of this server declare no schemas');
}

function createApp({ maxBody }: HttpServerOptions): FastifyInstance {
  const app = fastify({
    bodyLimit: maxBody,
    keepAliveTimeout: keepAliveMs,
    requestTimeout: receiveTimeoutMs,
    forceCloseConnections: 'idle',
    clientErrorHandler: refuseBrokenHttp,
    frameworkErrors: refuseBadPath,
    genReqId: (request) => requestIdFrom(request.headers['x-request-id'], randomUUID),
    routerOptions: { maxParamLength: 512 },
    schemaController: { compilersFactory: noSchemas },
  });
  // Bodies are buffers, whatever their type: each route knows what it takes.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  return app;
}

/** Which methods a path has, for 405 instead of 404. */
function followRoutes(app: FastifyInstance): (path: string) => string[] {
  const routes = new Map<string, { pattern: RegExp; methods: Set<string> }>();
  app.addHook('onRoute', ({ url, method }) => {
    const pattern = new RegExp(
      `^${url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[A-Za-z]+/g, '[^/]+')}$`,
    );
    const route = routes.get(url) ?? { pattern, methods: new Set<string>() };
    for (const name of [method].flat()) route.methods.add(name);
    routes.set(url, route);
  });
  return (path) =>
    [...routes.values()]
      .filter(({ pattern }) => pattern.test(path))
      .flatMap(({ methods }) => [...methods]);
}

function refuseEncodedBodies(request: FastifyRequest): void {
  const encoding = request.headers['content-encoding'];
  if (encoding && encoding !== 'identity') {
    throw new ServingError('CONTENT_ENCODING_UNSUPPORTED', { encoding, expected: ['identity'] });
  }
}

function registerErrors(
  app: FastifyInstance,
  { log, maxBody }: HttpServerOptions,
  methodsOf: (path: string) => string[],
): void {
  function answer(error: ServingError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    request.refusal = error;
    const { status, headers, body } = toErrorAnswer(error);
    return reply.code(status).headers(headers).send(body);
  }

  function toServingError(error: FastifyError, request: FastifyRequest): ServingError {
    if (error instanceof ServingError) return error;
    const known = fromFastifyError(error, maxBody);
    if (known) return known;
    log.error(
      { ...identityOf(request), error: error.stack ?? messageOf(error) },
      'unexpected error',
    );
    return new ServingError('INTERNAL', { requestId: request.id });
  }

  app.setErrorHandler((error: FastifyError, request, reply) =>
    answer(toServingError(error, request), request, reply),
  );

  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? request.url;
    const { method } = request;
    const allowed = methodsOf(path);
    return answer(
      allowed.length > 0
        ? new ServingError('METHOD_NOT_ALLOWED', { method, path: path.slice(0, 200), allowed })
        : new ServingError('ROUTE_NOT_FOUND', { method, path: path.slice(0, 200) }),
      request,
      reply,
    );
  });
}

/** Builds the server; it does not listen yet. */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const { service, metrics } = options;
  const app = createApp(options);
  const methodsOf = followRoutes(app);
  registerErrors(app, options, methodsOf);

  registerRequestLog(app, options);
  app.addHook('onRequest', async (request) => refuseEncodedBodies(request));

  registerHealthRoutes(app, service, metrics);
  registerModelRoutes(app, service);
  registerModelReadyRoutes(app, service);
  const scopes = createRequestScopes({ ...options, clock: systemClock });
  registerPredictRoutes(app, { ...options, scopes });
  registerInferRoutes(app, { service, scopes });
  registerPage(app, options);
  return app;
}
