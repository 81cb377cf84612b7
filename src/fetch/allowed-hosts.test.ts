import { expect, test } from 'vitest';
import { createAllowedHosts } from './allowed-hosts.ts';

test.each([
  ['minio', 'minio', 1234, true],
  ['MINIO.', 'minio', 80, true],
  ['minio', 'minio.evil.org', 80, false],
  ['minio', 'evil-minio', 80, false],
  ['minio:9000', 'minio', 9000, true],
  ['minio:9000', 'minio', 9001, false],
  ['minio:80', 'minio', 80, true],
  ['minio:80', 'minio', 443, false],
  ['10.0.0.5', '10.0.0.5', 80, true],
  ['10.0.0.5', '10.0.0.50', 80, false],
  ['::1', '::1', 80, true],
  ['[::1]', '::1', 80, true],
  ['[0:0::1]:9000', '::1', 9000, true],
  ['[::1]:9000', '::1', 80, false],
])('%s and %s port %d: %j', (entry, host, port, allowed) => {
  expect(createAllowedHosts([entry])(host, port)).toBe(allowed);
});

test('all entries that cannot be read are reported at once', () => {
  const bad = [
    '',
    '*',
    '*.local',
    '10.0.0.0/8',
    'http://minio',
    'a b',
    'a@b',
    'minio:70000',
    '::1:x',
  ];
  const problems = () => createAllowedHosts(['good', ...bad]);
  expect(problems).toThrow(`${bad.length} settings are wrong`);
  for (const entry of bad) expect(problems).toThrow(JSON.stringify(entry));
});
