/**
 * The pictures of a /predict request, whatever form it came in: multipart with any field name, the
 * picture's bytes, JSON with a URL or base64. The forms of all five articles (SYSTEMS.md).
 */

import { ServingError } from '../errors.ts';
import { Bytes } from '../image/byte-cursor.ts';
import { readSignature } from '../image/signature.ts';
import type { MultipartPart } from '../protocol/multipart/read-multipart.ts';
import { readMultipart } from '../protocol/multipart/read-multipart.ts';
import { parsePredictJson } from '../protocol/predict/predict-request.ts';
import type { Hold } from '../serving/byte-budget.ts';
import type { EncodedPicture } from '../serving/inference-types.ts';

export interface SentPictures {
  readonly pictures: readonly EncodedPicture[];
  /** The client sent a list, and gets one back. */
  readonly asList: boolean;
}

/** Room for what is fetched is taken as it comes, and given back with the request's. */
export type Room = Pick<Hold, 'grow'>;
export type FetchPicture = (url: string, signal: AbortSignal, room?: Room) => Promise<Uint8Array>;

export interface PictureForms {
  readonly maxPictures: number;
  /** Fetches a picture by URL; absent when that is turned off. */
  readonly fetchPicture?: FetchPicture | undefined;
}

/** What a request needs besides its body. */
export interface ReadOptions extends PictureForms {
  readonly signal: AbortSignal;
  readonly room?: Room | undefined;
}

/** Of one request: the fetches of others have their turn too. */
const fetchesAtOnce = 8;

const expectedTypes = [
  'multipart/form-data',
  'image/*',
  'application/octet-stream',
  'application/json',
];

/** What `curl --data-binary` says when nothing else is said is taken as the picture's bytes too. */
const rawTypes =
  /^(image\/|application\/octet-stream$|application\/x-www-form-urlencoded$|binary\/octet-stream$|$)/;

/** Parts of a form that are pictures: files; where there is no file, parts that look like one. */
function pictureParts(parts: readonly MultipartPart[]): MultipartPart[] {
  const files = parts.filter(
    ({ filename, data, contentType }) =>
      // A browser's file input that was left empty.
      (filename !== undefined && !(filename === '' && data.length === 0)) ||
      contentType?.startsWith('image/'),
  );
  return files.length > 0
    ? files
    : parts.filter(({ data }) => readSignature(new Bytes(data)) !== undefined);
}

/** The name of a file, perhaps, of which only the name was sent. */
function textOfOnlyPart([only, ...others]: readonly MultipartPart[]): string | undefined {
  if (!only || others.length > 0 || only.data.length > 200) return undefined;
  const text = only.data.toString();
  return /^[\w./~ -]+$/.test(text) ? text : undefined;
}

function fromForm(body: Buffer, contentType: string, { maxPictures }: PictureForms): SentPictures {
  const all = readMultipart(body, contentType);
  const parts = pictureParts(all);
  if (parts.length === 0)
    throw new ServingError('MULTIPART_NO_PICTURE', {
      fields: all.map(({ name }) => name),
      text: textOfOnlyPart(all),
    });
  if (parts.length > maxPictures) {
    throw new ServingError('TOO_MANY_PICTURES', { count: parts.length, limit: maxPictures });
  }
  const several = parts.length > 1;
  const pictures = parts.map(({ name, data }, i) => ({
    bytes: data,
    where: several ? `Picture ${i + 1} (field "${name}")` : `The picture (field "${name}")`,
  }));
  return { pictures, asList: several };
}

/** All of them, a few at a time; the first failure ends the others. */
async function fetchAll(
  urls: readonly string[],
  fetchPicture: FetchPicture,
  { signal, room }: ReadOptions,
): Promise<Uint8Array[]> {
  const failed = new AbortController();
  const either = urls.length === 1 ? signal : AbortSignal.any([signal, failed.signal]);
  const fetched: Uint8Array[] = [];
  let next = 0;
  async function work(): Promise<void> {
    while (next < urls.length) {
      const at = next++;
      fetched[at] = await fetchPicture(urls[at] as string, either, room);
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(fetchesAtOnce, urls.length) }, work));
    return fetched;
  } catch (error) {
    failed.abort(error);
    throw error;
  }
}

async function fromJson(body: Buffer, options: ReadOptions): Promise<SentPictures> {
  const request = parsePredictJson(body, options.maxPictures);
  const { asList } = request;
  if (request.kind === 'pictures') {
    const pictures = request.pictures.map(({ data, where }) => ({
      bytes: data,
      where: `The picture in "${where}"`,
    }));
    return { pictures, asList };
  }
  if (!options.fetchPicture) throw new ServingError('URL_DISABLED', {});
  const fetched = await fetchAll(request.urls, options.fetchPicture, options);
  const pictures = fetched.map((bytes, i) => ({
    bytes,
    where: asList ? `The picture at urls[${i}]` : 'The picture at the url',
  }));
  return { pictures, asList };
}

const curlDefaultType = 'application/x-www-form-urlencoded';
const openBrace = 0x7b;

/** Declared, or sent by `curl -d '{…}'` without a type of its own: no picture begins with a brace. */
function isJson(type: string, body: Buffer): boolean {
  if (type === 'application/json' || type.endsWith('+json')) return true;
  return type === curlDefaultType && body[0] === openBrace;
}

/** How errors name the body; `curl -d @file` drops its line ends, which is the usual cause. */
function nameOf(type: string): string {
  return type === curlDefaultType
    ? 'The picture (with curl: --data-binary or -F, because -d changes it)'
    : 'The picture';
}

/** Throws what is wrong with the body: BODY_EMPTY, CONTENT_TYPE_UNSUPPORTED, MULTIPART_…, JSON_…, URL_…. */
export async function readPictures(
  body: Buffer | undefined,
  contentType: string | undefined,
  options: ReadOptions,
): Promise<SentPictures> {
  if (!body || body.length === 0) throw new ServingError('BODY_EMPTY', { expected: 'a picture' });
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type === 'multipart/form-data') return fromForm(body, contentType ?? '', options);
  if (isJson(type, body)) return fromJson(body, options);
  if (rawTypes.test(type))
    return { pictures: [{ bytes: body, where: nameOf(type) }], asList: false };
  throw new ServingError('CONTENT_TYPE_UNSUPPORTED', {
    contentType: type,
    expected: expectedTypes,
  });
}
