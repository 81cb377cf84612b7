/** What PATH may be: a file, a model's folder, a folder of models; and what a PATH without a model gets. */

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeTestModel } from './models/test-models.ts';
import { post, request } from './support/http.ts';
import { copyDigits, writeColors, writeModels, writeYaml } from './support/model-folder.ts';
import { root, runModelship, startModelship, temporaryFolder } from './support/modelship.ts';
import { paint, readDigit } from './support/pictures.ts';

const folder = temporaryFolder();
const at = (...names: readonly string[]): string => join(folder.path, ...names);

beforeAll(() => {
  copyDigits(folder.path);
  writeColors(at('two'), 'colors');
  writeTestModel(at('two'), 'half-plus-two', 1, 'twice');
  // Several models as files in one folder, one of them with a yaml of its own name.
  mkdirSync(at('files'));
  copyFileSync(writeTestModel(at('tmp'), 'picture-nchw'), at('files', 'a.onnx'));
  copyFileSync(at('files', 'a.onnx'), at('files', 'b.onnx'));
  writeFileSync(
    at('files', 'a.yaml'),
    'input: {preset: none, color: rgb, scale: 0.00392156862745098}\n',
  );
});

afterAll(() => folder[Symbol.dispose]());

/** The versions of each model that are READY. */
async function servedAt(url: string): Promise<Record<string, string[]>> {
  const { json } = await request(`${url}/models`);
  type Version = { version: string; state: string };
  return Object.fromEntries(
    json.models.map(({ name, versions }: { name: string; versions: Version[] }) => [
      name,
      versions.filter(({ state }) => state === 'READY').map(({ version }) => version),
    ]),
  );
}

describe('PATH is', () => {
  test("the file of a version: the model's folder is two above, with its model.yaml", async () => {
    await using server = await startModelship(at('digits', '1', 'model.onnx'));
    expect(await servedAt(server.url)).toEqual({ digits: ['1'] });
    const { json } = await post(`${server.url}/predict`, readDigit('3.png'));
    expect(json.predictions[0].label).toBe('3');
  });

  test('one of several files: its own model.yaml counts, no other is served', async () => {
    await using server = await startModelship(at('files', 'a.onnx'));
    expect(await servedAt(server.url)).toEqual({ a: ['1'] });
    const { json } = await post(`${server.url}/predict`, await paint('blue'));
    expect(json.predictions[0].label).toBe('2');
  });

  test('a folder with several files: each is a model', async () => {
    await using server = await startModelship(at('files'));
    expect(await servedAt(server.url)).toEqual({ a: ['1'], b: ['1'] });
    const { json } = await post(`${server.url}/models/b/predict`, await paint('blue'));
    expect(json.code).toBe('PREPROCESSING_MISSING');
    // What would be read: it stands among others.
    expect(json.error).toContain('Add to b.yaml,');
  });

  test("a model's folder", async () => {
    await using server = await startModelship(at('digits'));
    expect(await servedAt(server.url)).toEqual({ digits: ['1'] });
    const { json } = await post(`${server.url}/predict`, readDigit('3.png'));
    expect(json.predictions[0].label).toBe('3');
  });

  test('left out: models', async () => {
    const env = { MODELSHIP_PORT: '0', MODELSHIP_DEFAULT_MODEL: 'digits' };
    await using server = await startModelship(undefined, { cwd: root, env });
    const { json } = await post(`${server.url}/predict`, readDigit('0.png'));
    expect(json.predictions[0].label).toBe('0');
  });

  test('a folder of models, one of them the default', async () => {
    writeYaml(at('settings'), 'defaultModel: colors', `path: ${at('two')}`);
    await using server = await startModelship(at('two'), {
      args: ['--config', at('settings', 'model.yaml')],
    });
    expect(await servedAt(server.url)).toEqual({ colors: ['1'], twice: ['1'] });
    const { json } = await post(`${server.url}/predict`, await paint('green'));
    expect(json.predictions[0].label).toBe('1');
    expect((await request(`${server.url}/models/colors`)).json.default).toBe(true);
  });
});

describe('PATH without a model', () => {
  const empty = temporaryFolder();
  afterAll(() => empty[Symbol.dispose]());

  test.each([
    [
      'nothing there',
      () => join(empty.path, 'nothing'),
      /There is nothing at .*nothing; expected a model file, a model folder/,
      'PATH_NOT_FOUND',
    ],
    [
      'an empty folder',
      () => empty.path,
      /holds no model \(it is empty\); expected a model file \(model\.onnx\)/,
      'NO_MODEL_FOUND',
    ],
    [
      'a file that is no model',
      () => join(root, 'package.json'),
      /package\.json holds no model \(a file whose extension/,
      'NO_MODEL_FOUND',
    ],
    [
      'a folder of other things',
      () => join(root, 'docs'),
      /docs holds no model \(it has /,
      'NO_MODEL_FOUND',
    ],
    [
      'a path through a file',
      () => join(root, 'package.json', 'x'),
      /There is nothing at/,
      'PATH_NOT_FOUND',
    ],
    [
      'a name that is too long',
      () => join(empty.path, 'x'.repeat(300)),
      /cannot be read: ENAMETOOLONG/,
      'PATH_UNREADABLE',
    ],
  ])('%s ends with exit code 3', async (_, path, message, code) => {
    const ended = await runModelship(['serve', path(), '--port', '0']);
    expect(ended).toMatchObject({ code: 3, stdout: '' });
    expect(ended.stderr).toMatch(message);
    expect(ended.stderr.trim()).toMatch(new RegExp(`^modelship: .* \\[${code}\\]$`));
  });

  test('a default model that is not there ends with exit code 2 and those that are', async () => {
    const ended = await runModelship(['serve', at('two'), '--port', '0', '--default-model', 'dog']);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain('there is no model "dog"; models here: colors, twice');
  });
});

test('of two models of one name none is served, and both places are told; the others serve', async () => {
  const models = at('same');
  writeModels(models, 'half-plus-two', 'picture-nchw');
  writeTestModel(models, 'half-plus-two', 1, 'other');
  writeYaml(at('same', 'other'), 'name: half-plus-two');
  copyFileSync(at('same', 'picture-nchw', '1', 'model.onnx'), at('same', 'loose.onnx'));
  writeTestModel(models, 'half-plus-two', 1, 'loose');
  const problem = `two models are called "half-plus-two": ${at('same', 'half-plus-two')} and ${at('same', 'other')}; none of them is served.`;

  await using server = await startModelship(models);
  const { json } = await request(`${server.url}/models`);
  const told = json.models.map(({ name, problem: why }: { name: string; problem: string }) => [
    name,
    why,
  ]);
  expect(told).toEqual([
    ['half-plus-two', expect.stringContaining(problem)],
    [
      'loose',
      expect.stringContaining(
        `two models are called "loose": ${at('same', 'loose')} and ${at('same', 'loose.onnx')};`,
      ),
    ],
    ['picture-nchw', null],
  ]);
  expect((await request(`${server.url}/readyz`)).status).toBe(200);
  expect((await request(`${server.url}/models/picture-nchw/ready`)).status).toBe(200);
  const refused = await request(`${server.url}/models/half-plus-two/ready`);
  expect([refused.status, refused.text]).toEqual([
    503,
    expect.stringContaining('two models are called'),
  ]);
  expect(server.stderr).toContain(JSON.stringify(problem).slice(1, -1));

  const inspected = await runModelship(['inspect', models, '--no-probe']);
  expect([inspected.code, inspected.stdout]).toEqual([3, expect.stringContaining(problem)]);
  const remote = await runModelship(['inspect', server.url]);
  expect(remote.stdout).toContain(problem);
});
