/**
 * Opens an HDF5 file of weights only with the network that model.yaml names. Of its versions the one is
 * taken that the file is of: by the names of its layers and, where those are the same, by values in it.
 * Where the names are nobody's, layers are taken in order, as Keras' load_weights does it.
 */

import type { Hdf5Group } from '../hdf5/hdf5-file.ts';
import type { Architecture, Finding } from '../importer.ts';
import { InvalidModelError, UnsupportedModelError } from '../problems.ts';
import type { KnownArchitecture } from './architectures.ts';
import { findArchitectures } from './architectures.ts';
import type { Json } from './config.ts';
import { Config } from './config.ts';
import { kindOf } from './convert-network.ts';
import type { Network } from './network.ts';
import type { LayerWeights } from './weights.ts';
import { layersWithWeights, openNewWeights, openOldWeights, textList } from './weights.ts';

export interface OpenedWeights {
  readonly network: Network;
  readonly version: string;
  readonly findings: readonly Finding[];
  weights(network: Network): LayerWeights;
}

/** One version of the architecture beside the file. */
interface Candidate {
  readonly known: KnownArchitecture;
  readonly network: Network;
  /** What keeps the file's layers from being this network's by their names. */
  readonly otherNames?: OtherNames | undefined;
  weights(): LayerWeights;
}

interface OtherNames {
  /** How many layers have the same name. */
  readonly same: number;
  readonly difference: string;
  /** Whether the layers may be taken in order all the same. */
  readonly inOrder: boolean;
}

/** Throws InvalidModelError, UnsupportedModelError. */
export function openWeightsOnly(
  root: Hdf5Group,
  readModel: (model: Json) => Network,
  architecture: Architecture | undefined,
): OpenedWeights {
  const isNew = root.has('layers') || root.has('_layer_checkpoint_dependencies');
  if (!isNew && textList(root, 'layer_names').length === 0) {
    throw new InvalidModelError(
      '',
      'it is an HDF5 file without a Keras model (no attribute model_config)',
    );
  }
  if (!architecture) {
    throw new UnsupportedModelError(
      '',
      'it has weights only, and not the network that they belong to',
      'save the whole model with model.save("model.keras"), or name the network of keras.applications: architecture: resnet50 in model.yaml, --architecture on the command line',
    );
  }
  const open = isNew ? openNew : openOld;
  const all = findArchitectures(architecture).map((known) =>
    open(root, known, readModel(known.model)),
  );
  const chosen = choose(all, architecture.version);
  const { known, network, weights } = chosen;
  return {
    network,
    version: /^keras-(\d[\d.]*)/.exec(known.version)?.[1] ?? '2.2',
    findings: findingsOf(chosen, all.length > 1),
    weights,
  };
}

function openOld(root: Hdf5Group, known: KnownArchitecture, network: Network): Candidate {
  const ours = layersWithWeights(network, kindOf);
  const theirs = textList(root, 'layer_names').filter((name) => {
    const group = root.group(name);
    return group !== undefined && textList(group, 'weight_names').length > 0;
  });
  const groups = new Map(ours.map((name, i) => [name, theirs[i] as string]));
  return {
    known,
    network,
    otherNames: compareNames(ours, theirs),
    weights: () => openOldWeights(root, network, kindOf, groups),
  };
}

const withoutNumber = (name: string): string => name.replace(/_\d+$/, '');

/** Undefined when the names agree but for the numbers that Keras gave them. */
function compareNames(ours: readonly string[], theirs: readonly string[]): OtherNames | undefined {
  const expected = ours.map(withoutNumber);
  const found = theirs.map(withoutNumber);
  const differs = expected.findIndex((name, i) => name !== found[i]);
  if (differs === -1 && ours.length === theirs.length) return undefined;
  const at = differs === -1 ? ours.length : differs;
  const known = new Set(expected);
  const areForeign = found.every((name, i) => name === expected[i] || !known.has(name));
  return {
    same: expected.filter((name, i) => name === found[i]).length,
    difference:
      at === theirs.length
        ? describeEnd(ours, at)
        : `layer ${at + 1} of ${theirs.length} is "${theirs[at]}" where "${ours[at] ?? 'none'}" is expected`,
    inOrder: ours.length === theirs.length && areForeign,
  };
}

/** The layers of a top are three at most (VGG). */
function describeEnd(ours: readonly string[], count: number): string {
  const hint = count < ours.length - 3 ? '' : ', as in a file without the top (notop)';
  return `it ends after ${count} of ${ours.length} layers, and "${ours[count]}" is missing${hint}`;
}

/** The layout of Keras 3 goes by counters, and has the names beside the weights. */
function openNew(root: Hdf5Group, known: KnownArchitecture, network: Network): Candidate {
  const weights = openNewWeights(root, network, kindOf);
  return { known, network, otherNames: problemInNew(network, weights), weights: () => weights };
}

function problemInNew({ layers }: Network, weights: LayerWeights): OtherNames | undefined {
  for (const [at, layer] of layers.entries()) {
    try {
      const slots = kindOf(layer)?.weights?.(new Config(layer.config, layer.place)) ?? [];
      for (const { name } of slots) weights.layer(layer.name).get(name);
    } catch (error) {
      if (!(error instanceof InvalidModelError)) throw error;
      return { same: at, difference: `${error.place}: ${error.message}`, inOrder: false };
    }
  }
  return undefined;
}

function choose(all: readonly Candidate[], version: string | undefined): Candidate {
  const isWanted = ({ known }: Candidate): boolean =>
    version === undefined || known.version === version;
  const named = all.filter(({ otherNames }) => !otherNames);
  const pool = named.length > 0 ? named : inOrder(all);
  const fitting = pool.filter(hasExpectedValues);
  if (fitting.length === 0) throw otherValues(pool);
  const [chosen, another] = fitting.filter(isWanted);
  if (!chosen) throw otherVersion(fitting[0] as Candidate, version as string);
  if (another) throw severalVersions(fitting);
  return chosen;
}

/** Those whose names agree the most, if their layers may be taken in order. */
function inOrder(all: readonly Candidate[]): Candidate[] {
  const sameIn = ({ otherNames }: Candidate): number => otherNames?.same ?? 0;
  const most = Math.max(...all.map(sameIn));
  const nearest = all.filter((candidate) => sameIn(candidate) === most);
  const usable = nearest.filter(({ otherNames }) => otherNames?.inOrder);
  if (usable.length > 0) return usable;
  throw new InvalidModelError(
    '',
    `its weights are of another architecture: ${nearest[0]?.otherNames?.difference}`,
  );
}

/** Values are stored as FP32. */
const closeEnough = 1e-5;

function hasExpectedValues({ known: { expects }, weights }: Candidate): boolean {
  if (!expects) return true;
  const found = weights().layer(expects.layer).get(expects.weight).read();
  return (
    found.length === expects.values.length &&
    expects.values.every((value, i) => Math.abs(value - (found[i] as number)) < closeEnough)
  );
}

const listed = (values: ArrayLike<number>): string =>
  `[${Array.from(values, (value) => Number(value.toPrecision(6))).join(', ')}]`;

function otherValues(pool: readonly Candidate[]): UnsupportedModelError {
  const [first] = pool as readonly [Candidate];
  const { layer, weight } = first.known.expects as NonNullable<KnownArchitecture['expects']>;
  const found = first.weights().layer(layer).get(weight);
  const choices = pool.map(
    ({ known }) => `${listed(known.expects?.values ?? [])} of ${known.version}`,
  );
  return new UnsupportedModelError(
    found.place,
    `it is ${listed(found.read())}, and neither ${choices.join(' nor ')}, so that the file does not tell which layers its network has`,
    'save the whole model with model.save("model.keras")',
  );
}

const otherVersion = ({ known }: Candidate, version: string): UnsupportedModelError =>
  new UnsupportedModelError(
    'model.yaml',
    `the file has weights of ${known.name}, version ${known.version}, and not of version ${version}`,
    'leave the version out, and it is found',
  );

const severalVersions = (fitting: readonly Candidate[]): UnsupportedModelError =>
  new UnsupportedModelError(
    'model.yaml',
    `the architecture ${fitting[0]?.known.name} has several versions, which answer differently, and the layers of the file have the names of none`,
    `say which: ${fitting.map(({ known }) => known.version).join('; ')}`,
  );

function findingsOf({ known, otherNames }: Candidate, isChoice: boolean): Finding[] {
  const note = (what: string): Finding => ({ kind: 'note', place: '', what });
  const findings = isChoice ? [note(`its network is ${known.name}, version ${known.version}`)] : [];
  if (otherNames) {
    findings.push(
      note(
        `its layers have other names than those of ${known.name} and were taken in order, as Keras does: ${otherNames.difference}`,
      ),
    );
  }
  return findings;
}
