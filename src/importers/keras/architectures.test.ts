/** The networks of keras.applications that come with us: each is read, and all of its layers are converted. */

import { expect, test } from 'vitest';
import { architectureNames, findArchitectures, readArchitecture } from './architectures.ts';
import { checkLayers } from './convert-network.ts';
import { readNetwork } from './network.ts';

test.each(architectureNames())('%s', (id) => {
  const { model, version } = readArchitecture(id);
  expect(`${id.split('@')[0]}@${version}`).toBe(id);
  const network = readNetwork(model, '', { depth: 4, layers: 10_000 });
  expect(network.layers.length).toBeGreaterThan(20);
  checkLayers(network);
});

test('all forty networks of keras.applications are there', () => {
  const names = new Set(architectureNames().map((id) => id.split('@')[0]));
  expect(names.size).toBe(40);
});

test('a name finds all versions of its network, whatever its case', () => {
  expect(findArchitectures({ name: 'VGG16' }).map(({ name }) => name)).toEqual(['vgg16']);
  expect(findArchitectures({ name: 'ResNet50' }).map(({ version }) => version)).toEqual([
    'keras-3.15.1',
    'keras-applications-1.0.8',
  ]);
});

test('unknown names and versions are told what there is', () => {
  expect(() => findArchitectures({ name: 'resnet49' })).toThrow(/is not known/);
  expect(() => findArchitectures({ name: 'vgg16', version: '1' })).toThrow(/vgg16, version 1 is/);
});
