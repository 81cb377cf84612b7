/**
 * Which names a server answers to. A page of a stranger can make its own name mean 127.0.0.1 and have
 * the browser of a developer ask the server there, as if both were one site; the Host header gives it
 * away. A page can also post a form to any address without asking; then Origin says where it is from.
 */

import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ServingError } from '../errors.ts';

const { isIP } = process.getBuiltinModule('node:net');

export interface HostCheckOptions {
  /** The address or name that it was told to listen on. */
  readonly host: string;
  /** More names, as of `--allowed-hosts`; "*" is any. */
  readonly allowedHosts: readonly string[];
}

/** Throws HOST_NOT_ALLOWED or ORIGIN_NOT_ALLOWED. */
export type HostCheck = (request: IncomingMessage) => void;

const everyone: HostCheck = () => {};
/** Probes use whatever name they have. */
const open = new Set(['/healthz', '/readyz']);

/** Of an address, not of a name: 127.example.com is anybody's. */
function isLoopback(address: string): boolean {
  return isIP(address) !== 0 && (/^(::ffff:)?127\./.test(address) || address === '::1');
}

/** The name without port, brackets and a last dot, in lower case; undefined when it is no such thing. */
export function hostNameOf(authority: string): string | undefined {
  const [, bracketed, plain] =
    /^(?:\[([0-9a-f:.]+)\]|([^\s:/?#@[\]]+))(?::\d*)?$/i.exec(authority) ?? [];
  return (bracketed ?? plain)?.toLowerCase().replace(/\.$/, '');
}

/** The host of an origin such as `http://localhost:3000`; `null` (a file, a sandbox) has none. */
function originHost(origin: string): string | undefined {
  const [, authority = ''] = /^https?:\/\/(.+)$/i.exec(origin) ?? [];
  return hostNameOf(authority);
}

function isOpen(url: string | undefined): boolean {
  return open.has((url ?? '').split('?', 1)[0] ?? '');
}

/**
 * Names are checked when the server listens on the loopback, or when some were given. `addressOf` says
 * where it listens, once it does.
 */
export function createHostCheck(
  { host, allowedHosts }: HostCheckOptions,
  addressOf: () => string | AddressInfo | null,
): HostCheck {
  const names = new Set([host, ...allowedHosts].map((name) => hostNameOf(name) ?? name));
  if (names.has('*')) return everyone;
  const isOurs = (name: string): boolean =>
    names.has(name) || isLoopback(name) || /^(.+\.)?localhost$/.test(name);

  let check: HostCheck | undefined;
  const decide = (): HostCheck => {
    const address = addressOf();
    const local = typeof address === 'object' && address !== null && isLoopback(address.address);
    return local || allowedHosts.length > 0 ? checkNames : everyone;
  };

  // Clients send the same header again and again.
  let passed: string | undefined;

  function checkNames({ headers, method, url }: IncomingMessage): void {
    const { host: authority, origin } = headers;
    if (origin === undefined && authority !== undefined && authority === passed) return;
    if (isOpen(url)) return;
    // Only HTTP/1.0 may leave it out, and no browser speaks that. An address was not resolved by anybody.
    const name = authority === undefined ? undefined : (hostNameOf(authority) ?? '');
    if (name !== undefined && isIP(name) === 0 && !isOurs(name))
      throw new ServingError('HOST_NOT_ALLOWED', { host: String(authority).slice(0, 200) });
    passed = authority;
    if (origin === undefined || method === 'GET' || method === 'HEAD') return;
    const from = originHost(origin) ?? '';
    if (from === '' || (from !== name && !isOurs(from)))
      throw new ServingError('ORIGIN_NOT_ALLOWED', { origin: origin.slice(0, 200) });
  }

  return (request) => {
    check ??= decide();
    check(request);
  };
}
