/** A model whose file its model.yaml fetches from elsewhere. */

import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, expect, test } from 'vitest';
import { writePlus } from './models/plus.ts';
import { post, request } from './support/http.ts';
import { writeYaml } from './support/model-folder.ts';
import type { Modelship } from './support/modelship.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { dataOf } from './support/open-inference.ts';
import { waitPatiently as waitUntil } from './support/wait-until.ts';

let root: string;

beforeEach(() => {
  const temporary = temporaryFolder();
  root = temporary.path;
  mkdirSync(join(root, 'models'));
  return () => temporary[Symbol.dispose]();
});

const input = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1000] }] };

async function answerOf({ url }: Modelship): Promise<number> {
  const answer = await post(`${url}/v2/models/plus/infer`, input);
  return Number((dataOf(answer).y as number[])[0]) - 1000;
}

const sourceAt = (path: string): void =>
  writeYaml(join(root, 'models/plus'), `source: {url: "${pathToFileURL(path).href}"}`);

test('it is fetched before it loads, in a server whose models stay as they are', {
  timeout: 180_000,
}, async () => {
  sourceAt(writePlus(join(root, 'store'), 5));
  await using server = await startModelship(join(root, 'models'));
  expect(await answerOf(server)).toBe(5);
});

test('another URL is another version of the content', { timeout: 180_000 }, async () => {
  sourceAt(writePlus(join(root, 'store'), 5));
  const args = ['--watch', '--poll-interval-ms', '50', '--settle-ms', '50'];
  await using server = await startModelship(join(root, 'models'), { args });
  sourceAt(writePlus(join(root, 'store'), 6));
  await waitUntil('the other content answers', async () => (await answerOf(server)) === 6);
});

test('what cannot be fetched is said, and what serves goes on', { timeout: 180_000 }, async () => {
  const path = writePlus(join(root, 'store'), 5);
  sourceAt(path);
  const args = ['--watch', '--poll-interval-ms', '50', '--settle-ms', '50'];
  await using server = await startModelship(join(root, 'models'), { args });
  rmSync(path);
  writeYaml(join(root, 'models/plus'), 'source: {url: "s3://bucket/m.onnx"}');
  const reason = await waitUntil('it failed', async () => {
    const { json } = await request(`${server.url}/models/plus`);
    return json.versions.find(({ state }: { state: string }) => state === 'FAILED')?.reason;
  });
  expect(reason).toContain('Models cannot be fetched from s3://bucket/m.onnx yet');
  expect(await answerOf(server)).toBe(5);
  expect(readdirSync(join(root, 'models/plus'))).toEqual(['model.yaml']);
});
