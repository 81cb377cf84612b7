/**
 * What a path of TensorFlow Serving's REST API means. The prefix may be in any case; whatever is below it
 * and means nothing is a malformed request, not a path that is not there.
 * Source: TensorFlow Serving, api_rest.md and http_rest_api_handler.cc.
 */

import type { Method } from './classify-message.ts';
import { refuse } from './json-leaves.ts';

export interface RestTarget {
  readonly kind: 'predict' | Method | 'status' | 'metadata';
  readonly model: string;
  /** Digits, without leading zeros. */
  readonly version?: string | undefined;
  readonly label?: string | undefined;
}

const version = '(?:/versions/(?<version>\\d+)|/labels/(?<label>[^/:]+))?';
const asks = new RegExp(
  `^/v1/models/(?<model>[^/:]+)${version}:(?<kind>classify|regress|predict)$`,
  'i',
);
const looks = new RegExp(
  `^/v1/models(?:/(?<model>[^/:]+))?${version}(?<metadata>/metadata)?$`,
  'i',
);

/** True of a path that is this API's to answer. */
export function isRestPath(path: string): boolean {
  return /^\/v1\//i.test(path);
}

function decode(part: string | undefined): string | undefined {
  return part === undefined ? undefined : decodeURIComponent(part);
}

const withoutZeros = (digits: string | undefined): string | undefined =>
  digits?.replace(/^0+(?=\d)/, '');

/** Undefined for what means nothing. A model of '' is one that is not named. Throws URIError. */
export function parseRestPath(method: string, path: string): RestTarget | undefined {
  const match = (method === 'POST' ? asks : method === 'GET' ? looks : undefined)?.exec(path);
  if (!match?.groups) return undefined;
  const { model = '', kind, metadata, ...which } = match.groups;
  return {
    kind: (kind?.toLowerCase() as Method | undefined) ?? (metadata ? 'metadata' : 'status'),
    model: decode(model) as string,
    version: withoutZeros(which.version),
    label: decode(which.label),
  };
}

/** The same, for the one who answers it. Throws TENSORFLOW_REQUEST_INVALID. */
export function requireRestTarget(method: string, path: string): RestTarget {
  const target = parseRestPath(method, path);
  if (!target) refuse(`Malformed request: ${method} ${path.slice(0, 1000)}`);
  if (target.model === '') refuse('Missing model name in request.');
  return target;
}
