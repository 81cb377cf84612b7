import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/models/run.ts';
import { writeTestModel } from '../../test/models/test-models.ts';
import { readInChild } from './read-in-child.ts';
import { readVersion } from './read-model.ts';

let root: string;

beforeEach(() => {
  const temporary = temporaryFolder();
  root = temporary.path;
  return () => temporary[Symbol.dispose]();
});

const read = (file: string, signal = new AbortController().signal, cache = join(root, 'cache')) =>
  readInChild(
    { version: '3', file },
    { environment: {}, cache: { folder: cache, maxBytes: 1e9 } },
    signal,
  );

test('a version is read as this process would read it, and its hash is remembered', async () => {
  const file = writeTestModel(root, 'external-data');
  expect(await read(file)).toEqual(readVersion({ version: '3', folder: root, file }));
  // One for the model and one for its external data.
  expect(readdirSync(join(root, 'cache/hashes'))).toHaveLength(2);
});

test('what is wrong with it comes back as it is', async () => {
  const file = join(root, 'model.onnx');
  writeFileSync(file, 'nonsense');
  expect(await read(file)).toMatchObject({
    version: '3',
    problem: { code: 'MODEL_FILE_INVALID', message: expect.stringContaining(file) },
  });
});

test('a file that is gone is said to be so', async () => {
  expect((await read(join(root, 'model.onnx'))).problem?.message).toContain('model.onnx');
});

test('a cache that cannot be written changes nothing', async () => {
  const file = writeTestModel(root, 'mlp');
  writeFileSync(join(root, 'taken'), '');
  const { signature } = await read(file, undefined, join(root, 'taken/cache'));
  expect(signature?.inputs).toHaveLength(1);
});

test('a version that has a problem already is not read', async () => {
  const { problem } = readVersion({ version: '1', folder: root, file: join(root, 'no.onnx') });
  const broken = { version: '1', ...(problem ? { problem } : {}) };
  const signal = new AbortController().signal;
  expect(await readInChild(broken, { environment: {}, cache: undefined }, signal)).toBe(broken);
});

test('it ends when it is not wanted any more', async () => {
  mkdirSync(join(root, 'm'));
  const stopping = new AbortController();
  const reading = read(writeTestModel(root, 'mlp'), stopping.signal);
  stopping.abort(new Error('stopped'));
  await expect(reading).rejects.toThrow('stopped');
});
