/** The networks of keras.applications that come with us: each is read, and all of its layers are converted. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { architectureNames, findArchitecture, readArchitecture } from './architectures.ts';
import { checkLayers } from './convert-network.ts';
import { readNetwork } from './network.ts';
import { kerasHdf5Importer } from './open-keras.ts';

const folder = mkdtempSync(join(tmpdir(), 'modelship-keras-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(architectureNames())('%s', (id) => {
  const { model, version } = readArchitecture(id);
  expect(`${id.split('@')[0]}@${version}`).toBe(id);
  const network = readNetwork(model, '', { depth: 4, layers: 10_000 });
  expect(network.layers.length).toBeGreaterThan(20);
  checkLayers(network);
});

test('a name finds its network, whatever its case', () => {
  expect(findArchitecture({ name: 'VGG16' }).name).toBe('vgg16');
});

test('a name with several versions wants one, and unknown ones are told what there is', () => {
  expect(() => findArchitecture({ name: 'resnet50' })).toThrow(/has several versions/);
  expect(findArchitecture({ name: 'resnet50', version: 'keras-applications-1.0.8' }).version).toBe(
    'keras-applications-1.0.8',
  );
  expect(() => findArchitecture({ name: 'resnet49' })).toThrow(/is not known/);
});

test('weights of another network are refused by the names of their layers', () => {
  const path = join(folder, 'weights.h5');
  const packed = join(
    import.meta.dirname,
    '../../../test/fixtures/keras-refused/weights-only-old.h5.gz',
  );
  writeFileSync(path, gunzipSync(readFileSync(packed)));
  const open = () => kerasHdf5Importer.open(path, { architecture: { name: 'vgg16' } });
  expect(open).toThrow(/layer 1 of 1 is "dense" where "block1_conv1" is expected/);
});
