/** Every form of `POST /predict` that the clients of the five articles send, answered by the real server. */

import { afterAll, describe, expect, test } from 'vitest';
import { formOf, post, request } from './support/http.ts';
import { colorLabels, copyDigits, writeColors } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { servePictures } from './support/picture-server.ts';
import { digitFiles, paint, readDigit } from './support/pictures.ts';

const folder = temporaryFolder();
copyDigits(folder.path);
writeColors(folder.path, 'colors', `output: {labels: ${colorLabels}, top: 2}`);
writeColors(folder.path, 'spoken', `output: {labels: ${colorLabels}, as: sentence}`);

const red = await paint('red');
const green = await paint('green');
const blue = await paint('blue');
const web = await servePictures({ '/red.png': red, '/blue.png': blue });
const server = await startModelship(folder.path, {
  args: ['--default-model', 'colors', '--url-allow-private', '127.0.0.1'],
});
const predict = `${server.url}/predict`;

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await web[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** softmax of [10, 0, 0] */
const sure = Math.exp(10) / (Math.exp(10) + 2);
const redAnswer = {
  predictions: [
    { label: 'red', probability: expect.closeTo(sure, 6) },
    { label: 'green', probability: expect.closeTo((1 - sure) / 2, 6) },
  ],
  success: true,
};

const labelsOf = (results: { predictions: { label: string }[] }[]): unknown[] =>
  results.map(({ predictions }) => predictions[0]?.label);

describe('forms of the five articles', () => {
  test.each([
    ['000', 'image'],
    ['001', 'img'],
    ['004', 'img_file'],
    ['any other name', 'fichier joint'],
  ])('%s: a form with the field "%s"', async (_, field) => {
    const answer = await post(predict, formOf([field, red]));
    expect(answer).toMatchObject({ status: 200, json: redAnswer });
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  test('001: a client that accepts plain text gets the sentence', async () => {
    const answer = await post(predict, formOf(['img', red]), { accept: 'text/plain' });
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(answer.text).toBe('The input picture is classified as [red], with probability 1.000.');
  });

  test('001: a model with output.as: sentence gives the sentence unless JSON is asked for', async () => {
    const url = `${server.url}/models/spoken/predict`;
    const spoken = await post(url, formOf(['img', blue], ['img', green]));
    expect(spoken.text.split('\n')).toEqual([
      'The input picture is classified as [blue], with probability 1.000.',
      'The input picture is classified as [green], with probability 1.000.',
    ]);
    const json = await post(url, formOf(['img', blue]), { accept: 'application/json' });
    expect(json.json.predictions[0].label).toBe('blue');
  });

  test('002: JSON with the url of a picture', async () => {
    const answer = await post(predict, { url: `${web.url}/red.png` });
    expect(answer).toMatchObject({ status: 200, json: redAnswer });
  });

  test('a form without file names counts the parts that are pictures', async () => {
    const boundary = 'xyz';
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="image"\r\n\r\n`;
    const body = Buffer.concat([Buffer.from(head), red, Buffer.from(`\r\n--${boundary}--\r\n`)]);
    const type = `multipart/form-data; boundary=${boundary}`;
    expect((await post(predict, body, { 'content-type': type })).json).toEqual(redAnswer);
  });

  test('other fields of a form are ignored', async () => {
    const form = formOf(['image', red]);
    form.append('note', 'from my phone');
    expect((await post(predict, form)).json).toEqual(redAnswer);
  });
});

describe('the bytes of a picture', () => {
  test.each(['image/png', 'image/jpeg', 'application/octet-stream', 'binary/octet-stream'])(
    'with Content-Type %s',
    async (type) => {
      const answer = await post(predict, red, { 'content-type': type });
      expect(answer).toMatchObject({ status: 200, json: redAnswer });
    },
  );

  test('without a Content-Type', async () => {
    expect((await post(predict, red)).json).toEqual(redAnswer);
  });

  test.each(['png', 'jpeg', 'webp', 'gif', 'tiff'] as const)('as %s', async (format) => {
    const answer = await post(predict, await paint('green', format));
    expect(answer.json.predictions[0].label).toBe('green');
  });

  test('in chunks, without a length', async () => {
    const pieces = [red.subarray(0, 7), red.subarray(7, 50), red.subarray(50)];
    const init = { method: 'POST', body: ReadableStream.from(pieces), duplex: 'half' };
    const response = await fetch(predict, init as RequestInit);
    expect(await response.json()).toEqual(redAnswer);
  });
});

describe('JSON', () => {
  test.each([
    ['base64', (bytes: Buffer) => bytes.toString('base64')],
    ['URL-safe base64', (bytes: Buffer) => bytes.toString('base64url')],
    ['a data URL', (bytes: Buffer) => `data:image/png;base64,${bytes.toString('base64')}`],
  ])('%s', async (_, encode) => {
    expect((await post(predict, { image: encode(red) })).json).toEqual(redAnswer);
  });
});

describe('several pictures in one request', () => {
  const order = [red, blue, green, blue, red];
  const expected = ['red', 'blue', 'green', 'blue', 'red'];

  test('of a form', async () => {
    const answer = await post(predict, formOf(...order.map((one) => ['image', one] as const)));
    expect(labelsOf(answer.json.results)).toEqual(expected);
    expect(answer.json.success).toBe(true);
  });

  test('as base64', async () => {
    const images = order.map((one) => one.toString('base64'));
    expect(labelsOf((await post(predict, { images })).json.results)).toEqual(expected);
  });

  test('by URL', async () => {
    const urls = ['red', 'blue', 'red'].map((name) => `${web.url}/${name}.png`);
    const answer = await post(predict, { urls });
    expect(labelsOf(answer.json.results)).toEqual(['red', 'blue', 'red']);
  });

  test('more of them than a run takes', async () => {
    const many = Array.from({ length: 30 }, (_, i) => order[i % 5] as Buffer);
    const answer = await post(predict, formOf(...many.map((one) => ['p', one] as const)));
    expect(labelsOf(answer.json.results)).toEqual(many.map((_, i) => expected[i % 5]));
  });

  test('a list of one gets a list back', async () => {
    const answer = await post(predict, { images: [red.toString('base64')] });
    expect(answer.json.results).toEqual([{ predictions: redAnswer.predictions }]);
  });
});

describe('where the model is named', () => {
  test('in the path, with and without its version', async () => {
    const [plain, versioned] = await Promise.all([
      post(`${server.url}/models/colors/predict`, red),
      post(`${server.url}/models/colors/versions/1/predict`, red),
    ]);
    expect([plain.json, versioned.json]).toEqual([redAnswer, redAnswer]);
  });

  test('the bundled model reads the digit of every sample', async () => {
    const url = `${server.url}/models/digits/predict`;
    const answers = await Promise.all(digitFiles.map((file) => post(url, readDigit(file))));
    const labels = answers.map(({ json }) => json.predictions[0].label);
    expect(labels).toEqual(digitFiles.map((file) => file[0]));
    expect(answers[0]?.json.predictions).toHaveLength(3);
  });

  test('the sample pictures of a model are those on disk', async () => {
    const { json } = await request(`${server.url}/models/digits`);
    expect(json.samples.map(({ name }: { name: string }) => name)).toEqual(digitFiles.sort());
    for (const { name, url } of json.samples) {
      const picture = await fetch(`${server.url}${url}`);
      expect(Buffer.from(await picture.arrayBuffer())).toEqual(readDigit(name));
    }
  });
});
