/**
 * The bodies of all requests: each is read within one budget of memory, at a least rate, and lets go of
 * its memory when its response is closed.
 */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ServingError } from '../errors.ts';
import type { ByteBudget, Hold } from '../serving/byte-budget.ts';
import type { Meter } from '../serving/stall-meter.ts';
import { isStalled, startMeter } from '../serving/stall-meter.ts';
import { bodyEncodingOf, unpackBody } from './body-encoding.ts';
import type { BodyDone } from './request-body.ts';
import { RequestBody } from './request-body.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Null for a request without a body, and before its head is dealt with. */
    incoming: RequestBody | null;
  }
}

export interface BodyIntake {
  /** Reads the bodies of all routes of `app` into buffers. */
  register(app: FastifyInstance): void;
  /** Drops what came of a body, because the request is answered before the rest of it. */
  abandon(request: FastifyRequest): void;
  /** Refuses those of which too little came in `limitMs`. */
  cutSlow(now: number, limitMs: number): void;
  /** Refuses all that are still being received. */
  cutAll(error: ServingError): void;
}

export interface IntakeOptions {
  readonly budget: ByteBudget;
  readonly maxBody: number;
  readonly now: () => number;
}

/** What one request holds of the budget for bodies; more can be asked for what is fetched for it. */
export function holdOf({ incoming }: FastifyRequest): Hold | undefined {
  return incoming?.hold;
}

export function hasBody({ headers }: FastifyRequest): boolean {
  const length = headers['content-length'];
  return (length !== undefined && length !== '0') || headers['transfer-encoding'] !== undefined;
}

export function createBodyIntake({ budget, maxBody, now }: IntakeOptions): BodyIntake {
  const receiving = new Map<RequestBody, Meter>();

  function read(incoming: RequestBody, done: (error: Error | null, body?: Buffer) => void): void {
    receiving.set(incoming, startMeter(now()));
    incoming.read((error, body) => {
      receiving.delete(incoming);
      done(error, body);
    });
  }

  /** What is called with a body that came, when `done` is to have it unpacked. */
  function unpackBefore(
    header: string | undefined,
    incoming: RequestBody,
    done: BodyDone,
  ): BodyDone {
    const encoding = header === undefined ? undefined : bodyEncodingOf(header);
    if (!encoding) return done;
    const { hold, weight } = incoming;
    return (error, body) => {
      if (error || !body) done(error, body);
      else unpackBody(body, { encoding, hold, weight, limit: maxBody }, done);
    };
  }

  return {
    register(app) {
      app.decorateRequest('incoming', null);
      app.addHook('preParsing', (request, reply, _payload, done) => {
        if (hasBody(request)) {
          const { raw: response } = reply;
          const incoming = new RequestBody({
            request: request.raw,
            response,
            budget,
            limit: maxBody,
          });
          request.incoming = incoming;
          response.once('close', () => incoming.hold.release());
        }
        done();
      });
      // Bodies are buffers, whatever their type: each route knows what it takes.
      app.removeAllContentTypeParsers();
      app.addContentTypeParser('*', (request, _payload, done) => {
        const { incoming, headers } = request;
        if (!incoming) done(null, Buffer.alloc(0));
        else read(incoming, unpackBefore(headers['content-encoding'], incoming, done));
      });
    },
    abandon({ incoming }) {
      if (!incoming?.receiving) return;
      receiving.delete(incoming);
      incoming.drop();
    },
    cutSlow(at, limitMs) {
      for (const [incoming, meter] of receiving) {
        if (isStalled(meter, incoming.received, at, limitMs))
          incoming.fail(new ServingError('BODY_TOO_SLOW', { afterMs: limitMs }));
      }
    },
    cutAll(error) {
      for (const incoming of receiving.keys()) incoming.fail(error);
    },
  };
}
