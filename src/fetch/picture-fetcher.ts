/**
 * Fetches pictures whose URLs strangers send.
 *
 * Owns: the whole of one fetch: a slot, one time limit, redirects. The rules are in host-guard.ts
 * (which addresses), picture-url.ts (which URLs) and request-picture.ts (which answers);
 * docs/decisions/url-fetch.md says why.
 * Does not own: whether URLs are served at all (URL_DISABLED), or what the bytes are.
 */

import { networkInterfaces } from 'node:os';
import { ServingError } from '../errors.ts';
import { createAllowedHosts } from './allowed-hosts.ts';
import { createHostGuard, type HostGuard } from './host-guard.ts';
import { type PictureUrl, parsePictureUrl } from './picture-url.ts';
import type { Room } from './read-body.ts';
import { type FetchedPicture, requestPicture } from './request-picture.ts';
import { createPublicResolver, type ResolveHost, resolveSystemName } from './resolve-host.ts';
import { createSlots } from './slots.ts';

export interface PictureFetcherOptions {
  /** For waiting, resolving, connecting and reading, redirects included. */
  readonly timeoutMs: number;
  /** The longest body. */
  readonly maxBytes: number;
  readonly maxRedirects: number;
  /** The values of `--url-allow-private`. */
  readonly allowPrivateHosts: readonly string[];
  /** Fetches at a time; further ones wait within their time limit. 64 unless set. */
  readonly maxConcurrent?: number;
  /** Instead of the name servers and the system, in tests. */
  readonly resolve?: ResolveHost;
  /** Instead of the network interfaces, in tests. */
  readonly ownAddresses?: () => readonly string[];
}

export interface PictureFetcher {
  /**
   * Throws URL_INVALID, URL_REFUSED, URL_FETCH_FAILED, REQUEST_CANCELLED when `signal` aborts,
   * SHUTTING_DOWN after `close()`, and what `room` throws, which is asked for memory as bytes come.
   */
  fetch(url: string, signal?: AbortSignal, room?: Room): Promise<FetchedPicture>;
  /** Ends all fetches at once. */
  close(): void;
}

/** Throws SETTINGS_INVALID for an entry of `allowPrivateHosts` that cannot be read. */
export function createPictureFetcher(options: PictureFetcherOptions): PictureFetcher {
  const guard = createGuard(options);
  const slots = createSlots(options.maxConcurrent ?? 64);
  const running = new Set<AbortController>();
  let closed = false;

  return {
    async fetch(text, signal, room) {
      const first = parsePictureUrl(text);
      if (closed) throw new ServingError('SHUTTING_DOWN', {});
      const fetching = startFetching(first, options, signal);
      running.add(fetching.controller);
      try {
        const giveBack = await slots.take(fetching.controller.signal);
        return await follow(fetching, guard, { ...options, room }).finally(giveBack);
      } catch (error) {
        throw fetching.explain(error);
      } finally {
        running.delete(fetching.controller);
        fetching.end();
      }
    },
    close() {
      closed = true;
      for (const controller of running) controller.abort(new ServingError('SHUTTING_DOWN', {}));
    },
  };
}

function createGuard({
  allowPrivateHosts,
  resolve,
  ownAddresses,
}: PictureFetcherOptions): HostGuard {
  return createHostGuard({
    isAllowedHost: createAllowedHosts(allowPrivateHosts),
    resolvePublic: resolve ?? createPublicResolver(),
    resolveAllowed: resolve ?? resolveSystemName,
    ownAddresses: ownAddresses ?? interfaceAddresses,
  });
}

function interfaceAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((i) => i.address));
}

/** One fetch under way. Its controller aborts with the ServingError to throw. */
interface Fetching {
  readonly controller: AbortController;
  /** The URL that is asked now. */
  url: PictureUrl;
  /** The error to throw for what a step rejected with. */
  explain(error: unknown): unknown;
  end(): void;
}

function startFetching(
  url: PictureUrl,
  { timeoutMs }: PictureFetcherOptions,
  signal: AbortSignal | undefined,
): Fetching {
  const controller = new AbortController();
  // Over its own deadline or gone: the caller's reason, when it has one of ours.
  const cancel = () =>
    controller.abort(
      signal?.reason instanceof ServingError
        ? signal.reason
        : new ServingError('REQUEST_CANCELLED', {}),
    );
  const timer = setTimeout(
    () => controller.abort(timedOut(fetching.url.host, timeoutMs)),
    timeoutMs,
  );
  const fetching: Fetching = {
    controller,
    url,
    explain: (error) => explain(error, controller.signal),
    end() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    },
  };
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted) cancel();
  return fetching;
}

function timedOut(host: string, timeoutMs: number): ServingError {
  const problem = `it did not arrive within ${timeoutMs} ms`;
  return new ServingError('URL_FETCH_FAILED', { host, problem });
}

/**
 * An abort shows as all kinds of errors, and its reason is the one that counts. But a name that was
 * refused stays refused, so that names inside that answer slowly look like any other.
 */
function explain(error: unknown, signal: AbortSignal): unknown {
  const refused = error instanceof ServingError && error.code === 'URL_REFUSED';
  const outOfTime =
    signal.reason instanceof ServingError && signal.reason.code === 'URL_FETCH_FAILED';
  return signal.aborted && !(refused && outOfTime) ? signal.reason : error;
}

async function follow(
  fetching: Fetching,
  guard: HostGuard,
  { maxBytes, maxRedirects, room }: PictureFetcherOptions & { readonly room?: Room | undefined },
): Promise<FetchedPicture> {
  const { signal } = fetching.controller;
  for (let hops = 0; hops <= maxRedirects; hops++) {
    const { url } = fetching;
    const addresses = await guard(url, signal);
    signal.throwIfAborted();
    const answer = await requestPicture({ url, addresses, maxBytes, signal, room });
    if (answer.kind === 'picture') return answer.picture;
    fetching.url = redirectTarget(url, answer.location);
  }
  throw failure(fetching.url, `it redirects more than ${maxRedirects} times`);
}

function redirectTarget(from: PictureUrl, location: string): PictureUrl {
  const target = parseLocation(from, location);
  if (from.secure && !target.secure) throw failure(from, 'it redirects from https to http');
  return target;
}

function parseLocation(from: PictureUrl, location: string): PictureUrl {
  try {
    return parsePictureUrl(location, from);
  } catch (cause) {
    throw failure(from, 'it redirects to a URL that is not usable', cause);
  }
}

function failure({ host }: PictureUrl, problem: string, cause?: unknown): ServingError {
  return new ServingError('URL_FETCH_FAILED', { host, problem }, { cause });
}
