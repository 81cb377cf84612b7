import { describe, expect, test } from 'vitest';
import type { ServingError } from '../errors.ts';
import { defaultModelYaml, parseByteSize, parseModelYaml } from './model-yaml.ts';

function problemsOf(text: string): readonly string[] {
  try {
    parseModelYaml(text, 'model.yaml');
  } catch (error) {
    expect(error).toMatchObject({ code: 'MODEL_YAML_INVALID' });
    return (error as ServingError<'MODEL_YAML_INVALID'>).details.problems;
  }
  return [];
}

test.each<[string, string]>([
  ['an empty file', ''],
  ['comments only', '# nothing yet\n'],
  ['nothing but a start', '---\n'],
])('%s is the defaults', (_, text) => {
  expect(parseModelYaml(text, 'model.yaml')).toEqual(defaultModelYaml());
});

test('the file of the design is taken, as far as this version knows it', () => {
  const text = `
name: digits
input:
  preset: torchvision/alexnet
  color: rgb
  resize: {mode: shortest-edge, size: 256, filter: bilinear, antialias: true}
  crop: {mode: center, size: 224}
  scale: 0.00392156862745098
  mean: [0.485, 0.456, 0.406]
  std: [0.229, 0.224, 0.225]
  fast: false
output: {activation: auto, labels: labels.txt, top: 5, as: json}
batching: {maxBatch: 8, acrossRequests: true}
queue: {maxRequests: 256, maxBytes: 256MB, timeoutMs: 30000}
instances: 2
threads: 1
versions: {policy: latest, count: 1}
signatures: {predict_images: {inputs: {images: image}, outputs: {scores: probs}}}`;
  expect(parseModelYaml(text, 'model.yaml')).toMatchObject({
    name: 'digits',
    input: { crop: { mode: 'center', size: 224 } },
    queue: { maxBytes: 268_435_456 },
    signatures: { predict_images: { inputs: { images: 'image' } } },
  });
});

test.each([
  ['a byte order mark', '\uFEFFname: digits\n'],
  ['Windows line ends', 'name: digits\r\noutput:\r\n  top: 5\r\n'],
  ['JSON', '{"name": "digits"}'],
  ['a number in quotes', 'name: "2024"'],
])('%s is fine', (_, text) => {
  expect(problemsOf(text)).toEqual([]);
});

test('signatures that say nothing useful', () => {
  const text =
    'signatures:\n  a: {inputs: {}}\n  b: {takes: jpeg}\n  c: {outputs: [y]}\n  d: {alias: 1}';
  expect(problemsOf(text)).toEqual([
    'line 2: signatures.a.inputs: expected at least one name',
    'line 3: signatures.b.takes: expected tensors or pictures, got "jpeg"',
    'line 4: signatures.c.outputs: expected an object (key: value), got a list',
    'line 5: signatures.d: unknown key "alias"',
  ]);
});

test('all mistakes are reported at once, in the order of their lines', () => {
  const text = `name: "my model"
input:
  colour: rgb
  color: RGB
  resize:
    mode: exact
    size: big
    sise: 3
  scale: .nan
  mean: [.inf, "0", 0]
output:
  top: 0
  labels: [1, 2]
queue:
  maxBytes: lots
instances: 1.5
extra: {}
`;
  expect(problemsOf(text)).toEqual([
    'line 1: name: expected letters, digits, ".", "_" and "-", starting with a letter or digit',
    'line 3: input: unknown key "colour"; did you mean "color"?',
    'line 4: input.color: expected rgb, bgr or gray, got "RGB"',
    'line 7: input.resize.size: expected a whole number from 1 to 8192, or [height, width]',
    'line 8: input.resize: unknown key "sise"; did you mean "size"?',
    'line 9: input.scale: expected a number, got NaN',
    'line 10: input.mean[0]: expected a number, got Infinity',
    'line 10: input.mean[1]: expected a number, got "0"',
    'line 12: output.top: expected more than 0, got 0',
    'line 13: output.labels: expected the name of a file, or a list of texts (numbers in quotes)',
    'line 15: queue.maxBytes: expected a size such as 256MB',
    'line 16: instances: expected a whole number, got 1.5',
    'line 17: unknown key "extra"',
  ]);
});

test.each<[string, string, string[]]>([
  [
    'Windows line ends count as one line',
    'name: a\r\n\r\nfoo: 1\r\n',
    ['line 3: unknown key "foo"'],
  ],
  ['a list at the top', '- a\n', ['line 1: expected an object (key: value), got a list']],
  ['a text', 'hello', ['line 1: expected an object (key: value), got "hello"']],
  ['false', 'false', ['line 1: expected an object (key: value), got false']],
  ['a tab', 'input:\n\tcolor: rgb\n', ['line 2: Tabs are not allowed as indentation']],
  ['a key twice', 'name: a\nthreads: 1\nname: b\n', ['line 3: Map keys must be unique']],
  ['a nested key twice', 'output:\n  top: 1\n  top: 2\n', ['line 3: Map keys must be unique']],
  [
    'an alias without an anchor',
    'threads: 1\nname: *nope\n',
    ['line 2: there is no anchor &nope above'],
  ],
  ['an endless value', 'name: &a [*a]\n', ['line 1: name: expected a text, got a list']],
  [
    'a name that YAML reads as a number',
    'name: 2024',
    ['line 1: name: expected a text, got 2024 without quotes'],
  ],
  ['nothing where something must be', 'name:\n', ['line 1: name: expected a text, got null']],
  ['a key that every object has', 'constructor: 1\n', ['line 1: unknown key "constructor"']],
  ['__proto__', '__proto__: {name: x}\n', ['line 1: unknown key "__proto__"']],
  ['a list as a key', '? [a, b]\n: 1\n', ['line 1: unknown key "[ a, b ]"']],
  ['a merge', 'output: {<<: {top: 3}}', ['line 1: output: unknown key "<<"']],
  [
    'bytes beyond counting',
    `queue: {maxBytes: ${'9'.repeat(400)}GB}`,
    ['line 1: queue.maxBytes: expected a size such as 256MB'],
  ],
  [
    'a shortest edge with two sides',
    'input:\n  resize:\n    mode: shortest-edge\n    size: [1, 2]\n',
    ['line 4: input.resize.size: shortest-edge takes one number, the length of the shorter side'],
  ],
  [
    'versions without their list',
    'versions: {policy: specific}',
    ['line 1: versions: policy: specific needs list: [1, 3], and only it takes one'],
  ],
])('refused: %s', (_, text, problems) => {
  expect(problemsOf(text)).toEqual(problems);
});

test('anchors that repeat each other into billions are refused, not built', () => {
  const rows = Array.from(
    { length: 12 },
    (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`,
  );
  const [problem, ...more] = problemsOf(`a0: &a0 [x]\n${rows.join('\n')}\n`);
  expect([problem, more]).toEqual([expect.stringContaining('line 2: Excessive alias count'), []]);
});

test('a text that is broken throughout gives a report that can be read', () => {
  const problems = problemsOf('['.repeat(5000));
  expect(problems.length).toBeLessThanOrEqual(21);
});

test('an unknown preset names those of its family', () => {
  const [keras] = problemsOf('input: {preset: keras/resnet50}');
  expect(keras).toBe(
    'line 1: input.preset: unknown preset "keras/resnet50"; expected none or one of 118 names; nearest: keras/caffe, keras/tf, keras/torch (docs/model-yaml.md)',
  );
  const [torch] = problemsOf('input: {preset: torchvision/resnet5}');
  expect(torch).toContain('nearest: torchvision/resnet50, ');
});

test.each([
  ['resnet50', { name: 'resnet50' }],
  ['resnet50@keras-3.15.1', { name: 'resnet50', version: 'keras-3.15.1' }],
  ['{name: resnet50, version: keras-3.15.1}', { name: 'resnet50', version: 'keras-3.15.1' }],
  [
    '{name: vgg16, inputShape: [null, null, 3], pooling: avg}',
    { name: 'vgg16', inputShape: [null, null, 3], pooling: 'avg' },
  ],
  ['{name: vgg16, classifierActivation: null}', { name: 'vgg16', classifierActivation: null }],
])('architecture: %s', (text, expected) => {
  expect(parseModelYaml(`architecture: ${text}`, 'model.yaml').architecture).toEqual(expected);
});

test('an architecture that is neither a name nor an object says what is expected', () => {
  expect(problemsOf('architecture: 50')).toEqual([
    'line 1: architecture: expected a name such as resnet50, or {name: resnet50, version: keras-3.15.1}',
  ]);
});

test('each part of an architecture that is wrong is named', () => {
  expect(problemsOf('architecture: {name: vgg16, inputShape: [96, 96], pooling: sum}')).toEqual([
    expect.stringContaining('architecture.inputShape: expected height, width and channels'),
    expect.stringContaining('architecture.pooling: '),
  ]);
});

describe('a size in bytes', () => {
  test.each<[string | number, number | undefined]>([
    ['1', 1],
    [17, 17],
    ['1B', 1],
    ['2K', 2048],
    ['2kb', 2048],
    ['1.5 MB', 1_572_864],
    [' 3GB ', 3 * 1024 ** 3],
    ['', undefined],
    ['MB', undefined],
    ['-1MB', undefined],
    ['1TB', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    [1e21, undefined],
    [Number.NaN, undefined],
    ['9'.repeat(400), undefined],
  ])('%j: %j', (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes);
  });
});
