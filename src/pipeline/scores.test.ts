import { describe, expect, test } from 'vitest';
import { createRandom } from '../../test/models/random.ts';
import type { OutputYaml } from '../config/model-yaml.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import type { ScorePlan } from './scores.ts';
import { findScoreProblem, labelScores, planScores } from './scores.ts';

function scores(
  rows: readonly (readonly number[])[],
  dtype: 'FP16' | 'FP32' | 'FP64' = 'FP32',
): Tensor {
  const arrays = { FP16: Float16Array, FP32: Float32Array, FP64: Float64Array };
  const data = new Uint8Array(arrays[dtype].from(rows.flat()).buffer as ArrayBuffer);
  return { dtype, shape: [rows.length, rows[0]?.length ?? 0], data };
}

const plan = (changes: Partial<ScorePlan> = {}): ScorePlan => ({
  index: 0,
  name: 'y',
  activation: 'softmax',
  top: 5,
  ...changes,
});

const probabilities = (row: readonly number[], changes: Partial<ScorePlan> = {}): number[] => {
  const [labelled = []] = labelScores(scores([row]), plan({ top: row.length, ...changes }));
  return labelled
    .sort((a, b) => Number(a.label) - Number(b.label))
    .map(({ probability }) => probability);
};

describe('softmax', () => {
  test('gives what e to the powers give', () => {
    const [a, b, c] = [Math.exp(1), Math.exp(2), Math.exp(3)];
    const sum = a + b + c;
    const [x, y, z] = probabilities([1, 2, 3]) as [number, number, number];
    expect(x).toBeCloseTo(a / sum, 12);
    expect(y).toBeCloseTo(b / sum, 12);
    expect(z).toBeCloseTo(c / sum, 12);
  });

  test('of large logits does not overflow', () => {
    expect(probabilities([1e30, 0, -1e30])).toEqual([1, 0, 0]);
    expect(probabilities([3e38, 3e38])).toEqual([0.5, 0.5]);
  });

  test('sums to one and keeps the order, whatever the logits', () => {
    const random = createRandom(3);
    for (let i = 0; i < 200; i += 1) {
      const size = 10 ** (random() * 6);
      const row = Array.from({ length: 12 }, () => Math.fround((random() - 0.5) * size));
      const [found = []] = labelScores(scores([row]), plan({ top: 12 }));
      expect(found.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
      const sorted = [...row].sort((a, b) => b - a);
      expect(found.map(({ label }) => row[Number(label)])).toEqual(sorted);
    }
  });

  test('leaves masked classes out', () => {
    for (const activation of ['none', 'softmax'] as const) {
      const [found] = labelScores(scores([[0, -Infinity, 0]]), plan({ activation }));
      expect(found?.map(({ label }) => label)).toEqual(['0', '2']);
    }
    expect(probabilities([0, -Infinity, 0])).toEqual([0.5, 0.5]);
  });
});

test('auto leaves probabilities as they are and turns logits into some', () => {
  expect(probabilities([0.25, 0.75], { activation: 'auto' })).toEqual([0.25, 0.75]);
  expect(probabilities([0, 0], { activation: 'auto' })).toEqual([0.5, 0.5]);
  expect(probabilities([2, -1], { activation: 'auto' })[0]).toBeCloseTo(0.9526, 4);
});

test('sigmoid looks at each class alone', () => {
  expect(probabilities([0, 800, -800], { activation: 'sigmoid' })).toEqual([0.5, 1, 0]);
});

test.each(['FP16', 'FP32', 'FP64'] as const)('%s is read, wherever its view starts', (dtype) => {
  const whole = scores([[0.25, 0.75]], dtype);
  const shifted = Buffer.concat([Buffer.alloc(3), whole.data]).subarray(3);
  const [found] = labelScores({ ...whole, data: shifted }, plan({ activation: 'none' }));
  expect(found).toEqual([
    { label: '1', probability: 0.75 },
    { label: '0', probability: 0.25 },
  ]);
});

test('equal scores come in the order of their classes, and top may exceed the classes', () => {
  const [found] = labelScores(
    scores([[1, 3, 3, 3]]),
    plan({ top: 1000, labels: ['a', 'b', 'c', 'd'] }),
  );
  expect(found?.map(({ label }) => label)).toEqual(['b', 'c', 'd', 'a']);
});

test('each row gets its own predictions', () => {
  const found = labelScores(
    scores([
      [9, 0],
      [0, 9],
    ]),
    plan({ top: 1 }),
  );
  expect(found.map(([best]) => best?.label)).toEqual(['0', '1']);
});

test('trailing dimensions of one are no further classes', () => {
  const tensor = { ...scores([[0, 1, 2]]), shape: [1, 3, 1, 1] };
  expect(findScoreProblem(tensor, 1)).toBeUndefined();
  expect(labelScores(tensor, plan({ top: 1 }))[0]?.[0]?.label).toBe('2');
});

describe('an answer without predictions is found', () => {
  test.each<[string, Tensor, number]>([
    ['its highest score is NaN', scores([[1, Number.NaN]]), 1],
    ['its highest score is Infinity', scores([[Infinity, 0]]), 1],
    ['its highest score is -Infinity', scores([[-Infinity, -Infinity]]), 1],
    [
      'its highest score is NaN',
      scores([
        [1, 2],
        [Number.NaN, 1],
      ]),
      2,
    ],
    ['it is [1, 2] for 3 rows', scores([[1, 2]]), 3],
    ['it is [] for 1 row,', { ...scores([[1]]), shape: [] }, 1],
    ['it is [2] for 1 row,', { ...scores([[1, 2]]), shape: [2] }, 1],
    ['it is [1, 2, 2] for 1 row,', { ...scores([[1, 2, 3, 4]]), shape: [1, 2, 2] }, 1],
    ['it is [1, 0] for 1 row,', scores([[]]), 1],
  ])('%s', (problem, tensor, rows) => {
    expect(findScoreProblem(tensor, rows)).toContain(problem);
  });
});

describe('the output with the scores', () => {
  const yaml: OutputYaml = { activation: 'auto', top: 5, as: 'json' };
  const logits: TensorSpec = { name: 'logits', dtype: 'FP32', shape: [null, 10] };
  const boxes: TensorSpec = { name: 'boxes', dtype: 'FP32', shape: [null, 100, 4] };

  test('is the only float output of [rows, classes]', () => {
    const ids: TensorSpec = { name: 'ids', dtype: 'INT64', shape: [null, 10] };
    expect(planScores(yaml, undefined, [boxes, ids, logits]).plan).toMatchObject({
      index: 2,
      name: 'logits',
    });
  });

  test.each<[string, Partial<OutputYaml>, readonly string[] | undefined, TensorSpec[]]>([
    ['none of its outputs (boxes) is a float tensor', {}, undefined, [boxes]],
    [
      'several outputs look like scores (logits, more)',
      {},
      undefined,
      [logits, { ...logits, name: 'more' }],
    ],
    [
      'output.tensor is "probs", but its outputs are logits',
      { tensor: 'probs' },
      undefined,
      [logits],
    ],
    ['none of its outputs (logits, boxes)', { tensor: 'boxes' }, undefined, [logits, boxes]],
    ['there are 2 labels for 10 classes', {}, ['a', 'b'], [logits]],
    [
      'one value a row, which softmax would always make 1',
      {},
      undefined,
      [{ ...logits, shape: [null, 1] }],
    ],
  ])('is refused: %s', (problem, changes, labels, outputs) => {
    expect(planScores({ ...yaml, ...changes }, labels, outputs).problem).toContain(problem);
  });

  test.each([
    ['Softmax', 'none'],
    ['Sigmoid', 'none'],
    ['Gemm', 'softmax'],
    ['MatMul', 'softmax'],
    ['Identity', 'auto'],
  ])('made by %s has activation %s, unless model.yaml says another', (producedBy, activation) => {
    const outputs = [{ ...logits, producedBy }];
    expect(planScores(yaml, undefined, outputs).plan?.activation).toBe(activation);
    expect(
      planScores({ ...yaml, activation: 'sigmoid' }, undefined, outputs).plan?.activation,
    ).toBe('sigmoid');
  });

  test('may be one value a row when an activation is declared or in the graph', () => {
    const one = { ...logits, shape: [null, 1] };
    expect(planScores({ ...yaml, activation: 'sigmoid' }, undefined, [one]).plan).toBeDefined();
    expect(planScores(yaml, undefined, [{ ...one, producedBy: 'Sigmoid' }]).plan).toBeDefined();
  });
});
