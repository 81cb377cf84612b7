/**
 * The signatures of a version: the names under which the tensor APIs know its inputs and outputs.
 *
 * There is the graph's own one, those of model.yaml, and for a model that takes pictures one whose input
 * is a tensor of encoded pictures. They are worked out once, when the version is made; a request that
 * names none costs no look-up.
 */

import type { SignatureYaml } from '../config/model-yaml.ts';
import { ServingError } from '../errors.ts';
import type { PictureDecision } from '../pipeline/picture-plan.ts';
import { planPictures } from '../pipeline/picture-plan.ts';
import type {
  ImportedGraph,
  ImportedSignatureNames,
  ModelHead,
  ReadVersion,
} from '../repository/read-model.ts';
import type { NamedTensor } from '../tensor/tensor.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';

/** TensorFlow Serving's name for the signature that a request means when it names none. */
export const defaultSignatureName = 'serving_default';
/** The picture signature of a model whose model.yaml names none, and the name of its input. */
export const pictureSignatureName = 'predict_images';
const pictureInputName = 'images';

export interface SignatureOutput extends TensorSpec {
  /** Position among the graph's outputs. */
  readonly index: number;
  /** Its bit in the mask of wanted outputs; 0 where the graph has more outputs than bits. */
  readonly bit: number;
}

export interface ServedSignature {
  readonly name: string;
  /** `pictures`: its only input holds encoded pictures, BYTES [n] or [] for a single one, that the server decodes. */
  readonly takes: 'tensors' | 'pictures';
  /** With `tensors` one for each of the graph's, in its order. */
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly SignatureOutput[];
  /** Mask of all its outputs; 0 when they are all of the graph's. */
  readonly wanted: number;
  /** The file of the graph that it is of; absent: the version's own. */
  readonly graph?: string | undefined;
}

export interface ServedSignatures {
  /** The graph's own inputs and outputs, under their own names. */
  readonly graph: ServedSignature;
  readonly byName: ReadonlyMap<string, ServedSignature>;
  /** Picture signatures by the name of their input. */
  readonly byPictureInput: ReadonlyMap<string, ServedSignature>;
}

export interface PlannedSignatures extends ServedSignatures {
  /** What model.yaml says and the model cannot do. */
  readonly problems: readonly string[];
}

/** What the graph has. */
export interface GraphTensors {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** As model.yaml or the model's own format names it. */
export type DeclaredSignature = SignatureYaml & Pick<Partial<ImportedSignatureNames>, 'onePicture'>;

class SignatureProblem extends Error {}

const names = (specs: readonly { readonly name: string }[]): string =>
  specs.map(({ name }) => name).join(', ');

function outputsOf({ outputs }: GraphTensors): SignatureOutput[] {
  const bits = outputs.length <= 31;
  return outputs.map((spec, index) => ({ ...spec, index, bit: bits ? 1 << index : 0 }));
}

/** The mask of these outputs. */
export function maskOf(outputs: readonly SignatureOutput[]): number {
  return outputs.reduce((mask, { bit }) => mask | bit, 0);
}

function aliasInputs(graph: GraphTensors, aliases: Record<string, string>): TensorSpec[] {
  const entries = Object.entries(aliases);
  for (const [alias, name] of entries) {
    if (graph.inputs.some((input) => input.name === name)) continue;
    throw new SignatureProblem(
      `inputs.${alias} is "${name}", but its inputs are ${names(graph.inputs)}`,
    );
  }
  return graph.inputs.map((spec) => {
    const given = entries.filter(([, name]) => name === spec.name);
    const [[alias]] = given.length === 1 ? (given as [[string, string]]) : [[undefined]];
    if (alias !== undefined) return { ...spec, name: alias };
    throw new SignatureProblem(`inputs names '${spec.name}' ${given.length} times, not once`);
  });
}

function aliasOutputs(graph: GraphTensors, aliases: Record<string, string>): SignatureOutput[] {
  const all = outputsOf(graph);
  return Object.entries(aliases).map(([alias, name]) => {
    const spec = all.find((output) => output.name === name);
    if (spec) return { ...spec, name: alias };
    throw new SignatureProblem(
      `outputs.${alias} is "${name}", but its outputs are ${names(graph.outputs)}`,
    );
  });
}

function pictureInput(
  { inputs: aliases, onePicture }: DeclaredSignature,
  pictures: PictureDecision | undefined,
): TensorSpec {
  if (!pictures?.plan) {
    const reason = pictures?.problem?.reason ?? 'it has no signature';
    throw new SignatureProblem(`it takes pictures, but the model cannot: ${reason}`);
  }
  const { plan } = pictures;
  const entries = Object.entries(aliases ?? { [pictureInputName]: plan.name });
  const [alias, name] = entries[0] ?? [];
  if (alias === undefined || name !== plan.name || entries.length > 1) {
    throw new SignatureProblem(
      `it takes pictures, so inputs must be one name for '${plan.name}', the input that they fill (or say takes: tensors)`,
    );
  }
  return { name: alias, dtype: 'BYTES', shape: onePicture ? [] : [null] };
}

/** Throws SignatureProblem. */
function planOne(
  name: string,
  declared: DeclaredSignature,
  graph: GraphTensors,
  pictures: PictureDecision | undefined,
): ServedSignature {
  const { takes, inputs, outputs } = declared;
  const kind = takes ?? (pictures?.plan ? 'pictures' : 'tensors');
  const given = outputs ? aliasOutputs(graph, outputs) : outputsOf(graph);
  const whole = graph.outputs.every((_, i) => given.some(({ index }) => index === i));
  return {
    name,
    takes: kind,
    inputs:
      kind === 'pictures'
        ? [pictureInput(declared, pictures)]
        : inputs
          ? aliasInputs(graph, inputs)
          : graph.inputs,
    outputs: given,
    wanted: whole ? 0 : maskOf(given),
  };
}

/** Those of the model's own format, then those of model.yaml, which win. */
export function declaredSignatures(
  { config }: Pick<ModelHead, 'config'>,
  { imported }: Pick<ReadVersion, 'imported'>,
): Readonly<Record<string, DeclaredSignature>> {
  return { ...imported?.signatures, ...config.signatures };
}

/**
 * Works out the signatures of a version. One of model.yaml that the model cannot have is left out and told
 * in `problems`. A signature of a model that takes pictures takes them too, unless it says otherwise.
 */
export function planSignatures(
  declared: Readonly<Record<string, DeclaredSignature>>,
  graph: GraphTensors,
  pictures: PictureDecision | undefined,
): PlannedSignatures {
  const own = planOne(defaultSignatureName, { takes: 'tensors' }, graph, undefined);
  const byName = new Map([[own.name, own]]);
  const problems: string[] = [];
  if (pictures?.plan)
    byName.set(pictureSignatureName, planOne(pictureSignatureName, {}, graph, pictures));
  for (const [name, yaml] of Object.entries(declared)) {
    try {
      byName.set(name, planOne(name, yaml, graph, pictures));
    } catch (error) {
      if (!(error instanceof SignatureProblem)) throw error;
      problems.push(`signatures.${name}: ${error.message}`);
    }
  }
  const byPictureInput = new Map<string, ServedSignature>();
  // Those of model.yaml come last and win.
  for (const signature of byName.values())
    if (signature.takes === 'pictures')
      byPictureInput.set(signature.inputs[0]?.name ?? '', signature);
  return { graph: own, byName, byPictureInput, problems };
}

/** As `planSignatures`, with the signatures of the version's other graphs under their own names. */
export function planAllSignatures(
  model: Pick<ModelHead, 'config'>,
  { signature, imported }: Pick<ReadVersion, 'signature' | 'imported'>,
  pictures: PictureDecision | undefined,
): PlannedSignatures {
  const graph = signature ?? { inputs: [], outputs: [] };
  const own = planSignatures(declaredSignatures(model, { imported }), graph, pictures);
  const byName = new Map(own.byName);
  for (const other of imported?.otherGraphs ?? []) {
    const { file, names, signature: tensors } = other;
    const planned = planSignatures(names.signatures, tensors, picturesOfGraph(other));
    for (const name of Object.keys(names.signatures)) {
      const one = planned.byName.get(name);
      // One of model.yaml comes first.
      if (one && !byName.has(name)) byName.set(name, { ...one, graph: file });
    }
  }
  return { ...own, byName };
}

/** How pictures become the input of another graph: as the model's own code did it, model.yaml is not asked. */
export function picturesOfGraph({ names, signature }: ImportedGraph): PictureDecision | undefined {
  return names.picture && planPictures(names.picture, signature.inputs);
}

/** The signatures that the format of a converted model gives a graph. */
export function signatureNamesOf({ version }: { readonly version: ReadVersion }): string[] {
  return Object.keys(version.imported?.signatures ?? {});
}

/** The signature of this name. Throws SIGNATURE_NOT_FOUND. */
export function findSignature(
  model: string,
  { byName }: ServedSignatures,
  name: string,
): ServedSignature {
  const found = byName.get(name);
  if (found) return found;
  throw new ServingError('SIGNATURE_NOT_FOUND', {
    model,
    signature: name,
    available: [...byName.keys()],
  });
}

/**
 * What inputs mean that come without the name of a signature: the graph's own, unless they are one tensor
 * of BYTES under the name of a picture signature's input, which the graph itself would not take.
 */
export function chooseSignature(
  { graph, byPictureInput }: ServedSignatures,
  inputs: readonly NamedTensor[],
): ServedSignature {
  const [only] = inputs;
  if (byPictureInput.size === 0 || only?.dtype !== 'BYTES' || inputs.length > 1) return graph;
  return byPictureInput.get(only.name) ?? graph;
}
