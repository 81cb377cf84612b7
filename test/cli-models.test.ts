/** `predict`, `inspect` and `init`: a model looked at and asked without a server. */

import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeTestModel } from './models/test-models.ts';
import { writeColors, writeModels, writeYaml } from './support/model-folder.ts';
import { root, runModelship, temporaryFolder } from './support/modelship.ts';
import { paint } from './support/pictures.ts';

const folder = temporaryFolder();
const at = (...names: readonly string[]): string => join(folder.path, ...names);
const inRoot = { cwd: root };
const seven = 'examples/digits/7-shadow.jpg';
const three = 'examples/digits/3.png';

beforeAll(async () => {
  writeColors(folder.path, 'colors', 'output: {labels: [red, green, blue], top: 1}');
  writeModels(folder.path, 'picture-nhwc', 'batch-statistics', 'opset-99', 'simple');
  writeYaml(at('picture-nhwc'), 'instances: 0');
  writeFileSync(at('red.png'), await paint('red'));
  writeFileSync(at('cut.png'), (await paint('red')).subarray(0, 60));
});

afterAll(() => folder[Symbol.dispose]());

describe('predict', () => {
  test('prints a table, the best first', async () => {
    const ended = await runModelship(['predict', 'models/digits', three, seven], inRoot);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    const lines = ended.stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^picture +label +probability$/);
    expect(lines[1]).toMatch(/^examples\/digits\/3\.png +3 +\d+\.\d%$/);
    expect(lines[4]).toMatch(/^examples\/digits\/7-shadow\.jpg +7 +\d+\.\d%$/);
    expect(lines).toHaveLength(7);
  });

  test('prints JSON for scripts', async () => {
    const args = ['predict', at(), at('red.png'), '--json', '--model', 'colors'];
    const { stdout, code } = await runModelship(args);
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      {
        model: 'colors',
        version: '1',
        results: [
          {
            picture: at('red.png'),
            predictions: [{ label: 'red', probability: expect.closeTo(1, 3) }],
          },
        ],
      },
    ]);
  });

  test.each([
    [
      'a picture that is not there',
      () => [at('colors'), 'no.png'],
      4,
      /no\.png cannot be read: there is no such file/,
    ],
    ['a picture that is a folder', () => [at('colors'), at()], 4, /cannot be read: EISDIR/],
    [
      'a picture that is none',
      () => [at('colors'), join(root, 'README.md')],
      4,
      /README\.md is not a picture/,
    ],
    ['a truncated picture', () => [at('colors'), at('cut.png')], 4, /cut\.png is a truncated PNG/],
    ['a model that is not there', () => [at('nothing'), at('red.png')], 3, /There is nothing at/],
    ['a model that does not load', () => [at('opset-99'), at('red.png')], 3, /uses opset 99/],
    [
      'a name that no model has',
      () => [at('colors'), at('red.png'), '--model', 'x'],
      2,
      /unknown model: 'x' is not found; models here: colors/,
    ],
    [
      'several models and no name',
      () => [at(), at('red.png')],
      2,
      /Several models .*--model|Several models/,
    ],
    [
      'a broken model.yaml',
      () => [at('picture-nhwc'), at('red.png')],
      2,
      /model\.yaml has 1 problem:\n {2}line 1: instances/,
    ],
    [
      'no preprocessing',
      () => [at('simple'), at('red.png')],
      2,
      /cannot take a picture: it has 2 inputs/,
    ],
  ])('%s', async (_, args, code, message) => {
    const ended = await runModelship(['predict', ...args()]);
    expect(ended.stderr).toMatch(message);
    expect(ended).toMatchObject({ code, stdout: '' });
  });
});

describe('inspect', () => {
  test('says what is in the model and what serving will do with it', async () => {
    const ended = await runModelship(['inspect', 'models/digits'], inRoot);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    for (const line of [
      /^digits$/m,
      /versions +1 on disk; serves 1/,
      /image +FP32 +\[\?, 3, 32, 32\]/,
      /logits +FP32 +\[\?, 10\]/,
      /pictures +rgb → resize to 32×32 \(bilinear\)/,
      /answers +top 3 of 'logits' \(softmax\), 10 labels/,
      /batching +rows of several requests may share a run: .*probed/,
    ]) {
      expect(ended.stdout).toMatch(line);
    }
  });

  test('says why rows are not batched', async () => {
    const { stdout } = await runModelship(['inspect', at('batch-statistics')]);
    expect(stdout).toMatch(/batching +every request runs alone: a row of 'y' depends on/);
  });

  test('as JSON, without loading the models', async () => {
    const { stdout, code } = await runModelship(['inspect', at(), '--json', '--no-probe']);
    const models = JSON.parse(stdout);
    expect(models.map(({ name }: { name: string }) => name).sort()).toEqual(
      ['batch-statistics', 'colors', 'opset-99', 'picture-nhwc', 'simple'].sort(),
    );
    const [colors] = models.filter(({ name }: { name: string }) => name === 'colors');
    expect(colors.versions[0]).toMatchObject({
      version: '1',
      inputs: [{ name: 'input', datatype: 'FP32', shape: [-1, 3, 32, 32] }],
      outputs: [{ name: 'scores', datatype: 'FP32', shape: [-1, 3] }],
      problem: null,
    });
    // One model has a newer opset: its problem is that of the command.
    expect(code).toBe(3);
  });
});

describe('init', () => {
  test('writes a model.yaml that parses, and refuses to overwrite it', async () => {
    const path = at('fresh');
    writeTestModel(folder.path, 'picture-nchw', 1, 'fresh');
    const wrote = await runModelship(['init', path]);
    expect(wrote).toMatchObject({ code: 0, stderr: '' });
    expect(wrote.stdout).toMatch(/^Wrote .*fresh\/model\.yaml\. Look through it/);
    const text = readFileSync(join(path, 'model.yaml'), 'utf8');
    expect(text).toContain(
      "# How a picture becomes the input 'input' (NCHW, 32×32, from the model).",
    );
    expect((await runModelship(['inspect', path, '--no-probe'])).code).toBe(0);

    writeYaml(path, '# mine');
    const refused = await runModelship(['init', path]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /model\.yaml exists already and was left as it is; --force overwrites/,
    );
    expect(readFileSync(join(path, 'model.yaml'), 'utf8')).toBe('# mine\n');
    expect((await runModelship(['init', path, '--force'])).code).toBe(0);
    expect(readFileSync(join(path, 'model.yaml'), 'utf8')).toBe(text);
  });

  test('each proposal works once its # is gone', async () => {
    const path = at('fresh');
    const text = readFileSync(join(path, 'model.yaml'), 'utf8');
    const presets = text.replace('#input:\n#  preset:', 'input:\n  preset:');
    const [before = '', after = ''] = text.split('# or\n');
    const [own = '', rest = ''] = after.split('\n\n', 2);
    const written = `${before}${own.replaceAll(/^#/gm, '').replaceAll(/^( *)# crop/gm, '$1# crop')}\n\n${rest}`;
    for (const yaml of [presets, written]) {
      expect(yaml).not.toBe(text);
      writeFileSync(join(path, 'model.yaml'), yaml);
      const ended = await runModelship(['predict', path, at('red.png')]);
      expect(ended).toMatchObject({ code: 0, stderr: '' });
    }
  });

  test('--print writes nothing', async () => {
    writeTestModel(folder.path, 'mlp');
    const { stdout } = await runModelship(['init', at('mlp'), '--print']);
    expect(stdout).toContain('# inputs:  x FP32 [?, 64]');
    expect(existsSync(at('mlp', 'model.yaml'))).toBe(false);
  });

  test('a file among several gets a yaml of its own name', async () => {
    mkdirSync(at('files'));
    copyFileSync(at('simple', '1', 'model.onnx'), at('files', 'a.onnx'));
    copyFileSync(at('simple', '1', 'model.onnx'), at('files', 'b.onnx'));
    expect((await runModelship(['init', at('files', 'a.onnx')])).code).toBe(0);
    expect(existsSync(at('files', 'a.yaml'))).toBe(true);
    expect(existsSync(at('files', 'model.yaml'))).toBe(false);
  });

  test('of a model that cannot be read ends with its reason', async () => {
    const ended = await runModelship(['init', at('opset-99')]);
    expect(ended).toMatchObject({ code: 3, stdout: '' });
    expect(ended.stderr).toContain('uses opset 99');
  });
});
