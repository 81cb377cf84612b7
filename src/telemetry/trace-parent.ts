const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
const zeros = /^0+$/;
const longest = 128;

/**
 * A caller's `traceparent` when it is one, else undefined: https://www.w3.org/TR/trace-context/, with the
 * later versions' right to add fields at its end.
 */
export function traceParentFrom(header: string | string[] | undefined): string | undefined {
  if (typeof header !== 'string' || header.length > longest) return undefined;
  const [, version, trace = '', parent = '', more] = pattern.exec(header) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined))
    return undefined;
  return zeros.test(trace) || zeros.test(parent) ? undefined : header;
}
