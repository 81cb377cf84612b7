/** Requests by model, version and code. */

import type { ErrorCode } from '../errors.ts';
import type { Sample } from './exposition.ts';

export type RequestCode = ErrorCode | 'OK';

/** There from the start with 0, so that a rate sees the first one too. */
const expectedCodes: readonly RequestCode[] = [
  'OK',
  'QUEUE_FULL',
  'DEADLINE_UNREACHABLE',
  'DEADLINE_EXCEEDED',
  'RUN_FAILED',
  'RUNNER_DIED',
];

type Counts = Map<string, number>;

export class RequestCounts {
  private readonly models = new Map<string, Map<string, Counts>>();

  /** Shows the version with zeros. */
  expect(model: string, version: string): void {
    const counts = this.countsOf(model, version);
    for (const code of expectedCodes) counts.set(code, counts.get(code) ?? 0);
  }

  add(model: string, version: string, code: string): void {
    const counts = this.countsOf(model, version);
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }

  samples(): Sample[] {
    const samples: Sample[] = [];
    for (const [model, versions] of this.models) {
      for (const [version, counts] of versions) {
        for (const [code, value] of counts)
          samples.push({ labels: { model, version, code }, value });
      }
    }
    return samples;
  }

  private countsOf(model: string, version: string): Counts {
    const versions = this.models.get(model) ?? new Map<string, Counts>();
    if (versions.size === 0) this.models.set(model, versions);
    const counts = versions.get(version) ?? new Map<string, number>();
    if (counts.size === 0) versions.set(version, counts);
    return counts;
  }
}
