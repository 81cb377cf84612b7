import { describe, expect, test } from 'vitest';
import type { PictureForms, ReadOptions } from './read-pictures.ts';
import { readPictures } from './read-pictures.ts';

const { signal } = new AbortController();
const forms: PictureForms = { maxPictures: 3 };
const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');

const read = (
  body: Buffer | string | undefined,
  type?: string,
  changes: Partial<ReadOptions> = {},
) =>
  readPictures(body === undefined ? undefined : Buffer.from(body), type, {
    ...forms,
    signal,
    ...changes,
  });

interface Part {
  readonly name: string;
  readonly filename?: string;
  readonly type?: string;
  readonly data: Buffer | string;
}

const boundary = 'XX';
const formType = `multipart/form-data; boundary=${boundary}`;

function form(...parts: Part[]): Buffer {
  const encoded = parts.flatMap(({ name, filename, type, data }) => [
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n`,
    type ? `Content-Type: ${type}\r\n\r\n` : '\r\n',
    data,
    '\r\n',
  ]);
  return Buffer.concat([...encoded, `--${boundary}--\r\n`].map((piece) => Buffer.from(piece)));
}

describe('the bytes of a picture', () => {
  test.each([
    ['image/png'],
    ['IMAGE/JPEG; q=1'],
    ['application/octet-stream'],
    ['application/x-www-form-urlencoded'],
    [undefined],
  ])('may be called %j', async (type) => {
    const { pictures, asList } = await read(png, type);
    expect([pictures.map(({ bytes }) => Buffer.from(bytes)), asList]).toEqual([[png], false]);
  });

  test.each(['text/plain', 'video/mp4', 'application/pdf', 'multipart/mixed; boundary=x'])(
    'may not be called %j',
    async (type) => {
      await expect(read(png, type)).rejects.toMatchObject({ code: 'CONTENT_TYPE_UNSUPPORTED' });
    },
  );

  test('must be there', async () => {
    await expect(read(undefined)).rejects.toMatchObject({ code: 'BODY_EMPTY' });
    await expect(read('', 'image/png')).rejects.toMatchObject({ code: 'BODY_EMPTY' });
  });
});

describe('a form', () => {
  test('with one file, whatever its field, is one picture', async () => {
    const { pictures, asList } = await read(
      form({ name: 'img_file', filename: 'a.png', data: png }),
      formType,
    );
    expect([pictures[0]?.where, asList]).toEqual(['The picture (field "img_file")', false]);
  });

  test('with several files is a list in their order', async () => {
    const parts = ['a', 'b', 'c'].map((name) => ({ name, filename: `${name}.png`, data: name }));
    const { pictures, asList } = await read(form(...parts), formType);
    expect([pictures.map(({ bytes }) => Buffer.from(bytes).toString()), asList]).toEqual([
      ['a', 'b', 'c'],
      true,
    ]);
    expect(pictures[1]?.where).toBe('Picture 2 (field "b")');
  });

  test('passes over other fields and over file inputs that were left empty', async () => {
    const body = form(
      { name: 'token', data: 'secret' },
      { name: 'empty', filename: '', type: 'application/octet-stream', data: '' },
      { name: 'image', filename: 'a.png', data: png },
    );
    expect((await read(body, formType)).pictures).toHaveLength(1);
  });

  test('may hold a picture in a plain field', async () => {
    const body = form({ name: 'token', data: 'secret' }, { name: 'image', data: png });
    expect((await read(body, formType)).pictures).toHaveLength(1);
  });

  test('without a picture names its fields', async () => {
    await expect(read(form({ name: 'token', data: 'x' }), formType)).rejects.toThrow(
      '(parts: token)',
    );
  });

  test('has a most of pictures', async () => {
    const parts = Array.from({ length: 4 }, (_, i) => ({
      name: `f${i}`,
      filename: 'a',
      data: png,
    }));
    await expect(read(form(...parts), formType)).rejects.toMatchObject({
      code: 'TOO_MANY_PICTURES',
    });
  });
});

describe('JSON', () => {
  test('holds a picture in base64', async () => {
    const { pictures } = await read(
      JSON.stringify({ image: png.toString('base64') }),
      'application/json',
    );
    expect(Buffer.from(pictures[0]?.bytes ?? [])).toEqual(png);
  });

  test('names a URL, which is fetched under the signal of the request', async () => {
    const asked: unknown[] = [];
    const fetchPicture: PictureForms['fetchPicture'] = async (...given) => {
      asked.push(...given);
      return png;
    };
    const room = { grow: () => {} };
    const { pictures } = await read('{"url": "https://a.b/c"}', 'application/json', {
      fetchPicture,
      room,
    });
    expect([asked, pictures[0]?.where]).toEqual([
      ['https://a.b/c', signal, room],
      'The picture at the url',
    ]);
  });

  test('names many URLs, of which eight are fetched at a time, and answers in their order', async () => {
    let running = 0;
    let most = 0;
    const fetchPicture: PictureForms['fetchPicture'] = async (url) => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      running -= 1;
      return Buffer.from(url);
    };
    const urls = Array.from({ length: 30 }, (_, i) => `https://a.b/${i}`);
    const { pictures } = await read(JSON.stringify({ urls }), 'application/json', {
      maxPictures: 30,
      fetchPicture,
    });
    expect(most).toBe(8);
    expect(pictures.map(({ bytes }) => String(bytes))).toEqual(urls);
  });

  test('names URLs of which one fails: the others are given up', async () => {
    const signals: AbortSignal[] = [];
    const failure = new Error('not there');
    const fetchPicture: PictureForms['fetchPicture'] = (url, given) => {
      signals.push(given);
      return url.endsWith('bad') ? Promise.reject(failure) : new Promise(() => {});
    };
    const urls = ['https://a.b/1', 'https://a.b/bad', 'https://a.b/3'];
    const answer = read(JSON.stringify({ urls }), 'application/json', { fetchPicture });
    await expect(answer).rejects.toBe(failure);
    expect(signals.map(({ reason }) => reason)).toEqual([failure, failure, failure]);
  });

  test('names a URL in vain when that is turned off', async () => {
    await expect(read('{"url": "https://a.b/c"}', 'application/json')).rejects.toMatchObject({
      code: 'URL_DISABLED',
    });
  });

  test('that is none is JSON_INVALID', async () => {
    await expect(read('{', 'application/problem+json')).rejects.toMatchObject({
      code: 'JSON_INVALID',
    });
  });
});
