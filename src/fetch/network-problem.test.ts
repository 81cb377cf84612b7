import { expect, test } from 'vitest';
import { describeNetworkProblem } from './network-problem.ts';

const failed = (code?: string): Error =>
  Object.assign(new Error('connect to 10.0.0.1:80 failed'), code === undefined ? {} : { code });

test.each([
  ['ECONNREFUSED', 'it refused the connection'],
  ['CERT_HAS_EXPIRED', 'its TLS certificate has expired'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'its TLS certificate is for another host'],
  [
    'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    'it does not speak TLS, or no version that this server does',
  ],
  ['HPE_INVALID_CONSTANT', 'its answer is not valid HTTP'],
  ['HPE_HEADER_OVERFLOW', 'the headers of its answer are too long'],
  ['EWHATEVER', 'the connection failed (EWHATEVER)'],
  [undefined, 'the connection failed (unknown error)'],
])('%s: %s', (code, problem) => {
  expect(describeNetworkProblem(failed(code))).toBe(problem);
});

test('anything may be thrown', () => {
  expect(describeNetworkProblem(null)).toBe('the connection failed (unknown error)');
});
