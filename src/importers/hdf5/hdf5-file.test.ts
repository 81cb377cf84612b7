/** HDF5 files of h5py, of every kind that is read and every kind that is refused; and damaged ones. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../../test/models/random.ts';
import { sourceOfBytes } from '../../onnx/byte-source.ts';
import { InvalidModelError, UnsupportedModelError } from '../problems.ts';
import { makeRoom } from './hdf5-bytes.ts';
import type { Hdf5Group } from './hdf5-file.ts';
import { isHdf5, openHdf5 } from './hdf5-file.ts';

const fixtures = join(import.meta.dirname, '../../../test/fixtures/hdf5');
const bytesOf = (name: string): Buffer => gunzipSync(readFileSync(join(fixtures, `${name}.h5.gz`)));
const open = (bytes: Uint8Array): Hdf5Group => openHdf5(sourceOfBytes(bytes), 2 ** 24);
const read = (group: Hdf5Group, path: string): number[] => [
  ...(group.dataset(path)?.readFloats() ?? []),
];

const counts = Array.from({ length: 60 }, (_, i) => i);

describe.each(['plain-v0', 'plain-v2', 'plain-v3', 'plain-ordered', 'user-block'])('%s', (name) => {
  const root = open(bytesOf(name));

  test('is known by its first bytes, where there is no large block before them', () => {
    expect(isHdf5(bytesOf(name).subarray(0, 1024))).toBe(name !== 'user-block');
  });

  test('has texts and numbers as attributes', () => {
    expect(Object.fromEntries(root.attributes)).toEqual({
      text: ['grüße'],
      bytes: ['fixed'],
      names: ['a', 'bcd'],
      fixed: ['kernel', 'bias'],
      numbers: [1.5, -2],
      empty: [],
    });
  });

  test('gives numbers of every type as floats', () => {
    const group = root.group('outer/inner') as Hdf5Group;
    expect(group.path).toBe('outer/inner');
    expect(group.dataset('float32')?.shape).toEqual([3, 4, 5]);
    expect(read(group, 'float32')).toEqual(counts);
    expect(read(group, 'float64')).toEqual(counts.map((value) => Math.fround(value / 3)));
    expect(read(group, 'float16')).toEqual(counts.map((value) => value / 4));
    expect(read(group, 'int8')).toEqual(counts.map((value) => value - 30));
    expect(read(group, 'int64')).toEqual(counts.map((value) => value - 7));
    expect(read(group, 'uint16')).toEqual(counts);
    expect(read(group, 'big')).toEqual(counts);
    expect(read(group, 'big64')).toEqual(counts);
    expect(read(group, 'bool')).toEqual(counts.map((value) => (value % 2 === 0 ? 1 : 0)));
    expect(read(group, 'scalar')).toEqual([2.5]);
    expect(read(group, 'none')).toEqual([]);
    expect(read(group, 'never')).toEqual([0, 0, 0, 0, 0, 0]);
    expect(group.dataset('absent')).toBeUndefined();
  });
});

test('chunks are put together: packed, shuffled, with checksums, with rows over the edge', () => {
  const root = open(bytesOf('chunked'));
  const wide = Array.from({ length: 77 }, (_, i) => i);
  for (const name of ['plain', 'gzip', 'shuffle', 'fletcher', 'double']) {
    expect(read(root, name)).toEqual(wide);
  }
  expect(read(root, 'many')).toEqual(Array.from({ length: 4000 }, (_, i) => i));
  const sparse = read(root, 'sparse');
  expect([sparse[0], sparse.reduce((sum, value) => sum + value, 0)]).toEqual([3, 3]);
  expect(() => read(root, 'lzf')).toThrow(/packed with lzf/);
});

test('a shape that the file cannot hold, packed or not, is refused before room is made', () => {
  const bytes = bytesOf('chunked');
  // Of the dataset `sparse`: its sizes, 10 and 10, and the most that they may become.
  for (const at of [55264, 55280]) {
    expect(bytes.readBigUInt64LE(at)).toBe(10n);
    bytes.writeBigUInt64LE(2n ** 30n, at);
  }
  const root = openHdf5(sourceOfBytes(bytes), 2 ** 40);
  expect(() => root.dataset('sparse')).toThrow(
    /a file of 61184 bytes cannot hold its \d{11} bytes/,
  );
});

test('room that there is not is refused with the place', () => {
  const expected = { place: "HDF5 'a/b'", message: expect.stringContaining('fit into memory') };
  expect(() => makeRoom(2 ** 53, 'a/b')).toThrow(expect.objectContaining(expected));
});

describe.each(['many-v0', 'many-v2', 'many-ordered'])('%s', (name) => {
  const root = open(bytesOf(name));

  test('has all of its names and attributes', () => {
    expect(root.names).toHaveLength(300);
    for (const i of [0, 7, 128, 299]) {
      const group = `layer_${String(i).padStart(3, '0')}`;
      expect(read(root, `${group}/value`)).toEqual([i]);
    }
    const { attributes } = root.group('layer_000') as Hdf5Group;
    expect(attributes.size).toBe(40);
    expect(attributes.get('attribute_39')).toEqual(['value 39']);
  });
});

test('a group is read once, however many paths lead through it', () => {
  const source = sourceOfBytes(bytesOf('plain-v0'));
  let reads = 0;
  const counted = {
    length: source.length,
    read: (offset: number, into: Uint8Array) => {
      reads += 1;
      return source.read(offset, into);
    },
  };
  const root = openHdf5(counted, 2 ** 24);
  root.group('outer/inner');
  const before = reads;
  expect(root.group('outer/inner')?.path).toBe('outer/inner');
  expect(root.group('outer/absent')).toBeUndefined();
  expect(reads).toBe(before);
});

test('a compact dataset lies in its header', () => {
  expect(read(open(bytesOf('compact')), 'compact')).toEqual([1, 2, 3, 4]);
});

describe.each(['links-v0', 'links-v2'])('%s', (name) => {
  const root = open(bytesOf(name));

  test.each([
    ['soft', /link of the kind "soft"/],
    [
      'external',
      name === 'links-v0' ? /link of the kind|cut short|damaged/ : /link of the kind "external"/,
    ],
    ['virtual', /virtual dataset/],
    ['outside', /data is in another file/],
    ['text', /its elements are of the type variable-text/],
    ['compound', /its elements are of the type compound/],
  ])('refuses %s by name', (path, message) => {
    expect(() => read(root, path)).toThrow(message);
  });

  test('reads a dataset through each of its hard links', () => {
    expect(read(root, 'here')).toEqual([1]);
    expect(read(root, 'group/hard')).toEqual([1]);
  });
});

test('chunk indices of HDF5 1.10 are refused by name', () => {
  expect(() => read(open(bytesOf('latest')), 'gzip')).toThrow(/index of HDF5 1.10/);
});

test('a dataset larger than the limit is refused before room is made for it', () => {
  const root = openHdf5(sourceOfBytes(bytesOf('plain-v0')), 100);
  expect(() => root.dataset('outer/inner/float32')).toThrow(
    /240 bytes .* more than the limit of 100/,
  );
});

/** Visits everything that there is. */
function walk(group: Hdf5Group, depth = 0): void {
  expect(group.attributes.size).toBeLessThan(1e6);
  if (depth > 8) return;
  for (const name of group.names.slice(0, 40)) {
    const dataset = attempt(() => group.dataset(name));
    attempt(() => dataset?.readFloats());
    attempt(() => {
      const below = group.group(name);
      if (below) walk(below, depth + 1);
    });
  }
}

/** What a damaged part throws must be a refusal and nothing else; the other parts are looked at too. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof InvalidModelError || error instanceof UnsupportedModelError)
      return undefined;
    throw error;
  }
}

const names = ['plain-v0', 'plain-v3', 'chunked', 'many-v2', 'links-v0', 'links-v2', 'compact'];

test('a file that is cut short is refused, wherever', () => {
  for (const name of names) {
    const bytes = bytesOf(name);
    for (let i = 0; i < 60; i += 1) {
      attempt(() => walk(open(bytes.subarray(0, Math.floor((bytes.length * i) / 60)))));
    }
  }
});

test('a damaged file gives numbers or a refusal, never anything else', () => {
  const random = createRandom(5);
  for (const name of names) {
    const whole = bytesOf(name);
    for (let trial = 0; trial < 120; trial += 1) {
      const bytes = Uint8Array.from(whole);
      for (let change = 0; change < 1 + random() * 6; change += 1) {
        // Most of the structures stand at the beginning.
        const limit = random() < 0.7 ? Math.min(4096, bytes.length) : bytes.length;
        bytes[Math.floor(random() * limit)] = random() < 0.3 ? 0xff : Math.floor(random() * 256);
      }
      attempt(() => walk(open(bytes)));
    }
  }
});
