/**
 * Small networks of keras.applications whose weights Keras saved alone, made with other arguments than the
 * default ones (test/fixtures/keras-weights/record.py): they answer as the networks did that were saved.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import type { Architecture } from '../../src/importers/importer.ts';
import { kerasHdf5Importer } from '../../src/importers/keras/open-keras.ts';
import type { Recorded } from './recorded.ts';
import { compareImported } from './recorded.ts';

const fixtures = join(import.meta.dirname, '../fixtures/keras-weights');
const folder = mkdtempSync(join(tmpdir(), 'modelship-keras-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface RecordedWeights extends Recorded {
  /** What the import has to be told. */
  readonly architecture: Architecture;
}

const unpack = (name: string): Buffer => gunzipSync(readFileSync(join(fixtures, `${name}.gz`)));

test.each([
  ['without its top, pooled, a quarter as wide', 'mobilenet-avg.h5'],
  ['seven classes, an odd size, Keras 3', 'mobilenetv2-classes.weights.h5'],
  ['minimalistic, one channel, Keras 3', 'mobilenetv3-minimalistic.weights.h5'],
])('%s: %s', async (_, name) => {
  const path = join(folder, name);
  writeFileSync(path, unpack(name));
  const recorded = JSON.parse(unpack(`${name}.json`).toString()) as RecordedWeights;
  using model = kerasHdf5Importer.open(path, { architecture: recorded.architecture });
  for (const { error, shape, expectedShape } of await compareImported(model, recorded)) {
    expect(error).toBeLessThan(1e-4);
    expect(shape).toEqual(expectedShape);
  }
});
