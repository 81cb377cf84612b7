import { describe, expect, test } from 'vitest';
import { parseModelYaml } from '../config/model-yaml.ts';
import { ServingError } from '../errors.ts';
import type { Picture } from '../image/picture-reader.ts';
import type { FrameTensor } from '../runner/frames.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import type { EncodedPicture } from './inference-types.ts';
import { newLife } from './life.fixture.ts';
import type { PicturePredictions } from './predict-pictures.ts';
import { predictPictures } from './predict-pictures.ts';
import type { PictureSource } from './run-pictures.ts';
import { report, settle } from './runner.fixture.ts';
import type { VersionOptions, VersionStage } from './version.fixture.ts';
import { createReadyStage, createVersionStage } from './version.fixture.ts';

/** Pictures of one byte value: [value, width, height]. "Decoding" gives that many pixels of it. */
const source: PictureSource = {
  async read(bytes, _geometry, { where, signal }): Promise<Picture> {
    signal?.throwIfAborted();
    const [value = 0, width = 0, height = 0] = bytes;
    if (width === 0) throw new ServingError('PICTURE_EMPTY', { where });
    return { data: new Uint8Array(width * height).fill(value), width, height, channels: 1 };
  },
};

const picture = (value: number, width = 2, height = 2): EncodedPicture => ({
  bytes: Uint8Array.of(value, width, height),
  where: `picture ${value}`,
});

const input: TensorSpec = { name: 'x', dtype: 'FP32', shape: [null, 1, 2, 2] };
const output: TensorSpec = { name: 'y', dtype: 'FP32', shape: [null, 2] };
const config = parseModelYaml(
  'input: {color: gray, scale: 1}\noutput: {activation: none}\nbatching: {maxBatch: 3}',
  'model.yaml',
);

const stageOf = (options: VersionOptions = {}): Promise<VersionStage> =>
  createReadyStage({ inputs: [input], outputs: [output], config, ...options });

/** The model: scores of a row are its first pixel, and the number of rows of its run. */
function answerAll({ runner }: VersionStage, change = (rows: number[][]) => rows): number[] {
  const sizes: number[] = [];
  for (let [run] = runner.runs; run; [run] = runner.runs) {
    const [{ shape, chunks }] = run.inputs as [FrameTensor];
    sizes.push(shape[0] ?? 0);
    const rows = change(chunks.map((chunk) => [chunk[0] as number, -(shape[0] ?? 0)]));
    const data = new Uint8Array(Float32Array.from(rows.flat()).buffer);
    run.finish([{ index: 0, dtype: 'FP32', shape: [rows.length, 2], chunks: [data] }]);
  }
  return sizes;
}

/** Predicts, answering every run; gives the best probability of each picture and the runs' sizes. */
async function predict(
  stage: VersionStage,
  pictures: readonly EncodedPicture[],
): Promise<{ answers: (number | undefined)[]; sizes: number[] }> {
  let done = false;
  const answering = predictPictures(stage.served, source, pictures, newLife()).finally(() => {
    done = true;
  });
  answering.catch(() => {});
  const sizes: number[] = [];
  while (!done) {
    await settle();
    sizes.push(...answerAll(stage));
  }
  const { results }: PicturePredictions = await answering;
  return { answers: results.map(([best]) => best?.probability), sizes };
}

const values = (pictures: readonly EncodedPicture[]) => pictures.map(({ bytes }) => bytes[0]);

describe('the answers are in the order of the pictures', () => {
  const many = Array.from({ length: 8 }, (_, i) => picture(i + 1));

  test('in runs of at most maxBatch', async () => {
    const { answers, sizes } = await predict(await stageOf(), many);
    expect([answers, sizes]).toEqual([values(many), [3, 3, 2]]);
  });

  test('one a run where rows depend on their company', async () => {
    const stage = createVersionStage({ inputs: [input], outputs: [output], config });
    const starting = stage.served.start();
    await settle();
    stage.runner.loaded({ batching: { ...report.batching, acrossRequests: false } });
    await starting;
    const { answers, sizes } = await predict(stage, many);
    expect([answers, sizes]).toEqual([values(many), new Array(8).fill(1)]);
  });

  test('in runs of a fixed batch, the last one filled up', async () => {
    const stage = await stageOf({ inputs: [{ ...input, shape: [5, 1, 2, 2] }] });
    const { answers, sizes } = await predict(stage, many);
    expect([answers, sizes]).toEqual([values(many), [5, 5]]);
  });

  test('with pictures of several sizes, where the model takes any', async () => {
    const mixed = [picture(1), picture(2, 3, 1), picture(3, 3, 1), picture(4, 1, 3), picture(5)];
    const stage = await stageOf({ inputs: [{ ...input, shape: [null, 1, null, null] }] });
    const { answers, sizes } = await predict(stage, mixed);
    expect([answers, sizes]).toEqual([values(mixed), [1, 2, 1, 1]]);
  });

  test('on several instances that end in any order', async () => {
    const stage = await stageOf({ instances: 3 });
    const predicting = predictPictures(stage.served, source, many, newLife());
    await settle();
    for (const runner of stage.runners.toReversed()) answerAll({ ...stage, runner });
    const { results } = await predicting;
    expect(results.map(([best]) => best?.probability)).toEqual(values(many));
  });
});

test('a model that takes bytes in NCHW gets planes', async () => {
  const rgb: PictureSource = {
    read: async () => ({ data: Uint8Array.of(1, 2, 3, 4, 5, 6), width: 2, height: 1, channels: 3 }),
  };
  const stage = await stageOf({
    inputs: [{ name: 'x', dtype: 'UINT8', shape: [null, 3, 1, 2] }],
    config: parseModelYaml('input: {color: rgb}\noutput: {activation: none}', 'model.yaml'),
  });
  const predicting = predictPictures(stage.served, rgb, [picture(1), picture(2)], newLife());
  await settle();
  const [tensor] = stage.runner.runs[0]?.inputs ?? [];
  expect(tensor?.shape).toEqual([2, 3, 1, 2]);
  expect(tensor?.chunks.map((chunk) => [...chunk])).toEqual([
    [1, 4, 2, 5, 3, 6],
    [1, 4, 2, 5, 3, 6],
  ]);
  answerAll(stage);
  expect((await predicting).results).toHaveLength(2);
});

describe('nothing is answered in part:', () => {
  const several = [1, 2, 3, 4, 5, 6, 7].map((value) => picture(value));

  test('one picture that cannot be decoded fails all, and none is run', async () => {
    const stage = await stageOf();
    const predicting = predict(stage, [...several, picture(9, 0, 0)]);
    await expect(predicting).rejects.toMatchObject({ code: 'PICTURE_EMPTY' });
    expect(stage.served.waiting + stage.served.running).toBe(0);
  });

  test('one picture of a wrong size fails all', async () => {
    const predicting = predict(await stageOf(), [picture(1), picture(2, 3, 3)]);
    await expect(predicting).rejects.toThrow('picture 2 is 3×3 pixels, but the model takes 2×2');
  });

  test('one run that fails fails all, and those that wait are not run', async () => {
    const stage = await stageOf();
    const predicting = predictPictures(stage.served, source, several, newLife());
    predicting.catch(() => {});
    await settle();
    expect(stage.served.waiting).toBe(2);
    stage.runner.runs[0]?.fail(new ServingError('RUN_FAILED', { model: 'test', problem: 'no' }));
    await expect(predicting).rejects.toMatchObject({ code: 'RUN_FAILED' });
    // The next had been taken by the free instance; the last never is.
    await settle();
    answerAll(stage);
    await settle();
    expect([stage.served.waiting, stage.served.running]).toEqual([0, 0]);
  });

  test.each<[string, (rows: number[][]) => number[][]]>([
    ["'y' cannot be labelled: its highest score is NaN", (rows) => rows.map(() => [Number.NaN, 1])],
    ["'y' cannot be labelled: it is [1, 2] for 2 rows", ([first]) => [first ?? []]],
    ["'y' cannot be labelled: it is [3, 2] for 2 rows", (rows) => [...rows, [0, 0]]],
  ])('an answer that fits no picture is RUN_FAILED: %s', async (problem, change) => {
    const stage = await stageOf();
    const predicting = predictPictures(stage.served, source, [picture(1), picture(2)], newLife());
    predicting.catch(() => {});
    await settle();
    answerAll(stage, change);
    await expect(predicting).rejects.toMatchObject({
      code: 'RUN_FAILED',
      message: expect.stringContaining(problem),
    });
  });
});

test('a client that goes leaves nothing in the queue', async () => {
  const stage = await stageOf();
  const life = newLife();
  const gone = new ServingError('REQUEST_CANCELLED', {});
  const many = Array.from({ length: 9 }, (_, i) => picture(i));
  const predicting = predictPictures(stage.served, source, many, life);
  predicting.catch(() => {});
  await settle();
  life.end(gone);
  await expect(predicting).rejects.toBe(gone);
  expect(stage.served.waiting).toBe(0);
});

test('a model without preprocessing or scores says what is missing', async () => {
  const without = await createReadyStage({ inputs: [input], outputs: [output] });
  const asked = predictPictures(without.served, source, [picture(1)], newLife());
  await expect(asked).rejects.toMatchObject({ code: 'PREPROCESSING_MISSING' });
  const boxes = await stageOf({ outputs: [{ ...output, shape: [null, 4, 4] }] });
  const other = predictPictures(boxes.served, source, [picture(1)], newLife());
  await expect(other).rejects.toMatchObject({ code: 'OUTPUT_NOT_SCORES' });
});
