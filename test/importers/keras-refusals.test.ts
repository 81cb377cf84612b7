/** Keras models that are not converted: each gets its code, its place in the model, and what is supported. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { ServingError } from '../../src/errors.ts';
import { findImporter } from '../../src/importers/importers.ts';
import type { Layer } from '../../src/importers/keras/network.ts';
import { kerasHdf5Importer, kerasImporter } from '../../src/importers/keras/open-keras.ts';
import { operationKind } from '../../src/importers/keras/operations/index.ts';
import { readZip } from '../../src/importers/zip/read-zip.ts';
import { openFileSource } from '../../src/onnx/byte-source.ts';
import { createRandom } from '../models/random.ts';

const fixtures = join(import.meta.dirname, '../fixtures');
const folder = mkdtempSync(join(tmpdir(), 'modelship-keras-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function place(name: string, from = 'keras-refused'): string {
  const path = join(folder, name);
  writeFileSync(path, gunzipSync(readFileSync(join(fixtures, from, `${name}.gz`))));
  return path;
}

function errorOf(path: string): ServingError {
  try {
    const importer = path.endsWith('.keras') ? kerasImporter : kerasHdf5Importer;
    importer.open(path, {})[Symbol.dispose]();
  } catch (error) {
    if (error instanceof ServingError) return error;
    throw error;
  }
  throw new Error(`${path} was converted`);
}

test.each([
  ['lambda.keras', 'IMPORT_UNSUPPORTED', 'layer "twice" (Lambda): a Lambda layer is Python code'],
  [
    'custom-nested.keras',
    'IMPORT_UNSUPPORTED',
    'backbone/layer "my_layer" (Mine): it is a custom layer, Python code that the file does not hold; docs/formats.md lists the ',
  ],
  [
    'custom-nested.h5',
    'IMPORT_UNSUPPORTED',
    'backbone/layer "my_layer" (Mine): it is a custom layer, Python code that the file does not hold; docs/formats.md lists the ',
  ],
  [
    'custom-dense.keras',
    'IMPORT_UNSUPPORTED',
    'layer "mine" (Dense): it is a custom layer, Python code',
  ],
  [
    'custom-dense.h5',
    'IMPORT_UNSUPPORTED',
    'layer "mine" (Dense): it is a custom layer, Python code',
  ],
  [
    'custom-activation.keras',
    'IMPORT_UNSUPPORTED',
    'layer "odd" (Dense): the activation sparsemax is not supported; supported activations: ',
  ],
  [
    'operation.keras',
    'IMPORT_UNSUPPORTED',
    'layer "sort" (Sort): the operation is not supported; docs/formats.md lists the ',
  ],
  [
    'subclassed.keras',
    'IMPORT_UNSUPPORTED',
    'the model is of the class Subclassed, which keeps its graph in Python code',
  ],
  [
    'unbuilt.keras',
    'IMPORT_FILE_INVALID',
    'the shape of the input is not in the file; build the model before saving it',
  ],
  [
    'stateful.keras',
    'IMPORT_UNSUPPORTED',
    'layer "memory" (LSTM): it keeps its state from one request to the next',
  ],
  ['quantized.keras', 'IMPORT_UNSUPPORTED', 'layer "small" (Dense): it is quantised'],
  [
    'weights-only.weights.h5',
    'IMPORT_UNSUPPORTED',
    'it has weights only, and not the network that they belong to',
  ],
  [
    'weights-only-old.h5',
    'IMPORT_UNSUPPORTED',
    'it has weights only, and not the network that they belong to',
  ],
])('%s is refused with %s', (name, code, message) => {
  const error = errorOf(place(name));
  expect(error.code).toBe(code);
  expect(error.message).toContain(message);
  expect(error.message).toContain(folder);
});

test.each(['optimizer.keras', 'optimizer.h5'])(
  '%s: what belongs to the training is left out',
  (name) => {
    const path = place(name);
    using model = (name.endsWith('.keras') ? kerasImporter : kerasHdf5Importer).open(path, {});
    expect(model.signatures[0]?.graph.nodes.map(({ op }) => op)).toEqual(['Gemm']);
  },
);

describe('a damaged file', () => {
  const names = ['small_cnn.keras', 'small_cnn.h5', 'masked_recurrent.keras'];

  test.each(names)('%s is refused wherever it is cut short', (name) => {
    const path = place(name, 'keras');
    const whole = readFileSync(path);
    for (let i = 0; i < 40; i += 1) {
      writeFileSync(path, whole.subarray(0, Math.floor((whole.length * i) / 40)));
      expect(errorOf(path).code).toBe('IMPORT_FILE_INVALID');
    }
  });

  test.each(names)('%s with other bytes is refused with a code, or converted', (name) => {
    const path = place(name, 'keras');
    const whole = readFileSync(path);
    const random = createRandom(3);
    for (let trial = 0; trial < 60; trial += 1) {
      const bytes = Buffer.from(whole);
      for (let change = 0; change < 8; change += 1) {
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      }
      writeFileSync(path, bytes);
      try {
        (name.endsWith('.keras') ? kerasImporter : kerasHdf5Importer)
          .open(path, {})
          [Symbol.dispose]();
      } catch (error) {
        if (!(error instanceof ServingError)) throw error;
      }
    }
  });
});

test.each([
  ['text.keras', 'this is no model, it is only text\n', undefined],
  ['empty.h5', '', undefined],
  ['page.keras', '<!doctype html><html></html>', undefined],
])('%s is known as no model of Keras by its first bytes', (name, content, expected) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  expect(findImporter(path)).toBe(expected);
});

test('a configuration that nests without end is refused', () => {
  const config = `${'{"class_name":"Sequential","config":{"name":"a","layers":['.repeat(300)}${']}}'.repeat(300)}`;
  expect(errorOf(zipOf(config)).message).toMatch(/nested? deep|nests deeper/);
});

test('a configuration with another count of weights than the file is refused', () => {
  const path = place('small_cnn.h5', 'keras');
  const text = readFileSync(path, 'latin1').replaceAll('"use_bias": true', '"use_bias":false');
  writeFileSync(path, Buffer.from(text, 'latin1'));
  expect(errorOf(path).message).toMatch(
    /the file has 2 weights for it and its configuration needs 1/,
  );
});

interface Entry {
  readonly name: string;
  readonly content: Uint8Array;
}

/** The parts of a zip's entry, stored: its header with the content, and its line in the directory. */
function partsOf({ name, content }: Entry, offset: number): [local: Buffer, central: Buffer] {
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(name.length, 26);
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt32LE(crc32(content), 16);
  entry.writeUInt32LE(content.length, 20);
  entry.writeUInt32LE(content.length, 24);
  entry.writeUInt16LE(name.length, 28);
  entry.writeUInt32LE(offset, 42);
  return [
    Buffer.concat([header, Buffer.from(name), content]),
    Buffer.concat([entry, Buffer.from(name)]),
  ];
}

/** A `.keras` file of a configuration, and weights if given. */
function zipOf(config: string, weights?: Uint8Array): string {
  const entries: Entry[] = [{ name: 'config.json', content: Buffer.from(config) }];
  if (weights) entries.push({ name: 'model.weights.h5', content: weights });
  let locals = Buffer.alloc(0);
  let directory = Buffer.alloc(0);
  for (const one of entries) {
    const [local, central] = partsOf(one, locals.length);
    locals = Buffer.concat([locals, local]);
    directory = Buffer.concat([directory, central]);
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(locals.length, 16);
  const path = join(folder, 'made.keras');
  writeFileSync(path, Buffer.concat([locals, directory, end]));
  return path;
}

/** A `.keras` file of a network without weights of its own: those beside it are of another one. */
function fileOf(model: object): string {
  using source = openFileSource(place('small_cnn.keras', 'keras'));
  return zipOf(JSON.stringify(model), readZip(source).bytes('model.weights.h5', 2 ** 20));
}

test('an operation with the name of what every object has is none', () => {
  for (const className of ['constructor', '__proto__', 'toString'])
    expect(operationKind({ className } as Layer)).toBeUndefined();
});

/** A functional model: each layer with the names of those that it takes, the first one an input of [batch, 4]. */
function functional(
  layers: readonly (readonly [name: string, inputs: readonly string[], more?: object])[],
  output: string,
  call = 0,
): object {
  const [input] = layers[0] ?? [];
  return {
    class_name: 'Functional',
    config: {
      name: 'made',
      layers: layers.map(([name, inputs, more]) => ({
        class_name: name === input ? 'InputLayer' : 'Activation',
        name,
        config:
          name === input
            ? { name, batch_input_shape: [null, 4], dtype: 'float32' }
            : { name, activation: 'relu', trainable: true },
        inbound_nodes: inputs.length === 0 ? [] : [inputs.map((one) => [one, 0, 0, {}])],
        ...more,
      })),
      input_layers: [[input, 0, 0]],
      output_layers: [[output, call, 0]],
    },
  };
}

test('what would steer a terminal is shown in a message, and a line of it stays one line', () => {
  const name = 'a\u001b[2J\n\u009b\u202eb';
  const custom = { class_name: 'Mine', module: 'mine' };
  const { message } = errorOf(
    fileOf(
      functional(
        [
          ['x', []],
          [name, ['x'], custom],
        ],
        name,
      ),
    ),
  );
  expect(message).toContain(
    'layer "a\\u001b[2J\\u000a\\u009b\\u202eb" (Mine): it is a custom layer',
  );
});

test.each([
  [
    'input',
    functional(
      [
        ['a\0b', []],
        ['y', ['a\0b']],
      ],
      'y',
    ),
  ],
  [
    'output',
    functional(
      [
        ['x', []],
        ['a\0b', ['x']],
      ],
      'a\0b',
    ),
  ],
])('a NUL in the name of an %s is refused', (kind, model) => {
  expect(errorOf(fileOf(model)).message).toContain(
    `${kind} "a\\u0000b": its name holds the character NUL`,
  );
});

test('20,000 layers in reversed order are converted in seconds', { timeout: 30_000 }, () => {
  const count = 20_000;
  const chain = Array.from({ length: count }, (_, i) => [`r${i + 1}`, [`r${i}`]] as const);
  const made = functional([['r0', []], ...chain.reverse()], `r${count}`);
  using model = kerasImporter.open(fileOf(made), {});
  expect(model.signatures[0]?.graph.nodes).toHaveLength(count);
});

test('layers that take their own outputs, or those of none, are refused', () => {
  const [x, a] = [['x', []] as const, ['a', ['b']] as const];
  for (const inputs of [['a'], ['nowhere'], ['b']]) {
    expect(errorOf(fileOf(functional([x, a, ['b', inputs]], 'b'))).message).toContain(
      'layer "a" (Activation): its inputs come from nowhere or from itself',
    );
  }
});

test('models that call one another 2^40 times are refused', { timeout: 30_000 }, () => {
  let model = functional(
    [
      ['x', []],
      ['m', ['x']],
    ],
    'm',
  );
  for (let depth = 0; depth < 40; depth += 1) {
    const calls = { ...model, inbound_nodes: [[['x', 0, 0, {}]], [['m', 1, 0, {}]]] };
    model = functional(
      [
        ['x', []],
        ['m', ['x'], calls],
      ],
      'm',
      2,
    );
  }
  expect(errorOf(fileOf(model)).message).toContain('there are too many calls of layers');
});

/** A layer of this class on an input of this shape. */
function oneLayer(className: string, config: object, shape: readonly (number | null)[]): object {
  const inputConfig = { name: 'x', batch_input_shape: shape, dtype: 'float32' };
  return functional(
    [
      ['x', [], { config: inputConfig }],
      ['y', ['x'], { class_name: className, config: { trainable: true, ...config } }],
    ],
    'y',
  );
}

const picture = [null, 8, 8, 3];

test.each([
  ['ZeroPadding2D', { padding: 1e9 }, picture],
  ['Resizing', { height: 1e6, width: 1e6, interpolation: 'nearest' }, picture],
  ['Resizing', { height: 1e9, width: 1e9, interpolation: 'bilinear' }, picture],
  ['UpSampling2D', { size: [1e6, 1e6] }, picture],
  ['UpSampling2D', { size: [1e9, 1e9], interpolation: 'bicubic' }, [null, 8, 8, 3]],
  ['RepeatVector', { n: 2 ** 40 }, [null, 4]],
])('%s to a size beyond any model is refused with its place', (className, config, shape) => {
  const { code, message } = errorOf(fileOf(oneLayer(className, config, shape)));
  expect(code).toBe('IMPORT_FILE_INVALID');
  expect(message).toMatch(
    new RegExp(
      `layer "y" \\(${className}\\): it makes a tensor \\[.*for one row; at most 2147483648`,
    ),
  );
});

test('a concatenation that doubles again and again is refused where it is too large', () => {
  const doublings = Array.from(
    { length: 40 },
    (_, i) =>
      [
        `c${i + 1}`,
        [`c${i}`, `c${i}`],
        { class_name: 'Concatenate', config: { axis: -1, trainable: true } },
      ] as const,
  );
  expect(errorOf(fileOf(functional([['c0', []], ...doublings], 'c40'))).message).toContain(
    'layer "c28" (Concatenate): it makes a tensor [?, 1073741824], 4294967296 bytes',
  );
});

test.each([
  [[null, 2 ** 20, 2 ** 20], 'it makes a tensor [?, 1048576, 1048576]'],
  [[null, -4], 'the shape of the input is [null,-4]; expected whole numbers of at least 0'],
])('an input of the shape %j is refused: %s', (shape, message) => {
  expect(errorOf(fileOf(oneLayer('Activation', { activation: 'relu' }, shape))).message).toContain(
    `layer "x" (InputLayer): ${message}`,
  );
});

test.each([
  [4, 4],
  [9, 0],
  [0, 8],
])('a cropping of %i and %i of 8 leaves nothing and is refused', (before, after) => {
  const cropping = [
    [1, 1],
    [before, after],
  ];
  expect(errorOf(fileOf(oneLayer('Cropping2D', { cropping }, picture))).message).toContain(
    `layer "y" (Cropping2D): its cropping is [${before}, ${after}] along axis 2 of its input, which has the size 8`,
  );
});
