/**
 * The models of this server in TensorFlow Serving's terms: signatures, states, and classify and regress as
 * runs of a signature. REST and gRPC both answer from here.
 */

import { ServingError } from '../errors.ts';
import type { Method, MethodResult } from '../protocol/tensorflow-serving/classify-message.ts';
import type { Example } from '../protocol/tensorflow-serving/example.ts';
import { examplesToTensors } from '../protocol/tensorflow-serving/example-tensors.ts';
import type { NamedSignature } from '../protocol/tensorflow-serving/metadata.ts';
import { chooseOutputs, toClasses, toRegressions } from '../protocol/tensorflow-serving/results.ts';
import type { TensorflowState, VersionStatus } from '../protocol/tensorflow-serving/status.ts';
import type { InferenceService } from './inference-service.ts';
import type { InferenceAnswer, InferenceRequest, VersionState } from './inference-types.ts';
import type { ModelRegistry } from './model-registry.ts';
import type { ServedVersion } from './served-version.ts';
import { defaultSignatureName, findSignature } from './signatures.ts';

export interface AskedVersion {
  readonly model: string;
  readonly version?: string | undefined;
  readonly label?: string | undefined;
}

const stateOf = {
  LOADING: 'LOADING',
  READY: 'AVAILABLE',
  // Its runners are being replaced.
  UNAVAILABLE: 'LOADING',
  FAILED: 'END',
  UNLOADING: 'UNLOADING',
} as const satisfies Record<VersionState, TensorflowState>;

function statusOfVersion({ version, state, reason }: ServedVersion): VersionStatus {
  const problem = state === 'FAILED' ? (reason ?? 'it failed to load') : undefined;
  return { version: version.version, state: stateOf[state], problem };
}

/**
 * The states of a model's versions, or of one, the newest first. Throws MODEL_NOT_FOUND or
 * VERSION_NOT_FOUND.
 */
export function statusOfModel(
  registry: ModelRegistry,
  name: string,
  version: string | undefined,
): VersionStatus[] {
  const { versions } = registry.find(name);
  const all = versions.toReversed().map(statusOfVersion);
  if (version === undefined) return all;
  const wanted = all.filter((status) => status.version === version);
  const available = versions.map((one) => one.version.version);
  if (wanted.length === 0)
    throw new ServingError('VERSION_NOT_FOUND', { model: name, version, available });
  return wanted;
}

/**
 * The version that a number or a label means, as the registry wants it. Throws TENSORFLOW_REQUEST_INVALID
 * for an unknown label, and what the registry throws.
 */
export function versionOf(
  registry: ModelRegistry,
  { model, version, label }: AskedVersion,
): string | undefined {
  if (label === undefined) return version;
  try {
    return registry.resolve(model, label).version.version;
  } catch (error) {
    if (!(error instanceof ServingError) || error.code !== 'VERSION_NOT_FOUND') throw error;
    const problem = `Unrecognized servable version label: ${label.slice(0, 100)}`;
    throw new ServingError('TENSORFLOW_REQUEST_INVALID', { problem });
  }
}

/** All signatures of a version. */
export function signaturesOf({ signatures }: ServedVersion): NamedSignature[] {
  return [...signatures.byName.values()];
}

/** The signature that a request means by this name; an empty one is the default. Throws SIGNATURE_NOT_FOUND. */
export function signatureNameOf(name: string | undefined): string {
  return name === undefined || name === '' ? defaultSignatureName : name;
}

export interface ExamplesRequest extends Pick<InferenceRequest, 'model' | 'version' | 'life'> {
  readonly served: ServedVersion;
  /** Empty: the default. */
  readonly signature: string;
  readonly method: Method;
  readonly examples: readonly Example[];
}

export interface ExamplesAnswer {
  readonly answer: InferenceAnswer;
  readonly result: MethodResult;
}

/**
 * Classifies or regresses examples: the feature of an input's name is its row. Throws SIGNATURE_NOT_FOUND,
 * TENSORFLOW_REQUEST_INVALID and what `infer` throws.
 */
export async function runExamples(
  service: Pick<InferenceService, 'infer'>,
  { served, signature: name, method, examples, ...request }: ExamplesRequest,
): Promise<ExamplesAnswer> {
  const signature = signatureNameOf(name);
  const found = findSignature(request.model, served.signatures, signature);
  const outputs = chooseOutputs(found.outputs, method);
  const wanted =
    outputs.classes === undefined ? [outputs.scores] : [outputs.scores, outputs.classes];
  const answer = await service.infer({
    ...request,
    served,
    version: served.version.version,
    signature,
    outputs: wanted,
    inputs: ({ inputs }) => examplesToTensors(examples, inputs),
  });
  const rows = examples.length;
  const { labels } = served.model;
  const result: MethodResult =
    method === 'classify'
      ? { method, classes: toClasses(answer.outputs, outputs, rows, labels) }
      : { method, values: toRegressions(answer.outputs, outputs, rows) };
  return { answer, result };
}
