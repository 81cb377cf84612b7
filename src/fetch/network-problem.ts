/** Words for the errors of sockets, TLS and the HTTP parser. Addresses and texts from outside stay out. */

const problems: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'it refused the connection',
  ECONNRESET: 'it closed the connection before the end of its answer',
  EPIPE: 'it closed the connection before the end of its answer',
  ETIMEDOUT: 'it did not accept the connection in time',
  EHOSTUNREACH: 'it cannot be reached',
  ENETUNREACH: 'it cannot be reached',
  EADDRNOTAVAIL: 'it cannot be reached',
  HPE_HEADER_OVERFLOW: 'the headers of its answer are too long',
  CERT_HAS_EXPIRED: 'its TLS certificate has expired',
  CERT_NOT_YET_VALID: 'its TLS certificate is not valid yet',
  CERT_REVOKED: 'its TLS certificate was revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its TLS certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its TLS certificate comes from an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT: 'its TLS certificate comes from an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its TLS certificate comes from an unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its TLS certificate comes without its chain',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its TLS certificate is for another host',
  EPROTO: 'it does not speak TLS, or no version that this server does',
};

const families: readonly (readonly [prefix: string, problem: string])[] = [
  ['HPE_', 'its answer is not valid HTTP'],
  ['ERR_SSL_', 'it does not speak TLS, or no version that this server does'],
];

/** Says what went wrong for a user; `error` is anything that a request or its answer rejected with. */
export function describeNetworkProblem(error: unknown): string {
  const code = codeOf(error);
  const family = families.find(([prefix]) => code.startsWith(prefix));
  return problems[code] ?? family?.[1] ?? `the connection failed (${code})`;
}

/** Of several addresses that failed, the first one's code. */
function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'unknown error';
}
