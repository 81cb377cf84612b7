/**
 * `value; name=value; name="quoted value"`, the grammar that Content-Type (RFC 9110 §5.6.6) and
 * Content-Disposition (RFC 7578 §4.2) share, as real clients write it.
 */

export interface HeaderValue {
  /** The part before the first semicolon, lower case. */
  readonly value: string;
  /** Names in lower case; of a name that comes twice, the first counts. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Splits a header. Text that is not a parameter is passed over. Never throws. */
export function parseHeaderParameters(header: string): HeaderValue {
  const end = header.indexOf(';');
  const parameters = new Map<string, string>();
  if (end >= 0) readParameters(header, end, parameters);
  return { value: (end < 0 ? header : header.slice(0, end)).trim().toLowerCase(), parameters };
}

/** `from` is the place of the semicolon before the first parameter. */
function readParameters(header: string, from: number, parameters: Map<string, string>): void {
  let at = from;
  while (at >= 0 && at < header.length) {
    const nameEnd = indexOfAny(header, at + 1, '=', ';');
    if (header[nameEnd] !== '=') {
      at = nameEnd;
      continue;
    }
    const name = header
      .slice(at + 1, nameEnd)
      .trim()
      .toLowerCase();
    const read = readValue(header, nameEnd + 1);
    if (name !== '' && !parameters.has(name)) parameters.set(name, read.value);
    at = header.indexOf(';', read.end);
  }
}

function indexOfAny(text: string, from: number, a: string, b: string): number {
  for (let i = from; i < text.length; i++) if (text[i] === a || text[i] === b) return i;
  return -1;
}

function readValue(header: string, from: number): { value: string; end: number } {
  let start = from;
  while (header[start] === ' ' || header[start] === '\t') start++;
  if (header[start] === '"') return readQuoted(header, start + 1);
  const semicolon = header.indexOf(';', start);
  const end = semicolon < 0 ? header.length : semicolon;
  return { value: header.slice(start, end).trim(), end };
}

/**
 * A backslash escapes a quote or a backslash only: browsers send `C:\new\cat.jpg` as it is. A value
 * whose closing quote is missing (`"a\"` from such a browser) runs to the last quote of the header.
 */
function readQuoted(header: string, start: number): { value: string; end: number } {
  let value = '';
  for (let i = start; i < header.length; i++) {
    const sign = header[i];
    if (sign === '"') return { value, end: i + 1 };
    const escaped = sign === '\\' && (header[i + 1] === '"' || header[i + 1] === '\\');
    value += escaped ? header[++i] : sign;
  }
  const last = header.lastIndexOf('"');
  return { value: header.slice(start, last < start ? header.length : last), end: header.length };
}
