/**
 * The HTTP transport: one fastify instance with all routes.
 *
 * Owns: request ids, errors as answers, which limits hold for clients.
 * Does not own: anything about models; it only translates to and from the InferenceService.
 */

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { fastify } from 'fastify';
import type { Clock } from '../batching/clock.ts';
import { systemClock } from '../batching/clock.ts';
import { messageOf, ServingError } from '../errors.ts';
import type { ByteBudget } from '../serving/byte-budget.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { LongWork } from '../serving/long-work.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { requestIdFrom } from '../telemetry/request-id.ts';
import { bodyEncodingOf } from './body-encoding.ts';
import type { BodyIntake } from './body-intake.ts';
import { createBodyIntake, hasBody } from './body-intake.ts';
import type { ClientLimits } from './client-limits.ts';
import { createClientLimits } from './client-limits.ts';
import { fromFastifyError, toErrorAnswer } from './error-answer.ts';
import { registerHealthRoutes } from './health-routes.ts';
import { createHostCheck } from './host-check.ts';
import { registerInferRoutes } from './infer-routes.ts';
import { lingerOnClose } from './linger.ts';
import { refuseBadPath, refuseBrokenHttp } from './malformed-request.ts';
import { registerModelRoutes } from './model-routes.ts';
import { registerOpenInferenceRoutes } from './open-inference-routes.ts';
import { registerOpenApi } from './openapi-routes.ts';
import { registerPage } from './page.ts';
import { registerPredictRoutes } from './predict-routes.ts';
import type { PictureForms } from './read-pictures.ts';
import { registerRepositoryRoutes } from './repository-routes.ts';
import type { RequestGate } from './request-gate.ts';
import { identityOf, registerRequestLog } from './request-log.ts';
import { createRequestScopes } from './request-scope.ts';
import { registerTensorflowRoutes } from './tensorflow-routes.ts';
import { registerTrafficRoutes } from './traffic-routes.ts';

export interface HttpServerOptions extends PictureForms {
  readonly service: InferenceService;
  readonly gate: RequestGate;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly maxBody: number;
  readonly bodyMemory: ByteBudget;
  /** The one of all transports. */
  readonly longWork: LongWork;
  readonly maxConnections: number;
  /** Of clients that send or take next to nothing. */
  readonly stallMs: number;
  readonly host: string;
  readonly allowedHosts: readonly string[];
  readonly timeoutMs: number;
  /** Of Modelship itself. */
  readonly version: string;
  /** One line for those who ask `/` from a terminal. */
  readonly describe: () => string;
}

// Not imported: as an ES module node:crypto evaluates Web Crypto too (docs/decisions/start-up.md).
const { randomUUID } = process.getBuiltinModule('node:crypto');
const { createServer } = process.getBuiltinModule('node:http');

/** Longer than the idle time of the usual load balancers, so that they close first. */
const keepAliveMs = 620_000;
/** A client that sends its headers, or headers and body, slower than this is cut off. */
const headersTimeoutMs = 20_000;
const receiveTimeoutMs = 120_000;
/** How late those two may be noticed. */
const checkIntervalMs = 5000;
/** Of the rest of a refused body up to this size the connection is kept: it is thrown away. */
const smallRest = 65_536;

/** No route declares a schema, so the validator's and the serialiser's code need not be loaded. */
const noSchemas = {
  buildValidator: refuseSchemas,
  buildSerializer: refuseSchemas,
} as const;

function refuseSchemas(): never {
  throw new Error('routes of this server declare no schemas');
}

const serverOptions = {
  keepAliveTimeout: keepAliveMs,
  headersTimeout: headersTimeoutMs,
  requestTimeout: receiveTimeoutMs,
  connectionsCheckingInterval: checkIntervalMs,
  // Checked by us, because the server itself would answer without a body.
  requireHostHeader: false,
};

function createApp(clients: ClientLimits): FastifyInstance {
  return fastify({
    // Called again for a second address of localhost.
    serverFactory(answer) {
      const server = createServer(serverOptions, answer);
      // Instead of inviting every body: body-intake.ts does, when there is room.
      server.on('checkContinue', answer);
      // Other expectations are passed over.
      server.on('checkExpectation', answer);
      clients.watch(server);
      return server;
    },
    forceCloseConnections: 'idle',
    clientErrorHandler: refuseBrokenHttp,
    frameworkErrors: refuseBadPath,
    genReqId: (request) => requestIdFrom(request.headers['x-request-id'], randomUUID),
    routerOptions: { maxParamLength: 512 },
    schemaController: { compilersFactory: noSchemas },
  });
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

/** RFC 9112 §3.2. */
function requireHost({ headers, raw }: FastifyRequest): void {
  if (headers.host === undefined && raw.httpVersion === '1.1')
    throw new ServingError('REQUEST_MALFORMED', { problem: 'it has no Host header' });
}

interface ErrorParts extends Pick<HttpServerOptions, 'log' | 'stallMs'> {
  readonly intake: BodyIntake;
  readonly clock: Clock;
  readonly methodsOf: (path: string) => string[];
}

function registerErrors(app: FastifyInstance, parts: ErrorParts): void {
  const { log, intake, clock, stallMs, methodsOf } = parts;

  /** A body that is still on its way is not read any further. */
  function giveUpBody(request: FastifyRequest, reply: FastifyReply): void {
    if (request.raw.complete || !hasBody(request)) return;
    intake.abandon(request);
    const closing = reply.getHeader('connection') === 'close';
    if (!closing && Number(request.headers['content-length'] ?? Infinity) <= smallRest) return;
    reply.header('connection', 'close');
    lingerOnClose(request.raw, stallMs, clock);
  }

  function answer(error: ServingError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    request.refusal = error;
    giveUpBody(request, reply);
    const { status, headers, body } = toErrorAnswer(error, request.url);
    // As bytes: to a text fastify would add a charset.
    return reply.code(status).headers(headers).send(Buffer.from(body));
  }

  function toServingError(error: FastifyError, request: FastifyRequest): ServingError {
    if (error instanceof ServingError) return error;
    const known = fromFastifyError(error);
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

export interface HttpServer {
  readonly app: FastifyInstance;
  readonly clients: ClientLimits;
}

/** Builds the server; it does not listen yet. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { service, maxBody, bodyMemory: budget, longWork } = options;
  const clock = systemClock;
  const intake = createBodyIntake({ budget, maxBody, now: clock.now });
  const clients = createClientLimits({ ...options, intake, clock });
  const app = createApp(clients);
  app.addHook('onClose', async () => clients.stop());
  registerErrors(app, { ...options, intake, clock, methodsOf: followRoutes(app) });
  const checkHost = createHostCheck(options, () => app.server.address());

  registerRequestLog(app, options);
  app.addHook('onRequest', (request, _reply, done) => {
    try {
      requireHost(request);
      checkHost(request.raw);
      // Before its body comes.
      if (request.headers['content-encoding']) bodyEncodingOf(request.headers['content-encoding']);
      done();
    } catch (error) {
      done(error as Error);
    }
  });

  intake.register(app);
  registerOpenApi(app, options.version);
  registerHealthRoutes(app, options);
  registerModelRoutes(app, service);
  registerTrafficRoutes(app, service);
  registerOpenInferenceRoutes(app, options);
  registerRepositoryRoutes(app, service.control);
  const scopes = createRequestScopes({ ...options, clock });
  registerPredictRoutes(app, { ...options, scopes });
  registerInferRoutes(app, { service, scopes, longWork });
  registerTensorflowRoutes(app, { service, scopes, longWork });
  registerPage(app, options);
  return { app, clients };
}
