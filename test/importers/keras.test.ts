/**
 * Every model that Keras saved for us answers as the reloaded file did: within 1e-4 of the outputs'
 * standard deviation, with ONNX Runtime's optimisations on and off.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { kerasHdf5Importer, kerasImporter } from '../../src/importers/keras/open-keras.ts';
import type { Recorded } from './recorded.ts';
import { compareImported } from './recorded.ts';

const fixtures = join(import.meta.dirname, '../fixtures/keras');
const folder = mkdtempSync(join(tmpdir(), 'modelship-keras-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const files = readdirSync(fixtures)
  .filter((name) => /\.(keras|h5)\.gz$/.test(name))
  .map((name) => basename(name, '.gz'));

/** float16 arithmetic in the recorded answer, float32 in ours. */
const bounds: Record<string, number> = { 'mixed_precision.keras': 5e-3 };

const unpack = (name: string): Buffer => gunzipSync(readFileSync(join(fixtures, `${name}.gz`)));

test('there are models of both formats', () => {
  expect(files.filter((name) => name.endsWith('.h5')).length).toBeGreaterThan(20);
  expect(files.filter((name) => name.endsWith('.keras')).length).toBeGreaterThan(40);
});

describe.each(files)('%s', (name) => {
  test('answers as Keras does', async () => {
    const path = join(folder, name);
    writeFileSync(path, unpack(name));
    const recorded = JSON.parse(unpack(`${name}.json`).toString()) as Recorded;
    const importer = name.endsWith('.keras') ? kerasImporter : kerasHdf5Importer;
    using model = importer.open(path, {});
    const differences = await compareImported(model, recorded);
    expect(differences).toHaveLength(recorded.outputs.length * 2);
    const bound = bounds[name] ?? 1e-4;
    expect(differences.filter(({ error }) => !(error <= bound))).toEqual([]);
    for (const { shape, expectedShape, declared } of differences) {
      expect(shape).toEqual(expectedShape);
      expect(declared.map((size, i) => size ?? shape[i])).toEqual(shape);
    }
  });
});

test('a GRU whose file does not know reset_after is of the older kind, as Keras 2.1.1 writes and computes it', async () => {
  const name = 'k2_recurrent.h5';
  const [option, other] = ['"reset_after": false', '"older_files": false'];
  const text = unpack(name).toString('latin1');
  expect(text).toContain(option);
  const path = join(folder, 'older.h5');
  writeFileSync(path, Buffer.from(text.replace(option, other), 'latin1'));
  using model = kerasHdf5Importer.open(path, {});
  const recorded = JSON.parse(unpack(`${name}.json`).toString()) as Recorded;
  const differences = await compareImported(model, recorded);
  expect(differences).toHaveLength(recorded.outputs.length * 2);
  expect(differences.filter(({ error }) => !(error <= 1e-4))).toEqual([]);
});
