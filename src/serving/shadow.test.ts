import { describe, expect, test } from 'vitest';
import { defaultModelYaml } from '../config/model-yaml.ts';
import type { FrameTensor } from '../runner/frames.ts';
import { compareOutputs } from './compare-outputs.ts';
import { newLife } from './life.fixture.ts';
import type { ModelRegistry } from './model-registry.ts';
import { createModelRegistry } from './model-registry.ts';
import { settle } from './runner.fixture.ts';
import type { ShadowOptions } from './shadow.ts';
import { createShadow } from './shadow.ts';
import type { VersionOptions, VersionStage } from './version.fixture.ts';
import { createReadyStage, readModelOf } from './version.fixture.ts';

const floats = (...values: number[]): FrameTensor => ({
  index: 0,
  dtype: 'FP32',
  shape: [1, values.length],
  chunks: [new Uint8Array(Float32Array.from(values).buffer)],
});

describe('outputs are the same', () => {
  test.each<[string, FrameTensor, FrameTensor, boolean]>([
    ['when they are equal', floats(1, 2), floats(1, 2), true],
    ['within the tolerance', floats(1000), floats(1000.9), true],
    ['but not beyond it', floats(1000), floats(1001.5), false],
    ['when both are no numbers', floats(Number.NaN), floats(Number.NaN), true],
    ['but not when one is none', floats(Number.NaN), floats(1), false],
    [
      'when both are infinite',
      floats(Number.POSITIVE_INFINITY),
      floats(Number.POSITIVE_INFINITY),
      true,
    ],
    [
      'but not with another sign',
      floats(Number.POSITIVE_INFINITY),
      floats(Number.NEGATIVE_INFINITY),
      false,
    ],
    ['when tiny numbers differ', floats(1e-9), floats(3e-8), true],
    ['but not in another shape', floats(1, 2), { ...floats(1, 2), shape: [2, 1] }, false],
    ['but not of another type', floats(1), { ...floats(1), dtype: 'INT32' }, false],
    [
      'byte by byte where they are no floats',
      { ...floats(1), dtype: 'INT32' },
      { ...floats(1.0000001), dtype: 'INT32' },
      false,
    ],
    [
      'at any offset in their buffer',
      {
        ...floats(1),
        chunks: [
          new Uint8Array(
            Buffer.concat([Buffer.alloc(3), Buffer.from(Float32Array.of(1).buffer)]),
          ).subarray(3),
        ],
      },
      floats(1),
      true,
    ],
  ])('%s', (_, a, b, expected) => {
    expect(compareOutputs([a], [b], 1e-3)).toBe(expected);
  });

  test('not when one has more of them', () => {
    expect(compareOutputs([floats(1)], [floats(1), floats(2)], 1)).toBe(false);
  });
});

interface Stage {
  readonly one: VersionStage;
  readonly two: VersionStage;
  readonly registry: ModelRegistry;
  readonly results: string[];
  /** Asks version 1 and lets it answer. */
  ask(value: number): Promise<readonly FrameTensor[]>;
  /** Lets version 2 answer its copy. */
  answerCopy(value: number): Promise<void>;
}

async function createStage(
  options: Partial<ShadowOptions> = {},
  second: VersionOptions = {},
): Promise<Stage> {
  const one = await createReadyStage({ version: '1' });
  const two = await createReadyStage({ ...second, version: '2' });
  const versions = [one.served, two.served];
  const config = defaultModelYaml();
  const model = {
    ...readModelOf(
      {},
      versions.map(({ version }) => version),
    ),
    config: {
      ...config,
      versions: { ...config.versions, shadow: { to: '2', percent: 50, tolerance: 1e-3 } },
    },
  };
  const registry = createModelRegistry([{ model, versions }], undefined);
  const results: string[] = [];
  const shadow = createShadow({
    onOutcome: ({ version, result }) => results.push(`${version} ${result}`),
    random: () => 0,
    ...options,
  });
  return {
    one,
    two,
    registry,
    results,
    async ask(value) {
      const followed = shadow.follow(one.served, registry) ?? one.served;
      const answer = followed.run({ inputs: [floats(value, 0)], wanted: 0 }, newLife());
      await settle();
      one.runner.runs[0]?.finish([floats(value, 0)]);
      const { outputs } = await answer;
      await settle();
      return outputs;
    },
    async answerCopy(value) {
      two.runner.runs[0]?.finish([floats(value, 0)]);
      await settle();
    },
  };
}

describe('a shadow', () => {
  test.each([
    [7, '2 same'],
    [8, '2 different'],
  ])(
    'gets a copy when the answer is there; its own, %d, is counted and not returned',
    async (value, expected) => {
      const stage = await createStage();
      expect(await stage.ask(7)).toEqual([floats(7, 0)]);
      expect(stage.two.runner.runs).toHaveLength(1);
      await stage.answerCopy(value);
      expect(stage.results).toEqual([expected]);
      expect(stage.two.served.holders).toBe(0);
    },
  );

  test('gets its share only', async () => {
    let point = 0.49;
    const stage = await createStage({ random: () => point });
    await stage.ask(1);
    expect(stage.two.runner.runs).toHaveLength(1);
    await stage.answerCopy(1);
    point = 0.5;
    await stage.ask(1);
    expect(stage.two.runner.runs).toHaveLength(0);
    expect(stage.results).toEqual(['2 same']);
  });

  test('that fails hurts nobody', async () => {
    const stage = await createStage();
    await stage.ask(1);
    stage.two.runner.runs[0]?.fail(new Error('no'));
    await settle();
    stage.two.runner.runs[0]?.fail(new Error('no'));
    await settle();
    expect(stage.results).toEqual(['2 failed']);
  });

  test('gets no more copies than there is room for', async () => {
    const stage = await createStage({ mostRuns: 1 });
    await stage.ask(1);
    await stage.ask(2);
    expect(stage.results).toEqual(['2 skipped']);
    await stage.answerCopy(1);
    expect(stage.results).toEqual(['2 skipped', '2 same']);
  });

  test('with other inputs gets none', async () => {
    const inputs = [{ name: 'other', dtype: 'FP32', shape: [null, 2] }] as const;
    const stage = await createStage({}, { inputs });
    await stage.ask(1);
    expect(stage.results).toEqual(['2 skipped']);
    expect(stage.two.runner.runs).toHaveLength(0);
  });

  test('that does not serve, or is the version itself, is none', async () => {
    const stage = await createStage();
    const shadow = createShadow({ onOutcome: () => {}, random: () => 0 });
    expect(shadow.follow(stage.two.served, stage.registry)).toBeUndefined();
    await stage.two.served.stop();
    expect(shadow.follow(stage.one.served, stage.registry)).toBeUndefined();
  });
});
