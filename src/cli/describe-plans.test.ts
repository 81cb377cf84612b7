import { expect, test } from 'vitest';
import { parseModelYaml } from '../config/model-yaml.ts';
import { planPictures } from '../pipeline/picture-plan.ts';
import { planSignatures } from '../serving/signatures.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import { describePictures, describeScores, describeSignatures } from './describe-plans.ts';

const spec = (shape: (number | null)[], dtype: 'FP32' | 'UINT8' = 'FP32'): TensorSpec => ({
  name: 'x',
  dtype,
  shape,
});

function describeYaml(input: string, tensor: TensorSpec): string {
  const yaml = parseModelYaml(`input: {${input}}`, 'model.yaml').input;
  return describePictures(planPictures(yaml, [tensor])).join('\n');
}

test('a preset is described in full', () => {
  expect(describeYaml('preset: torchvision/resnet50', spec([null, 3, 224, 224]))).toBe(
    `pictures    rgb → resize the shorter side to 256 (bilinear) → crop the centre 224×224
            → (byte × 0.00392157 − [0.485, 0.456, 0.406]) ÷ [0.229, 0.224, 0.225] → 'x' NCHW`,
  );
});

test.each([
  ['color: gray, scale: 1', spec([null, 8, 8, 1]), 'no resize: pictures must have the right size'],
  [
    'color: rgb, resize: {mode: exact, antialias: false, filter: nearest}',
    spec([null, 8, 9, 3], 'UINT8'),
    'resize to 8×9 (nearest, no antialias)',
  ],
  ['color: rgb, resize: {mode: exact}', spec([null, 8, 9, 3], 'UINT8'), 'bytes as they are'],
  [
    'color: rgb, scale: 1, fast: true, resize: {mode: exact}',
    spec([null, 3, 8, 9]),
    "sharp's own filter (fast)",
  ],
])('{%s} is described', (input, tensor, text) => {
  expect(describeYaml(input, tensor)).toContain(text);
});

test('what is missing comes with the lines to add, where lines would help', () => {
  expect(describePictures(planPictures(undefined, [spec([null, 3, 8, 8])]))).toContain(
    '              input:',
  );
  expect(describePictures(planPictures(undefined, [spec([null, 64])]))).toHaveLength(1);
  expect(describePictures(undefined)).toEqual([]);
});

test('answers are described', () => {
  const plan = { index: 0, name: 'y', activation: 'auto', top: 3, labels: ['a', 'b'] } as const;
  expect(describeScores({ plan })).toBe(
    "top 3 of 'y' (softmax unless they are probabilities already), 2 labels",
  );
  expect(describeScores({ plan: { ...plan, activation: 'none', labels: undefined } })).toBe(
    "top 3 of 'y' (none), no labels: class numbers",
  );
  expect(describeScores({ problem: 'it has none' })).toBe('no labels: it has none');
  expect(describeScores(undefined)).toBe('unknown');
});

test('signatures beside the graph’s own are described', () => {
  const graph = { inputs: [spec([null, 3, 8, 8])], outputs: [spec([null, 2])] };
  const { input, signatures } = parseModelYaml(
    'input: {color: rgb, scale: 1}\nsignatures: {raw: {takes: tensors, inputs: {a: x}, outputs: {b: x}}}',
    'model.yaml',
  );
  const planned = planSignatures(signatures, graph, planPictures(input, graph.inputs));
  expect(describeSignatures(planned)).toEqual([
    'signatures  predict_images: images (encoded pictures) → x',
    '            raw: a → b',
  ]);
  expect(describeSignatures(undefined)).toEqual([]);
});
