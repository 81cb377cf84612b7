/** In a process of its own, as Node reads these variables when it starts. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { serveHttp } from './local-servers.fixture.ts';

const script = `
  const { createPictureFetcher } = await import(process.argv[1]);
  const fetcher = createPictureFetcher({
    timeoutMs: 20000, maxBytes: 100, maxRedirects: 0, allowPrivateHosts: ['127.0.0.1'],
  });
  const { bytes } = await fetcher.fetch(process.argv[2]);
  console.log(Buffer.from(bytes).toString());
`;

test('the proxy of the environment is not used: it would resolve the name again', async () => {
  const proxy = await serveHttp((_, response) => response.end('from the proxy'));
  const port = await serveHttp((_, response) => response.end('from the host'));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      ...['--input-type=module', '--eval', script],
      ...[`${import.meta.dirname}/picture-fetcher.ts`, `http://127.0.0.1:${port}/`],
    ],
    { env: { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: `http://127.0.0.1:${proxy}`, NO_PROXY: '' } },
  );
  expect(stdout).toBe('from the host\n');
});
