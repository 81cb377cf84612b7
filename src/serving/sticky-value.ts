/** The header or cookie by which requests of one user get the same version again. */

import type { Sticky } from './model-registry.ts';

/** Headers of HTTP or metadata of gRPC, with names in small letters. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Longer ones are no identities, and hashing them is the client's choice of our time. */
const longestValue = 1024;

function cookieOf(header: Headers[string], name: string): string | undefined {
  for (const pair of String(header ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}

/** Undefined when the request has none, or an empty one. */
export function stickyValueOf(headers: Headers, sticky: Sticky): string | undefined {
  const value =
    'header' in sticky
      ? headers[sticky.header.toLowerCase()]
      : cookieOf(headers.cookie, sticky.cookie);
  const text = String(value ?? '');
  return text === '' ? undefined : text.slice(0, longestValue);
}
