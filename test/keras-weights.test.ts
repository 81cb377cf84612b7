/**
 * Weights-only files of Keras from the picture to the labels, as examples/keras-resnet50 has it. The files are
 * full-size networks of keras.applications with weights that pack well (test/fixtures/keras-weights/record.py),
 * and what Keras answered with them is recorded.
 */

import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { writeYaml } from './support/model-folder.ts';
import { root, runModelship, startModelship, temporaryFolder } from './support/modelship.ts';

const run = promisify(execFile);
const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

interface Recorded {
  /** Class and probability, the best first. */
  readonly top: readonly (readonly [number, number])[];
  /** Standard deviation of the logarithms of all probabilities, which is that of the logits. */
  readonly deviation: number;
}

const fixture = (name: string): Buffer =>
  readFileSync(join(root, 'test/fixtures/keras-weights', name));

const recordedOf = (name: string): [string, Recorded][] =>
  Object.entries(JSON.parse(fixture(`${name}.json`).toString()) as Record<string, Recorded>);

const pictureAt = (name: string): string => join(root, 'examples/digits', name);

/** A folder with the file as it is downloaded; returns its path. */
function place(name: string, file: string, packed = name): string {
  const model = join(folder.path, name);
  mkdirSync(model);
  writeFileSync(join(model, file), gunzipSync(fixture(`${packed}.h5.gz`)));
  return model;
}

interface Prediction {
  readonly label: string;
  readonly probability: number;
}

function expectRecorded(predictions: readonly Prediction[], { top, deviation }: Recorded): void {
  expect(predictions.map(({ label }) => label)).toEqual(top.map(([label]) => `class_${label}`));
  for (const [i, { probability }] of predictions.entries()) {
    const error = Math.abs(Math.log(probability) - Math.log(top[i]?.[1] as number)) / deviation;
    expect(error).toBeLessThan(1e-4);
  }
}

/** A hundred megabytes are converted and checked. */
const patient = { timeout: 180_000 };

describe('ResNet50 of 2018, in the folder of the example', patient, () => {
  const model = place('resnet50', 'resnet50_weights_tf_dim_ordering_tf_kernels.h5');
  const example = join(root, 'examples/keras-resnet50/model.yaml');
  copyFileSync(example, join(model, 'model.yaml'));
  const classes = Array.from({ length: 1000 }, (_, i) => [i, [`n${i}`, `class_${i}`]]);
  const index = JSON.stringify(Object.fromEntries(classes));
  writeFileSync(join(model, 'imagenet_class_index.json'), index);
  const recorded = recordedOf('resnet50');

  test('predict gives the classes and scores of Keras', async () => {
    const pictures = recorded.map(([name]) => pictureAt(name));
    const { code, stdout, stderr } = await runModelship(['predict', model, ...pictures, '--json']);
    expect([code, stderr]).toEqual([0, '']);
    const { results } = JSON.parse(stdout) as { results: { predictions: Prediction[] }[] };
    expect(results).toHaveLength(recorded.length);
    for (const [i, [, expected]] of recorded.entries()) {
      expectRecorded(results[i]?.predictions ?? [], expected);
    }
    expect(new Set(recorded.map(([, { top }]) => top[0]?.[0])).size).toBe(recorded.length);
  });

  test("serve answers the README's request, which is the article's", async () => {
    await using server = await startModelship(model);
    const readme = readFileSync(join(example, '../README.md'), 'utf8');
    const [command = ''] = /^curl -X POST .*$/m.exec(readme) ?? [];
    const { host } = new URL(server.url);
    for (const [name, expected] of recorded) {
      const line = command.replace('dog.jpg', pictureAt(name)).replace('localhost:8080', host);
      const { stdout } = await run('sh', ['-c', line]);
      const { predictions, success } = JSON.parse(stdout) as {
        predictions: Prediction[];
        success: boolean;
      };
      expect(success).toBe(true);
      expectRecorded(predictions, expected);
    }
  });
});

test(
  'the network of keras_applications 1.0.4 answers as it did, where it is named',
  patient,
  async () => {
    const model = place('resnet50-before', 'weights.h5', 'resnet50');
    writeYaml(
      model,
      'architecture: resnet50@keras-applications-1.0.4',
      'input: {preset: keras/caffe}',
      `output: {labels: [${Array.from({ length: 1000 }, (_, i) => `class_${i}`).join(', ')}]}`,
    );
    const recorded = recordedOf('resnet50-1.0.4');
    const pictures = recorded.map(([name]) => pictureAt(name));
    const { code, stdout, stderr } = await runModelship(['predict', model, ...pictures, '--json']);
    expect([code, stderr]).toEqual([0, '']);
    const { results } = JSON.parse(stdout) as { results: { predictions: Prediction[] }[] };
    for (const [i, [, expected]] of recorded.entries()) {
      expectRecorded(results[i]?.predictions ?? [], expected);
    }
  },
);

test('inspect shows which network was taken', patient, async () => {
  const model = place('mobilenet', 'weights.h5', 'mobilenet-avg');
  writeYaml(model, 'architecture: {name: mobilenet, inputShape: [64, 47, 3], pooling: avg}');
  const { code, stdout } = await runModelship(['inspect', model, '--no-probe']);
  expect(code).toBe(0);
  expect(stdout).toContain(
    'network     mobilenet, version keras-3.15.1, alpha 0.25, without its top, pooling avg, pictures of 64 × 47 × 3',
  );
});

test(
  'EfficientNetB0 with the statistics of the published weights answers as Keras does',
  patient,
  async () => {
    const model = place('efficientnetb0', 'efficientnetb0.h5');
    writeYaml(
      model,
      'architecture: efficientnetb0',
      'input: {preset: none, color: rgb, resize: {mode: exact, filter: bicubic, antialias: true}}',
      `output: {labels: [${Array.from({ length: 1000 }, (_, i) => `class_${i}`).join(', ')}]}`,
    );
    const recorded = recordedOf('efficientnetb0');
    const pictures = recorded.map(([name]) => pictureAt(name));
    const { code, stdout, stderr } = await runModelship(['predict', model, ...pictures, '--json']);
    expect([code, stderr]).toEqual([0, '']);
    const { results } = JSON.parse(stdout) as { results: { predictions: Prediction[] }[] };
    expect(results).toHaveLength(recorded.length);
    for (const [i, [, expected]] of recorded.entries()) {
      expectRecorded(results[i]?.predictions ?? [], expected);
    }
  },
);
