/**
 * The body of a REST request, with its data still as text. Whatever stands behind the JSON value is not
 * looked at, as in TensorFlow Serving, and its Content-Type tells nothing.
 */

import { ServingError } from '../../errors.ts';
import { Elements } from '../json-numbers/elements.ts';
import type { JsonData, JsonReading } from '../json-numbers/json-reader.ts';
import { readJson } from '../json-numbers/read-json.ts';
import type { Steps } from '../steps.ts';
import { refuse } from './json-leaves.ts';

export interface RestBody {
  /** Absent: the default one. */
  readonly signature: string | undefined;
  readonly instances?: JsonData | undefined;
  readonly inputs?: JsonData | undefined;
  readonly examples?: JsonData | undefined;
  readonly context?: JsonData | undefined;
}

const dataKeys = new Set(['instances', 'inputs', 'examples', 'context']);

const reading: JsonReading = {
  isData: (key, depth) => depth === 1 && dataKeys.has(key),
  after: 'anything',
};

/** Own properties only: a body may say "__proto__". */
function fieldOf(root: object, key: string): unknown {
  return Object.hasOwn(root, key) ? (root as Record<string, unknown>)[key] : undefined;
}

/** Throws TENSORFLOW_REQUEST_INVALID or JSON_TOO_COMPLEX. */
export function* readRestBody(body: Buffer): Steps<RestBody> {
  if (body.length === 0) refuse('JSON Parse error: The document is empty');
  let root: unknown;
  try {
    root = yield* readJson(body, reading);
  } catch (error) {
    if (!(error instanceof ServingError) || error.code !== 'JSON_INVALID') throw error;
    refuse(`JSON Parse error: ${(error as ServingError<'JSON_INVALID'>).details.problem}`);
  }
  if (typeof root !== 'object' || root === null || Array.isArray(root) || root instanceof Elements)
    refuse(`JSON Value: ${Array.isArray(root) ? '[…]' : String(root)} Is not object`);
  const signature = fieldOf(root, 'signature_name');
  if (signature !== undefined && typeof signature !== 'string')
    refuse("JSON Value: {…} not formatted correctly. 'signature_name' key must be a string value.");
  const data = (key: string): JsonData | undefined => fieldOf(root, key) as JsonData | undefined;
  return {
    signature,
    instances: data('instances'),
    inputs: data('inputs'),
    examples: data('examples'),
    context: data('context'),
  };
}
