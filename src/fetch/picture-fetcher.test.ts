import { once } from 'node:events';
import type { RequestListener, ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { ServingError } from '../errors.ts';
import { serveHttp, serveHttps, serveTcp } from './local-servers.fixture.ts';
import { createPictureFetcher, type PictureFetcherOptions } from './picture-fetcher.ts';

const jpeg = Buffer.from([0xff, 0xd8, 0xff, 0xe0]);
const names: Readonly<Record<string, readonly string[]>> = {
  'pictures.example': ['127.0.0.1'],
  'second-address.example': ['127.0.0.2', '::1', '127.0.0.1'],
  'inside.example': ['10.0.0.1'],
};
const resolve = async (name: string) => names[name] ?? Promise.reject(new Error('ENOTFOUND'));

/** Only `pictures.example`, `second-address.example` and 127.0.0.1 are exempted. */
const create = (options: Partial<PictureFetcherOptions> = {}) =>
  createPictureFetcher({
    timeoutMs: 20_000,
    maxBytes: 100_000,
    maxRedirects: 2,
    allowPrivateHosts: ['pictures.example', 'second-address.example', '127.0.0.1'],
    resolve,
    ...options,
  });
const errorOf = async (url: string, options?: Partial<PictureFetcherOptions>): Promise<string> => {
  try {
    await create(options).fetch(url);
  } catch (error) {
    if (error instanceof ServingError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'fetched';
};
const sendJpeg: RequestListener = (_, response) => response.end(jpeg);
const redirect =
  (location: string): RequestListener =>
  (_, response) =>
    response.writeHead(302, { location }).end('gone');

describe('a picture that is there', () => {
  test('comes with its bytes and its Content-Type', async () => {
    const port = await serveHttp((_, response) => {
      response.setHeader('content-type', 'image/jpeg').end(jpeg);
    });
    const picture = await create().fetch(`http://127.0.0.1:${port}/cat.jpg`);
    expect(picture).toEqual({ bytes: jpeg, contentType: 'image/jpeg' });
  });

  test('is asked for with these headers and no others', async () => {
    let seen: unknown;
    const port = await serveHttp((request, response) => {
      seen = [request.method, request.url, request.headers];
      response.end(jpeg);
    });
    await create().fetch(`http://pictures.example:${port}/a%20b?c=d#e`);
    expect(seen).toEqual([
      'GET',
      '/a%20b?c=d',
      {
        host: `pictures.example:${port}`,
        'user-agent': 'modelship',
        accept: 'image/*',
        'accept-encoding': 'identity',
        connection: 'close',
      },
    ]);
  });

  test('may be as long as the limit, also in pieces', async () => {
    const port = await serveHttp(async (_, response) => {
      for (let i = 0; i < 100; i++) response.write(Buffer.alloc(1000, i));
      response.end();
    });
    const { bytes } = await create().fetch(`http://127.0.0.1:${port}/`);
    expect(bytes.length).toBe(100_000);
    expect(bytes.filter((byte, i) => byte !== Math.floor(i / 1000))).toHaveLength(0);
  });

  test('is found at a later address when the first ones do not answer', async () => {
    const port = await serveHttp(sendJpeg);
    const { bytes } = await create().fetch(`http://second-address.example:${port}/`);
    expect(bytes).toEqual(jpeg);
  });

  test('is found behind as many redirects as the limit allows, relative ones too', async () => {
    const port = await serveHttp((request, response) => {
      if (request.url === '/a') redirect('b')(request, response);
      else if (request.url === '/b')
        redirect(`http://pictures.example:${port}/c`)(request, response);
      else response.end(jpeg);
    });
    expect((await create().fetch(`http://127.0.0.1:${port}/a`)).bytes).toEqual(jpeg);
  });
});

describe('the address', () => {
  test('is resolved once: a second answer is never asked for', async () => {
    const port = await serveHttp(sendJpeg);
    const answers = [['127.0.0.1'], ['10.0.0.1']];
    const rebinding = async () => answers.shift() ?? [];
    await create({ resolve: rebinding }).fetch(`http://pictures.example:${port}/`);
    expect(answers).toEqual([['10.0.0.1']]);
  });

  test.each([
    ['a private address', 'http://10.0.0.1/', 'URL_REFUSED The host 10.0.0.1'],
    ['the metadata service', 'http://169.254.169.254/', 'URL_REFUSED The host 169.254.169.254'],
    ['loopback in another notation', 'http://0x7f000002/', 'URL_REFUSED The host 127.0.0.2'],
    ['loopback IPv6', 'http://[::1]/', 'URL_REFUSED The host ::1'],
    ['a name that is private', 'http://inside.example/', 'URL_REFUSED The host inside.example'],
    ['another scheme', 'file:///etc/passwd', 'URL_FETCH_FAILED'],
    ['credentials', 'http://a:b@127.0.0.1/', 'URL_FETCH_FAILED'],
  ])('of a redirect is checked like the first: %s', async (_, location, error) => {
    const port = await serveHttp(redirect(location));
    expect(await errorOf(`http://127.0.0.1:${port}/`)).toContain(error);
  });

  test('of this machine is refused, whatever it is', async () => {
    const ownAddresses = () => ['8.8.4.4'];
    expect(await errorOf('http://8.8.4.4/', { ownAddresses })).toContain('URL_REFUSED');
  });

  test('that is not exempted is never connected to', async () => {
    const port = await serveHttp(() => expect.unreachable());
    expect(await errorOf(`http://127.0.0.1:${port}/`, { allowPrivateHosts: [] })).toBe(
      "URL_REFUSED The host 127.0.0.1 is refused: it is not an address of the public internet. The server's owner can exempt it with --url-allow-private.",
    );
  });
});

describe('an answer that is no picture', () => {
  test.each([404, 500, 304, 300])('status %d is named', async (status) => {
    const port = await serveTcp(
      `HTTP/1.1 ${status} Secret\r\nContent-Length: 6\r\n\r\nsecret`,
      (s) => s.end(),
    );
    const error = await errorOf(`http://127.0.0.1:${port}/`);
    expect(error.toLowerCase()).not.toContain('secret');
    expect(error).toContain(`it answered with status ${status}.`);
  });

  test.each([
    ['a redirect without a target', 'HTTP/1.1 302 Found\r\n\r\n', 'it answered with status 302'],
    [
      'a packed body',
      'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nx',
      'with a Content-Encoding',
    ],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2p1\r\n', 'its answer is not valid HTTP'],
    ['nothing', '', 'it closed the connection before the end of its answer'],
    [
      'another protocol',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
      'it closed the connection before the end',
    ],
    [
      'half a body',
      'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf',
      'it closed the connection before the end of its answer',
    ],
    [
      'half a chunk',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nhalf',
      'it closed the connection before the end of its answer',
    ],
    [
      'long headers',
      `HTTP/1.1 200 OK\r\n${`X: ${'x'.repeat(100)}\r\n`.repeat(200)}`,
      'the headers of its answer are too long',
    ],
    [
      'two lengths',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
      'its answer is not valid HTTP',
    ],
    [
      'a length above the limit',
      'HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n',
      'its answer is longer than the limit of 100000 bytes',
    ],
  ])('%s', async (_, answer, problem) => {
    const port = await serveTcp(answer, (socket) => socket.end());
    const error = await errorOf(`http://127.0.0.1:${port}/`);
    expect(error).toContain('URL_FETCH_FAILED The picture could not be fetched from 127.0.0.1: ');
    expect(error).toContain(problem);
  });

  test('a body without an end is cut at the limit', async () => {
    const port = await serveHttp((_, response) => {
      const more = (): void => {
        while (response.write(Buffer.alloc(10_000)));
        response.once('drain', more);
      };
      more();
    });
    expect(await errorOf(`http://127.0.0.1:${port}/`)).toContain('is longer than the limit');
  });

  test('a body of pieces of one byte is given up', async () => {
    const pieces = '1\r\nx\r\n'.repeat(90_000);
    const port = await serveTcp(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${pieces}0\r\n\r\n`,
    );
    expect(await errorOf(`http://127.0.0.1:${port}/`)).toContain(
      'its answer comes in too small pieces',
    );
  });

  test('a row of interim answers is given up', async () => {
    const port = await serveTcp('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(11));
    expect(await errorOf(`http://127.0.0.1:${port}/`)).toContain('too many interim answers');
  });

  test('a few interim answers are passed over', async () => {
    const answer =
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx';
    const port = await serveTcp(answer, (socket) => socket.end());
    expect((await create().fetch(`http://127.0.0.1:${port}/`)).bytes).toEqual(Buffer.from('x'));
  });

  test('a redirect to itself ends', async () => {
    const port = await serveHttp(redirect('/'));
    expect(await errorOf(`http://127.0.0.1:${port}/`)).toContain('it redirects more than 2 times');
  });

  test('a port where nobody listens', async () => {
    expect(await errorOf('http://127.0.0.1:1/')).toContain(
      'could not be fetched from 127.0.0.1: it refused the connection.',
    );
  });
});

describe('time', () => {
  test.each([
    ['accepts and says nothing', ''],
    ['sends half its headers', 'HTTP/1.1 200 OK\r\nX-'],
    ['sends half its body', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'],
    ['sends interim answers only', 'HTTP/1.1 102 Processing\r\n\r\n'],
  ])('a host that %s runs into the limit', async (_, answer) => {
    const port = await serveTcp(answer);
    expect(await errorOf(`http://127.0.0.1:${port}/`, { timeoutMs: 100 })).toContain(
      'it did not arrive within 100 ms',
    );
  });

  test('spent on a name looks like a name that does not exist', async () => {
    const never = (_: string, signal: AbortSignal) =>
      new Promise<string[]>((_, reject) => signal.addEventListener('abort', reject));
    expect(await errorOf('http://slow.example/', { timeoutMs: 50, resolve: never })).toBe(
      (await errorOf('http://nowhere.example/')).replace('nowhere', 'slow'),
    );
  });

  test('a client that goes away ends its fetch', async () => {
    const client = new AbortController();
    const port = await serveHttp(() => client.abort());
    const fetching = create().fetch(`http://127.0.0.1:${port}/`, client.signal);
    await expect(fetching).rejects.toMatchObject({ code: 'REQUEST_CANCELLED' });
  });

  test('a client that went away before is not served', async () => {
    const fetching = create().fetch('http://127.0.0.1:1/', AbortSignal.abort());
    await expect(fetching).rejects.toMatchObject({ code: 'REQUEST_CANCELLED' });
  });

  test('close ends what runs and refuses what comes', async () => {
    const fetcher = create();
    const port = await serveHttp(() => fetcher.close());
    const url = `http://127.0.0.1:${port}/`;
    await expect(fetcher.fetch(url)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await expect(fetcher.fetch(url)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });

  test('of many fetches only so many run at a time, and each is served', async () => {
    const held: ServerResponse[] = [];
    let most = 0;
    const port = await serveHttp((_, response) => {
      most = Math.max(most, held.push(response));
      if (held.length < 3) return;
      setImmediate(() => {
        for (const waiting of held.splice(0)) waiting.end(jpeg);
      });
    });
    const fetcher = create({ maxConcurrent: 3 });
    await Promise.all(Array.from({ length: 21 }, () => fetcher.fetch(`http://127.0.0.1:${port}/`)));
    expect(most).toBe(3);
  });

  test('a fetch that waits for its turn in vain runs into the limit', async () => {
    const fetcher = create({ maxConcurrent: 1, timeoutMs: 100 });
    const port = await serveHttp(() => {});
    const url = `http://127.0.0.1:${port}/`;
    const results = await Promise.allSettled([fetcher.fetch(url), fetcher.fetch(url)]);
    expect(results.map((r) => r.status)).toEqual(['rejected', 'rejected']);
  });
});

describe('TLS', () => {
  test('a self-signed certificate is named', async () => {
    const port = await serveHttps(sendJpeg);
    expect(await errorOf(`https://pictures.example:${port}/`)).toContain(
      'its TLS certificate is self-signed',
    );
  });

  test('a host without TLS is named', async () => {
    const port = await serveTcp('220 mail\r\n');
    expect(await errorOf(`https://127.0.0.1:${port}/`)).toContain('it does not speak TLS');
  });
});

test('the connection is closed after a redirect, with its body unread', async () => {
  const closed = Promise.withResolvers<void>();
  const port = await serveTcp(
    'HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\n\r\n',
    (socket) => {
      once(socket, 'close').then(() => closed.resolve());
    },
  );
  expect(await errorOf(`http://127.0.0.1:${port}/`)).toContain('URL_REFUSED');
  await closed.promise;
});
