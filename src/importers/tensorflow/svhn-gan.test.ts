/**
 * Article 003's model as its author exported it (test/fixtures/tensorflow/make_svhn_gan.py): strings of
 * JPEG go in, the graph decodes them in a loop, batch normalisation uses the batch.
 */

import { expect, test } from 'vitest';
import {
  errorInSigmas,
  openCase,
  pixelTensor,
  readCase,
  readPictures,
  runSignature,
  unpack,
} from '../../../test/models/tensorflow-cases.ts';
import { createPictureReader } from '../../image/picture-reader.ts';
import type { ImportedModel, ImportedSignature } from '../importer.ts';

const { jpegs, pixels, scores } = readPictures();
const side = 32;
const pictureBytes = side * side * 3;

function signatureOf(model: ImportedModel, name: string): ImportedSignature {
  const signature = model.signatures.find((one) => one.name === name);
  if (!signature) throw new Error(`no ${name} among ${model.signatures.map((one) => one.name)}`);
  return signature;
}

async function scoresOf(
  model: ImportedModel,
  name: string,
  bytes: Uint8Array,
  level: 'disabled' | 'all' = 'all',
): Promise<number[][]> {
  const signature = signatureOf(model, name);
  const rows = bytes.length / pictureBytes;
  const tensor = pixelTensor(bytes, [rows, side, side, 3]);
  const input = signature.inputs[0]?.value ?? '';
  const results = await runSignature(signature, model, { [input]: tensor }, level);
  const all = Array.from(results.scores?.data as Float32Array);
  return Array.from({ length: rows }, (_, i) => all.slice(i * 10, (i + 1) * 10));
}

test.each(['references', 'resources', 'while'])(
  'the scores of %s from the pixels are those of TensorFlow',
  async (variant) => {
    using folder = unpack(readCase(`svhn_gan/${variant}`).files);
    using model = openCase(folder.path);
    for (const level of ['disabled', 'all'] as const) {
      for (const expected of scores) {
        const bytes = pixels.slice(0, expected.length * pictureBytes);
        const actual = await scoresOf(model, 'predict_images', bytes, level);
        expect(errorInSigmas(actual.flat(), expected.flat())).toBeLessThan(1e-4);
      }
    }
  },
);

test('both signatures keep their strings on the wire and share one graph', () => {
  using folder = unpack(readCase('svhn_gan/references').files);
  using model = openCase(folder.path);
  const predict = signatureOf(model, 'predict_images');
  const classify = signatureOf(model, 'serving_default');
  const picture = { color: 'rgb', layout: 'NHWC', decoder: 'tensorflow' };
  expect(predict.inputs).toEqual([
    { name: 'images', value: 'inputs', dtype: 'BYTES', shape: [null], picture },
  ]);
  expect(classify.inputs).toMatchObject([
    { name: 'inputs', dtype: 'BYTES', picture: { ...picture, exampleFeature: 'image/encoded' } },
  ]);
  expect(predict.outputs).toMatchObject([{ name: 'scores', dtype: 'FP32', shape: [null, 10] }]);
  expect(predict.graph).toBe(classify.graph);
  expect(predict.graph.inputs).toMatchObject([
    { name: 'inputs', type: { dtype: 'UINT8', shape: ['batch', null, null, 3] } },
  ]);
});

test('training and the generator are left behind, and there is no loop and one Transpose', () => {
  using folder = unpack(readCase('svhn_gan/references').files);
  using model = openCase(folder.path);
  const { graph } = signatureOf(model, 'predict_images');
  const ops = graph.nodes.map(({ op }) => op);
  expect(ops.filter((op) => op === 'Conv')).toHaveLength(4);
  expect(ops.filter((op) => op === 'Transpose')).toHaveLength(1);
  expect(ops.filter((op) => /Loop|Scan|ConvTranspose|Random/.test(op))).toEqual([]);
});

test('the graph says that pictures which share a run change each other, and they do', async () => {
  using folder = unpack(readCase('svhn_gan/references').files);
  using model = openCase(folder.path);
  const notes = model.findings.filter(({ what }) => what.includes('statistics of the batch'));
  expect(notes).toHaveLength(3);
  const two = await scoresOf(model, 'predict_images', pixels.slice(0, 2 * pictureBytes));
  const three = await scoresOf(model, 'predict_images', pixels.slice(0, 3 * pictureBytes));
  expect(errorInSigmas(three[0] ?? [], two[0] ?? [])).toBeGreaterThan(0.01);
});

test('from the JPEG bytes pixels and scores are those of TensorFlow', async () => {
  using folder = unpack(readCase('svhn_gan/references').files);
  using model = openCase(folder.path);
  const reader = createPictureReader({ maxPixels: 1e6, threads: 1 });
  const geometry = {
    color: 'rgb',
    decoder: 'tensorflow',
    filter: 'bilinear',
    antialias: false,
    fast: false,
    orientation: 'ignore',
  } as const;
  try {
    const decoded = await Promise.all(
      jpegs.map((jpeg, i) => reader.read(jpeg, geometry, { where: `picture ${i}` })),
    );
    const bytes = Buffer.concat(decoded.map(({ data }) => data));
    const actual = await scoresOf(model, 'predict_images', new Uint8Array(bytes));
    const [expected = []] = scores;
    expect(bytes.equals(pixels)).toBe(true);
    expect(errorInSigmas(actual.flat(), expected.flat())).toBeLessThan(1e-4);
  } finally {
    await reader.close();
  }
});
