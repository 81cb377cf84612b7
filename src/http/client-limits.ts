/**
 * What one client may cost while it does nothing: connections, time to send, time to take its answer.
 *
 * Owns: the connections of all HTTP servers of the process. Does not own: what a request asks for, or how
 * long the answer may take to compute (request-scope.ts).
 */

import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../batching/clock.ts';
import { ServingError } from '../errors.ts';
import type { Meter } from '../serving/stall-meter.ts';
import { isStalled, startMeter } from '../serving/stall-meter.ts';
import type { Log } from '../telemetry/log.ts';
import type { BodyIntake } from './body-intake.ts';

export interface ClientLimitOptions {
  readonly intake: Pick<BodyIntake, 'cutSlow' | 'cutAll'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly maxConnections: number;
  /** A client that neither sends what it announced nor takes its answer is cut off after so long. */
  readonly stallMs: number;
}

export interface ClientLimits {
  /** Watches the connections of a server from now on. */
  watch(server: Server): void;
  /**
   * The server shuts down: requests that have not come whole within `limitMs` are refused, and who does
   * not take an answer for as long is cut off.
   */
  hurry(limitMs: number): void;
  /** Nothing is in flight any more: ends the connections that are left, silent ones at once. */
  finish(): void;
  /** Stops watching. */
  stop(): void;
}

/** An answer on its way out of a connection. */
interface Writing extends Meter {
  /** Bytes handed to the socket so far, and those of them that it has not written. */
  handed: number;
  left: number;
}

/** How much of what is being written the system has not taken yet; node:net keeps its own timeouts by it. */
function unsentBytes(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: { writeQueueSize?: number } | null };
  return handle?.writeQueueSize ?? 0;
}

const looksPerWindow = 4;
const lastMomentMs = 100;
const [shortestLookMs, longestLookMs] = [10, 5000];

export function createClientLimits(options: ClientLimitOptions): ClientLimits {
  const { intake, clock, log } = options;
  const sockets = new Map<Socket, Writing | undefined>();
  let { stallMs } = options;
  let hurried: { readonly until: number } | undefined;
  let cancelLook = (): void => {};
  let warnedAt = Number.NEGATIVE_INFINITY;

  function follow(socket: Socket): void {
    sockets.set(socket, undefined);
    socket.once('close', () => sockets.delete(socket));
  }

  /** Connections that do nothing make room for those that come; the one in excess is closed anyway. */
  function refuse(server: Server): void {
    server.closeIdleConnections();
    const now = clock.now();
    if (now - warnedAt < stallMs) return;
    warnedAt = now;
    log.warn({ limit: options.maxConnections }, 'connections are refused: --max-connections');
  }

  function isStuck(socket: Socket, now: number): boolean {
    const { writableLength: left, bytesWritten: handed } = socket;
    const before = sockets.get(socket);
    if (left === 0) {
      if (before) sockets.set(socket, undefined);
      return false;
    }
    const sent = -unsentBytes(socket);
    // A further answer, or a piece that is through: it moves.
    if (before && before.handed === handed && before.left <= left)
      return isStalled(before, sent, now, stallMs);
    sockets.set(socket, { ...startMeter(now, sent), handed, left });
    return false;
  }

  function look(): void {
    const now = clock.now();
    intake.cutSlow(now, stallMs);
    if (hurried && now >= hurried.until) intake.cutAll(new ServingError('SHUTTING_DOWN', {}));
    for (const socket of sockets.keys()) if (isStuck(socket, now)) socket.destroy();
    lookLater();
  }

  function lookLater(): void {
    cancelLook();
    const soon = Math.min(longestLookMs, Math.max(shortestLookMs, stallMs / looksPerWindow));
    cancelLook = clock.schedule(soon, look);
  }

  lookLater();
  return {
    watch(server) {
      server.maxConnections = options.maxConnections;
      server.on('connection', follow);
      server.on('drop', () => refuse(server));
    },
    hurry(limitMs) {
      stallMs = Math.min(stallMs, limitMs);
      hurried = { until: clock.now() + limitMs };
      lookLater();
    },
    finish() {
      const end = (): void => {
        for (const socket of sockets.keys()) socket.destroy();
      };
      for (const socket of sockets.keys()) if (socket.bytesRead === 0) socket.destroy();
      // An answer of a moment ago may still be on its way.
      clock.schedule(Math.max(lastMomentMs, (hurried?.until ?? 0) - clock.now()), end);
    },
    stop: () => cancelLook(),
  };
}
