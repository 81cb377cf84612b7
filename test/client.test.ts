/** `modelship/client` as it is built, against the real server: in Node, and in a real Chromium. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type * as Client from '../src/client/client.ts';
import { chromiumPath, launchChromium } from './support/browser.ts';
import { copyDigits, writeModels } from './support/model-folder.ts';
import { root, startModelship, temporaryFolder } from './support/modelship.ts';
import { readDigit } from './support/pictures.ts';

const folder = temporaryFolder();
copyDigits(folder.path);
writeModels(folder.path, 'simple', 'exclaim', 'identity-fp64');
const server = await startModelship(folder.path, { args: ['--default-model', 'digits'] });
const dist = join(root, 'dist');
// By the name that users import; the package may name itself.
const { createClient, ModelshipError, textsOf }: typeof Client = await import(
  'modelship/client' as string
);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const sixteen = Int32Array.from({ length: 16 }, (_, i) => i);
const int32 = (name: string, data: Int32Array) =>
  ({ name, dtype: 'INT32', shape: [1, 16], data }) as const;

describe('in Node', () => {
  const client = createClient(server.url);

  test('tensors go and come as bytes', async () => {
    const inputs = [int32('INPUT0', sixteen), int32('INPUT1', sixteen)];
    const answer = await client.infer('simple', { inputs, id: '7' });
    expect(answer).toMatchObject({ model: 'simple', version: '1', id: '7' });
    expect(answer.outputs.map(({ name, data }) => [name, data])).toEqual([
      ['OUTPUT0', sixteen.map((value) => 2 * value)],
      ['OUTPUT1', new Int32Array(16)],
    ]);
    const some = await client.infer('simple', { inputs, outputs: ['OUTPUT1'] });
    expect(some.outputs.map(({ name }) => name)).toEqual(['OUTPUT1']);
  });

  test('numbers that JSON has not', async () => {
    const data = Float64Array.of(Number.NaN, -0, Infinity, 5e-324);
    const x = { name: 'x', dtype: 'FP64', shape: [2, 2], data } as const;
    const [y] = (await client.infer('identity-fp64', { inputs: [x] })).outputs;
    expect(y?.data).toEqual(data);
  });

  test('strings', async () => {
    const texts = { name: 'texts', dtype: 'BYTES', shape: [2], data: ['straße', ''] } as const;
    const [loud] = (await client.infer('exclaim', { inputs: [texts] })).outputs;
    expect(loud?.dtype === 'BYTES' && textsOf(loud.data)).toEqual(['straße!', '!']);
  });

  test('pictures', async () => {
    expect((await client.predict(readDigit('7-shadow.jpg')))[0]?.label).toBe('7');
    const pictures = [readDigit('3.png'), new Blob([new Uint8Array(readDigit('7-shadow.jpg'))])];
    const all = await client.predictAll(pictures, { model: 'digits', version: '1' });
    expect(all.map(([best]) => best?.label)).toEqual(['3', '7']);
  });

  test('readiness', async () => {
    expect(await client.isModelReady('simple')).toBe(true);
    await expect(client.isModelReady('cats')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });

  test('refusals are of one class, with the code', async () => {
    const call = client.infer('simple', { inputs: [int32('INPUT0', sixteen)] });
    await expect(call).rejects.toBeInstanceOf(ModelshipError);
    await expect(call).rejects.toMatchObject({ code: 'INPUT_MISSING', status: 400 });
  });
});

describe.skipIf(!chromiumPath)('in Chromium', () => {
  test('tensors, pictures and refusals', async () => {
    await using browser = await launchChromium();
    const page = await browser.newPage();
    // From the server's own address, as a page beside it would have it.
    await page.route(`${server.url}/client-code/**`, (route) => {
      const path = new URL(route.request().url()).pathname.replace('/client-code/', '');
      return route.fulfill({
        contentType: 'text/javascript',
        body: readFileSync(join(dist, path), 'utf8'),
      });
    });
    await page.goto(`${server.url}/models`);
    const picture = readDigit('3.png').toString('base64');
    // As text, because the test runner would rewrite the import.
    const seen = await page.evaluate(`(async () => {
      const { createClient, ModelshipError } = await import('/client-code/client/client.js');
      const client = createClient(location.origin);
      const x = { name: 'x', dtype: 'FP64', shape: [1, 2], data: Float64Array.of(Math.PI, -0) };
      const [y] = (await client.infer('identity-fp64', { inputs: [x] })).outputs;
      const bytes = Uint8Array.from(atob('${picture}'), (sign) => sign.charCodeAt(0));
      const [best] = await client.predict(bytes);
      const refusal = await client.infer('cats', { inputs: [x] }).catch((error) => error);
      return [y.data instanceof Float64Array && y.data[0], best.label,
        refusal instanceof ModelshipError && refusal.code];
    })()`);
    expect(seen).toEqual([Math.PI, '3', 'MODEL_NOT_FOUND']);
  });
});

test('it imports nothing of Node', () => {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(file, 'utf8');
    for (const [, specifier = ''] of text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)) {
      expect(specifier).toMatch(/^\.\.?\//);
      visit(join(file, '..', specifier));
    }
    expect(text).not.toMatch(/\bBuffer\b|\bprocess\b|\brequire\b/);
  };
  visit(join(dist, 'client', 'client.js'));
  expect(seen.size).toBeGreaterThan(4);
});
