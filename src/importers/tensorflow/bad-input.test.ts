/** Damaged, hostile and unsupported TensorFlow files: a located refusal, quickly, and nothing else. */

import {
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { WrittenFunction, WrittenNode } from '../../../test/models/graph-def.ts';
import { attribute, constant, input, writeGraphDef } from '../../../test/models/graph-def.ts';
import { createRandom } from '../../../test/models/random.ts';
import { openCase, readCase, readModel, unpack } from '../../../test/models/tensorflow-cases.ts';
import { ServingError } from '../../errors.ts';
import { writeOnnxModel } from '../../onnx/write-model.ts';
import { filesOfModel } from '../converted-models.ts';

/** What is said of a graph of these nodes. */
function refusalOf(
  nodes: readonly WrittenNode[],
  functions: readonly WrittenFunction[] = [],
): string {
  using folder = unpack({});
  writeFileSync(join(folder.path, 'model.pb'), writeGraphDef(nodes, functions));
  return outcomeOf(folder.path).replace(folder.path, '');
}

/** Opens and writes the model: the message, or 'converted'. Anything but a ServingError is thrown on. */
function outcomeOf(path: string): string {
  try {
    using model = openCase(path);
    for (const [i, { graph }] of model.signatures.entries()) {
      writeOnnxModel(join(path, `out-${i}.onnx`), graph, { opset: model.opset });
    }
    return 'converted';
  } catch (error) {
    if (!(error instanceof ServingError)) throw error;
    expect(error.code).toMatch(/^(IMPORT_FILE_INVALID|IMPORT_UNSUPPORTED|PATH_)/);
    return error.message;
  }
}

const node = (
  op: string,
  inputs: readonly string[],
  more: Partial<WrittenNode> = {},
): WrittenNode => ({
  name: 'y',
  op,
  inputs,
  ...more,
});

test('an operator that is not supported is named with its node', () => {
  expect(refusalOf([input(), node('StringToHashBucketFast', ['x'])])).toMatch(
    /^\/model\.pb cannot be converted: node 'y' \(StringToHashBucketFast\): is not supported; docs\/formats-tensorflow\.md lists the \d+ operators that are\.$/,
  );
});

test.each([
  ['StatelessRandomUniformV2', /draws random numbers, .*; .* serve its \.keras file/],
  ['RngReadAndSkip', /draws random numbers/],
  ['LookupTableFindV2', /looks up texts or numbers in a table/],
])('%s is refused with what to do instead', (op, message) => {
  const said = refusalOf([input(), node(op, ['x'])]);
  expect(said).toContain(`node 'y' (${op}): it `);
  expect(said).toMatch(message);
});

test('an operator in a function is named with the calls around it', () => {
  const call = node('PartitionedCall', ['x'], { attributes: { f: attribute.func('inner') } });
  const inner: WrittenFunction = {
    name: 'inner',
    args: ['a'],
    results: ['z:out:0'],
    nodes: [{ name: 'z', op: 'Nope', inputs: ['a'] }],
  };
  expect(refusalOf([input(), call], [inner])).toContain("node 'y/z' (Nope): is not supported");
});

test('shapes that would fill the memory are refused before anything is allocated', () => {
  const before = process.memoryUsage().rss;
  const huge = constant('c', attribute.floats([2 ** 28, 4], [1]));
  expect(refusalOf([input(), huge, node('Add', ['x', 'c'])])).toContain('more than can be');
  const over = constant('c', attribute.floats([2 ** 40, 2 ** 40], [1]));
  expect(refusalOf([input(), over, node('Add', ['x', 'c'])])).toContain('too many elements');
  const sizes = constant('c', attribute.ints([2], [2 ** 29, 4]), 3);
  const fill = node('Fill', ['c', 'v'], { name: 'f' });
  const value = constant('v', attribute.floats([], [1]));
  const filled = [input(), sizes, value, fill, node('Add', ['x', 'f'])];
  expect(refusalOf(filled)).toContain('more than can be computed ahead');
  const limits = ['a', 'b', 'c'].map((name, i) =>
    constant(name, attribute.ints([], [[0, 2 ** 31 - 1, 1][i] ?? 0]), 3),
  );
  const range = node('Range', ['a', 'b', 'c'], { name: 'r' });
  expect(refusalOf([input(), ...limits, range, node('Cast', ['r'])])).toContain('computed ahead');
  expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
});

test.each([
  [5, 8, 'SAME with a window far smaller than its stride is not supported'],
  [6, 8, /^converted$/],
  [1, 8, /^converted$/],
])('a window of %i at a stride of %i over an open size: %s', (size, stride, outcome) => {
  const kernel = constant('k', attribute.floats([size, size, 1, 1], [1]));
  const attributes = {
    strides: attribute.intList([1, stride, stride, 1]),
    padding: attribute.text('SAME'),
  };
  const convolution = node('Conv2D', ['x', 'k'], { attributes });
  expect(refusalOf([input('x', [-1, -1, -1, 1]), kernel, convolution])).toMatch(outcome);
});

/** A graph that decodes one picture. */
function decoding(attributes: WrittenNode['attributes']): WrittenNode[] {
  const file: WrittenNode = {
    name: 'x',
    op: 'Placeholder',
    attributes: { dtype: attribute.type(7), shape: attribute.shape([]) },
  };
  const decode = node('DecodeJpeg', ['x'], { name: 'd', attributes: attributes ?? {} });
  const types = { SrcT: attribute.type(4), DstT: attribute.type(1) };
  return [file, decode, node('Cast', ['d'], { attributes: types })];
}

test.each([
  ['ratio', attribute.int(2), 'a picture of 1/2 of its size is not supported'],
  ['channels', attribute.int(4), 'pictures of 4 channels are not supported'],
  ['dct_method', attribute.text('FLOAT'), 'its dct_method FLOAT is not known'],
  ['dct_method', attribute.text('INTEGER_ACCURATE'), /^converted$/],
  ['fancy_upscaling', attribute.bool(false), /^converted$/],
  ['ratio', attribute.int(1), /^converted$/],
])('decode_jpeg with %s %#', (key, value, outcome) => {
  expect(refusalOf(decoding({ [key]: value }))).toMatch(outcome);
});

test('damaged pictures that TensorFlow would take are noted', () => {
  using folder = unpack({});
  const lenient = {
    try_recover_truncated: attribute.bool(true),
    acceptable_fraction: attribute.float(0.5),
    channels: attribute.int(1),
  };
  writeFileSync(join(folder.path, 'model.pb'), writeGraphDef(decoding(lenient)));
  using model = openCase(folder.path);
  expect(model.findings.map(({ what }) => what)).toEqual([
    expect.stringContaining('(try_recover_truncated); such pictures are refused'),
    expect.stringContaining('(acceptable_fraction); such pictures are refused'),
  ]);
});

test('contents that do not fit their shape are refused', () => {
  const short = constant('c', attribute.content([4, 4], 60));
  expect(refusalOf([input(), short, node('MatMul', ['x', 'c'])])).toContain(
    'it has 60 bytes, but float [4, 4] takes 64',
  );
});

test('matrices and filters that do not fit are refused at their node', () => {
  const wrong = constant('c', attribute.floats([5, 2], [1]));
  expect(refusalOf([input(), wrong, node('MatMul', ['x', 'c'])])).toContain(
    "node 'y' (MatMul): it multiplies rows of 4 with columns of 5",
  );
  const filter = constant('c', attribute.floats([3, 3, 5, 2], [1]));
  const conv = node('Conv2D', ['x', 'c']);
  expect(refusalOf([input('x', [-1, 8, 8, 3]), filter, conv])).toContain(
    'its filter takes 5 channels of 3',
  );
  expect(refusalOf([input('x', [-1, 2, 2, 5]), filter, conv])).toContain('does not fit');
});

test('nodes that are missing, lack inputs or need themselves are refused', () => {
  expect(refusalOf([input(), node('Relu', ['nowhere'])])).toContain("node 'nowhere': it is not in");
  expect(refusalOf([input(), node('Add', ['x'])])).toContain("node 'y' (Add): it has no input 1");
  const circle = [node('Relu', ['b'], { name: 'a' }), node('Relu', ['a'], { name: 'b' })];
  expect(refusalOf([input(), ...circle, node('Add', ['x', 'a'])])).toContain(
    'needs its own result',
  );
  expect(refusalOf([input(), node('Transpose', ['x', 'x'])])).toContain('only known at run time');
});

test('functions that call themselves, or each other twice, end', () => {
  const call = (name: string, f: string): WrittenNode =>
    node('PartitionedCall', ['a'], { name, attributes: { f: attribute.func(f) } });
  const start = node('PartitionedCall', ['x'], { attributes: { f: attribute.func('f0') } });
  const self: WrittenFunction = {
    name: 'f0',
    args: ['a'],
    results: ['z:0'],
    nodes: [call('z', 'f0')],
  };
  expect(refusalOf([input(), start], [self])).toContain('nested deeper than 64');
  const doubling = Array.from({ length: 40 }, (_, i): WrittenFunction => {
    const nodes = [
      call('p', `f${i + 1}`),
      call('q', `f${i + 1}`),
      node('Add', ['p:0', 'q:0'], { name: 'z' }),
    ];
    return { name: `f${i}`, args: ['a'], results: ['z:0'], nodes };
  });
  const end: WrittenFunction = { name: 'f40', args: ['a'], results: ['a'], nodes: [] };
  expect(refusalOf([input(), start], [...doubling, end])).toContain('more than 200000 nodes');
});

test('a chain of very many nodes is converted without deep recursion', () => {
  const links = Array.from({ length: 20_000 }, (_, i) =>
    node('Identity', [i === 0 ? 'x' : `n${i - 1}`], { name: `n${i}` }),
  );
  expect(refusalOf([input(), ...links, node('Relu', ['n19999'])])).toBe('converted');
});

test('a branch that depends on the request is refused', () => {
  const condition = node('Any', ['x', 'axes'], { name: 'c' });
  const axes = constant('axes', attribute.ints([2], [0, 1]), 3);
  const branch = node('If', ['c', 'x'], {
    attributes: { then_branch: attribute.func('f'), else_branch: attribute.func('f') },
  });
  expect(refusalOf([input(), axes, condition, branch])).toContain(
    "node 'y' (If): which branch it takes is only known at run time",
  );
});

test('files of other kinds, empty ones and folders are refused with what is wrong', () => {
  using folder = unpack({});
  const file = join(folder.path, 'model.pb');
  for (const text of ['', 'hello, I am a text file and no graph at all', '\x89HDF\r\n\x1a\n']) {
    writeFileSync(file, text);
    expect(outcomeOf(folder.path)).toMatch(/is not a usable model: model\.pb: (it is|the file)/);
  }
  rmSync(file);
  expect(outcomeOf(folder.path)).toContain('saved_model.pb: it is missing');
});

test('a checkpoint that is missing, cut short or changed is refused, and named', () => {
  const { files } = readCase('ops/conv2d');
  const data = 'variables/variables.data-00000-of-00001';
  using missing = unpack(files);
  rmSync(join(missing.path, data));
  expect(outcomeOf(missing.path)).toContain(`${data}: it is missing`);
  using gone = unpack(files);
  rmSync(join(gone.path, 'variables/variables.index'));
  expect(outcomeOf(gone.path)).toContain('is not in the checkpoint');
  using short = unpack(files);
  truncateSync(join(short.path, data), 100);
  expect(outcomeOf(short.path)).toMatch(/variable ".+": its bytes \d+ to \d+ are beyond the end/);
  using changed = unpack(files);
  const bytes = readFileSync(join(changed.path, data));
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  writeFileSync(join(changed.path, data), bytes);
  expect(outcomeOf(changed.path)).toContain('its checksum does not match its bytes');
});

test("a link out of the model's folder is refused, one inside of it and to the model are followed", () => {
  const { files } = readCase('ops/conv2d');
  using other = unpack(files);
  using model = unpack(files);
  const messageOfFiles = (path: string): string => {
    try {
      return `${filesOfModel(path).length} files`;
    } catch (error) {
      if (!(error instanceof ServingError)) throw error;
      return error.message;
    }
  };
  const relink = (name: string, target: string): void => {
    rmSync(join(model.path, name), { recursive: true, force: true });
    symlinkSync(target, join(model.path, name));
  };
  symlinkSync(model.path, join(other.path, 'model'));
  const data = 'variables/variables.data-00000-of-00001';
  renameSync(join(model.path, data), join(model.path, 'moved'));
  relink(data, '../moved');
  for (const path of [model.path, join(model.path, 'saved_model.pb'), join(other.path, 'model')])
    expect(messageOfFiles(path)).toBe('3 files');
  for (const name of [data, 'variables', 'saved_model.pb']) {
    const target = join(other.path, name);
    relink(name, target);
    expect(messageOfFiles(model.path)).toBe(
      `${model.path} is not a usable model: ${name}: it is a link to ${realpathSync(target)}, out of the model's folder, which is refused; copy the model with its data: cp -rL.`,
    );
    if (name !== 'saved_model.pb')
      expect(messageOfFiles(join(model.path, 'saved_model.pb'))).toContain(
        `a link to ${target}, out`,
      );
    rmSync(join(model.path, name));
    renameSync(target, join(model.path, name));
  }
  relink(data, 'gone');
  expect(messageOfFiles(model.path)).toContain(`${data}: it is a link to nothing`);
});

test.each([0, 1, 47, 48, 200])('an index of %i bytes is refused', (length) => {
  using folder = unpack(readCase('ops/conv2d').files);
  truncateSync(join(folder.path, 'variables/variables.index'), length);
  expect(outcomeOf(folder.path)).toMatch(/variables\.index|not in the checkpoint/);
});

const victims = ['saved_model.pb', 'variables/variables.index'] as const;

test.each(victims)('random damage to %s is survived', (name) => {
  const { files } = readModel('keras_saved');
  using folder = unpack(files);
  const path = join(folder.path, name);
  const whole = readFileSync(path);
  const random = createRandom(whole.length);
  const below = (limit: number): number => Math.floor(random() * limit);
  const outcomes = new Set<string>();
  for (let i = 0; i < 120; i += 1) {
    const bytes = Buffer.from(whole);
    for (let changes = below(4); changes >= 0; changes -= 1) {
      bytes[below(bytes.length)] = below(3) === 0 ? 0xff : below(256);
    }
    writeFileSync(path, below(4) === 0 ? bytes.subarray(0, below(bytes.length)) : bytes);
    outcomes.add(outcomeOf(folder.path) === 'converted' ? 'converted' : 'refused');
  }
  expect([...outcomes]).toContain('refused');
});
