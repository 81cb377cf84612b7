import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/models/run.ts';
import { parseModelYaml } from '../config/model-yaml.ts';
import { createModelSource } from './model-source.ts';

let root: string;

beforeEach(() => {
  const temporary = temporaryFolder();
  root = temporary.path;
  return () => temporary[Symbol.dispose]();
});

const fetchFrom = (url: string): Promise<string> => {
  const { source } = parseModelYaml(`source: {url: "${url}"}`, 'model.yaml');
  return createModelSource(root).fetch(source as never, new AbortController().signal);
};

test('a file is where its URL says', async () => {
  const path = join(root, 'a model.onnx');
  writeFileSync(path, '');
  expect(await fetchFrom(pathToFileURL(path).href)).toBe(path);
});

test('a file that is not there is said to be so', async () => {
  await expect(fetchFrom('file:///nowhere/m.onnx')).rejects.toMatchObject({
    code: 'PATH_NOT_FOUND',
  });
});

test('a file of another machine is none of ours', async () => {
  await expect(fetchFrom('file://host/m.onnx')).rejects.toMatchObject({
    code: 'MODEL_SOURCE_FAILED',
  });
});

test.each(['s3://bucket/m.onnx', 'oci://registry/m:1'])(
  '%s has a place in the schema only',
  async (url) => {
    await expect(fetchFrom(url)).rejects.toMatchObject({
      code: 'MODEL_SOURCE_UNSUPPORTED',
      message: expect.stringContaining('file: or https:'),
    });
  },
);

test.each(['http://host/m.onnx', 'ftp://host/m', 'm.onnx', ''])(
  '%j is refused by the schema',
  (url) => {
    expect(() => parseModelYaml(`source: {url: "${url}"}`, 'model.yaml')).toThrow('source.url');
  },
);
