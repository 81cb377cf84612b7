/**
 * Labels and traffic that were changed at run time, and what they were before: they take the place of what
 * model.yaml says until they are rolled back or reset.
 *
 * Kept as a file for each model where there is a folder for them (state-folder.ts), else in memory.
 */

import { isDeepStrictEqual } from 'node:util';
import { ServingError } from '../errors.ts';
import type { ModelHead } from '../repository/read-model.ts';
import type { ShadowRule, TrafficChange, TrafficRules } from './traffic.ts';
import { rulesFromYaml, sharesOf, versionOf } from './traffic.ts';

/** What can be changed of the rules; `sticky` is always that of model.yaml. */
export interface TrafficState {
  readonly labels: Readonly<Record<string, string>>;
  readonly traffic: Readonly<Record<string, number>>;
  readonly shadow?: ShadowRule | undefined;
}

export interface KeptState {
  readonly now: TrafficState;
  readonly since: string;
  /** What was before, the latest last; null: what model.yaml says. */
  readonly before: readonly (TrafficState | null)[];
}

export interface StateFolder {
  /** Models of which something is kept; undefined: it cannot be listed. */
  list(): ReadonlySet<string> | undefined;
  /** Undefined: nothing is kept. */
  read(model: string): KeptState | 'unreadable' | undefined;
  /** Undefined: nothing is kept. Throws when it cannot be written. */
  write(model: string, state: KeptState | undefined): void;
}

export interface TrafficStore {
  /** The rules that hold for a model; undefined: those of its model.yaml. */
  rulesOf(head: ModelHead): TrafficRules | undefined;
  /** Changes them. Throws TRAFFIC_INVALID, and then nothing has changed. */
  change(head: ModelHead, change: TrafficChange, serving: Serving): void;
  /** Others may have changed the folder: it is read again. What cannot be read any more holds on. */
  refresh(): void;
}

/** Which versions of a model could take traffic now. */
export interface Serving {
  serves(version: string): boolean;
  /** The newest of them: it gets all where nothing is said of traffic. */
  readonly newest: string | undefined;
}

export interface TrafficStoreOptions {
  /** Absent: in memory only. */
  readonly folder?: StateFolder | undefined;
  readonly now: () => Date;
}

/** How far a rollback can go back. */
const longestHistory = 10;

type Refuse = (problem: string) => never;

const labelName = /^[A-Za-z][\w.-]{0,63}$/;
const versionNumber = /^[1-9]\d{0,18}$/;
const mostLabels = 100;

function stateOf({ labels, shares, shadow }: TrafficRules): TrafficState {
  const traffic = Object.fromEntries(shares.map(({ target, percent }) => [target, percent]));
  return { labels, traffic, shadow };
}

function toRules(state: TrafficState, since: string, head: ModelHead): TrafficRules {
  return {
    labels: state.labels,
    shares: sharesOf(state.traffic),
    shadow: state.shadow,
    sticky: head.config.versions.sticky,
    source: 'run time',
    since,
  };
}

/** What is wrong with a state that is asked for. Labels that stay as they are may mean what does not serve. */
function findProblem(
  { labels, traffic, shadow }: TrafficState,
  current: TrafficState,
  serves: (version: string) => boolean,
): string | undefined {
  const names = Object.keys(labels);
  const rules = { labels } as TrafficRules;
  if (names.length > mostLabels) return `there are ${names.length} labels, more than ${mostLabels}`;
  const odd = names.find(
    (name) => !labelName.test(name) || !versionNumber.test(labels[name] ?? ''),
  );
  if (odd !== undefined)
    return `label "${odd.slice(0, 64)}": expected a name that starts with a letter, and the number of a version`;
  const stale = names.find(
    (name) => labels[name] !== current.labels[name] && !serves(labels[name] as string),
  );
  if (stale !== undefined)
    return `label "${stale}" is for version ${labels[stale]}, which does not serve`;
  for (const [target, percent] of Object.entries(traffic)) {
    const version = versionOf(rules, target);
    if (version === undefined)
      return `there is no label "${target}"; labels: ${names.join(', ') || 'none'}`;
    if (!Number.isFinite(percent) || percent < 0 || percent > 100)
      return `the share of "${target}" is ${percent}; expected 0 to 100`;
    if (percent > 0 && !serves(version)) return `version ${version} (${target}) does not serve`;
  }
  const shares = Object.values(traffic);
  const sum = Math.round(1000 * shares.reduce((total, share) => total + share, 0)) / 1000;
  if (shares.length > 0 && sum !== 100) return `the shares add up to ${sum}, expected 100`;
  if (shadow && versionOf(rules, shadow.to) === undefined)
    return `there is no label "${shadow.to}" for the shadow`;
  return undefined;
}

function promoted(
  state: TrafficState,
  { version, percent = 100 }: Extract<TrafficChange, { kind: 'promote' }>,
  newest: string | undefined,
  refuse: Refuse,
): TrafficState {
  const to = version ?? state.labels.canary;
  if (to === undefined) return refuse('there is no label "canary"; name the version to promote');
  const { stable } = state.labels;
  if (percent === 100) {
    // Without a word about traffic the newest had it all.
    const before = stable ?? (Object.keys(state.traffic).length === 0 ? newest : undefined);
    const previous: Record<string, string> =
      before !== undefined && before !== to ? { previous: before } : {};
    return { labels: { ...state.labels, ...previous, stable: to }, traffic: { stable: 100 } };
  }
  if (stable === undefined)
    return refuse(
      'there is no label "stable" for the rest of the traffic; name the version that is to keep it: {"labels": {"stable": …}}',
    );
  if (stable === to) return refuse(`version ${to} is stable already`);
  const labels = { ...state.labels, canary: to };
  const traffic = { stable: Math.round(1e6 * (100 - percent)) / 1e6, canary: percent };
  // Its copies go on while it is tried out; with all the traffic there is nothing to compare it with.
  return { labels, traffic, shadow: state.shadow };
}

/**
 * What is gone back to at the end: what model.yaml says or, where it says nothing of traffic, that the version
 * that got it goes on getting it. A newer one that came meanwhile was promoted by nobody.
 */
function baseOf(current: TrafficState, newest: string | undefined): TrafficState | null {
  if (newest === undefined || Object.keys(current.traffic).length > 0) return null;
  return { ...current, traffic: { [newest]: 100 } };
}

/** A shadow that is not there is one that is undefined. */
const isSame = (a: TrafficState, b: TrafficState): boolean =>
  isDeepStrictEqual({ ...a, shadow: a.shadow }, { ...b, shadow: b.shadow });

/** The first is kept, however many follow. */
function remember(before: KeptState['before'], next: TrafficState | null): KeptState['before'] {
  const all = [...before, next];
  return [...all.slice(0, 1), ...all.slice(1).slice(1 - longestHistory)];
}

export function createTrafficStore({ folder, now }: TrafficStoreOptions): TrafficStore {
  const kept = new Map<string, KeptState | undefined>();

  function read(model: string): KeptState | undefined {
    if (!kept.has(model)) {
      const state = folder?.read(model);
      kept.set(model, state === 'unreadable' ? undefined : state);
    }
    return kept.get(model);
  }

  function write(model: string, state: KeptState | undefined): void {
    folder?.write(model, state);
    kept.set(model, state);
  }

  function rulesOf(head: ModelHead): TrafficRules | undefined {
    const state = read(head.name);
    return state && toRules(state.now, state.since, head);
  }

  function rollBack(head: ModelHead, { serves, newest }: Serving, refuse: Refuse): void {
    const state = read(head.name);
    if (!state) refuse('nothing was changed at run time, so what model.yaml says holds already');
    const last = state.before.at(-1);
    if (last === undefined)
      refuse(
        'they are as they were before the first change at run time; a reset makes what model.yaml says hold',
      );
    const fromYaml = stateOf(rulesFromYaml(head.config.versions));
    const checked = last ?? fromYaml;
    const problem = findProblem(checked, checked, serves);
    if (problem) refuse(problem);
    const before = state.before.slice(0, -1);
    const base = baseOf(fromYaml, newest);
    const isYaml = last === null || (before.length === 0 && base !== null && isSame(last, base));
    write(head.name, isYaml ? undefined : { now: checked, since: now().toISOString(), before });
  }

  return {
    rulesOf,
    refresh() {
      if (!folder) return;
      const listed = folder.list();
      for (const model of kept.keys()) {
        // Of thousands of models few are changed at run time.
        const state = (listed?.has(model) ?? true) ? folder.read(model) : undefined;
        if (state !== 'unreadable') kept.set(model, state);
      }
    },
    change(head, change, serving) {
      const model = head.name;
      const refuse = (problem: string): never => {
        throw new ServingError('TRAFFIC_INVALID', { model, problem });
      };
      if (change.kind === 'reset') return write(model, undefined);
      if (change.kind === 'rollback') return rollBack(head, serving, refuse);
      const state = read(model);
      const current = stateOf(rulesOf(head) ?? rulesFromYaml(head.config.versions));
      const next: TrafficState =
        change.kind === 'promote'
          ? promoted(current, change, serving.newest, refuse)
          : {
              labels: change.labels ?? current.labels,
              traffic: change.traffic ?? current.traffic,
              shadow: change.shadow === undefined ? current.shadow : (change.shadow ?? undefined),
            };
      const problem = findProblem(next, current, serving.serves);
      if (problem) return refuse(problem);
      // Said twice, it is one change, and one rollback undoes it.
      if (state && isSame(next, current)) return;
      const before = state ? remember(state.before, current) : [baseOf(current, serving.newest)];
      write(model, { now: next, since: now().toISOString(), before });
    },
  };
}
