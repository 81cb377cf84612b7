import { ServingError } from '../errors.ts';

const outsideAlphabet = /[^A-Za-z0-9+/_-]/;

/**
 * Decodes base64 (RFC 4648 §4) or URL-safe base64 (§5), padded or not, with the line breaks that
 * `base64` and MIME put in. Nothing else is skipped: a space is most often a `+` that a form
 * decoder ate, and skipping it would give another picture.
 *
 * `where` names the value in the error. Throws BASE64_INVALID.
 */
export function decodeBase64(text: string, where: string): Buffer {
  return decodeExactly(text) ?? decodeExactly(withoutLineBreaks(text)) ?? refuse(text, where);
}

/**
 * Node skips what it does not know, so a length that adds up means that nothing was skipped. It reads
 * only the low byte of a sign outside of ASCII, hence the first test.
 */
function decodeExactly(text: string): Buffer | undefined {
  if (Buffer.byteLength(text) !== text.length) return undefined;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const digits = text.length - padding;
  if (digits % 4 === 1 || (padding > 0 && text.length % 4 !== 0)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === Math.floor((digits * 3) / 4) ? bytes : undefined;
}

function withoutLineBreaks(text: string): string {
  return text.replace(/[\r\n]+/g, '');
}

function refuse(text: string, where: string): never {
  const content = withoutLineBreaks(text).replace(/={1,2}$/, '');
  const at = content.search(outsideAlphabet);
  const problem =
    at < 0
      ? 'its length or padding is wrong: cut short?'
      : `character ${at + 1} is ${JSON.stringify(String.fromCodePoint(content.codePointAt(at) ?? 0))}`;
  throw new ServingError('BASE64_INVALID', { where: `${where} (${problem})` });
}
