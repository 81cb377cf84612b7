import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { WrittenNode } from '../../../../test/models/graph-def.ts';
import { attribute, constant, input, writeGraphDef } from '../../../../test/models/graph-def.ts';
import {
  feedsOf,
  openCase,
  runSignature,
  unpack,
} from '../../../../test/models/tensorflow-cases.ts';

const number = (name: string, value: number, sizes: readonly number[] = []): WrittenNode =>
  constant(name, attribute.floats(sizes, [value]));

interface Form {
  readonly shift?: WrittenNode;
  readonly op?: 'Mul' | 'RealDiv';
  readonly factor?: WrittenNode;
  /** The factor comes first. */
  readonly isTurned?: boolean;
}

/** clip(x + shift, 0, 6), then times or by the factor. */
function graphOf({ shift = number('three', 3), op = 'RealDiv', ...rest }: Form): WrittenNode[] {
  const { factor = number('six', 6), isTurned = false } = rest;
  const operands = isTurned ? [factor.name, 'clipped'] : ['clipped', factor.name];
  return [
    input(),
    shift,
    factor,
    { name: 'sum', op: 'AddV2', inputs: ['x', shift.name] },
    { name: 'clipped', op: 'Relu6', inputs: ['sum'] },
    { name: 'y', op, inputs: operands },
  ];
}

const xs = [-7, -3, -2.75, -1.5, 0, 0.25, 2.5, 2.75, 3, 3.5, 6, 9];

/** The operators of the converted graph, and what it answers to `xs`. */
async function converted(form: Form): Promise<{ ops: string[]; answer: number[] }> {
  using folder = unpack({});
  writeFileSync(join(folder.path, 'model.pb'), writeGraphDef(graphOf(form)));
  using model = openCase(folder.path);
  const [signature] = model.signatures;
  if (!signature) throw new Error('no signature');
  const data = Buffer.from(Float32Array.from(xs).buffer).toString('base64');
  const [named] = signature.inputs;
  const inputs = { [named?.name ?? '']: { dtype: 'float32', shape: [xs.length / 4, 4], data } };
  const results = await runSignature(signature, model, feedsOf(signature, inputs), 'all');
  const [made] = Object.values(results);
  return {
    ops: signature.graph.nodes.map(({ op }) => op),
    answer: Array.from(made?.data as Float32Array),
  };
}

const clipped = (x: number, shift = 3): number => Math.min(Math.max(x + shift, 0), 6);

const expectClose = (answer: readonly number[], wanted: (x: number) => number): void => {
  expect(answer.length).toBe(xs.length);
  for (const [i, x] of xs.entries()) expect(answer[i]).toBeCloseTo(wanted(x), 5);
};

test.each([
  ['by 6, as Keras has it', {}],
  ['times a sixth, as keras.applications has it', { op: 'Mul', factor: number('sixth', 1 / 6) }],
  ['a sixth times it', { op: 'Mul', factor: number('sixth', 1 / 6), isTurned: true }],
  [
    'with numbers that have axes',
    { shift: number('three', 3, [1]), factor: number('six', 6, [1]) },
  ],
] as const)('clip(x + 3, 0, 6) %s is one HardSigmoid', async (_, form) => {
  const { ops, answer } = await converted(form);
  expect(ops).toEqual(['HardSigmoid']);
  expectClose(answer, (x) => clipped(x) / 6);
});

test.each<[string, Form, (x: number) => number]>([
  ['another summand', { shift: number('two', 2) }, (x) => clipped(x, 2) / 6],
  ['another divisor', { factor: number('five', 5) }, (x) => clipped(x) / 5],
  ['a product with 6', { op: 'Mul' }, (x) => clipped(x) * 6],
  [
    'a factor near a sixth',
    { op: 'Mul', factor: number('near', 0.167) },
    (x) => clipped(x) * 0.167,
  ],
  ['6 by it', { isTurned: true }, (x) => 6 / clipped(x)],
])('%s is computed as it stands', async (_, form, wanted) => {
  const { ops, answer } = await converted(form);
  expect(ops).not.toContain('HardSigmoid');
  const finite = xs.map(wanted);
  for (const [i, value] of finite.entries()) {
    if (Number.isFinite(value)) expect(answer[i]).toBeCloseTo(value, 3);
  }
});

test('a number of more axes than the tensor still makes its result larger', async () => {
  const { ops } = await converted({ factor: number('six', 6, [1, 1, 1]) });
  expect(ops).not.toContain('HardSigmoid');
});
