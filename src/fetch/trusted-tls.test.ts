/** Apart from the other tests, as the certificates that a process trusts are a global setting. */

import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serveHttps } from './local-servers.fixture.ts';
import { createPictureFetcher } from './picture-fetcher.ts';
import { testCertificate } from './test-certificate.fixture.ts';

const before = getCACertificates('default');
beforeAll(() => setDefaultCACertificates([testCertificate]));
afterAll(() => setDefaultCACertificates(before));

const fetcher = createPictureFetcher({
  timeoutMs: 20_000,
  maxBytes: 1000,
  maxRedirects: 2,
  allowPrivateHosts: ['pictures.example', 'other.example', '127.0.0.1'],
  resolve: async () => ['127.0.0.1'],
});

test('the certificate is checked for the name, although the address is connected to', async () => {
  const port = await serveHttps((request, response) => response.end(request.headers.host));
  const { bytes } = await fetcher.fetch(`https://pictures.example:${port}/`);
  expect(Buffer.from(bytes).toString()).toBe(`pictures.example:${port}`);
});

test.each(['other.example', '127.0.0.1'])(
  'a certificate for another host than %s',
  async (host) => {
    const port = await serveHttps((_, response) => response.end());
    await expect(fetcher.fetch(`https://${host}:${port}/`)).rejects.toThrow(
      'its TLS certificate is for another host',
    );
  },
);

test('a redirect from https to http is refused', async () => {
  const port = await serveHttps((_, response) => {
    response.writeHead(301, { location: 'http://pictures.example/' }).end();
  });
  await expect(fetcher.fetch(`https://pictures.example:${port}/`)).rejects.toThrow(
    'it redirects from https to http',
  );
});
