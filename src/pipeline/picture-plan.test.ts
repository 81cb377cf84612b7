import { describe, expect, test } from 'vitest';
import { parseModelYaml } from '../config/model-yaml.ts';
import type { DType } from '../tensor/dtype.ts';
import type { Dimension, TensorSpec } from '../tensor/tensor-spec.ts';
import type { PictureDecision } from './picture-plan.ts';
import { planPictures } from './picture-plan.ts';

const input = (shape: readonly Dimension[], dtype: DType = 'FP32', name = 'x'): TensorSpec => ({
  name,
  dtype,
  shape,
});

const nchw = input([null, 3, 32, 32]);

/** `lines`: what stands in model.yaml's `input:`, in one line. */
function plan(lines: string | undefined, ...inputs: TensorSpec[]): PictureDecision {
  const yaml = lines === undefined ? '' : `input: {${lines}}`;
  return planPictures(parseModelYaml(yaml, 'model.yaml').input, inputs);
}

const complete = 'color: rgb, scale: 1, resize: {mode: exact}';

test.each<[string, TensorSpec, object]>([
  ['NCHW', nchw, { layout: 'NCHW', height: 32, width: 32, channels: 3, fixedBatch: null }],
  ['NHWC', input([null, 20, 30, 3]), { layout: 'NHWC', height: 20, width: 30, channels: 3 }],
  ['open sizes', input([null, 3, null, null]), { layout: 'NCHW', height: null, width: null }],
  ['a fixed batch', input([4, 3, 8, 8]), { fixedBatch: 4 }],
])('%s is read from the shape', (_, spec, expected) => {
  const size = 'color: rgb, scale: 1, resize: {mode: exact, size: [20, 30]}';
  const text =
    spec.shape.includes(20) || (spec.shape.includes(null) && !spec.shape.includes(32))
      ? size
      : complete;
  expect(plan(text, spec).plan).toMatchObject(expected);
});

test("sizes that are left out are the model's own", () => {
  const { plan: made } = plan(
    'color: rgb, scale: 1, resize: {mode: exact}, crop: {}',
    input([null, 3, 20, 30]),
  );
  expect(made?.geometry).toMatchObject({
    resize: { mode: 'exact', height: 20, width: 30 },
    crop: { height: 20, width: 30 },
  });
  const edge = plan(
    'color: rgb, scale: 1, resize: {mode: shortest-edge}, crop: {}',
    input([null, 3, 20, 30]),
  );
  expect(edge.plan?.geometry.resize).toEqual({ mode: 'shortest-edge', size: 20 });
});

test('a preset fills in everything, and model.yaml overrides any of it', () => {
  const spec = input([null, 3, 224, 224]);
  expect(plan('preset: torchvision/resnet50', spec).plan).toMatchObject({
    geometry: {
      color: 'rgb',
      resize: { mode: 'shortest-edge', size: 256 },
      crop: { height: 224, width: 224 },
      filter: 'bilinear',
      antialias: true,
    },
    normalisation: { scale: 1 / 255, mean: [0.485, 0.456, 0.406] },
  });
  const overridden = plan(
    'preset: torchvision/resnet50, color: bgr, mean: [0, 0, 0], crop: {size: 224}',
    spec,
  );
  expect(overridden.plan).toMatchObject({
    geometry: { color: 'bgr' },
    normalisation: { mean: [0, 0, 0], std: [0.229, 0.224, 0.225] },
  });
});

test('mean and std left out change nothing', () => {
  expect(plan(complete, nchw).plan?.normalisation).toEqual({
    scale: 1,
    mean: [0, 0, 0],
    std: [1, 1, 1],
  });
  const gray = plan('color: gray, scale: 1, resize: {mode: exact}', input([null, 1, 28, 28]));
  expect(gray.plan?.normalisation).toEqual({ scale: 1, mean: [0], std: [1] });
});

test('a crop larger than the resize is the business of the padding', () => {
  const { plan: made } = plan(
    'color: rgb, scale: 1, resize: {mode: shortest-edge, size: 16}, crop: {size: 32}',
    nchw,
  );
  expect(made?.geometry.crop).toEqual({ height: 32, width: 32 });
});

describe('refused, with the reason:', () => {
  test.each<[string, string | undefined, TensorSpec[]]>([
    ['its model.yaml does not say how a picture becomes its input', undefined, [nchw]],
    ['input.color is missing', 'scale: 1', [nchw]],
    ['input.scale is missing', 'color: rgb', [nchw]],
    [
      "color gray has 1 channels, but input 'x' takes 3",
      'color: gray, scale: 1, resize: {mode: exact}',
      [nchw],
    ],
    ['mean has 1 values for 3 channels', `${complete}, mean: [0.5]`, [nchw]],
    ['std has 4 values for 3 channels', `${complete}, std: [1, 1, 1, 1]`, [nchw]],
    [
      'mean has 3 values for 1 channels',
      'preset: keras/tf, color: gray',
      [input([null, 1, 28, 28])],
    ],
    [
      "resize and crop give 224×224 (height×width), but input 'x' takes 32×32",
      'preset: torchvision/resnet50',
      [nchw],
    ],
    [
      "but input 'x' takes any×32",
      `color: rgb, scale: 1, resize: {mode: exact, size: 64}`,
      [input([null, 3, null, 32])],
    ],
    [
      'shortest-edge gives pictures of different sizes',
      'color: rgb, scale: 1, resize: {mode: shortest-edge, size: 32}',
      [nchw],
    ],
    [
      "resize has no size, and input 'x' leaves its height and width open",
      complete,
      [input([null, 3, null, null])],
    ],
    ['crop has no size', 'color: rgb, scale: 1, crop: {}', [input([null, 3, null, null])]],
    ['resize has no size', 'preset: keras/tf', [input([null, null, null, 3])]],
    ['it has 2 inputs (x, y)', complete, [nchw, input([null, 2], 'FP32', 'y')]],
    ['it has 0 inputs', complete, []],
    ['input.tensor is "pixels", but its inputs are x', `${complete}, tensor: pixels`, [nchw]],
    ["input 'x' is INT64", complete, [input([null, 3, 32, 32], 'INT64')]],
    ["input 'x' is [?, 64], not [batch,", complete, [input([null, 64])]],
    ["input 'x' is of unknown rank", complete, [{ ...input([]), anyShape: true }]],
    ['does not tell where its channels are', complete, [input([null, 3, 32, 3])]],
    ['does not tell where its channels are', complete, [input([null, null, null, null])]],
    [
      "color rgb has 3 channels, but input 'x' takes 4",
      `${complete}, layout: NCHW`,
      [input([null, 4, 32, 32])],
    ],
    [
      'takes the bytes as they are, so scale, mean would do nothing',
      'color: rgb, scale: 1, mean: [1, 1, 1]',
      [input([null, 3, 32, 32], 'UINT8')],
    ],
  ])('%s', (reason, lines, inputs) => {
    expect(plan(lines, ...inputs).problem?.reason).toContain(reason);
  });
});

test('the preset none passes the pixels through, for a model that scales them itself', () => {
  const yaml =
    'preset: none, color: rgb, resize: {mode: exact, filter: bilinear, antialias: false}';
  expect(plan(yaml, input([null, 180, 180, 3])).plan).toMatchObject({
    geometry: { color: 'rgb', resize: { mode: 'exact', height: 180, width: 180 } },
    normalisation: { scale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
  });
});

describe('the proposed lines work when they are pasted:', () => {
  test.each<[string, TensorSpec]>([
    ['NCHW', nchw],
    ['NHWC', input([1, 20, 30, 3])],
    ['gray', input([null, 1, 28, 28])],
    ['open sizes', input([null, 3, null, null])],
    ['one open side', input([null, 3, null, 224])],
    ['bytes', input([null, 64, 64, 3], 'UINT8')],
    ['no layout in the shape', input([null, 3, 32, 3])],
    ['nothing in the shape', input([null, null, null, null])],
  ])('%s', (_, spec) => {
    const yaml = planPictures(undefined, [spec]).problem?.yaml ?? '';
    const pasted = planPictures(parseModelYaml(yaml, 'model.yaml').input, [spec]);
    expect(pasted.problem?.reason).toBeUndefined();
  });

  test('a declared layout is kept', () => {
    const spec = input([null, null, null, null]);
    const { problem } = plan('layout: NHWC', spec);
    expect(parseModelYaml(problem?.yaml ?? '', 'model.yaml').input?.layout).toBe('NHWC');
  });

  test.each<[string, TensorSpec[]]>([
    ['a table', [input([null, 64])]],
    ['two inputs', [nchw, nchw]],
    ['four channels', [input([null, 4, 32, 32])]],
    ['integers', [input([null, 3, 32, 32], 'INT32')]],
  ])('none are proposed for %s', (_, inputs) => {
    expect(planPictures(undefined, inputs).problem?.yaml).toBe('');
  });
});

test('the decoder is Pillow unless model.yaml says TensorFlow, which fast contradicts', () => {
  const planOf = (yaml: object) =>
    planPictures({ color: 'rgb', scale: 1, ...yaml }, [
      { name: 'x', dtype: 'FP32', shape: [null, 8, 8, 3] },
    ]);
  expect(planOf({}).plan?.geometry.decoder).toBe('pillow');
  expect(planOf({ decoder: 'tensorflow' }).plan?.geometry.decoder).toBe('tensorflow');
  const { problem } = planOf({ decoder: 'tensorflow', fast: true });
  expect(problem?.reason).toContain('remove one of them');
});
