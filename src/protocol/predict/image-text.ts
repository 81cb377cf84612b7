import { ServingError } from '../../errors.ts';
import { decodeBase64 } from '../decode-base64.ts';

/** Longer than any media type with its parameters. */
const maxDataUrlHead = 256;

/**
 * The bytes of a picture sent as text: base64, or a data URL with `;base64,` (RFC 2397), whose media
 * type is not looked at: the bytes say what they are. `where` names it in errors.
 *
 * Throws BASE64_INVALID.
 */
export function decodeImageText(text: string, where: string): Buffer {
  return decodeBase64(/^data:/i.test(text) ? dataOf(text, where) : text, where);
}

function dataOf(url: string, where: string): string {
  const comma = url.slice(0, maxDataUrlHead).indexOf(',');
  if (comma < 0) refuse(`${where} (a data URL without its comma)`);
  if (!/; *base64$/i.test(url.slice(0, comma)))
    refuse(`${where} (a data URL without ";base64" before its comma)`);
  return url.slice(comma + 1);
}

function refuse(where: string): never {
  throw new ServingError('BASE64_INVALID', { where });
}
