import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/models/run.ts';
import { findModels } from './find-models.ts';

let root: string;

beforeEach(() => {
  const temporary = temporaryFolder();
  root = join(temporary.path, 'models');
  mkdirSync(root);
  return () => temporary[Symbol.dispose]();
});

/** Makes empty files; a name that ends in "/" is a folder. */
function make(...paths: string[]): void {
  for (const path of paths) {
    const full = join(root, path);
    mkdirSync(path.endsWith('/') ? full : dirname(full), { recursive: true });
    if (!path.endsWith('/')) writeFileSync(full, '');
  }
}

/** What is found, in short: name, and the versions with their files or codes of problems. */
function find(path = ''): string[] {
  return findModels(join(root, path)).map(({ name, versions }) => {
    const found = versions.map(
      ({ version, file, problem }) => `${version}:${problem?.code ?? file?.slice(root.length + 1)}`,
    );
    return `${name} ${found.join(' ')}`;
  });
}

describe('a model is', () => {
  test('a file', () => {
    make('resnet50.onnx');
    expect(find('resnet50.onnx')).toEqual(['resnet50 1:resnet50.onnx']);
  });

  test('a file that has the name of its folder when its own says nothing', () => {
    make('digits/model.onnx', 'gan/saved_model.pb');
    expect([...find('digits/model.onnx'), ...find('gan/saved_model.pb')]).toEqual([
      'digits 1:digits/model.onnx',
      'gan 1:gan/saved_model.pb',
    ]);
  });

  test('a folder with one file', () => {
    make('digits/net.onnx', 'digits/labels.txt', 'digits/net.onnx.data', 'digits/README.md');
    expect(find('digits')).toEqual(['digits 1:digits/net.onnx']);
  });

  test('a folder with version folders, in the order of their numbers', () => {
    make('digits/1/model.onnx', 'digits/10/model.onnx', 'digits/9/model.onnx');
    const versions = ['1:digits/1/model.onnx', '9:digits/9/model.onnx', '10:digits/10/model.onnx'];
    expect(find('digits')).toEqual([`digits ${versions.join(' ')}`]);
  });

  test('each folder and each file in a folder of models, by name', () => {
    make(
      'b/model.onnx',
      'a/1/model.onnx',
      'c.onnx',
      'd.keras',
      '.hidden/model.onnx',
      'docs/readme.txt',
    );
    expect(find()).toEqual(['a 1:a/1/model.onnx', 'b 1:b/model.onnx', 'c 1:c.onnx', 'd 1:d.keras']);
  });
});

test('a single file beside folders with models is one of the models', () => {
  make('a.onnx', 'b/1/model.onnx', 'notes/readme.txt');
  expect(find()).toEqual(['a 1:a.onnx', 'b 1:b/1/model.onnx']);
});

describe('a folder is a version when its name is a whole number:', () => {
  test.each([
    ['007', false],
    ['0', false],
    ['1.5', false],
    ['v2', false],
    ['1e3', false],
    ['-1', false],
    ['1 ', false],
    ['20260101', true],
    ['9223372036854775807', true],
    ['99999999999999999999', false],
  ])('%j: %j', (name, isVersion) => {
    make(`digits/${name}/model.onnx`, 'digits/3/model.onnx');
    const [found] = find('digits');
    expect(found?.includes(` ${name}:`)).toBe(isVersion);
  });

  test('numbers that differ beyond 2^53 are still in order', () => {
    const names = ['9007199254740993', '9007199254740992', '9007199254740994'];
    make(...names.map((name) => `m/${name}/model.onnx`));
    expect(findModels(join(root, 'm'))[0]?.versions.map(({ version }) => version)).toEqual(
      names.toSorted(),
    );
  });
});

describe('what is wrong with one version or model is kept beside the others:', () => {
  test('an empty version, a version with two files', () => {
    make('m/1/model.onnx', 'm/2/', 'm/3/a.onnx', 'm/3/b.onnx');
    expect(find('m')).toEqual(['m 1:m/1/model.onnx 2:NO_MODEL_FOUND 3:MODEL_AMBIGUOUS']);
  });

  test('a model.yaml without a model', () => {
    make('a/model.yaml', 'b/model.onnx');
    expect(find()).toEqual(['a 1:NO_MODEL_FOUND', 'b 1:b/model.onnx']);
  });

  test('a model.yaml for several files', () => {
    make('a/model.yaml', 'a/x.onnx', 'a/y.onnx');
    expect(find('a')).toEqual(['a 1:MODEL_AMBIGUOUS']);
  });

  test('a broken link is a file that cannot be opened', () => {
    make('a/', 'b/model.onnx');
    symlinkSync('nowhere.onnx', join(root, 'a/model.onnx'));
    expect(find()).toEqual(['a 1:a/model.onnx', 'b 1:b/model.onnx']);
  });
});

describe('an ONNX file is served in the place of another of the same name,', () => {
  const warnings = (path = ''): (string | undefined)[] =>
    findModels(join(root, path)).map(({ versions }) => versions.at(-1)?.warning);

  function age(path: string, minutes: number): void {
    const then = new Date(Date.now() - minutes * 60_000);
    utimesSync(join(root, path), then, then);
  }

  test.each(['', 'm/', 'm/3/'])('with a warning when that is newer (in models/%s)', (place) => {
    make(`${place}cnn.onnx`, `${place}cnn.keras`, 'other.onnx');
    age(`${place}cnn.onnx`, 10);
    const expected = `${join(root, place, 'cnn.onnx')} is served and not ${join(root, place, 'cnn.keras')}, which is newer; move one of them away, or name the one to serve: modelship serve ${join(root, place, 'cnn.keras')}`;
    expect(warnings().filter((warning) => warning !== undefined)).toEqual([expected]);
  });

  test('and nothing is said when it was made of it, when that cannot be served, or is named', () => {
    make('a.onnx', 'a.keras', 'b.onnx', 'b.pt', 'c.onnx', 'd.keras');
    age('a.keras', 10);
    age('b.onnx', 10);
    age('c.onnx', 10);
    expect(warnings()).toEqual([undefined, undefined, undefined, undefined]);
    make('e/e.onnx', 'e/e.keras');
    age('e/e.onnx', 10);
    expect([find('e/e.keras'), warnings('e/e.keras')]).toEqual([['e 1:e/e.keras'], [undefined]]);
  });
});

test('several files of one name are one model with a problem, beside the others', () => {
  make('cnn.keras', 'cnn.h5', 'good.onnx');
  expect(find()).toEqual(['cnn 1:MODEL_AMBIGUOUS', 'good 1:good.onnx']);
  const [problem] = findModels(root).flatMap(({ versions }) => versions[0]?.problem ?? []);
  expect(problem?.message).toBe(
    `${root} holds several files of one model, cnn (cnn.h5, cnn.keras); expected one. Move the others away, or give them other names.`,
  );
});

test('its model.yaml has the name of a file that stands among others', () => {
  make('a.onnx', 'b.onnx', 'b.yml', 'c/model.onnx', 'd/net.onnx', 'd/net.yaml');
  const names = [...findModels(root), ...findModels(join(root, 'd/net.onnx'))];
  expect(names.map(({ name, yamlName = 'model.yaml' }) => `${name} ${yamlName}`)).toEqual([
    'a a.yaml',
    'b b.yml',
    'c model.yaml',
    'd model.yaml',
    'net net.yaml',
  ]);
});

describe('links', () => {
  test('to folders and files are followed, and the name is that of the link', () => {
    make('store/abc123/1/model.onnx', 'store/def456.onnx', 'served/');
    symlinkSync('../store/abc123', join(root, 'served/digits'));
    symlinkSync('../store/def456.onnx', join(root, 'served/faces.onnx'));
    expect(find('served')).toEqual([
      'digits 1:served/digits/1/model.onnx',
      'faces 1:served/faces.onnx',
    ]);
  });

  test('in a circle are a problem of their own, to nowhere they are passed over', () => {
    make('a.onnx', 'b.onnx');
    symlinkSync('loop', join(root, 'loop'));
    symlinkSync('loop.onnx', join(root, 'loop.onnx'));
    symlinkSync('nowhere', join(root, 'gone'));
    const models = ['a 1:a.onnx', 'b 1:b.onnx', 'loop 1:PATH_UNREADABLE', 'loop 1:loop.onnx'];
    expect(find().toSorted()).toEqual(models);
  });

  test('given as the path may lead nowhere', () => {
    symlinkSync('loop', join(root, 'loop'));
    expect(() => find('loop')).toThrow(expect.objectContaining({ code: 'PATH_UNREADABLE' }));
    symlinkSync('nowhere', join(root, 'gone'));
    expect(() => find('gone')).toThrow(expect.objectContaining({ code: 'PATH_NOT_FOUND' }));
  });
});

test('hidden files, pipes and folders with the name of a model file are no model files', () => {
  make('m/model.onnx', 'm/.model.onnx', 'm/.onnx', 'm/._model.onnx', 'm/folder.onnx/x');
  execFileSync('mkfifo', [join(root, 'm/pipe.onnx')]);
  expect(find('m')).toEqual(['m 1:m/model.onnx']);
});

test("a disk's lost+found is no model", () => {
  make('lost+found/model.onnx', 'a.onnx', 'b.onnx');
  expect(find()).toEqual(['a 1:a.onnx', 'b 1:b.onnx']);
});

test.each([
  ['my model (final).onnx', 'my-model-final-'],
  ['-x.onnx', 'x'],
  ['模型.onnx', 'model'],
  ['a.b_c-1.onnx', 'a.b_c-1'],
  [`${'x'.repeat(200)}.onnx`, 'x'.repeat(128)],
])('%j is called %j', (file, name) => {
  make(file);
  expect(findModels(join(root, file))[0]?.name).toBe(name);
});

describe('the yaml of a model', () => {
  const yamlOf = (path: string): string | undefined =>
    findModels(join(root, path))[0]?.yamlPath?.slice(root.length + 1);

  test('lies in its folder', () => {
    make('m/1/model.onnx', 'm/model.yaml');
    expect(yamlOf('m')).toBe('m/model.yaml');
  });

  test('of a file has its name, or is that of the folder when the file is alone', () => {
    make('a.onnx', 'a.yaml', 'b.onnx', 'm/model.onnx', 'm/model.yml');
    expect(['a.onnx', 'b.onnx', 'm/model.onnx'].map(yamlOf)).toEqual([
      'a.yaml',
      undefined,
      'm/model.yml',
    ]);
  });
});

describe('nothing to serve is said with what is there:', () => {
  test.each<[string, string[], string, string]>([
    ['nothing', [], 'nope', 'PATH_NOT_FOUND'],
    ['an empty folder', [], '', 'it is empty'],
    ['no model among the files', ['notes.txt'], '', 'it has notes.txt'],
    [
      'a file of another kind',
      ['notes.txt'],
      'notes.txt',
      'a file whose extension is not that of a model',
    ],
    ['models two levels down', ['x/y/z/model.onnx'], '', 'it has x'],
  ])('%s', (_, paths, path, text) => {
    make(...paths);
    expect(() => find(path)).toThrow(
      text === 'PATH_NOT_FOUND' ? expect.objectContaining({ code: text }) : text,
    );
  });
});
