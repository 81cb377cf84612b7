/** The header or cookie by which requests of one user get the same version again. */

import type { IncomingHttpHeaders } from 'node:http';
import type { Sticky } from '../serving/model-registry.ts';

/** Longer ones are no identities, and hashing them is the client's choice of our time. */
const longestValue = 1024;

function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}

/** Undefined when the request has none, or an empty one. */
export function stickyValueOf(headers: IncomingHttpHeaders, sticky: Sticky): string | undefined {
  const value =
    'header' in sticky
      ? headers[sticky.header.toLowerCase()]
      : cookieOf(headers.cookie, sticky.cookie);
  const text = Array.isArray(value) ? value.join(',') : value;
  return text ? text.slice(0, longestValue) : undefined;
}
