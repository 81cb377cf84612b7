/** What `serve` makes of a folder in which some models are broken: the good ones serve, the others say why. */

import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { writeTestModel } from './models/test-models.ts';
import { post, request } from './support/http.ts';
import { copyDigits, writeColors, writeModels, writeYaml } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { readDigit } from './support/pictures.ts';

const folder = temporaryFolder();
const at = (...names: readonly string[]): string => join(folder.path, ...names);

copyDigits(folder.path);
writeModels(folder.path, 'sequence-output', 'zip-map-output', 'opset-99', 'fails-on-zeros');
writeColors(folder.path, 'renamed-folder', 'name: colors', 'output: {labels: [red, green, blue]}');
// A broken file, an empty one, weights that are missing.
mkdirSync(at('text', '1'), { recursive: true });
writeFileSync(at('text', '1', 'model.onnx'), 'this is no model');
mkdirSync(at('empty-file'));
writeFileSync(at('empty-file', 'model.onnx'), '');
const external = writeTestModel(folder.path, 'external-data');
rmSync(join(external, '..', 'model.onnx.data'), { force: true });
rmSync(join(external, '..', 'weights.bin'), { force: true });
// A model.yaml with several mistakes, and labels that are not there.
writeTestModel(folder.path, 'picture-nchw', 1, 'mistakes');
writeYaml(
  at('mistakes'),
  'name: has spaces',
  'input:',
  '  preset: torchvision/resnet5000',
  '  colour: rgb',
  'output: {top: 0}',
  'instances: many',
);
writeColors(folder.path, 'no-labels', 'output: {labels: classes.txt}');
writeColors(folder.path, 'named', 'name: unlabelled', 'output: {labels: classes.txt}');
writeColors(folder.path, 'few-labels', 'output: {labels: [red, green]}');
// Versions: one that works and one that does not; none that the policy selects.
writeTestModel(folder.path, 'half-plus-two', 1, 'two-versions');
writeTestModel(folder.path, 'opset-99', 2, 'two-versions');
writeYaml(at('two-versions'), 'versions: {policy: all}');
writeTestModel(folder.path, 'half-plus-two', 1, 'no-such-version');
writeYaml(at('no-such-version'), 'versions: {policy: specific, list: [7]}');
// Folders that are odd.
mkdirSync(at('several'));
writeFileSync(at('several', 'a.onnx'), '');
writeFileSync(at('several', 'b.onnx'), '');
mkdirSync(at('only-yaml'));
writeYaml(at('only-yaml'), 'instances: 1');
mkdirSync(at('nothing-in-it'));
symlinkSync(at('loop'), at('loop'));
symlinkSync(at('gone'), at('dangling'));
writeFileSync(at('README.txt'), 'not a model');
writeFileSync(at('keras.h5'), 'not read');
writeTestModel(folder.path, 'half-plus-two', 1, '.hidden');

const server = await startModelship(folder.path);
const strict = await startModelship(folder.path, { args: ['--strict-ready'] });

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await strict[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const { json: list } = await request(`${server.url}/models`);

interface Listed {
  readonly name: string;
  readonly problem: string | null;
  readonly pictureProblem: string | null;
  readonly versions: readonly { version: string; state: string; reason: string | null }[];
}

const find = (name: string): Listed | undefined =>
  list.models.find((model: Listed) => model.name === name);

/** Why a model does not serve. */
function reasonOf(name: string): string | null | undefined {
  const model = find(name);
  return model?.problem ?? model?.versions.at(-1)?.reason;
}

test('the good ones serve', async () => {
  const serving = list.models
    .filter(({ versions }: Listed) => versions.some(({ state }) => state === 'READY'))
    .map(({ name }: Listed) => name);
  expect(serving.sort()).toEqual(['colors', 'digits', 'two-versions']);
  const answer = await post(`${server.url}/models/digits/predict`, readDigit('3.png'));
  expect(answer.json.predictions[0].label).toBe('3');
});

describe('the others say why, in /models, in what serve prints and in the log', () => {
  test.each([
    ['text', /text\/1\/model\.onnx is not a usable model/],
    ['empty-file', /empty-file\/model\.onnx is not a usable model/],
    ['external-data', /is not a usable model: the file '[^']+' with the data of .* is missing/],
    ['opset-99', /uses opset 99 of ai\.onnx; this runtime knows up to \d+/],
    ['sequence-output', /output 'y' .*sequence.*cannot be served/],
    ['zip-map-output', /ZipMap.*zipmap/],
    ['fails-on-zeros', /fails its warm-up run.*out of/],
    ['no-labels', /nothing at .*no-labels\/classes\.txt/],
    ['unlabelled', /nothing at .*named\/classes\.txt/],
    ['no-such-version', /no version "7"; versions here: 1/],
    ['several', /holds several model files \(a\.onnx, b\.onnx\)/],
    ['only-yaml', /only-yaml holds no model/],
    ['loop', /loop cannot be read: .*(ELOOP|symbolic)/],
    ['keras', /keras\.h5 is not a usable model: .* these formats are converted: Keras, Keras HDF5/],
    ['mistakes', /model\.yaml has 5 problems/],
    ['few-labels', /there are 2 labels for 3 classes/],
  ])('%s', (name, reason) => {
    expect(reasonOf(name)).toMatch(reason);
    expect(server.stdout.replaceAll(/\n {4,}/g, '\n')).toMatch(reason);
    expect(server.stderr).toMatch(new RegExp(`"level":"error".*"model":"${name}"`));
  });

  test('a model.yaml lists all its mistakes with their lines', () => {
    expect(reasonOf('mistakes')).toMatch(
      /line 1: name: expected letters.*\n.*line 3: input\.preset: unknown preset "torchvision\/resnet5000".*\n.*line 4: input: unknown key "colour"; did you mean "color"\?\n.*line 5: output\.top: .*\n.*line 6: instances: /,
    );
  });

  test('a request to one of them gets the reason', async () => {
    const answer = await post(`${server.url}/v2/models/opset-99/infer`, { inputs: [] });
    expect(answer).toMatchObject({ status: 503, json: { code: 'MODEL_NOT_READY' } });
    expect(answer.json.error).toContain('uses opset 99');
  });

  test('a request to a version that failed gets its reason, the other version serves', async () => {
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [1], data: [2] }];
    const versions = `${server.url}/v2/models/two-versions/versions`;
    const failed = await post(`${versions}/2/infer`, { inputs });
    expect(failed).toMatchObject({ status: 503, json: { code: 'MODEL_NOT_READY' } });
    expect(failed.json.error).toContain('uses opset 99');
    expect((await post(`${versions}/1/infer`, { inputs })).json.outputs[0].data).toEqual([3]);
    const predict = `${server.url}/models/two-versions/versions/2/predict`;
    expect((await post(predict, readDigit('3.png'))).json.code).toBe('MODEL_NOT_READY');
  });
});

test('folders without a model, hidden ones and other files are left out', () => {
  const names = list.models.map(({ name }: Listed) => name);
  expect(names).not.toContain('nothing-in-it');
  expect(names).not.toContain('dangling');
  expect(names).not.toContain('hidden');
  expect(names).not.toContain('README');
  expect(names).not.toContain('renamed-folder');
});

test('/readyz is 200 when one serves, and 503 under --strict-ready', async () => {
  const [loose, every] = await Promise.all([
    request(`${server.url}/readyz`),
    request(`${strict.url}/readyz`),
  ]);
  expect(loose).toMatchObject({ status: 200, json: { ready: true } });
  expect(every).toMatchObject({ status: 503, json: { ready: false } });
  expect(every.json.models['two-versions']).toEqual({ 1: 'READY', 2: 'FAILED' });
});

test('without a model of its own a bare /predict names those that are there', async () => {
  const answer = await post(`${server.url}/predict`, readDigit('3.png'));
  expect(answer).toMatchObject({ status: 400, json: { code: 'MODEL_REQUIRED' } });
  expect(answer.json.error).toMatch(
    /digits.*POST \/models\/.*\/predict\. The server's owner can choose one with --default-model/,
  );
});
