/** A request id of the caller's is kept when it is short and harmless to print. */
export function requestIdFrom(
  header: string | string[] | undefined,
  fallback: () => string,
): string {
  return typeof header === 'string' && /^[\w.:/+=-]{1,128}$/.test(header) ? header : fallback();
}
