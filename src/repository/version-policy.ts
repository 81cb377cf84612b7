/**
 * Which of a model's versions to serve: a pure function of the policy and what is there.
 */

import type { ModelYaml } from '../config/model-yaml.ts';

/** Versions in rising order in, the ones to serve out, in rising order. */
export function selectVersions<T extends { readonly version: string }>(
  policy: ModelYaml['versions'],
  found: readonly T[],
): T[] {
  if (policy.policy === 'all') return [...found];
  if (policy.policy === 'specific') {
    return found.filter(({ version }) => policy.list?.includes(Number(version)));
  }
  return found.slice(-(policy.count ?? 1));
}
