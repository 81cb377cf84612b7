/**
 * Shadow traffic: copies of requests run on another version, are compared and counted, and never answered.
 *
 * A copy runs after the answer is there, with low priority, where the other version takes the same inputs.
 * Nobody waits for it, and what it throws reaches nobody. Does not own which version that is (traffic.ts).
 */

import { systemClock } from '../batching/clock.ts';
import type { FrameTensor } from '../runner/frames.ts';
import { compareOutputs } from './compare-outputs.ts';
import type { ModelRegistry } from './model-registry.ts';
import { serves } from './model-registry.ts';
import { createRequestLives } from './request-life.ts';
import type { ServedVersion } from './served-version.ts';
import type { ShadowRule } from './traffic.ts';
import { versionOf } from './traffic.ts';
import type { RunAnswer, RunRequest } from './version-queue.ts';

/** skipped: no room, or other inputs; failed: it gave an error. */
export type ShadowResult = 'same' | 'different' | 'failed' | 'skipped';

export interface ShadowOutcome {
  readonly model: string;
  /** The version that ran the copy. */
  readonly version: string;
  readonly result: ShadowResult;
}

export interface Shadow {
  /** The same version, whose runs are also run by its shadow; undefined when none follows this request. */
  follow(served: ServedVersion, registry: ModelRegistry): ServedVersion | undefined;
}

export interface ShadowOptions {
  readonly onOutcome: (outcome: ShadowOutcome) => void;
  readonly random?: (() => number) | undefined;
  /** Copies under way at a time, and the bytes of their inputs: beyond that they are skipped. */
  readonly mostRuns?: number | undefined;
  readonly mostBytes?: number | undefined;
}

function bytesOf(tensors: readonly FrameTensor[]): number {
  let total = 0;
  for (const { chunks } of tensors) for (const chunk of chunks) total += chunk.byteLength;
  return total;
}

function takesTheSame(a: ServedVersion, b: ServedVersion): boolean {
  const inputs = ({ version }: ServedVersion): string => JSON.stringify(version.signature?.inputs);
  const pictures = ({ pictures }: ServedVersion): string => JSON.stringify(pictures?.plan);
  return inputs(a) === inputs(b) && pictures(a) === pictures(b);
}

export function createShadow(options: ShadowOptions): Shadow {
  const { onOutcome, random = Math.random, mostRuns = 16, mostBytes = 64 * 1024 ** 2 } = options;
  const lives = createRequestLives(systemClock);
  const comparable = new WeakMap<ServedVersion, WeakMap<ServedVersion, boolean>>();
  let runs = 0;
  let bytes = 0;

  function areComparable(a: ServedVersion, b: ServedVersion): boolean {
    const known = comparable.get(a) ?? new WeakMap<ServedVersion, boolean>();
    comparable.set(a, known);
    const same = known.get(b) ?? takesTheSame(a, b);
    known.set(b, same);
    return same;
  }

  async function runCopy(
    shadow: ServedVersion,
    request: RunRequest,
    answer: RunAnswer,
    { tolerance }: ShadowRule,
  ): Promise<ShadowResult> {
    const acceptedAt = systemClock.now();
    const limitMs = shadow.timeLimitMs;
    const life = lives.open({ model: shadow.model.name, acceptedAt, limitMs, priority: 'low' });
    shadow.hold();
    try {
      const { outputs } = await shadow.run({ ...request, admitted: false }, life);
      return compareOutputs(answer.outputs, outputs, tolerance) ? 'same' : 'different';
    } catch {
      return 'failed';
    } finally {
      shadow.release();
      life.close();
    }
  }

  async function copy(
    served: ServedVersion,
    shadow: ServedVersion,
    request: RunRequest,
    answer: RunAnswer,
    rule: ShadowRule,
  ): Promise<void> {
    const size = bytesOf(request.inputs) + bytesOf(answer.outputs);
    const room = runs < mostRuns && bytes + size <= mostBytes;
    const tell = (result: ShadowResult): void =>
      onOutcome({ model: shadow.model.name, version: shadow.version.version, result });
    if (!room || !areComparable(served, shadow)) {
      tell('skipped');
      return;
    }
    runs += 1;
    bytes += size;
    const result = await runCopy(shadow, request, answer, rule);
    runs -= 1;
    bytes -= size;
    tell(result);
  }

  return {
    follow(served, registry) {
      const registered = registry.find(served.model.name);
      const rules = registry.rulesOf(registered);
      const { shadow: rule } = rules;
      if (!rule) return undefined;
      const version = versionOf(rules, rule.to);
      if (version === undefined || version === served.version.version) return undefined;
      const shadow = registered.versions.findLast(
        (one) => one.version.version === version && serves(one),
      );
      if (!shadow || random() * 100 >= rule.percent) return undefined;
      const run: ServedVersion['run'] = async (request, life) => {
        const answer = await served.run(request, life);
        void copy(served, shadow, request, answer, rule);
        return answer;
      };
      // Its getters stay getters.
      return Object.create(served, { run: { value: run } }) as ServedVersion;
    },
  };
}
