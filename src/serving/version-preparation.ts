/**
 * What a version is made of, and what is done for it before its runners start: it is prepared, and waits
 * for room where it has to.
 *
 * Owns no state and no runners of the version (served-version.ts), nor how it is prepared
 * (prepare-version.ts).
 */

import type { ServingError } from '../errors.ts';
import type { PictureDecision } from '../pipeline/picture-plan.ts';
import type { ScoreDecision } from '../pipeline/scores.ts';
import type { ReadModel, ReadVersion } from '../repository/read-model.ts';
import type { PrepareWatch } from './prepare-version.ts';
import type { ServedSignatures } from './signatures.ts';
import { planAllSignatures } from './signatures.ts';

/** What a version is made of. */
export interface VersionParts {
  readonly version: ReadVersion;
  readonly pictures: PictureDecision | undefined;
  readonly scores: ScoreDecision | undefined;
}

/** What a version is once it was prepared. */
export interface PreparedVersion extends VersionParts {
  /** Why it is not to be loaded. */
  readonly problem?: ServingError | undefined;
  readonly warning?: string | undefined;
}

export interface PreparationOptions extends VersionParts {
  readonly model: ReadModel;
  /**
   * Done before its runners start, such as reading or converting its file; the watch's signal says that it
   * is stopped meanwhile, and what it is told is the reason for LOADING. What it throws is why the version
   * FAILED.
   */
  readonly prepare?: ((watch: PrepareWatch) => Promise<PreparedVersion>) | undefined;
  /** After it was prepared it waits for `proceed`. */
  readonly waitForRoom?: boolean | undefined;
}

export interface Preparation {
  /** As they were found, and from `run` on as they were prepared. */
  readonly parts: VersionParts;
  readonly signatures: ServedSignatures;
  readonly warning: string | undefined;
  /** Undefined: there was none, or it is not over. In milliseconds. */
  readonly tookMs: number | undefined;
  readonly waitsForRoom: boolean;
  /**
   * Settles when the runners may start; `onPhase` is told what is done or waited for. Throws why the version
   * is not to be loaded, and what `stop` was given.
   */
  run(onPhase: PrepareWatch['onPhase']): Promise<void>;
  proceed(): void;
  /** Ends it early. */
  stop(why: ServingError): void;
}

const signaturesOf = (model: ReadModel, { version, pictures }: VersionParts): ServedSignatures =>
  planAllSignatures(model, version, pictures);

export function createPreparation(options: PreparationOptions): Preparation {
  const { model } = options;
  const room = Promise.withResolvers<void>();
  const stopping = new AbortController();
  let parts: VersionParts = options;
  let signatures = signaturesOf(model, parts);
  let { warning } = options.version;
  let tookMs: number | undefined;
  let waitsForRoom = false;

  async function prepare(onPhase: PrepareWatch['onPhase']): Promise<void> {
    if (!options.prepare) return;
    const startedAt = performance.now();
    const prepared = await options.prepare({ signal: stopping.signal, onPhase });
    parts = prepared;
    const warnings = [options.version.warning, prepared.warning].filter(Boolean);
    warning = warnings.length > 0 ? warnings.join('; ') : undefined;
    tookMs = performance.now() - startedAt;
    signatures = signaturesOf(model, prepared);
    const problem = prepared.problem ?? prepared.version.problem;
    if (problem) throw problem;
  }

  async function waitForRoom(onPhase: PrepareWatch['onPhase']): Promise<void> {
    waitsForRoom = true;
    onPhase('it is prepared and waits for room');
    await room.promise;
    waitsForRoom = false;
  }

  return {
    get parts() {
      return parts;
    },
    get signatures() {
      return signatures;
    },
    get warning() {
      return warning;
    },
    get tookMs() {
      return tookMs;
    },
    get waitsForRoom() {
      return waitsForRoom;
    },
    async run(onPhase) {
      await prepare(onPhase);
      if (options.waitForRoom) await waitForRoom(onPhase);
    },
    proceed: room.resolve,
    stop(why) {
      stopping.abort(why);
      room.resolve();
    },
  };
}
