/**
 * Files of weights only, as Keras wrote them (test/fixtures/keras-weights/record.py): the version of their
 * network, its top, classes and widths are found in them, and what does not belong to it is refused. What they
 * answer is held to Keras' own in test/keras-weights.test.ts and test/importers/keras-weights.test.ts.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import type { Architecture } from '../importer.ts';
import { kerasHdf5Importer } from './open-keras.ts';

const fixtures = join(import.meta.dirname, '../../../test/fixtures');
const folder = mkdtempSync(join(tmpdir(), 'modelship-keras-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (name: string): Buffer => gunzipSync(readFileSync(join(fixtures, `${name}.gz`)));

const resnet = read('keras-weights/resnet50.h5');
const efficientnet = read('keras-weights/efficientnetb0.h5');

/** Bytes with each match replaced by text of the same length. */
function edited(bytes: Buffer, pattern: RegExp, replacement: string): Buffer {
  const before = bytes.toString('latin1');
  const after = before.replaceAll(pattern, replacement);
  expect(after).not.toBe(before);
  expect(after.length).toBe(before.length);
  return Buffer.from(after, 'latin1');
}

/** The attribute `layer_names` has its texts behind their lengths; the groups keep their names. */
const inList = (layer: string, other: string): Buffer => {
  const length = String.fromCharCode(layer.length, 0, 0, 0, 0, 0, 0, 0);
  return edited(resnet, new RegExp(`${length}${layer}(?!/)`, 'g'), `${length}${other}`);
};

interface Opened {
  readonly network: string | undefined;
  readonly notes: readonly string[];
  readonly output: readonly (number | null)[] | undefined;
}

/** What a conversion tells. Throws what is wrong with the file. */
function open(bytes: Buffer, architecture: Architecture): Opened {
  const path = join(folder, 'weights.h5');
  writeFileSync(path, bytes);
  using model = kerasHdf5Importer.open(path, { architecture });
  const output = model.signatures[0]?.outputs[0]?.shape;
  const notes = model.findings.map(({ what }) => what);
  return { network: model.architecture, notes, output };
}

const networkOf = (bytes: Buffer, architecture: Architecture): string | undefined =>
  open(bytes, architecture).network;

const notesOf = (bytes: Buffer, architecture: Architecture): readonly string[] =>
  open(bytes, architecture).notes;

const name = 'resnet50';

const before = 'keras-applications-1.0.4';

describe('the version is found', () => {
  test('by the names of the layers', () => {
    expect(networkOf(resnet, { name })).toBe(
      'resnet50, version keras-applications-1.0.8, its top of 1000 classes with softmax, pictures of 224 × 224 × 3',
    );
  });

  test('and one whose files look the same is told of, and taken when it is named', () => {
    expect(notesOf(resnet, { name })).toEqual([
      `files of ${before} look the same, whose network pads nothing before its first pooling; if this is one, say version: ${before}`,
    ]);
    expect(notesOf(resnet, { name, version: 'keras-applications-1.0.8' })).toEqual([]);
    expect(open(resnet, { name, version: before })).toMatchObject({
      network: expect.stringContaining(before) as string,
      notes: [],
    });
  });

  test('and another one that was asked for is refused', () => {
    expect(() => notesOf(resnet, { name, version: 'keras-3.15.1' })).toThrow(
      'model.yaml: the file has weights of resnet50, version keras-applications-1.0.8, and not of version keras-3.15.1',
    );
  });

  const floats = (values: readonly number[]): Buffer =>
    Buffer.from(Float32Array.from(values).buffer);

  function withVariance(values: readonly number[]): Buffer {
    const bytes = Buffer.from(efficientnet);
    const place = bytes.indexOf(floats([0.229, 0.224, 0.225]));
    expect(place).toBeGreaterThan(0);
    floats(values).copy(bytes, place);
    return bytes;
  }

  test('by the statistics, where the names are the same: published weights have one layer more', () => {
    const published = networkOf(efficientnet, { name: 'efficientnetb0' });
    expect(published).toContain('efficientnetb0, version keras-3.15.1-imagenet, its top');
    const fresh = networkOf(withVariance([1, 1, 1]), { name: 'efficientnetb0' });
    expect(fresh).toContain('efficientnetb0, version keras-3.15.1, its top');
  });

  test('and statistics of neither are refused, unless the version is said', () => {
    const odd = withVariance([0.5, 0.5, 0.25]);
    expect(() => notesOf(odd, { name: 'efficientnetb0' })).toThrow(
      'layer "normalization" (Normalization) weight \'variance\': it is [0.5, 0.5, 0.25], and neither [1, 1, 1] of keras-3.15.1 nor [0.229, 0.224, 0.225] of keras-3.15.1-imagenet',
    );
    const said = { name: 'efficientnetb0', version: 'keras-3.15.1' };
    expect(networkOf(odd, said)).toContain('version keras-3.15.1, its top');
    expect(() =>
      notesOf(efficientnet, { name: 'efficientnetb0', version: 'keras-3.15.1' }),
    ).toThrow('version keras-3.15.1-imagenet, and not of version keras-3.15.1');
  });
});

describe('other names', () => {
  const renamed = edited(edited(resnet, /fc1000/g, 'mine_a'), /res5c_branch2c/g, 'mineb_branch2c');

  test('are taken in order, and it is told', () => {
    expect(notesOf(renamed, { name, version: 'keras-applications-1.0.8' })).toEqual([
      'its layers have other names than those of resnet50 and were taken in order, as Keras does: layer 105 of 107 is "mineb_branch2c" where "res5c_branch2c" is expected',
    ]);
  });

  test('do not hide the version while others tell it', () => {
    expect(notesOf(renamed, { name })).toHaveLength(2);
    expect(() => notesOf(renamed, { name, version: 'keras-3.15.1' })).toThrow(
      'the file has weights of resnet50, version keras-applications-1.0.8',
    );
  });

  test('want the version where none of them tells it', () => {
    const foreign = edited(
      edited(edited(resnet, /fc1000/g, 'mine_a'), /_branch/g, '_limbed'),
      /conv1/g,
      'first',
    );
    expect(() => notesOf(foreign, { name })).toThrow(
      'the architecture resnet50 has several versions, which answer differently, and the layers of the file have the names of none; say which: keras-3.15.1; keras-applications-1.0.8',
    );
  });

  test('are refused where they are the names of other layers of the network', () => {
    const swapped = edited(resnet, /res5c_branch2c/g, 'res2a_branch2a');
    expect(() => notesOf(swapped, { name })).toThrow(
      /layer 105 of 107 is "res2a_branch2a" where "res5c_branch2c" is expected/,
    );
  });
});

describe('what does not fit is refused', () => {
  test('a layer missing', () => {
    const bytes = inList('res5c_branch2b', 'mineb_branch2b');
    expect(() => notesOf(bytes, { name })).toThrow(
      'its weights are of another architecture: layer 103 of 106 is "bn5c_branch2b" where "res5c_branch2b" is expected',
    );
  });

  test('weights of another shape', () => {
    const bytes = edited(
      resnet,
      /bn2a_branch2b\0\0\0bn2a_branch2c/g,
      'bn2a_branch2c\0\0\0bn2a_branch2b',
    );
    expect(() => notesOf(bytes, { name })).toThrow(
      'layer "bn2a_branch2b" (BatchNormalization) weight \'gamma\': it has the shape [256]; the configuration needs [64]',
    );
  });

  test('weights of another network', () => {
    const bytes = read('keras-refused/weights-only-old.h5');
    expect(() => notesOf(bytes, { name: 'vgg16' })).toThrow(
      'layer 1 of 1 is "dense" where "block1_conv1" is expected',
    );
    expect(() => notesOf(read('keras-refused/weights-only.weights.h5'), { name })).toThrow(
      /its weights are of another architecture: layer "/,
    );
  });
});

describe('a file without the top', () => {
  const bytes = inList('fc1000', 'mine_a');

  test('is known by the layers that are missing, and gives what its last layer gives', () => {
    expect(open(bytes, { name, version: 'keras-applications-1.0.8' })).toEqual({
      network:
        'resnet50, version keras-applications-1.0.8, without its top, pictures of 224 × 224 × 3',
      notes: [
        "the file does not tell the size of the pictures: 224 × 224 × 3, the network's own, is taken; architecture.inputShape says another",
        'it answers with what its last layer gives at every place; architecture.pooling: avg or max gives one vector a picture',
      ],
      output: [null, 7, 7, 2048],
    });
  });

  test('is pooled, and takes pictures of any size, where that is said', () => {
    const pooled = { name, pooling: 'avg', inputShape: [null, null, 3] } as const;
    expect(open(bytes, pooled).output).toEqual([null, 2048]);
    expect(networkOf(bytes, pooled)).toContain(
      'without its top, pooling avg, pictures of any size',
    );
  });

  test('has no activation of a classifier, and one with the top no pooling', () => {
    expect(() => open(bytes, { name, classifierActivation: 'sigmoid' })).toThrow(
      'model.yaml: architecture.classifierActivation is of a network with its top, and the file ends before it',
    );
    expect(() => open(resnet, { name, pooling: 'avg' })).toThrow(
      'model.yaml: architecture.pooling is of a network without its top, and the file has the layer "fc1000"',
    );
  });
});

describe('classes, widths and sizes', () => {
  const vgg = read('keras-weights/vgg16-classes.h5');
  const mobilenet = read('keras-weights/mobilenet-avg.h5');

  test('the number of classes is that of the last layer', () => {
    const told = { name: 'vgg16', inputShape: [64, 96, 3] } as const;
    expect(open(vgg, told)).toEqual({
      network:
        'vgg16, version keras-3.15.1, its top of 5 classes with softmax, pictures of 64 × 96 × 3',
      notes: [],
      output: [null, 5],
    });
  });

  test('a size that the file contradicts is refused, and asked for where it is not the default', () => {
    expect(() => open(vgg, { name: 'vgg16' })).toThrow(
      'the layer "fc1" of the file takes 3072 values, so that its pictures are not of the default size of vgg16, 224 × 224; say the size: architecture: {name: vgg16, inputShape: [height, width, 3]}, for square pictures 64 to 95 pixels a side',
    );
    expect(() => open(vgg, { name: 'vgg16', inputShape: [64, 64, 3] })).toThrow(
      'the layer "fc1" of the file takes 3072 values, and pictures of 64 × 64 give 2048',
    );
  });

  test('alpha is that of the widths in the file', () => {
    expect(networkOf(mobilenet, { name: 'mobilenet' })).toContain('alpha 0.25, without its top');
    const wide = edited(mobilenet, /conv_pw_1\/kernel/g, 'conv_pw_3/kernel');
    expect(() => open(wide, { name: 'mobilenet' })).toThrow(/./);
  });

  test.each<[readonly [number | null, number | null, number], RegExp]>([
    [[96, 96, 1], /inputShape has 1 channels, and the first layer of the file takes 3/],
    [[31, 96, 3], /inputShape is 31 × 96, and mobilenet takes no smaller pictures than 32 × 32/],
    [[null, 96, 3], /inputShape leaves a size open, .*; give both sizes, or neither/],
  ])('a shape of %j is refused', (inputShape, message) => {
    expect(() => open(mobilenet, { name: 'mobilenet', inputShape })).toThrow(message);
  });

  test('with its top no size may be open, as in Keras', () => {
    const open96 = { name, inputShape: [null, null, 3] } as const;
    expect(() => open(resnet, open96)).toThrow(
      'inputShape leaves a size open, which resnet50 with its top cannot have',
    );
  });

  test('nested layers are found in the layout of Keras 3', () => {
    const bytes = read('keras-weights/convnexttiny-none.weights.h5');
    const told = { name: 'convnexttiny', pooling: 'max', inputShape: [64, 64, 3] } as const;
    expect(open(bytes, told).output).toEqual([null, 768]);
    expect(() => open(bytes, { name: 'convnextsmall' })).toThrow(/of another architecture/);
  });
});

test('a top of its own on the layers of a network is refused, unless it is said to be made alike', () => {
  const own = edited(resnet, /fc1000/g, 'mine_a');
  expect(() => open(own, { name })).toThrow(
    'model.yaml: the file has the layers of resnet50 and a top of its own: layer 107 of 107 is "mine_a" where "fc1000" is expected',
  );
  expect(networkOf(own, { name, classifierActivation: 'softmax' })).toContain('1000 classes');
});
