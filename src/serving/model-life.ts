/**
 * The models of a server whose versions come and go: looks at the repository, asks the version policy what
 * to do, does it, and puts the outcome into the registry in one step.
 *
 * Owns which versions are loaded. Does not own the policy (repository/version-policy.ts), the processes of
 * a version (served-version.ts), when to look (watch-models.ts), nor who may ask (model-control.ts).
 */

import { systemClock } from '../batching/clock.ts';
import type { ModelControlMode } from '../config/settings.ts';
import { messageOf } from '../errors.ts';
import type { ModelHead, ReadVersion } from '../repository/read-model.ts';
import { sourceOf, warningsOf } from '../repository/read-model.ts';
import type { Repository, SeenModel } from '../repository/repository.ts';
import { isThere } from '../repository/repository.ts';
import type { InTurns } from '../repository/turns.ts';
import { doInTurns } from '../repository/turns.ts';
import type { VersionOnDisk } from '../repository/version-policy.ts';
import { nextActions, wantedVersions } from '../repository/version-policy.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { CoreRequest } from './core-budget.ts';
import type { LifeParts } from './life-control.ts';
import { createLifeControl } from './life-control.ts';
import { logWarnings } from './log-warnings.ts';
import { ManagedModel, snapshotOf } from './managed-model.ts';
import type { ModelControl } from './model-control.ts';
import { compareVersions } from './model-control.ts';
import type { ModelRegistry } from './model-registry.ts';
import { serves } from './model-registry.ts';
import { createModelWaiters } from './model-waiters.ts';
import { coresOf } from './plan-version.ts';
import { scheduleTimer } from './schedule-timer.ts';
import type { ServedVersion } from './served-version.ts';
import { rulesFromYaml, versionsNamedIn } from './traffic.ts';
import type { TrafficStore } from './traffic-store.ts';
import type { VersionBuilder } from './version-builder.ts';

export interface LifeOptions {
  readonly mode: ModelControlMode;
  readonly repository: Repository;
  readonly seen: readonly SeenModel[];
  readonly registry: ModelRegistry;
  readonly builder: VersionBuilder;
  readonly traffic: TrafficStore;
  readonly unloadLimitMs: number;
  readonly settleMs: number;
  /** Absent: labels and traffic may be changed at run time. */
  readonly replicas?: number | undefined;
  readonly cores: CoreRequest;
  readonly log: Log;
  readonly metrics?: Pick<Metrics, 'forgetVersion'> | undefined;
  /** Milliseconds of a clock that nobody sets; absent: the system's. */
  readonly now?: (() => number) | undefined;
  readonly schedule?: ((milliseconds: number, callback: () => void) => () => void) | undefined;
}

export interface ModelLife {
  readonly control: ModelControl;
  /** From now on what is wrong with what was built at the start is dealt with. */
  begin(): void;
  /** Settles when what was there at the start serves, failed, or is gone. */
  readonly started: Promise<void>;
  /** Looks at the repository and starts what follows from it. Never rejects: what serves goes on. */
  look(): Promise<void>;
  /** How long until it has to look again though nobody asked; undefined: no need. */
  readonly lookAgainInMs: number | undefined;
  /** Nothing is started from now on. */
  close(): void;
}

/** More milliseconds than this a timer takes for 1. */
const longestTimer = 2 ** 31 - 1;

export function createModelLife(options: LifeOptions): ModelLife {
  const { registry, repository, builder, traffic, log, mode } = options;
  const now = options.now ?? systemClock.now;
  const schedule = options.schedule ?? scheduleTimer;
  const models = new Map<string, ManagedModel>();
  const waiters = createModelWaiters();
  let lastProblem: string | undefined;
  let closed = false;
  /** What was there at the start has been loaded or given up. */
  let started = false;
  const firstLoads = Promise.withResolvers<void>();
  /** Models that may be loading for the first time; the first of them tells, not all. */
  const starting = new Set<ManagedModel>();
  let sharersNow: number | undefined;

  const labelledOf = (head: ModelHead): string[] =>
    versionsNamedIn(traffic.rulesOf(head) ?? rulesFromYaml(head.config.versions));

  function wantedOf(model: ManagedModel): VersionOnDisk[] {
    const { asked, head } = model;
    const policy = head.config.versions;
    return wantedVersions({ asked, policy, labelled: labelledOf(head) }, model.onDisk);
  }

  /** Versions that share the cores: those that are wanted, and one for a model that has none yet. */
  function countSharers(): number {
    let total = 0;
    for (const model of models.values())
      if (model.asked === 'policy') total += Math.max(1, wantedOf(model).length);
    return Math.max(1, total);
  }

  /** Counted once for all that are loaded at a time. */
  function sharers(): number {
    if (sharersNow === undefined)
      queueMicrotask(() => {
        sharersNow = undefined;
      });
    sharersNow ??= countSharers();
    return sharersNow;
  }

  function publish(model: ManagedModel): void {
    const { head, entries, gone } = model;
    if (gone && entries.length === 0) {
      models.delete(model.name);
      repository.override(model.name, undefined);
      registry.remove(model.name);
      return;
    }
    const versions = entries
      .map(({ served }) => served)
      .sort((a, b) => compareVersions(a.version.version, b.version.version));
    const read = { ...head, versions: versions.map(({ version }) => version) };
    const warnings = [...(model.problem ? [model.problem.message] : []), ...warningsOf(head)];
    model.warned = logWarnings(log, model.name, warnings, model.warned);
    registry.set({ model: read, versions, rules: traffic.rulesOf(head), warnings });
  }

  function startLoad(model: ManagedModel, version: string, stamp: string): void {
    const found = model.found?.versions.find((one) => one.version === version);
    if (!found) return;
    model.drop((entry) => entry.state === 'FAILED' && entry.version === version);
    const source = sourceOf(model.head, found);
    const read: ReadVersion = source
      ? { version, source }
      : {
          version,
          file: found.file,
          warning: found.warning,
          ...(found.problem ? { problem: found.problem } : {}),
        };
    const head = { ...model.head, versions: [read] };
    const cores = coresOf(model.head, sharers(), options.cores);
    const serving = (): ServedVersion | undefined =>
      model.entries.findLast(({ served }) => serves(served))?.served;
    const served = builder.build(head, read, cores, { serving });
    model.add(served, stamp);
    void served.start();
    noteChange(served);
  }

  async function startUnload(model: ManagedModel, id: number, why: string): Promise<void> {
    const entry = model.entries.find((one) => one.id === id);
    if (!entry) return;
    await entry.served.retire(options.unloadLimitMs, why);
    model.drop((one) => one === entry);
    const { version } = entry;
    if (!model.entries.some((one) => one.version === version))
      options.metrics?.forgetVersion(model.name, version);
    reconcile(model);
  }

  /** Does what the policy says, and asks it again until it says nothing more. */
  function reconcile(model: ManagedModel): void {
    if (closed) return;
    model.countFailures(now(), mode === 'poll');
    const { actions, lookAgainAt } = nextActions(snapshotOf(model, labelledOf(model.head), now()));
    for (const action of actions) {
      if (action.kind === 'unload') void startUnload(model, action.id, action.why);
      else if (action.kind === 'start')
        model.entries.find(({ id }) => id === action.id)?.served.proceed();
      else startLoad(model, action.version, action.stamp);
    }
    model.forgetTimer();
    if (lookAgainAt !== undefined) {
      const wait = Math.min(longestTimer, Math.max(1, lookAgainAt - now()));
      model.forgetTimer = schedule(wait, () => reconcile(model));
    }
    publish(model);
    waiters.wake(model);
    if (started) return;
    if (!model.gone) starting.add(model);
    if (isAnyStarting()) return;
    started = true;
    firstLoads.resolve();
  }

  /** Those that are found not to be are left out until something happens to them again. */
  function isAnyStarting(): boolean {
    for (const model of starting) {
      if (isStarting(model)) return true;
      starting.delete(model);
    }
    return false;
  }

  /** Once for all that happens to a model at a time, and never from inside what happens. */
  function noteChange(served: ServedVersion): void {
    const model = models.get(served.model.name);
    if (!model || model.changed) return;
    model.changed = true;
    queueMicrotask(() => {
      model.changed = false;
      reconcile(model);
    });
  }

  /** It loads for the first time, or may still be being copied. */
  function isStarting(model: ManagedModel): boolean {
    if (model.entries.some(({ served }) => serves(served))) return false;
    return (
      model.entries.some(({ state }) => state === 'LOADING') ||
      wantedOf(model).some(({ settled }) => !settled)
    );
  }

  function take(seen: SeenModel, asked: ManagedModel['asked']): ManagedModel {
    const known = models.get(seen.name);
    const model = known ?? new ManagedModel(seen.name, seen.head);
    if (!known) model.asked = asked;
    models.set(seen.name, model);
    model.take(seen);
    if (!started) starting.add(model);
    return model;
  }

  /** A model that the look did not see: removed when it is not there, as two looks have found. */
  function miss(model: ManagedModel): void {
    if (model.found && !model.isConfigured && isThere(model.found)) {
      model.takeNothing();
      return;
    }
    model.missingSince ??= now();
    if (now() - model.missingSince < options.settleMs) return;
    model.asked = 'nothing';
    model.gone = true;
  }

  /** The disk decides: all that it says is followed. */
  async function followDisk(): Promise<void> {
    const seen = await repository.look();
    if (closed) return;
    lastProblem = undefined;
    // Somebody may have reset what was changed at run time.
    traffic.refresh();
    for (const one of seen) take(one, 'policy');
    const names = new Set(seen.map(({ name }) => name));
    for (const model of models.values()) if (!names.has(model.name)) miss(model);
    await doInTurns(reconcileAll());
  }

  function* reconcileAll(): InTurns<void> {
    for (const model of [...models.values()]) {
      reconcile(model);
      yield;
    }
  }

  /** Requests decide: of models that are not asked for, only that they are there is noted. */
  async function lookAt(asked: ReadonlySet<string>): Promise<void> {
    for (const seen of await repository.look()) {
      if (asked.has(seen.name)) take(seen, 'nothing');
      else if (!models.has(seen.name)) reconcile(take(seen, 'nothing'));
    }
  }

  async function look(): Promise<void> {
    if (closed) return;
    try {
      await followDisk();
    } catch (error) {
      if (closed) return;
      // Said once: it will be the same at the next look.
      const problem = messageOf(error);
      if (problem !== lastProblem)
        log.warn({ problem }, 'models cannot be looked at; what serves goes on');
      lastProblem = problem;
    }
  }

  /** The versions that were built at the start are taken over as they are. */
  function adopt(): void {
    for (const seen of options.seen) {
      const model = take(seen, 'policy');
      // The log has them: they were there at the start.
      model.warned = registry.find(seen.name).warnings ?? [];
      for (const served of registry.find(seen.name).versions) {
        const onDisk = seen.onDisk.find(({ version }) => version === served.version.version);
        model.add(served, onDisk?.stamp ?? '');
      }
    }
  }

  builder.onChange = noteChange;
  adopt();
  const parts: LifeParts = {
    models,
    lookAt,
    take: (seen) => take(seen, 'nothing'),
    reconcile,
    until: waiters.until,
    settled: (model) => waiters.until(model, () => (model.isSettled ? 'done' : undefined)),
  };
  const control = createLifeControl(parts, {
    mode,
    registry,
    repository,
    traffic,
    replicas: options.replicas,
    isStarting: () => !started && isAnyStarting(),
  });

  return {
    control,
    look,
    begin() {
      for (const model of [...models.values()]) reconcile(model);
    },
    started: firstLoads.promise,
    get lookAgainInMs() {
      const missing = [...models.values()]
        .map(({ missingSince, gone }) => (gone ? undefined : missingSince))
        .filter((since) => since !== undefined)
        .map((since) => since + options.settleMs - now());
      const { settlesInMs } = repository;
      const waits = settlesInMs === undefined ? missing : [...missing, settlesInMs];
      return waits.length === 0 ? undefined : Math.min(...waits);
    },
    close() {
      closed = true;
      for (const model of models.values()) model.forgetTimer();
      waiters.close();
    },
  };
}
