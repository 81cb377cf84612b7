/**
 * The heads of models as they were read, kept for as long as the files that they were read from stay as
 * they are; and what requests said in the place of a model.yaml.
 */

import { join } from 'node:path';
import type { ModelOverrides } from '../config/model-yaml.ts';
import type { FoundModel } from './find-models.ts';
import type { HeadChanges, ModelHead } from './read-model.ts';
import { readHead } from './read-model.ts';
import type { ContentStamp } from './version-stamp.ts';
import { stampOfFiles } from './version-stamp.ts';

// Not imported: as an ES module node:crypto evaluates Web Crypto too (docs/decisions/start-up.md).
const { createHash } = process.getBuiltinModule('node:crypto');

export interface KnownHead {
  readonly head: ModelHead;
  /** Of model.yaml and the files that it names, which all versions share. */
  readonly shared: ContentStamp;
  /** Of what it says about how versions are served. */
  readonly meaning: string;
}

interface Kept extends KnownHead {
  /** Of what it was read from. */
  readonly stamp: string;
  /** Files that its model.yaml names. */
  readonly named: readonly string[];
}

export interface KnownHeads {
  read(found: FoundModel, changes: HeadChanges): KnownHead;
  /** Takes the place of what a model.yaml says of these; undefined: nothing does. Gives what did before. */
  override(model: string, overrides: ModelOverrides | undefined): ModelOverrides | undefined;
}

const shortHash = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 16);

function meaningOf({ config, labels, problem }: ModelHead): string {
  const { versions: _, ...rest } = config;
  return shortHash(JSON.stringify([rest, labels, problem?.message]));
}

export function createKnownHeads(): KnownHeads {
  const overridden = new Map<string, ModelOverrides>();
  /** By the places of their models. */
  const heads = new Map<string, Kept>();

  return {
    read(found, changes) {
      const { place, folder, yamlPath } = found;
      const known = heads.get(place);
      const overrides = overridden.get(changes.name ?? known?.head.name ?? found.name);
      const stampWith = (named: readonly string[]): [string, ContentStamp] => {
        const shared = stampOfFiles([...(yamlPath ? [yamlPath] : []), ...named]);
        return [JSON.stringify([shared.stamp, changes, overrides]), shared];
      };
      const [stamp, shared] = stampWith(known?.named ?? []);
      const numbers = found.versions.map(({ version }) => version);
      if (known?.stamp === stamp)
        return { ...known, shared, head: { ...known.head, found: numbers } };
      const head = readHead(found, { ...changes, overrides });
      const { labels } = head.config.output;
      const named = typeof labels === 'string' ? [join(folder, labels)] : [];
      // What was stamped before it was read; where other files are named now, the next look reads them again.
      const isSame = named.join() === (known?.named ?? []).join();
      const read = {
        head,
        named,
        stamp: isSame ? stamp : '',
        shared: isSame ? shared : stampWith(named)[1],
        meaning: meaningOf(head),
      };
      heads.set(place, read);
      return read;
    },
    override(model, overrides) {
      const before = overridden.get(model);
      if (overrides === undefined) overridden.delete(model);
      else overridden.set(model, overrides);
      return before;
    },
  };
}
