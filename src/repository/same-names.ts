/**
 * Models that are called the same. A name means one model, so that of several it is the one that had the name
 * before, and of several that come at once none: which one is meant is not for us to guess.
 */

import { join, parse } from 'node:path';
import { ServingError } from '../errors.ts';
import type { SeenModel } from './repository.ts';

export interface NameHolders {
  /** One model a name, in the order of their first; what is wrong is in its head. */
  settle(seen: readonly SeenModel[]): SeenModel[];
}

/** Where a name can be given: to a loose file in one called like it, whatever else is taken for it. */
function yamlOf({ found: { folder, place, yamlPath } }: SeenModel): string {
  if (yamlPath !== undefined) return yamlPath;
  const { dir, name } = parse(place);
  return place === folder ? join(folder, 'model.yaml') : join(dir, `${name}.yaml`);
}

function clashOf(models: readonly SeenModel[], served: SeenModel | undefined): ServingError {
  const others = models.filter((model) => model !== served);
  return new ServingError('MODEL_NAME_TWICE', {
    model: models[0]?.name ?? '',
    places: models.map(({ found }) => found.place),
    served: served?.found.place,
    yaml: yamlOf(others.at(-1) as SeenModel),
  });
}

/** It stands for all of them: its versions are no one's, and others are found when one is left. */
function refuse(models: readonly SeenModel[]): SeenModel {
  const [first] = models as [SeenModel, ...SeenModel[]];
  const problem = clashOf(models, undefined);
  const onDisk = first.found.versions
    .slice(-1)
    .map(({ version }) => ({ version, stamp: problem.message, settled: true }));
  return { ...first, head: { ...first.head, problem }, onDisk };
}

export function createNameHolders(): NameHolders {
  /** Where the model of each name was at the last look. */
  let places = new Map<string, string>();

  function settleOne(name: string, models: readonly SeenModel[]): SeenModel {
    const [first] = models as [SeenModel, ...SeenModel[]];
    if (models.length === 1) return first;
    const served = models.find(({ found }) => found.place === places.get(name));
    if (!served) return refuse(models);
    const warnings = [clashOf(models, served).message];
    return { ...served, head: { ...served.head, warnings } };
  }

  return {
    settle(seen) {
      const next = new Map<string, string>();
      const settled: SeenModel[] = [];
      for (const [name, models] of Map.groupBy(seen, (one) => one.name)) {
        const one = settleOne(name, models);
        settled.push(one);
        if (one.head.problem?.code !== 'MODEL_NAME_TWICE') next.set(name, one.found.place);
      }
      places = next;
      return settled;
    },
  };
}
