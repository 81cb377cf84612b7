import { parseHeaderParameters } from '../header-parameters.ts';

const plainText = ['text/plain', 'text/*', '*/*'];
const json = ['application/json', 'application/*', '*/*'];

/**
 * True when an `Accept` header (RFC 9110 §12.5.1) likes text/plain better than JSON. Without one, with
 * `*`/`*` alone and with both alike (`application/json, text/plain, *`/`*`, as axios sends), JSON it is.
 */
export function wantsPlainText(acceptHeader: string | undefined): boolean {
  if (acceptHeader === undefined) return false;
  const qualities = readQualities(acceptHeader);
  return qualityOf(plainText, qualities) > qualityOf(json, qualities);
}

function readQualities(header: string): Map<string, number> {
  const qualities = new Map<string, number>();
  for (const range of header.split(',')) {
    const { value, parameters } = parseHeaderParameters(range);
    qualities.set(value, Math.max(quality(parameters.get('q')), qualities.get(value) ?? 0));
  }
  return qualities;
}

/** A `q` that cannot be read counts as absent. */
function quality(q: string | undefined): number {
  return q !== undefined && /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(q) ? Number(q) : 1;
}

/** The most specific range that names the type counts. */
function qualityOf(ranges: readonly string[], qualities: ReadonlyMap<string, number>): number {
  const named = ranges.find((range) => qualities.has(range));
  return named === undefined ? 0 : (qualities.get(named) ?? 0);
}
