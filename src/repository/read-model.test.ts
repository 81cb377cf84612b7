import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/models/run.ts';
import { writeTestModel } from '../../test/models/test-models.ts';
import { findModels } from './find-models.ts';
import type { ReadModel } from './read-model.ts';
import { readModel } from './read-model.ts';
import { selectVersions } from './version-policy.ts';

let root: string;

beforeEach(() => {
  const temporary = temporaryFolder();
  root = temporary.path;
  return () => temporary[Symbol.dispose]();
});

function write(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

const read = (path: string): ReadModel => readModel(findModels(join(root, path))[0] as never);

test('a model has its name, its signature and its defaults', () => {
  writeTestModel(root, 'mlp');
  const model = read('mlp');
  expect(model).toMatchObject({ name: 'mlp', found: ['1'], samples: [] });
  expect(model.problem).toBeUndefined();
  expect(model.versions[0]?.signature).toMatchObject({
    format: 'ONNX',
    inputs: [{ name: 'x', dtype: 'FP32', shape: [null, 64] }],
    outputs: [{ dtype: 'FP32', shape: [null, 10], producedBy: 'Gemm' }],
  });
});

test('the files of a model are those of its external data too', () => {
  const path = writeTestModel(root, 'external-data');
  const [version] = read('external-data').versions;
  expect(version?.signature?.files).toEqual([
    path,
    expect.stringMatching(/\/external-data\/1\/[^/]+$/),
  ]);
});

test('model.yaml names it', () => {
  writeTestModel(root, 'mlp');
  write('mlp/model.yaml', 'name: digits\n');
  expect(read('mlp').name).toBe('digits');
});

test('a broken model.yaml is the problem of the model, whose versions are not served', () => {
  writeTestModel(root, 'mlp');
  write('mlp/model.yaml', 'nam: digits\n');
  expect(read('mlp')).toMatchObject({
    name: 'mlp',
    versions: [{ version: '1', problem: { code: 'MODEL_YAML_INVALID' } }],
    problem: { code: 'MODEL_YAML_INVALID' },
  });
});

test.each([
  '*x',
  'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b]',
])('so is one with anchors that cannot be followed', (text) => {
  writeTestModel(root, 'mlp');
  write('mlp/model.yaml', `name: ${text}`);
  expect(read('mlp').problem?.code).toBe('MODEL_YAML_INVALID');
});

test('a model.yaml of several megabytes is not read', () => {
  writeTestModel(root, 'mlp');
  write('mlp/model.yaml', Buffer.alloc(4 * 1024 * 1024 + 1, '#'));
  expect(read('mlp').problem?.code).toBe('PATH_UNREADABLE');
});

test('a model.yaml or labels that have no end are not read', () => {
  writeTestModel(root, 'mlp');
  symlinkSync('/dev/zero', join(root, 'mlp/model.yaml'));
  expect(read('mlp').problem?.message).toContain('not a regular file');
  unlinkSync(join(root, 'mlp/model.yaml'));
  execFileSync('mkfifo', [join(root, 'mlp/labels.txt')]);
  write('mlp/model.yaml', 'output: {labels: labels.txt}');
  expect(read('mlp').problem?.message).toContain('not a regular file');
});

test('a model.yaml that is a folder cannot be read', () => {
  writeTestModel(root, 'mlp');
  mkdirSync(join(root, 'mlp/model.yaml'));
  expect(read('mlp').problem?.code).toBe('PATH_UNREADABLE');
});

test('one broken version does not touch the others', () => {
  writeTestModel(root, 'mlp');
  write('mlp/2/model.onnx', 'nonsense');
  write('mlp/3/model.keras', 'PK');
  write('mlp/model.yaml', 'versions: {policy: all}');
  const codes = read('mlp').versions.map(({ problem }) => problem?.code);
  expect(codes).toEqual([undefined, 'MODEL_FILE_INVALID', 'MODEL_FORMAT_UNSUPPORTED']);
});

test('a PyTorch file is refused with the line that exports it', () => {
  write('yolo/best.pt', 'PK');
  expect(read('yolo').versions[0]?.problem?.message).toMatch(
    /best\.pt is a PyTorch model, which cannot be served yet; .* torch\.onnx\.export\(model\.eval\(\), \(example,\), "best\.onnx"/,
  );
});

describe('labels', () => {
  const labelsOf = (content: string | Uint8Array): ReadModel => {
    writeTestModel(root, 'mlp');
    write('mlp/model.yaml', 'output: {labels: labels.txt}');
    write('mlp/labels.txt', content);
    return read('mlp');
  };

  test.each([
    ['lines', 'cat\ndog\n'],
    ['lines without an end', 'cat\ndog'],
    ['Windows line ends', 'cat\r\ndog\r\n'],
    ['a byte order mark', '\uFEFFcat\ndog\n'],
    ['spaces around and empty lines at the end', ' cat\t\ndog \n\n\n'],
  ])('are read from %s', (_, content) => {
    expect(labelsOf(content).labels).toEqual(['cat', 'dog']);
  });

  test.each([
    ['', 'the file is empty'],
    ['\n\n', 'the file is empty'],
    ['cat\n\ndog\n', 'line 2 is empty'],
  ])('of %j are refused', (content, problem) => {
    const model = labelsOf(content);
    expect(model.problem).toMatchObject({
      code: 'LABELS_INVALID',
      message: expect.stringContaining(problem),
    });
  });

  test('may stand in model.yaml, and their file must be there', () => {
    writeTestModel(root, 'mlp');
    write('mlp/model.yaml', 'output: {labels: [no, "1"]}');
    expect(read('mlp').labels).toEqual(['no', '1']);
    write('mlp/model.yaml', 'output: {labels: nope.txt}');
    expect(read('mlp').problem?.code).toBe('PATH_NOT_FOUND');
  });
});

test('samples are pictures with harmless names', () => {
  writeTestModel(root, 'mlp');
  for (const name of ['b.png', 'a.JPG', 'c d.webp', '.hidden.png', 'x.svg', 'notes.txt'])
    write(`mlp/samples/${name}`, '');
  expect(read('mlp').samples).toEqual(['a.JPG', 'b.png', 'c d.webp']);
});

describe('the version policy', () => {
  const found = ['1', '2', '3', '9007199254740993'].map((version) => ({ version }));
  test.each<[string, Parameters<typeof selectVersions>[0], string[]]>([
    ['latest', { policy: 'latest' }, ['9007199254740993']],
    ['latest two', { policy: 'latest', count: 2 }, ['3', '9007199254740993']],
    ['latest ten', { policy: 'latest', count: 10 }, found.map(({ version }) => version)],
    ['all', { policy: 'all' }, found.map(({ version }) => version)],
    ['specific', { policy: 'specific', list: [3, 1, 7] }, ['1', '3']],
  ])('%s', (_, policy, expected) => {
    expect(selectVersions(policy, found).map(({ version }) => version)).toEqual(expected);
  });
});

describe('labels in the class index of Keras', () => {
  const indexed = (content: string): ReadModel => {
    writeTestModel(root, 'mlp');
    write('mlp/model.yaml', 'output: {labels: imagenet_class_index.json}');
    write('mlp/imagenet_class_index.json', content);
    return read('mlp');
  };

  test('are the names, in the order of the classes and not of the file', () => {
    const names = Array.from({ length: 12 }, (_, i) => `name_${i}`);
    const entries = names.map((name, i) => `"${i}": ["n0${i}", "${name}"]`).reverse();
    expect(indexed(`\uFEFF{${entries.join(', ')}}`).labels).toEqual(names);
  });

  test.each([
    ['{"0": ["n0", "a"]', /not valid JSON/],
    ['["a", "b"]', /expected \{"0": \["n01440764", "tench"\], …\}/],
    ['{}', /it has no classes/],
    ['{"0": ["n0", "a"], "2": ["n2", "c"]}', /class 1 is missing/],
    ['{"0": ["n0", "a"], "1": "b"}', /class 1 has no name/],
  ])('%s is refused', (content, problem) => {
    expect(indexed(content).problem?.message).toMatch(problem);
  });
});
