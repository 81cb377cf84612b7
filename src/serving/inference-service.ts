/**
 * The single owner of a request's life: every transport calls this, and nothing else, to have a model
 * answer.
 *
 * Owns: finding the version, admission, running, the answer, accounting, drain.
 * Does not own: wire formats, statuses, where models come from.
 */

import { systemClock } from '../batching/clock.ts';
import { ServingError } from '../errors.ts';
import { classifyOutput, refuseUnclassifiable } from '../pipeline/classification.ts';
import type { FrameTensor } from '../runner/frames.ts';
import { bytesOfChunks } from '../tensor/chunked-tensor.ts';
import type { NamedTensor } from '../tensor/tensor.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import { hasOpenBatch } from './batch-size.ts';
import { checkInputs, checkOutputs } from './check-inputs.ts';
import { inferPictures } from './infer-pictures.ts';
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
import { predictPictures } from './predict-pictures.ts';
import type { RequestLife } from './request-life.ts';
import type { PictureSource } from './run-pictures.ts';
import type { ServedVersion } from './served-version.ts';
import type { Shadow } from './shadow.ts';
import type { ServedSignature } from './signatures.ts';
import { chooseSignature, findSignature } from './signatures.ts';
import type { RunAnswer, RunRequest } from './version-queue.ts';

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
  /** Not ready until the returned function is called: a port is still to be opened. */
  holdReady(): () => void;
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
  /** The most encoded pictures in a tensor; absent: as many as a request can hold. */
  readonly maxPictures?: number | undefined;
  readonly strictReady: boolean;
  readonly onAccount: (account: Account) => void;
  /** Called when its end begins: nothing is to be loaded any more. May be called again. */
  readonly onEnd?: (() => void) | undefined;
}

/** Puts the best classes in the place of the outputs that are to be answered by them. */
function withClasses(
  { model, version }: ServedVersion,
  outputs: readonly NamedTensor[],
  classes: ReadonlyMap<string, number> | undefined,
): readonly NamedTensor[] {
  if (!classes) return outputs;
  const batched = hasOpenBatch(version);
  const { labels, name } = model;
  return outputs.map((output) => {
    const count = classes.get(output.name);
    return count === undefined ? output : classifyOutput(name, output, { count, batched, labels });
  });
}

/** The outputs under the signature's names: the wanted ones in the order in which they were asked for. */
function toNamed(
  signature: ServedSignature,
  outputs: readonly FrameTensor[],
  wanted: readonly string[] | undefined,
): NamedTensor[] {
  const specs =
    wanted && wanted.length > 0
      ? wanted.flatMap((name) => signature.outputs.find((spec) => spec.name === name) ?? [])
      : signature.outputs;
  const named: NamedTensor[] = [];
  for (const { name, index } of specs) {
    const output = outputs.find((candidate) => candidate.index === index);
    if (!output) continue;
    const { dtype, shape, chunks } = output;
    named.push({ name, dtype, shape, data: bytesOfChunks(chunks) });
  }
  return named;
}

/** A version that comes or goes beside what serves takes no server out of its load balancer. */
function countsForReadiness({ state, later }: ServedVersion): boolean {
  return state !== 'UNLOADING' && !(later && (state === 'LOADING' || state === 'FAILED'));
}

export function createInferenceService(options: InferenceServiceOptions): InferenceService {
  const { registry, pictures, maxPictures = Number.POSITIVE_INFINITY } = options;
  const inFlight = new Set<Promise<unknown>>();
  let announced = false;
  let draining = false;
  let holds = 0;

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

  async function inferWith(
    served: ServedVersion,
    { model, signature: name, inputs: given, outputs, classes, life }: InferenceRequest,
  ): Promise<InferenceAnswer> {
    const { signatures } = served;
    const named = name === undefined ? undefined : findSignature(model, signatures, name);
    const inputs = typeof given === 'function' ? await given(named ?? signatures.graph) : given;
    const signature = named ?? chooseSignature(signatures, inputs);
    const frames = checkInputs(model, signature.inputs, inputs);
    const wanted = checkOutputs(model, signature, outputs);
    if (classes) refuseUnclassifiable(model, signature.outputs, classes);
    const graph = signature.graph === undefined ? served : served.graphOf(signature);
    const answer = await runWith(graph, signature, { inputs: frames, wanted }, life);
    return {
      model,
      version: served.version.version,
      signature,
      outputs: withClasses(served, toNamed(signature, answer.outputs, outputs), classes),
      timings: answer.timings,
    };
  }

  function runWith(
    served: ServedVersion,
    { takes, inputs }: ServedSignature,
    request: RunRequest,
    life: RequestLife,
  ): Promise<RunAnswer> {
    if (takes === 'tensors') return served.run(request, life);
    const [{ name }] = inputs as readonly [TensorSpec];
    const [tensor] = request.inputs as readonly [FrameTensor];
    return inferPictures(
      served,
      pictures,
      { tensor, name, wanted: request.wanted, maxPictures },
      life,
    );
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
    async infer(request) {
      refuseWhenDraining();
      const served = versionFor(request.served, request.model, request.version);
      return account(served, request.life, () => inferWith(withShadow(served), request));
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
      if (announced || holds > 0) return false;
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
    holdReady() {
      holds += 1;
      return () => {
        holds -= 1;
      };
    },
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
