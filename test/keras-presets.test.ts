/** The keras/* presets resize as Pillow does unless told otherwise; `load_img` is told otherwise (make_keras.py). */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseModelYaml } from '../src/config/model-yaml.ts';
import { createPictureReader } from '../src/image/picture-reader.ts';
import { digestOf, readFixture } from '../src/image/pictures.fixture.ts';
import { planPictures } from '../src/pipeline/picture-plan.ts';
import { root } from './support/modelship.ts';

const path = join(root, 'test/fixtures/pictures/keras.json');
const recorded: Readonly<Record<string, Readonly<Record<string, string>>>> = JSON.parse(
  readFileSync(path, 'utf8'),
);
const reader = createPictureReader({ maxPixels: 1e6, threads: 1 });
afterAll(() => reader.close());

/** The digest of the RGB pixels that a model of 224×224 gets. */
async function pixelsOf(file: string, input: string): Promise<string> {
  const yaml = parseModelYaml(`input: {${input}, color: rgb}`, 'model.yaml');
  const x = { name: 'x', dtype: 'FP32', shape: [null, 224, 224, 3] } as const;
  const { plan, problem } = planPictures(yaml.input, [x]);
  if (!plan) throw new Error(problem?.reason);
  const { data } = await reader.read(readFixture(file), plan.geometry, { where: 'it' });
  return digestOf(data);
}

describe.each(['keras/caffe', 'keras/tf', 'keras/torch'])('%s', (preset) => {
  test.each(Object.entries(recorded))('%s', async (file, digests) => {
    const usual = await pixelsOf(file, `preset: ${preset}`);
    expect([usual, usual]).toEqual([digests.resize, digests['load_img bicubic']]);
    const nearest = await pixelsOf(
      file,
      `preset: ${preset}, resize: {mode: exact, filter: nearest}`,
    );
    expect(nearest).toBe(digests.load_img);
    expect(nearest).not.toBe(usual);
  });
});
