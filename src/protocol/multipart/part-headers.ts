import { isAscii, isUtf8 } from 'node:buffer';
import { type HeaderValue, parseHeaderParameters } from '../header-parameters.ts';
import { refuseMultipart } from './multipart-problem.ts';

export interface PartHeaders {
  readonly name: string;
  readonly filename?: string;
  readonly contentType?: string;
  /** Content-Transfer-Encoding in lower case; RFC 7578 deprecates it, `curl -F 'x=@f;encoder=base64'` sends it. */
  readonly transferEncoding?: string;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controlCharacter = /[\x00-\x08\x0a-\x1f\x7f]/;

/**
 * Reads the header lines of a part, without the empty line after them.
 * `part` names the part in errors ("part 2"). Throws MULTIPART_INVALID.
 */
export function readPartHeaders(block: Buffer, part: string): PartHeaders {
  const headers = splitLines(decodeText(block), part);
  const disposition = dispositionOf(headers, part);
  const name = parameterOf(disposition, 'name');
  if (name === undefined) refuseMultipart(`the Content-Disposition of ${part} has no name`);
  return {
    name,
    filename: parameterOf(disposition, 'filename'),
    contentType: headers.get('content-type'),
    transferEncoding: headers.get('content-transfer-encoding')?.toLowerCase(),
  };
}

/** Clients write UTF-8 and some Latin-1, and none says which. */
function decodeText(bytes: Buffer): string {
  return !isAscii(bytes) && isUtf8(bytes) ? bytes.toString() : bytes.toString('latin1');
}

/** Header names in lower case; of a name that comes twice, the first counts. */
function splitLines(block: string, part: string): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of unfold(block).split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon < 1) refuseMultipart(`a header line of ${part} has no name and colon`);
    if (controlCharacter.test(line)) refuseMultipart(`a header of ${part} has a control character`);
    const name = line.slice(0, colon).trim().toLowerCase();
    if (!headers.has(name)) headers.set(name, line.slice(colon + 1).trim());
  }
  return headers;
}

/** RFC 822 clients break long lines before a space. */
function unfold(block: string): string {
  return block.includes('\r\n ') || block.includes('\r\n\t')
    ? block.replace(/\r\n[ \t]+/g, ' ')
    : block;
}

function dispositionOf(headers: ReadonlyMap<string, string>, part: string): HeaderValue {
  const header = headers.get('content-disposition');
  if (header === undefined) refuseMultipart(`${part} has no Content-Disposition header`);
  const disposition = parseHeaderParameters(header);
  if (disposition.value !== 'form-data')
    refuseMultipart(`the Content-Disposition of ${part} is not form-data`);
  return disposition;
}

/** `name*=UTF-8''…` (RFC 5987; Python's urllib3 before 2.0) goes before `name=`. */
function parameterOf({ parameters }: HeaderValue, name: string): string | undefined {
  const extended = parameters.get(`${name}*`);
  const decoded = extended === undefined ? undefined : decodeExtended(extended);
  return decoded ?? parameters.get(name)?.replaceAll('%22', '"');
}

/** A value that is broken or in another charset counts as absent. */
function decodeExtended(value: string): string | undefined {
  const [, charset = '', , text = ''] = /^([^']*)'([^']*)'(.*)$/.exec(value) ?? [];
  const bytes = Buffer.from(
    text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  );
  if (/^iso-8859-1$/i.test(charset)) return bytes.toString('latin1');
  return /^utf-8$/i.test(charset) && isUtf8(bytes) ? bytes.toString() : undefined;
}
