/**
 * The networks of keras.applications that come with us: each is read, all of its layers are converted, and
 * for the arguments that scripts/architectures.py tried it is what Keras itself made of them.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ModelArguments } from './architecture-model.ts';
import { defaultArguments, makeModel } from './architecture-model.ts';
import type { Head } from './architectures.ts';
import { architectureNames, findArchitectures, readArchitecture } from './architectures.ts';
import type { Json } from './config.ts';
import { isList, isObject } from './config.ts';
import { checkLayers } from './convert-network.ts';
import { readNetwork } from './network.ts';

const sums = join(import.meta.dirname, '../../../test/fixtures/keras-weights/architectures.txt');

interface Made {
  readonly id: string;
  readonly chosen: ModelArguments;
  readonly sum: string;
}

/** `resnet50@keras-3.15.1 top 97x133x3 7 sigmoid 1 1fd5…` */
function readMade(line: string): Made {
  const [id, head, size, classes, activation, alpha, sum] = line.split(' ') as string[];
  const [height, width, channels] = (size ?? '').split('x');
  const side = (text = ''): number | null => (text === '?' ? null : Number(text));
  return {
    id: id as string,
    chosen: {
      head: head as Head,
      shape: [side(height), side(width), Number(channels)],
      classes: Number(classes),
      activation: activation === 'None' ? 'linear' : (activation as string),
      alpha: alpha as string,
    },
    sum: sum as string,
  };
}

const made = Map.groupBy(
  readFileSync(sums, 'utf8').trim().split('\n').map(readMade),
  ({ id }) => id,
);

/** The same text as the script makes: sorted keys, numbers as the bytes of doubles. */
function canonical(value: Json): string {
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    return `"#${bytes.toString('hex')}"`;
  }
  if (isList(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const entries = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key] as Json)}`);
  return `{${entries.join(',')}}`;
}

const sumOf = (model: Json): string =>
  createHash('sha256').update(canonical(model)).digest('hex').slice(0, 16);

describe.each(architectureNames())('%s', (id) => {
  const known = readArchitecture(id);

  test('is read, and all of its layers are converted', () => {
    expect(`${known.name}@${known.version}`).toBe(id);
    const network = readNetwork(makeModel(known, defaultArguments(known)), '', {
      depth: 4,
      layers: 10_000,
    });
    expect(network.layers.length).toBeGreaterThan(20);
    checkLayers(network);
  });

  test('is what Keras makes, with and without its top', () => {
    const all = made.get(id) ?? [];
    expect(new Set(all.map(({ chosen }) => chosen.head)).size).toBe(4);
    const found = all.map(({ chosen }) => [chosen, sumOf(makeModel(known, chosen))]);
    expect(found).toEqual(all.map(({ chosen, sum }) => [chosen, sum]));
  });
});

test('all forty networks of keras.applications are there', () => {
  const names = new Set(architectureNames().map((id) => id.split('@')[0]));
  expect(names.size).toBe(40);
});

test('a name finds all versions of its network, whatever its case', () => {
  expect(findArchitectures({ name: 'VGG16' }).map(({ name }) => name)).toEqual(['vgg16']);
  expect(findArchitectures({ name: 'ResNet50' }).map(({ version }) => version)).toEqual([
    'keras-3.15.1',
    'keras-applications-1.0.4',
    'keras-applications-1.0.8',
  ]);
});

test('unknown names and versions are told what there is', () => {
  expect(() => findArchitectures({ name: 'resnet49' })).toThrow(/is not known/);
  expect(() => findArchitectures({ name: 'vgg16', version: '1' })).toThrow(/vgg16, version 1 is/);
});
