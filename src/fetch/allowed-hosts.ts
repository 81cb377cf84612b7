import { isIP, isIPv6 } from 'node:net';
import { ServingError } from '../errors.ts';
import { parsePictureUrl } from './picture-url.ts';

/** Whether the server's owner exempted this host, on this port, from the address rules. */
export type IsAllowedHost = (host: string, port: number) => boolean;

/**
 * Reads the values of `--url-allow-private`: a host name or an address, exactly as it stands in the
 * URL, with or without a port (`minio`, `minio:9000`, `10.0.0.5`, `[fd00::5]:9000`). No patterns.
 *
 * Throws SETTINGS_INVALID with all that cannot be read.
 */
export function createAllowedHosts(entries: readonly string[]): IsAllowedHost {
  const keys = entries.map(keyOf);
  const problems = entries.filter((_, i) => keys[i] === undefined).map(problemOf);
  if (problems.length > 0) throw new ServingError('SETTINGS_INVALID', { problems });
  const allowed = new Set(keys);
  return (host, port) => allowed.has(host) || allowed.has(`${host} ${port}`);
}

/** `host` or `host port`, normalised like the host of a URL. */
function keyOf(entry: string): string | undefined {
  const [, name = entry, port] = isIPv6(entry) ? [] : (/^(.+?)(?::(\d{1,5}))?$/.exec(entry) ?? []);
  if (/[\s/\\?#@]/.test(entry)) return undefined;
  const host = hostOf(isIP(name) === 6 ? `[${name}]` : name);
  if (host === undefined || port === undefined) return host;
  return Number(port) <= 65535 ? `${host} ${Number(port)}` : undefined;
}

function hostOf(name: string): string | undefined {
  try {
    return parsePictureUrl(`http://${name}/`).host;
  } catch {
    return undefined;
  }
}

function problemOf(entry: string): string {
  return `--url-allow-private ${JSON.stringify(entry)}: expected a host name or an address, with or without a port (minio, 10.0.0.5:9000); patterns and ranges are not supported`;
}
