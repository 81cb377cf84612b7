import { expect, test } from 'vitest';
import { ServingError } from '../../errors.ts';
import { parsePredictJson } from './predict-request.ts';

const parse = (body: unknown) => parsePredictJson(Buffer.from(JSON.stringify(body)), 3);
const errorOf = (body: unknown): string => {
  try {
    parse(body);
  } catch (error) {
    if (error instanceof ServingError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'accepted';
};
const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff]);
const base64 = png.toString('base64');

test("article 002's url", () => {
  expect(parse({ url: 'https://example.org/cat.jpg' })).toEqual({
    kind: 'urls',
    urls: ['https://example.org/cat.jpg'],
    asList: false,
  });
});

test.each([
  ['base64', base64],
  ['URL-safe base64 without padding', png.toString('base64url')],
  ['a data URL', `data:image/png;base64,${base64}`],
  ['a data URL with parameters, in capitals', `DATA:image/png;name=a.png;BASE64,${base64}`],
  ['a data URL without a media type', `data:;base64,${base64}`],
])('a picture as %s', (_, image) => {
  expect(parse({ image })).toEqual({
    kind: 'pictures',
    pictures: [{ where: 'image', data: png }],
    asList: false,
  });
});

test('lists keep their order and say so, also with one entry', () => {
  expect(parse({ urls: ['b', 'a'] })).toEqual({ kind: 'urls', urls: ['b', 'a'], asList: true });
  expect(parse({ images: [base64] })).toEqual({
    kind: 'pictures',
    pictures: [{ where: 'images[0]', data: png }],
    asList: true,
  });
});

test('other keys are ignored', () => {
  expect(parse({ url: 'u', top: 3, __proto__: 1 })).toMatchObject({ urls: ['u'] });
});

test.each([
  [null, 'PREDICT_JSON_INVALID The body is null, not an object;'],
  [['u'], 'PREDICT_JSON_INVALID The body is a list, not an object;'],
  ['u', 'PREDICT_JSON_INVALID The body is a string, not an object;'],
  [{}, 'PREDICT_JSON_INVALID The body has no "url" and no "image";'],
  [{ Url: 'u' }, 'PREDICT_JSON_INVALID The body has no "url" and no "image" (keys: "Url");'],
  [{ url: 'u', image: 'AA' }, 'The body has "url" and "image", but only one can count;'],
  [{ url: 7 }, '"url" is a number, not a string;'],
  [{ url: '' }, '"url" is an empty string;'],
  [{ image: null }, '"image" is null, not a string;'],
  [{ image: { b64: 'AA' } }, '"image" is an object, not a string;'],
  [{ images: 'AA' }, '"images" is a string, not a list;'],
  [{ images: [] }, '"images" is an empty list;'],
  [{ images: ['AA', ['AA']] }, '"images[1]" is a list, not a string;'],
  [{ urls: ['a', 'b', 'c', 'd'] }, 'TOO_MANY_PICTURES The request holds 4 pictures'],
  [{ image: 'no picture' }, 'BASE64_INVALID image (character 3 is " ") is not valid base64'],
  [{ images: ['AA', '*'] }, 'BASE64_INVALID images[1] (character 1 is "*")'],
  [{ image: 'data:image/png,%89PNG' }, 'image (a data URL without ";base64" before its comma)'],
  [{ image: 'data:image/png;base64' }, 'image (a data URL without its comma)'],
  [{ image: 'data:image/png;base64,AAA%3D' }, 'image (character 4 is "%")'],
])('%j is refused', (body, message) => {
  expect(errorOf(body)).toContain(message);
});

test('a body that is not JSON is refused with the place', () => {
  expect(() => parsePredictJson(Buffer.from('{"url": }'), 3)).toThrow(
    'The body is not valid JSON: expected a value at line 1, column 9.',
  );
});
