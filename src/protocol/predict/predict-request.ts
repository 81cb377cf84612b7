/**
 * The JSON forms of `POST /predict`. One picture: `{"url": "https://…"}` as article 002 sends it, or
 * `{"image": "<base64 or data URL>"}`. Several (ours): `{"urls": […]}`, `{"images": […]}`.
 *
 * Owns: the form, and base64. Does not own: whether a URL may be fetched (fetch/), or what is in
 * the bytes (image/).
 */

import { ServingError } from '../../errors.ts';
import { parseJson } from '../parse-json.ts';
import { decodeImageText } from './image-text.ts';

/** `asList`: the client sent a list, also of one, and gets `results` back (encodePredictions). */
export type PredictRequest =
  | { readonly kind: 'urls'; readonly urls: readonly string[]; readonly asList: boolean }
  | {
      readonly kind: 'pictures';
      readonly pictures: readonly SentPicture[];
      readonly asList: boolean;
    };

export interface SentPicture {
  /** Names the picture in errors: `image`, `images[2]`. */
  readonly where: string;
  /** May be empty. */
  readonly data: Buffer;
}

const fields = ['url', 'image', 'urls', 'images'] as const;
type Field = (typeof fields)[number];

/**
 * Reads the body of `POST /predict` with `Content-Type: application/json`. Other keys are ignored.
 *
 * Throws JSON_INVALID, PREDICT_JSON_INVALID, BASE64_INVALID, or TOO_MANY_PICTURES above `maxPictures`.
 */
export function parsePredictJson(body: Uint8Array, maxPictures: number): PredictRequest {
  const request = asObject(parseJson(body));
  const field = theOneField(request);
  const asList = field === 'urls' || field === 'images';
  const values = asList ? readList(request[field], field, maxPictures) : [request[field]];
  const named = values.map((value, i) => readText(value, asList ? `${field}[${i}]` : field));
  return field === 'url' || field === 'urls'
    ? { kind: 'urls', urls: named.map(({ text }) => text), asList }
    : { kind: 'pictures', pictures: named.map(decodePicture), asList };
}

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  return refuse(`The body is ${nameOf(value)}, not an object`);
}

function theOneField(request: Record<string, unknown>): Field {
  const present = fields.filter((field) => Object.hasOwn(request, field));
  const [field] = present;
  if (field === undefined) return refuse(`The body has no "url" and no "image"${keysOf(request)}`);
  if (present.length > 1)
    refuse(`The body has "${present.join('" and "')}", but only one can count`);
  return field;
}

function keysOf(request: Record<string, unknown>): string {
  const keys = Object.keys(request).slice(0, 5);
  return keys.length === 0
    ? ''
    : ` (keys: ${keys.map((key) => JSON.stringify(key.slice(0, 40))).join(', ')})`;
}

function readList(value: unknown, field: Field, limit: number): unknown[] {
  if (!Array.isArray(value)) return refuse(`"${field}" is ${nameOf(value)}, not a list`);
  if (value.length === 0) refuse(`"${field}" is an empty list`);
  if (value.length > limit)
    throw new ServingError('TOO_MANY_PICTURES', { count: value.length, limit });
  return value;
}

interface NamedText {
  readonly where: string;
  readonly text: string;
}

function readText(value: unknown, where: string): NamedText {
  if (typeof value !== 'string') return refuse(`"${where}" is ${nameOf(value)}, not a string`);
  if (value === '') refuse(`"${where}" is an empty string`);
  return { where, text: value };
}

function decodePicture({ where, text }: NamedText): SentPicture {
  return { where, data: decodeImageText(text, where) };
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value)
    ? 'a list'
    : typeof value === 'object'
      ? 'an object'
      : `a ${typeof value}`;
}

function refuse(problem: string): never {
  throw new ServingError('PREDICT_JSON_INVALID', { problem });
}
