import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/models/run.ts';
import type { DownloadOptions } from './download-file.ts';
import { downloadFile } from './download-file.ts';
import { serveHttp, serveHttps } from './local-servers.fixture.ts';
import { testCertificate } from './test-certificate.fixture.ts';

let root: string;
let target: string;

beforeEach(() => {
  const temporary = temporaryFolder();
  root = temporary.path;
  target = join(root, 'downloads/model.onnx');
  return () => temporary[Symbol.dispose]();
});

const content = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));
const sha256 = createHash('sha256').update(content).digest('hex');

const lookup: DownloadOptions['lookup'] = (_name, options, done) => {
  if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }]);
  else done(null, '127.0.0.1', 4);
};

interface Asked {
  readonly headers: IncomingMessage['headers'];
  readonly path: string | undefined;
}

async function serve(
  answer: (asked: Asked, response: ServerResponse, n: number) => void = (one, response) =>
    send(one, response),
) {
  const asked: Asked[] = [];
  const listener: RequestListener = ({ headers, url: path }, response) => {
    asked.push({ headers, path });
    answer(asked.at(-1) as Asked, response, asked.length);
  };
  const url = `https://pictures.example:${await serveHttps(listener)}/m.onnx?token=secret`;
  return { asked, url };
}

function download(url: string, changes: Partial<DownloadOptions> = {}): Promise<void> {
  return downloadFile({
    url,
    target,
    maxBytes: 1_000_000,
    signal: new AbortController().signal,
    ca: testCertificate,
    lookup,
    pause: async () => {},
    ...changes,
  });
}

/** All of it, or the rest from where a Range says, as a server with ETags does. */
function send({ headers }: Asked, response: ServerResponse, upTo = content.length): void {
  const [, start] = /^bytes=(\d+)-$/.exec(headers.range ?? '') ?? [];
  if (headers['if-none-match'] === '"1"') {
    response.writeHead(304).end();
    return;
  }
  if (start !== undefined && headers['if-range'] === '"1"') {
    const from = Number(start);
    response.writeHead(206, {
      etag: '"1"',
      'content-range': `bytes ${from}-${content.length - 1}/${content.length}`,
      'content-length': content.length - from,
    });
    response.end(content.subarray(from));
    return;
  }
  response.writeHead(200, { etag: '"1"', 'content-length': content.length });
  response.write(content.subarray(0, upTo), () => {
    if (upTo < content.length) response.socket?.destroySoon();
    else response.end();
  });
}

const isWhole = (): boolean => readFileSync(target).equals(content);

describe('a file is fetched', () => {
  test('whole, under its name when it is checked', async () => {
    const { url } = await serve();
    await download(url, { sha256 });
    expect(isWhole()).toBe(true);
    expect(readdirSync(join(root, 'downloads')).sort()).toEqual(['model.onnx', 'model.onnx.json']);
  });

  test('from where it broke off', async () => {
    const { url, asked } = await serve((one, response, n) =>
      send(one, response, n === 1 ? 60_000 : undefined),
    );
    await download(url, { sha256 });
    expect(isWhole()).toBe(true);
    expect(asked[1]?.headers).toMatchObject({
      range: expect.stringMatching(/^bytes=[1-9]\d*-$/),
      'if-range': '"1"',
    });
  });

  test('from where another process left it', async () => {
    const { url, asked } = await serve();
    mkdirSync(join(root, 'downloads'));
    writeFileSync(`${target}.part`, content.subarray(0, 70_000));
    writeFileSync(`${target}.part.json`, JSON.stringify({ url, etag: '"1"' }));
    await download(url, { sha256 });
    expect(isWhole()).toBe(true);
    expect(asked[0]?.headers.range).toBe('bytes=70000-');
  });

  test('anew where the server has another content by now', async () => {
    const { url } = await serve();
    mkdirSync(join(root, 'downloads'));
    writeFileSync(`${target}.part`, 'of something else');
    writeFileSync(`${target}.part.json`, JSON.stringify({ url, etag: '"0"' }));
    await download(url, { sha256 });
    expect(isWhole()).toBe(true);
  });

  test('anew where the rest that comes is another than asked for', async () => {
    const { url } = await serve((one, response) => {
      if (!one.headers.range) return send(one, response);
      response.writeHead(206, { 'content-range': 'bytes 0-9/100' }).end('0123456789');
    });
    mkdirSync(join(root, 'downloads'));
    writeFileSync(`${target}.part`, content.subarray(0, 10));
    writeFileSync(`${target}.part.json`, JSON.stringify({ url, etag: '"1"' }));
    await download(url, { sha256 });
    expect(isWhole()).toBe(true);
  });

  test('not again when the checksum says that it is there', async () => {
    const { url, asked } = await serve();
    await download(url, { sha256 });
    await download(url, { sha256 });
    expect(asked).toHaveLength(1);
  });

  test('not again when the server says that it has not changed', async () => {
    const { url, asked } = await serve();
    await download(url);
    await download(url);
    expect(asked[1]?.headers['if-none-match']).toBe('"1"');
    expect(isWhole()).toBe(true);
  });

  test('not at all where the server is away and it is there', async () => {
    let away = false;
    const { url } = await serve((one, response) =>
      away ? response.destroy() : send(one, response),
    );
    await download(url);
    away = true;
    await download(url);
    expect(isWhole()).toBe(true);
  });

  test('after redirects to https', async () => {
    const { url, asked } = await serve((one, response) => {
      if (one.path === '/other') send(one, response);
      else response.writeHead(302, { location: '/other' }).end();
    });
    await download(url, { sha256 });
    expect(asked.map(({ path }) => path)).toEqual(['/m.onnx?token=secret', '/other']);
  });
});

describe('it is refused, and nothing lies under its name, when', () => {
  test.each<
    [string, (one: Asked, response: ServerResponse) => void, Partial<DownloadOptions>, RegExp]
  >([
    [
      'its checksum is another',
      (one, response) => send(one, response),
      { sha256: '0'.repeat(64) },
      /its SHA-256 is [0-9a-f]{64}, expected 0{64}/,
    ],
    [
      'it says that it is too large',
      (one, response) => send(one, response),
      { maxBytes: 99_999 },
      /larger than the limit of 99999 bytes/,
    ],
    [
      'it turns out to be too large',
      (_, response) => void response.writeHead(200).end(content),
      { maxBytes: 50_000 },
      /larger than the limit of 50000 bytes/,
    ],
    [
      'the server has none',
      (_, response) => void response.writeHead(404).end('no'),
      {},
      /it answers 404\./,
    ],
    [
      'the server is broken for good',
      (_, response) => void response.writeHead(503).end(),
      {},
      /it answers 503; tried 5 times/,
    ],
    [
      'it redirects to http',
      (_, response) =>
        void response.writeHead(301, { location: 'http://pictures.example/m.onnx' }).end(),
      {},
      /it leads to http:\/\/pictures\.example\/m\.onnx, not https/,
    ],
    [
      'it redirects for ever',
      (_, response) => void response.writeHead(302, { location: '/x' }).end(),
      {},
      /more than 5 times/,
    ],
    [
      'the certificate is unknown',
      (one, response) => send(one, response),
      { ca: undefined },
      /certificate is self-signed/,
    ],
    [
      'nothing comes',
      () => {},
      { idleMs: 30, mostTries: 2 },
      /nothing came for 30 ms; tried 2 times/,
    ],
  ])('%s', async (_, answer, changes, message) => {
    const { url } = await serve(answer);
    const error = await download(url, changes).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'MODEL_SOURCE_FAILED',
      message: expect.stringMatching(message),
    });
    expect(String(error)).not.toContain('secret');
    expect(readdirSync(join(root, 'downloads'))).not.toContain('model.onnx');
  });

  test('its URL is plain http', async () => {
    const port = await serveHttp((_, response) => response.end('x'));
    await expect(download(`http://127.0.0.1:${port}/m.onnx`)).rejects.toThrow('not https');
  });

  test('it is stopped', async () => {
    const stopping = new AbortController();
    const { url } = await serve(() => stopping.abort(new Error('stopped')));
    await expect(download(url, { signal: stopping.signal })).rejects.toThrow('stopped');
  });
});
