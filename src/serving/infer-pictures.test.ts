import { describe, expect, test } from 'vitest';
import { parseModelYaml } from '../config/model-yaml.ts';
import { ServingError } from '../errors.ts';
import type { FrameTensor } from '../runner/frames.ts';
import type { NamedTensor } from '../tensor/tensor.ts';
import { packBytes } from '../tensor/tensor.ts';
import { createInferenceService } from './inference-service.ts';
import type { InferenceAnswer, InferenceRequest } from './inference-types.ts';
import { newLife } from './life.fixture.ts';
import { createModelRegistry } from './model-registry.ts';
import type { PictureSource } from './run-pictures.ts';
import { settle } from './runner.fixture.ts';
import type { VersionOptions, VersionStage } from './version.fixture.ts';
import { createReadyStage } from './version.fixture.ts';

/** Pictures of one byte value: [value, width, height]. "Decoding" gives that many pixels of it. */
const source: PictureSource = {
  async read(bytes, _geometry, { where, signal }) {
    signal?.throwIfAborted();
    const [value = 0, width = 0, height = 0] = bytes;
    if (width === 0) throw new ServingError('PICTURE_EMPTY', { where });
    return { data: new Uint8Array(width * height).fill(value), width, height, channels: 1 };
  },
};

const yaml = `
input: {color: gray, scale: 1}
signatures: {jpeg: {inputs: {picture: x}, outputs: {scores: y}}}`;

const stageOf = (options: VersionOptions = {}): Promise<VersionStage> =>
  createReadyStage({
    inputs: [{ name: 'x', dtype: 'FP32', shape: [null, 1, null, null] }],
    outputs: [{ name: 'y', dtype: 'FP32', shape: [null, 2] }],
    config: parseModelYaml(yaml, 'model.yaml'),
    ...options,
  });

const images = (name: string, ...pictures: number[][]): NamedTensor => ({
  name,
  dtype: 'BYTES',
  shape: [pictures.length],
  data: packBytes(pictures.map((picture) => Uint8Array.from(picture))),
});

/** The model: a row is its picture's first pixel and its own number in the run. */
function answerAll({ runner, served }: VersionStage): number[][] {
  const hasRows = served.version.signature?.outputs[0]?.shape.length === 2;
  const shapes: number[][] = [];
  for (let [run] = runner.runs; run; [run] = runner.runs) {
    const [{ shape, chunks }] = run.inputs as [FrameTensor];
    shapes.push([...shape]);
    const rows = chunks.flatMap((chunk, i) => [chunk[0] as number, i]);
    const data = new Uint8Array(Float32Array.from(rows).buffer);
    const outputShape = hasRows ? [chunks.length, 2] : [2];
    run.finish([{ index: 0, dtype: 'FP32', shape: outputShape, chunks: [data] }]);
  }
  return shapes;
}

async function infer(
  stage: VersionStage,
  request: Pick<InferenceRequest, 'inputs' | 'signature' | 'outputs'>,
  maxPictures?: number,
): Promise<InferenceAnswer & { shapes: number[][] }> {
  const { served } = stage;
  const service = createInferenceService({
    registry: createModelRegistry([{ model: served.model, versions: [served] }], undefined),
    pictures: source,
    maxPictures,
    strictReady: false,
    onAccount() {},
  });
  let done = false;
  const asked = service.infer({ model: 'test', life: newLife(), ...request }).finally(() => {
    done = true;
  });
  asked.catch(() => {});
  const shapes: number[][] = [];
  while (!done) {
    await settle();
    shapes.push(...answerAll(stage));
  }
  return { ...(await asked), shapes };
}

const floats = ({ outputs }: InferenceAnswer): number[] => {
  const { data } = outputs[0] as NamedTensor;
  return [...new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4)];
};

describe('a tensor of pictures', () => {
  const two = images('picture', [7, 2, 2], [9, 2, 2]);

  test('gives the outputs of a run of its rows, under the names of the signature', async () => {
    const answer = await infer(await stageOf(), { signature: 'jpeg', inputs: [two] });
    expect(answer.outputs).toMatchObject([{ name: 'scores', dtype: 'FP32', shape: [2, 2] }]);
    expect([floats(answer), answer.shapes]).toEqual([[7, 0, 9, 1], [[2, 2, 2, 1]]]);
    expect(answer.signature.name).toBe('jpeg');
  });

  test('is known by its name and BYTES where no signature is named', async () => {
    const answer = await infer(await stageOf(), { inputs: [images('images', [5, 3, 3])] });
    expect([answer.signature.name, answer.outputs[0]?.name, floats(answer)]).toEqual([
      'predict_images',
      'y',
      [5, 0],
    ]);
  });

  test('of several sizes gives the rows in the order of the pictures', async () => {
    const inputs = [images('images', [1, 2, 2], [2, 3, 1], [3, 3, 1], [4, 2, 2])];
    const { shapes, ...answer } = await infer(await stageOf(), { inputs });
    expect(shapes.map(([rows]) => rows)).toEqual([1, 2, 1]);
    expect(floats(answer)).toEqual([1, 0, 2, 0, 3, 1, 4, 0]);
  });

  test('fills a fixed batch, and the rows that fill it are not answered', async () => {
    const stage = await stageOf({
      inputs: [{ name: 'x', dtype: 'FP32', shape: [4, 1, null, null] }],
    });
    const inputs = [images('images', ...[1, 2, 3, 4, 5].map((value) => [value, 2, 2]))];
    const { shapes, ...answer } = await infer(stage, { inputs });
    expect(shapes.map(([rows]) => rows)).toEqual([4, 4]);
    expect(floats(answer)).toEqual([1, 0, 2, 1, 3, 2, 4, 3, 5, 0]);
    expect(answer.outputs[0]?.shape).toEqual([5, 2]);
  });

  test('of several runs is refused where the outputs have no row for each picture', async () => {
    const stage = await stageOf({
      inputs: [{ name: 'x', dtype: 'FP32', shape: [1, 1, null, null] }],
      outputs: [{ name: 'y', dtype: 'FP32', shape: [2] }],
    });
    const inputs = [images('images', [1, 2, 2], [2, 2, 2])];
    await expect(infer(stage, { inputs })).rejects.toMatchObject({
      code: 'INPUT_DATA_INVALID',
      message: expect.stringContaining(
        "it holds several pictures, and output 'y' is [2] for a run of 1, without a row for each",
      ),
    });
    const one = await infer(stage, { inputs: [images('images', [1, 2, 2])] });
    expect(one.outputs).toMatchObject([{ shape: [2] }]);
  });

  test('is read by a function that is told the signature', async () => {
    const told: string[] = [];
    const answer = await infer(await stageOf(), {
      signature: 'jpeg',
      inputs: async ({ name }) => {
        told.push(name);
        return [two];
      },
    });
    expect([told, answer.outputs.length]).toEqual([['jpeg'], 1]);
  });
});

describe('refused:', () => {
  test.each<[string, NamedTensor, string]>([
    ['INPUT_DATA_INVALID', images('images'), "input 'images' is invalid: it holds no picture"],
    ['INPUT_SHAPE_MISMATCH', { ...images('images', [1, 1, 1]), shape: [1, 1] }, 'Expected [-1]'],
    ['INPUT_DATA_INVALID', { ...images('images', [1, 1, 1]), shape: [2] }, 'it has 1 elements'],
    ['PICTURE_EMPTY', images('images', [1, 2, 2], [1, 0, 0]), 'picture 2 (input images) is empty'],
    [
      'TOO_MANY_PICTURES',
      images('images', [1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1]),
      '4 pictures, more than the limit of 3',
    ],
  ])('%s', async (code, tensor, message) => {
    const stage = await stageOf();
    await expect(infer(stage, { inputs: [tensor] }, 3)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
    expect(stage.served.waiting + stage.served.running).toBe(0);
  });

  test('a signature that is not there, before anything is read', async () => {
    const inputs = () => {
      throw new Error('read');
    };
    const asked = infer(await stageOf(), { signature: 'other', inputs });
    await expect(asked).rejects.toMatchObject({ code: 'SIGNATURE_NOT_FOUND' });
  });

  test('tensors where pictures are taken, and pictures where tensors are', async () => {
    const pixels: NamedTensor = {
      name: 'picture',
      dtype: 'FP32',
      shape: [1],
      data: new Uint8Array(4),
    };
    const asked = infer(await stageOf(), { signature: 'jpeg', inputs: [pixels] });
    await expect(asked).rejects.toMatchObject({ code: 'INPUT_DTYPE_MISMATCH' });
    const inputs = [images('x', [1, 1, 1])];
    const other = infer(await stageOf(), { signature: 'serving_default', inputs });
    await expect(other).rejects.toMatchObject({ code: 'INPUT_DTYPE_MISMATCH' });
  });
});
