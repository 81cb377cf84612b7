/**
 * Decides which addresses a request may be connected to.
 *
 * A name that does not exist, one that cannot be resolved now and one that is not public get the same
 * answer: a stranger must not learn which names the network inside knows. The reason is in the
 * error's `cause`, for the log.
 */

import { ServingError } from '../errors.ts';
import type { IsAllowedHost } from './allowed-hosts.ts';
import type { PictureUrl } from './picture-url.ts';
import { isPublicAddress } from './public-address.ts';
import type { ResolveHost } from './resolve-host.ts';

export interface HostGuardOptions {
  readonly isAllowedHost: IsAllowedHost;
  /** For names that strangers send. */
  readonly resolvePublic: ResolveHost;
  /** For hosts that the owner listed. */
  readonly resolveAllowed: ResolveHost;
  /** This machine's addresses: behind its firewall, even when they are public. */
  readonly ownAddresses: () => readonly string[];
}

/** All the addresses that may be connected to, at least one, best first. */
export type HostGuard = (url: PictureUrl, signal: AbortSignal) => Promise<readonly string[]>;

/** More addresses than these are not tried. */
const maxAddresses = 8;

/** The guard throws URL_REFUSED, or URL_FETCH_FAILED when an exempted host does not resolve. */
export function createHostGuard(options: HostGuardOptions): HostGuard {
  return async (url, signal) => {
    const addresses = options.isAllowedHost(url.host, url.port)
      ? await resolveAllowed(url, signal, options)
      : await resolveChecked(url, signal, options);
    return addresses.slice(0, maxAddresses);
  };
}

async function resolveAllowed(
  { host, isAddress }: PictureUrl,
  signal: AbortSignal,
  { resolveAllowed }: HostGuardOptions,
): Promise<readonly string[]> {
  if (isAddress) return [host];
  try {
    return await resolveAllowed(host, signal);
  } catch (cause) {
    throw new ServingError(
      'URL_FETCH_FAILED',
      { host, problem: 'its name does not resolve' },
      { cause },
    );
  }
}

async function resolveChecked(
  { host, isAddress, port }: PictureUrl,
  signal: AbortSignal,
  { resolvePublic, ownAddresses }: HostGuardOptions,
): Promise<readonly string[]> {
  if (!isWebPort(port))
    refuse(host, `port ${port} is not a port of the web (80, 443, 1024 and up)`);
  const reason = isAddress
    ? 'it is not an address of the public internet'
    : 'its name does not resolve to addresses of the public internet alone';
  const addresses = isAddress ? [host] : await resolveName(host, signal, resolvePublic, reason);
  const own = ownAddresses();
  const wrong = addresses.filter((address) => !isPublicAddress(address) || own.includes(address));
  if (wrong.length > 0) refuse(host, reason, new Error(`${host} resolves to ${wrong.join(', ')}`));
  return addresses;
}

/** Below 1024 live other protocols (mail, SSH), which no stranger may talk to in our name. */
function isWebPort(port: number): boolean {
  return port === 80 || port === 443 || port >= 1024;
}

async function resolveName(
  host: string,
  signal: AbortSignal,
  resolve: ResolveHost,
  reason: string,
): Promise<readonly string[]> {
  // A name without a dot is a neighbour's, and localhost is this machine's (RFC 6761 §6.3).
  if (!host.includes('.') || host.endsWith('.localhost')) refuse(host, reason);
  try {
    const addresses = await resolve(host, signal);
    if (addresses.length > 0) return addresses;
  } catch (cause) {
    refuse(host, reason, cause);
  }
  return refuse(host, reason);
}

function refuse(host: string, reason: string, cause?: unknown): never {
  throw new ServingError('URL_REFUSED', { host, reason }, { cause });
}
