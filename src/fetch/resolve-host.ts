import { lookup, Resolver } from 'node:dns/promises';

/** All addresses of a name. Rejects when there is none, and soon after `signal` aborts. */
export type ResolveHost = (name: string, signal: AbortSignal) => Promise<readonly string[]>;

/**
 * Asks the name servers for names that strangers send. Unlike `dns.lookup` it can be cancelled, holds
 * no thread of libuv's pool (which decodes pictures) while a slow name server lets us wait, and tries
 * neither /etc/hosts nor the search domains, where the names of neighbours are.
 *
 * `servers` ("127.0.0.1:5353") instead of the system's. Nothing is kept from one call to the next.
 */
export function createPublicResolver(servers?: readonly string[]): ResolveHost {
  return async (name, signal) => {
    signal.throwIfAborted();
    const resolver = new Resolver({ timeout: 2000, tries: 2 });
    if (servers !== undefined) resolver.setServers(servers);
    const cancel = () => resolver.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      // IPv4 first: a container often has no way out over IPv6.
      const answers = [resolver.resolve4(name), resolver.resolve6(name)];
      return foundIn(await Promise.allSettled(answers));
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  };
}

/** A family without addresses is an error to the resolver, and none to us. */
function foundIn(answers: readonly PromiseSettledResult<string[]>[]): string[] {
  const addresses = answers.flatMap((a) => (a.status === 'fulfilled' ? a.value : []));
  const [first] = answers;
  if (addresses.length === 0 && first?.status === 'rejected') throw first.reason;
  return addresses;
}

/** Asks the system, for hosts that the owner listed: /etc/hosts, search domains and all. */
export const resolveSystemName: ResolveHost = async (name, signal) => {
  signal.throwIfAborted();
  const found = await Promise.race([lookup(name, { all: true }), rejectWhenAborted(signal)]);
  return found.map(({ address }) => address);
};

function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
