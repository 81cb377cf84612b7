/**
 * multipart/form-data over one buffered body (RFC 7578, RFC 2046 §5.1).
 *
 * Owns: where parts begin and end, and their headers.
 * Does not own: which part is the picture, or what its bytes are.
 *
 * The parts are views on the body, found with Buffer.indexOf: half the time of a streaming parser
 * (bench/multipart.ts). Every loop is bounded by the limits, so a body of n bytes costs O(n).
 */

import { decodeBase64 } from '../decode-base64.ts';
import { multipartBoundary } from './multipart-boundary.ts';
import { refuseMultipart } from './multipart-problem.ts';
import { type PartHeaders, readPartHeaders } from './part-headers.ts';

export interface MultipartPart {
  /** The form field, as the client wrote it; may be empty, and may hold any sign but control ones. */
  readonly name: string;
  /** Absent for a plain field. Never a safe path. */
  readonly filename?: string;
  readonly contentType?: string;
  /** A view on the body, unless the part was sent as base64. */
  readonly data: Buffer;
}

export interface MultipartLimits {
  readonly maxParts: number;
  readonly maxHeaderBytes: number;
  /**
   * Lines that begin with the boundary and go on: data by luck, or a body made to cost time. RFC 2046
   * lets no line of a part begin with the boundary.
   */
  readonly maxFalseBoundaries: number;
}

export const defaultMultipartLimits: MultipartLimits = Object.freeze({
  maxParts: 100,
  maxHeaderBytes: 16_384,
  maxFalseBoundaries: 1000,
});

/**
 * Reads the parts of `body`, in order. `contentType` is the request's header with the boundary.
 * A body without parts gives an empty list. Throws MULTIPART_INVALID, or BASE64_INVALID for a part
 * with `Content-Transfer-Encoding: base64`.
 */
export function readMultipart(
  body: Buffer,
  contentType: string,
  limits: MultipartLimits = defaultMultipartLimits,
): MultipartPart[] {
  const scan = createScan(body, multipartBoundary(contentType), limits);
  const parts: MultipartPart[] = [];
  let delimiter = firstDelimiter(scan);
  while (!delimiter.last) {
    if (parts.length === limits.maxParts) refuseMultipart(`it has over ${limits.maxParts} parts`);
    delimiter = readPart(scan, delimiter.end, parts);
  }
  return parts;
}

interface Scan {
  readonly body: Buffer;
  /** CRLF, two dashes and the boundary. */
  readonly needle: Buffer;
  readonly limits: MultipartLimits;
  falseBoundaries: number;
}

interface Delimiter {
  /** Where its CRLF begins: the end of the data before it. */
  readonly start: number;
  /** After its own line: the start of the headers after it. */
  readonly end: number;
  /** The closing one; what follows is ignored. */
  readonly last: boolean;
}

function createScan(body: Buffer, boundary: string, limits: MultipartLimits): Scan {
  return { body, needle: Buffer.from(`\r\n--${boundary}`, 'latin1'), limits, falseBoundaries: 0 };
}

/** The first delimiter may stand at the very start, or after a preamble. */
function firstDelimiter(scan: Scan): Delimiter {
  const { body, needle } = scan;
  if (body.length === 0) refuseMultipart('it is empty');
  const opening = needle.subarray(2);
  if (body.subarray(0, opening.length).equals(opening)) {
    const delimiter = delimiterAt(body, 0, opening.length);
    if (delimiter !== undefined) return delimiter;
  }
  return findDelimiter(scan, 0) ?? refuseMultipart(whyNoDelimiter(body, opening));
}

function whyNoDelimiter(body: Buffer, opening: Buffer): string {
  const at = body.indexOf(opening);
  if (at < 0) return 'the boundary of its Content-Type does not occur in it';
  return body[at + opening.length] === 0x0a
    ? 'its lines end in LF alone; expected CRLF (RFC 2046)'
    : 'the boundary of its Content-Type never stands alone on a line';
}

/** The next line that is the boundary and nothing else. */
function findDelimiter(scan: Scan, from: number): Delimiter | undefined {
  const { body, needle, limits } = scan;
  for (let at = body.indexOf(needle, from); at >= 0; at = body.indexOf(needle, at + 1)) {
    const delimiter = delimiterAt(body, at, at + needle.length);
    if (delimiter !== undefined) return delimiter;
    if (++scan.falseBoundaries > limits.maxFalseBoundaries)
      refuseMultipart('too many of its lines begin with the boundary and go on');
  }
  return undefined;
}

const CR = 0x0d;
const LF = 0x0a;
const dash = 0x2d;

/** After the boundary: two dashes on the closing one, then spaces and tabs, then CRLF or the end. */
function delimiterAt(body: Buffer, start: number, afterBoundary: number): Delimiter | undefined {
  const last = body[afterBoundary] === dash && body[afterBoundary + 1] === dash;
  let at = last ? afterBoundary + 2 : afterBoundary;
  while (body[at] === 0x20 || body[at] === 0x09) at++;
  if (body[at] === CR && body[at + 1] === LF) return { start, end: at + 2, last };
  return last && at === body.length ? { start, end: at, last } : undefined;
}

/** Appends the part whose headers begin at `from`, and gives the delimiter after it. */
function readPart(scan: Scan, from: number, parts: MultipartPart[]): Delimiter {
  const part = `part ${parts.length + 1}`;
  const headersEnd = findHeadersEnd(scan, from, part);
  const headers = readPartHeaders(scan.body.subarray(from, headersEnd), part);
  // The empty line's own CRLF may be the one of the next delimiter: a part without data.
  const next =
    findDelimiter(scan, headersEnd + 2) ??
    refuseMultipart(
      `it ends inside ${part} (${JSON.stringify(headers.name.slice(0, 60))}): the closing boundary is missing`,
    );
  const dataStart = Math.min(headersEnd + 4, next.start);
  parts.push(createPart(headers, scan.body.subarray(dataStart, next.start), part));
  return next;
}

function findHeadersEnd({ body, limits }: Scan, from: number, part: string): number {
  if (body[from] === CR && body[from + 1] === LF) refuseMultipart(`${part} has no headers`);
  const window = body.subarray(from, from + limits.maxHeaderBytes + 4);
  const length = window.indexOf('\r\n\r\n', 0, 'latin1');
  if (length >= 0) return from + length;
  if (from + window.length < body.length)
    refuseMultipart(`the headers of ${part} are longer than ${limits.maxHeaderBytes} bytes`);
  refuseMultipart(`it ends inside the headers of ${part}: the closing boundary is missing`);
}

function createPart(headers: PartHeaders, data: Buffer, part: string): MultipartPart {
  const { name, filename, contentType, transferEncoding } = headers;
  return { name, filename, contentType, data: decodeTransfer(data, transferEncoding, part) };
}

function decodeTransfer(data: Buffer, encoding: string | undefined, part: string): Buffer {
  switch (encoding) {
    case undefined:
    case 'binary':
    case '8bit':
    case '7bit':
      return data;
    case 'base64':
      return decodeBase64(data.toString('latin1'), part);
    default:
      refuseMultipart(
        `the Content-Transfer-Encoding of ${part} is not supported; expected binary or base64`,
      );
  }
}
