/**
 * The single owner of a request's life: every transport calls this, and nothing else, to have a model
 * answer.
 *
 * Owns: finding the version, admission, running, the answer, accounting, drain.
 * Does not own: wire formats, statuses, where models come from.
 */

import { systemClock } from '../batching/clock.ts';
import { ServingError } from '../errors.ts';
import type { FrameTensor } from '../runner/frames.ts';
import { bytesOfChunks } from '../tensor/chunked-tensor.ts';
import type { NamedTensor } from '../tensor/tensor.ts';
import { checkInputs, checkOutputs } from './check-inputs.ts';
import type {
  InferenceAnswer,
  InferenceRequest,
  PredictAnswer,
  PredictRequest,
  Timings,
} from './inference-types.ts';
import type { ModelControl } from './model-control.ts';
import { createFixedControl } from './model-control.ts';
import type { KeyOf, ModelRegistry } from './model-registry.ts';
import type { PictureSource } from './predict-pictures.ts';
import { predictPictures } from './predict-pictures.ts';
import type { RequestLife } from './request-life.ts';
import type { ServedVersion } from './served-version.ts';
import type { Shadow } from './shadow.ts';

/** What is told of a finished request, once, for all transports. */
export interface Account {
  readonly model: string;
  readonly version: string;
  /** 'OK' or the code of the error. */
  readonly code: string;
  /** Since its first line came; 0 when it means no version. */
  readonly totalMs: number;
  readonly timings?: Timings | undefined;
}

export interface InferenceService {
  readonly registry: ModelRegistry;
  /** What may be asked about the models and changed. */
  readonly control: ModelControl;
  /** The version that a request means. Throws what the registry throws. */
  resolve(model: string, version: string | undefined): ServedVersion;
  /**
   * The version that a request means, before anything is decoded, held for it: whoever calls it calls its
   * `release` when the answer is written. Throws SHUTTING_DOWN and what the registry throws.
   */
  acquire(model: string, version: string | undefined, keyOf?: KeyOf): ServedVersion;
  infer(request: InferenceRequest): Promise<InferenceAnswer>;
  predict(request: PredictRequest): Promise<PredictAnswer>;
  /** True when the first load of every model is over and enough of them serve. */
  readonly ready: boolean;
  readonly draining: boolean;
  /** Its end was announced. */
  readonly shuttingDown: boolean;
  /** From now on not ready; requests are still answered. */
  announceShutdown(): void;
  /** Refuses new requests, lets the others finish, ends the runners. */
  drain(): Promise<void>;
  /** Ends the runners at once. */
  stop(): Promise<void>;
}

export interface InferenceServiceOptions {
  readonly registry: ModelRegistry;
  /** Absent: nothing can be changed. */
  readonly control?: ModelControl | undefined;
  /** Runs copies of requests on other versions; absent: none does. */
  readonly shadow?: Shadow | undefined;
  readonly pictures: PictureSource;
  readonly strictReady: boolean;
  readonly onAccount: (account: Account) => void;
  /** Called when its end begins: nothing is to be loaded any more. May be called again. */
  readonly onEnd?: (() => void) | undefined;
}

function toNamed(
  served: ServedVersion,
  outputs: readonly FrameTensor[],
  wanted: readonly string[] | undefined,
): NamedTensor[] {
  const specs = served.version.signature?.outputs ?? [];
  const named = outputs.map(({ index, dtype, shape, chunks }) => ({
    name: specs[index]?.name ?? String(index),
    dtype,
    shape,
    data: bytesOfChunks(chunks),
  }));
  if (!wanted || wanted.length === 0) return named;
  return wanted.flatMap((name) => named.find((output) => output.name === name) ?? []);
}

/** A version that comes or goes beside what serves takes no server out of its load balancer. */
function countsForReadiness({ state, later }: ServedVersion): boolean {
  return state !== 'UNLOADING' && !(later && (state === 'LOADING' || state === 'FAILED'));
}

export function createInferenceService(options: InferenceServiceOptions): InferenceService {
  const { registry, pictures } = options;
  const inFlight = new Set<Promise<unknown>>();
  let announced = false;
  let draining = false;

  function announce(): void {
    announced = true;
    options.onEnd?.();
  }

  function refuseWhenDraining(): void {
    if (draining) throw new ServingError('SHUTTING_DOWN', {});
  }

  /** Runs `work`, which a drain waits for, and accounts for it, whatever comes of it. */
  function account<T extends { timings: Timings }>(
    served: ServedVersion,
    life: RequestLife,
    work: () => Promise<T>,
  ): Promise<T> {
    const whole = accountFor(served, life, work);
    const settled: Promise<unknown> = whole.then(
      () => inFlight.delete(settled),
      () => inFlight.delete(settled),
    );
    inFlight.add(settled);
    return whole;
  }

  async function accountFor<T extends { timings: Timings }>(
    served: ServedVersion,
    life: RequestLife,
    work: () => Promise<T>,
  ): Promise<T> {
    let code = 'OK';
    let timings: Timings | undefined;
    served.hold();
    try {
      const answer = await work();
      timings = answer.timings;
      return answer;
    } catch (error) {
      code = error instanceof ServingError ? error.code : 'INTERNAL';
      throw error;
    } finally {
      served.release();
      const totalMs = systemClock.now() - life.acceptedAt;
      const { model, version } = served;
      options.onAccount({ model: model.name, version: version.version, code, totalMs, timings });
    }
  }

  /** Finds the version; a request that means none is counted too, under no name that the client made up. */
  function resolve(model: string, version: string | undefined, keyOf?: KeyOf): ServedVersion {
    try {
      return registry.resolve(model, version, keyOf);
    } catch (error) {
      const { code } = error as ServingError;
      const known = registry.models.some((registered) => registered.model.name === model);
      options.onAccount({ model: known ? model : '', version: '', code, totalMs: 0 });
      throw error;
    }
  }

  /** What is held for a request, unless it stopped meanwhile and any other version would do as well. */
  function versionFor(
    held: ServedVersion | undefined,
    model: string,
    asked?: string,
  ): ServedVersion {
    return held && (held.takesRuns || asked !== undefined) ? held : resolve(model, asked);
  }

  const versions = (): ServedVersion[] => registry.models.flatMap((model) => model.versions);
  const control = options.control ?? createFixedControl(registry);
  const withShadow = (served: ServedVersion): ServedVersion =>
    options.shadow?.follow(served, registry) ?? served;

  return {
    registry,
    control,
    resolve,
    acquire(model, version, keyOf) {
      refuseWhenDraining();
      const served = resolve(model, version, keyOf);
      served.hold();
      return served;
    },
    async infer({ model, version, inputs, outputs, life, served: held }) {
      refuseWhenDraining();
      const served = versionFor(held, model, version);
      return account(served, life, async () => {
        const { signature } = served.version;
        const frames = checkInputs(model, signature?.inputs ?? [], inputs);
        const wanted = checkOutputs(model, signature?.outputs ?? [], outputs);
        const answer = await withShadow(served).run({ inputs: frames, wanted }, life);
        return {
          model,
          version: served.version.version,
          outputs: toNamed(served, answer.outputs, outputs),
          timings: answer.timings,
        };
      });
    },
    async predict({
      model = registry.defaultName(),
      version,
      pictures: given,
      life,
      served: held,
    }) {
      refuseWhenDraining();
      const served = versionFor(held, model, version);
      return account(served, life, async () => {
        const encoded = typeof given === 'function' ? await given() : given;
        const asked = withShadow(served);
        const { results, timings } = await predictPictures(asked, pictures, encoded, life);
        const { as } = served.model.config.output;
        return { model, version: served.version.version, results, as, timings };
      });
    },
    get ready() {
      if (announced) return false;
      if (control.starting) return false;
      const all = versions().filter(countsForReadiness);
      if (all.some(({ state }) => state === 'LOADING')) return false;
      const serving = all.filter(({ state }) => state === 'READY').length;
      const models = registry.models.every(({ model }) => !model.problem);
      return options.strictReady ? models && serving === all.length && serving > 0 : serving > 0;
    },
    get draining() {
      return draining;
    },
    get shuttingDown() {
      return announced;
    },
    announceShutdown: announce,
    async drain() {
      announce();
      draining = true;
      await Promise.all(inFlight);
      await Promise.all(versions().map((version) => version.stop()));
    },
    async stop() {
      announce();
      draining = true;
      await Promise.all(versions().map((version) => version.stop()));
    },
  };
}
