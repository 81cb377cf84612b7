/**
 * Files of weights only, as Keras wrote them (test/fixtures/keras-weights/record.py): the version of their
 * network is found in them, and what does not belong to it is refused. What they answer is held to Keras' own
 * in test/keras-weights.test.ts.
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

/** The notes of a conversion. Throws what is wrong with the file. */
function notesOf(bytes: Buffer, architecture: Architecture): string[] {
  const path = join(folder, 'weights.h5');
  writeFileSync(path, bytes);
  using model = kerasHdf5Importer.open(path, { architecture });
  return model.findings.map(({ what }) => what);
}

const name = 'resnet50';

describe('the version is found', () => {
  test('by the names of the layers', () => {
    expect(notesOf(resnet, { name })).toEqual([
      'its network is resnet50, version keras-applications-1.0.8',
    ]);
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
    const [published] = notesOf(efficientnet, { name: 'efficientnetb0' });
    expect(published).toBe('its network is efficientnetb0, version keras-3.15.1-imagenet');
    const [fresh] = notesOf(withVariance([1, 1, 1]), { name: 'efficientnetb0' });
    expect(fresh).toBe('its network is efficientnetb0, version keras-3.15.1');
  });

  test('and statistics of neither are refused', () => {
    const odd = withVariance([0.5, 0.5, 0.25]);
    expect(() => notesOf(odd, { name: 'efficientnetb0' })).toThrow(
      'layer "normalization" (Normalization) weight \'variance\': it is [0.5, 0.5, 0.25], and neither [1, 1, 1] of keras-3.15.1 nor [0.229, 0.224, 0.225] of keras-3.15.1-imagenet',
    );
    expect(() =>
      notesOf(efficientnet, { name: 'efficientnetb0', version: 'keras-3.15.1' }),
    ).toThrow('version keras-3.15.1-imagenet, and not of version keras-3.15.1');
  });
});

describe('other names', () => {
  const renamed = edited(edited(resnet, /fc1000/g, 'mine_a'), /res5c_branch2c/g, 'mineb_branch2c');

  test('are taken in order, and it is told', () => {
    expect(notesOf(renamed, { name, version: 'keras-applications-1.0.8' })).toEqual([
      'its network is resnet50, version keras-applications-1.0.8',
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
  /** The attribute `layer_names` has its texts behind their lengths; the groups keep their names. */
  const inList = (layer: string, other: string): Buffer => {
    const length = String.fromCharCode(layer.length, 0, 0, 0, 0, 0, 0, 0);
    return edited(resnet, new RegExp(`${length}${layer}(?!/)`, 'g'), `${length}${other}`);
  };

  test('a layer missing', () => {
    const bytes = inList('res5c_branch2b', 'mineb_branch2b');
    expect(() => notesOf(bytes, { name })).toThrow(
      'its weights are of another architecture: layer 103 of 106 is "bn5c_branch2b" where "res5c_branch2b" is expected',
    );
  });

  test('a file without the top', () => {
    const bytes = inList('fc1000', 'mine_a');
    expect(() => notesOf(bytes, { name })).toThrow(
      'it ends after 106 of 107 layers, and "fc1000" is missing, as in a file without the top (notop)',
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
