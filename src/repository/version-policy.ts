/**
 * Which of a model's versions to serve and what to do next for that: pure functions of what is on disk,
 * what is loaded and what is asked for (docs/decisions/versions.md).
 *
 * Does not own looking at the disk, loading or waiting; whoever does these asks again after each of them.
 */

import type { VersionsYaml } from '../config/model-yaml.ts';

export type Selection = Pick<VersionsYaml, 'policy' | 'count' | 'list'>;

/** Versions in rising order in, the ones to serve out, in rising order. */
export function selectVersions<T extends { readonly version: string }>(
  policy: Selection,
  found: readonly T[],
): T[] {
  if (policy.policy === 'all') return [...found];
  if (policy.policy === 'specific') {
    return found.filter(({ version }) => policy.list?.includes(Number(version)));
  }
  return found.slice(-(policy.count ?? 1));
}

export interface VersionOnDisk {
  readonly version: string;
  /** Changes with the content. */
  readonly stamp: string;
  /** False while it may still be being copied. */
  readonly settled: boolean;
}

export interface LoadedVersion {
  /** Tells two loads of one version apart. */
  readonly id: number;
  readonly version: string;
  readonly stamp: string;
  /** PREPARED: can be read, and waits for room. SERVING: also while its runners are being replaced. */
  readonly state: 'LOADING' | 'PREPARED' | 'SERVING' | 'FAILED' | 'UNLOADING';
  /** Of a FAILED one: when to try again, in milliseconds of `now`; absent: it is not for us to try. */
  readonly retryAt?: number | undefined;
}

export interface ModelSnapshot {
  /** 'nothing': the model was removed, or its unloading was asked for. */
  readonly asked: 'policy' | 'nothing';
  readonly policy: Selection;
  readonly preserve: VersionsYaml['preserve'];
  /** Versions that labels name. */
  readonly labelled: readonly string[];
  /** In rising order. */
  readonly onDisk: readonly VersionOnDisk[];
  readonly loaded: readonly LoadedVersion[];
  readonly now: number;
}

export type VersionAction =
  | { readonly kind: 'load'; readonly version: string; readonly stamp: string }
  /** There is room for what was prepared. */
  | { readonly kind: 'start'; readonly id: number }
  | { readonly kind: 'unload'; readonly id: number; readonly why: string };

export interface NextActions {
  readonly actions: readonly VersionAction[];
  /** When to ask again though nothing happened; absent: only when something does. */
  readonly lookAgainAt?: number | undefined;
}

/** How many lower versions are tried when all that is wanted failed and nothing serves. */
const mostFallbacks = 3;

/** The policy's versions and those that labels name. */
export function wantedVersions<T extends { readonly version: string }>(
  { asked, policy, labelled }: Pick<ModelSnapshot, 'asked' | 'policy' | 'labelled'>,
  onDisk: readonly T[],
): T[] {
  if (asked === 'nothing') return [];
  const selected = new Set<T>(selectVersions(policy, onDisk));
  return onDisk.filter((one) => selected.has(one) || labelled.includes(one.version));
}

const isOf =
  ({ version, stamp }: VersionOnDisk) =>
  (loaded: LoadedVersion): boolean =>
    loaded.version === version && loaded.stamp === stamp && loaded.state !== 'UNLOADING';

/** Not loaded with that content, or failed and due again. */
function isDue(one: VersionOnDisk, { loaded, now }: ModelSnapshot): boolean {
  if (!one.settled) return false;
  const held = loaded.find(isOf(one));
  if (!held) return true;
  return held.state === 'FAILED' && held.retryAt !== undefined && held.retryAt <= now;
}

/** Neither serves nor failed yet. */
function isPending(one: VersionOnDisk, { loaded }: ModelSnapshot): boolean {
  const held = loaded.find(isOf(one));
  return !held || isLoading(held);
}

const isLoading = ({ state }: LoadedVersion): boolean =>
  state === 'LOADING' || state === 'PREPARED';

const hasFailed =
  ({ loaded }: ModelSnapshot) =>
  (one: VersionOnDisk): boolean =>
    loaded.find(isOf(one))?.state === 'FAILED';

/** The next lower version to try where all that is wanted failed and nothing serves. */
function findFallback(
  wanted: readonly VersionOnDisk[],
  snapshot: ModelSnapshot,
): VersionOnDisk | undefined {
  const { loaded, onDisk } = snapshot;
  const failed = hasFailed(snapshot);
  if (wanted.length === 0 || !wanted.every(failed)) return undefined;
  if (loaded.some((one) => one.state === 'SERVING' || isLoading(one))) return undefined;
  const others = onDisk.filter((one) => !wanted.includes(one));
  if (others.filter(failed).length >= mostFallbacks) return undefined;
  return others.findLast((one) => one.settled && !failed(one));
}

function whyUnwanted(held: LoadedVersion, { asked, onDisk }: ModelSnapshot): string {
  if (asked === 'nothing') return 'the model is unloaded';
  const there = onDisk.find(({ version }) => version === held.version);
  if (!there) return 'its folder is gone';
  return there.stamp === held.stamp
    ? 'the policy selects other versions'
    : 'its files have changed';
}

/** Whether an old version may go while new ones come. */
function mayGo(
  held: LoadedVersion,
  wanted: readonly VersionOnDisk[],
  snapshot: ModelSnapshot,
): boolean {
  if (held.state === 'UNLOADING') return false;
  if (snapshot.asked === 'nothing') return true;
  const { loaded, preserve, onDisk } = snapshot;
  // Where nothing serves, what loads goes on as long as it is what is on disk: it may be all there will be.
  if (held.state === 'LOADING')
    return (
      loaded.some(({ state }) => state === 'SERVING') || !onDisk.some((one) => isOf(one)(held))
    );
  const holds = (state: LoadedVersion['state']) => (one: VersionOnDisk) =>
    loaded.some((other) => isOf(one)(other) && other.state === state);
  // Room is made only for one that can be read.
  if (preserve === 'resources')
    return wanted.some((one) => holds('PREPARED')(one) || holds('SERVING')(one));
  // One that failed holds nothing; it is kept as the record of what was tried.
  return wanted.some(holds('SERVING')) && !wanted.some((one) => isPending(one, snapshot));
}

/** What was prepared goes on when what it takes the place of is gone. */
function findReady(
  wanted: readonly VersionOnDisk[],
  { loaded, preserve }: ModelSnapshot,
): LoadedVersion[] {
  const isWanted = (held: LoadedVersion): boolean => wanted.some((one) => isOf(one)(held));
  const inTheWay = loaded.some((held) => !isWanted(held) && held.state !== 'FAILED');
  if (preserve === 'resources' && inTheWay) return [];
  return loaded.filter((held) => held.state === 'PREPARED' && isWanted(held));
}

/** What to do now. */
export function nextActions(snapshot: ModelSnapshot): NextActions {
  const { loaded, onDisk, now } = snapshot;
  const wanted = wantedVersions(snapshot, onDisk);
  const isWanted = (held: LoadedVersion): boolean => wanted.some((one) => isOf(one)(held));
  const going = loaded.filter((held) => !isWanted(held) && mayGo(held, wanted, snapshot));
  const due = wanted.filter((one) => isDue(one, snapshot));
  const fallback = due.length === 0 ? findFallback(wanted, snapshot) : undefined;
  const retries = loaded
    .filter((held) => isWanted(held) && held.state === 'FAILED')
    .map(({ retryAt }) => retryAt ?? 0)
    .filter((at) => at > now);
  return {
    actions: [
      ...going.map((held): VersionAction => {
        return { kind: 'unload', id: held.id, why: whyUnwanted(held, snapshot) };
      }),
      ...findReady(wanted, snapshot).map(({ id }): VersionAction => ({ kind: 'start', id })),
      ...[...due, ...(fallback ? [fallback] : [])].map(({ version, stamp }): VersionAction => {
        return { kind: 'load', version, stamp };
      }),
    ],
    ...(retries.length > 0 ? { lookAgainAt: Math.min(...retries) } : {}),
  };
}

const firstRetryMs = 5000;
const longestRetryMs = 300_000;

/** How long a failed load waits for its next try: 5 s, doubled with every failure, 5 minutes at most. */
export function retryDelayMs(failures: number): number {
  return Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(failures - 1, 20));
}
