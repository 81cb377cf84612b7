/** What a life keeps of one model: what is asked for, what is on disk, what is loaded and how often it failed. */

import type { ServingError } from '../errors.ts';
import type { FoundModel } from '../repository/find-models.ts';
import type { ModelHead } from '../repository/read-model.ts';
import type { SeenModel } from '../repository/repository.ts';
import type { LoadedVersion, ModelSnapshot, VersionOnDisk } from '../repository/version-policy.ts';
import { retryDelayMs } from '../repository/version-policy.ts';
import type { ServedVersion } from './served-version.ts';

export class Entry {
  readonly id: number;
  readonly served: ServedVersion;
  readonly version: string;
  readonly stamp: string;
  /** When to load it once more; undefined: not by us. */
  retryAt: number | undefined = undefined;
  counted = false;

  constructor(id: number, served: ServedVersion, stamp: string) {
    this.id = id;
    this.served = served;
    this.version = served.version.version;
    this.stamp = stamp;
  }

  get state(): LoadedVersion['state'] {
    const { state, waitsForRoom } = this.served;
    if (state === 'LOADING' && waitsForRoom) return 'PREPARED';
    return state === 'READY' || state === 'UNAVAILABLE' ? 'SERVING' : state;
  }
}

export class ManagedModel {
  readonly name: string;
  asked: ModelSnapshot['asked'] = 'policy';
  /** The latest that could be read: what holds for versions that are loaded from now on. */
  head: ModelHead;
  found: FoundModel | undefined;
  onDisk: readonly VersionOnDisk[] = [];
  entries: readonly Entry[] = [];
  /** What is wrong with its model.yaml, which is then not followed. */
  problem: ServingError | undefined = undefined;
  /** What the log was told of. */
  warned: readonly string[] = [];
  /** When a look first did not see it. */
  missingSince: number | undefined = undefined;
  /** It is not there any more: it is forgotten when its versions are unloaded. */
  gone = false;
  /** Named by a configuration, which is what it goes with. */
  isConfigured = false;
  changed = false;
  forgetTimer: () => void = () => {};
  private ids = 0;
  private readonly failures = new Map<string, number>();

  constructor(name: string, head: ModelHead) {
    this.name = name;
    this.head = head;
    this.found = undefined;
  }

  take({ head, found, onDisk, configured }: SeenModel): void {
    this.found = found;
    this.isConfigured = configured;
    this.missingSince = undefined;
    if (this.gone) this.asked = 'policy';
    this.gone = false;
    this.problem = head.problem;
    // A model.yaml with a mistake is not followed: what it said before holds, and its versions stay.
    if (head.problem && this.entries.length > 0) return;
    this.head = head;
    this.onDisk = onDisk;
  }

  /** Its folder is there, and none of its versions. */
  takeNothing(): void {
    this.missingSince = undefined;
    this.onDisk = [];
    this.head = { ...this.head, found: [] };
  }

  /** All that is loaded serves, failed or goes. */
  get isSettled(): boolean {
    return this.entries.every(({ state }) => state !== 'LOADING' && state !== 'PREPARED');
  }

  /** Returns what brings back all that is asked of it, and known of the disk, as it is now. */
  remember(): () => void {
    const { asked, head, found, onDisk, problem, missingSince, gone, isConfigured } = this;
    const kept = { asked, head, found, onDisk, problem, missingSince, gone, isConfigured };
    return () => {
      Object.assign(this, kept);
    };
  }

  add(served: ServedVersion, stamp: string): void {
    this.entries = [...this.entries, new Entry(this.ids, served, stamp)];
    this.ids += 1;
  }

  drop(which: (entry: Entry) => boolean): void {
    this.entries = this.entries.filter((entry) => !which(entry));
  }

  /** Notes each new failure, and when it is to be tried again where `retries`. */
  countFailures(now: number, retries: boolean): void {
    for (const entry of this.entries) {
      const key = `${entry.version} ${entry.stamp}`;
      if (entry.state === 'SERVING') this.failures.delete(key);
      if (entry.state !== 'FAILED' || entry.counted) continue;
      entry.counted = true;
      const failures = (this.failures.get(key) ?? 0) + 1;
      this.failures.set(key, failures);
      if (retries && !entry.served.triesOn) entry.retryAt = now + retryDelayMs(failures);
    }
    const kept = new Set(this.entries.map(({ version, stamp }) => `${version} ${stamp}`));
    for (const key of this.failures.keys()) if (!kept.has(key)) this.failures.delete(key);
  }
}

export function snapshotOf(
  { asked, head, onDisk, entries }: ManagedModel,
  labelled: readonly string[],
  now: number,
): ModelSnapshot {
  const { versions } = head.config;
  return {
    asked,
    policy: versions,
    preserve: versions.preserve,
    labelled,
    onDisk,
    loaded: entries.map(({ id, version, stamp, state, retryAt }) => {
      return { id, version, stamp, state, retryAt };
    }),
    now,
  };
}
