/**
 * Which network of keras.applications a file of weights is of: each version of it, with its top and without,
 * is laid beside the file. The names of the layers tell, and where those are the same, values in the file.
 * Where the names are nobody's, layers are taken in order, as Keras' load_weights does it.
 */

import type { Hdf5Group } from '../hdf5/hdf5-file.ts';
import type { Architecture } from '../importer.ts';
import { InvalidModelError, UnsupportedModelError } from '../problems.ts';
import { defaultArguments, makeModel } from './architecture-model.ts';
import type { KnownArchitecture } from './architectures.ts';
import { findArchitectures } from './architectures.ts';
import type { Json } from './config.ts';
import { Config } from './config.ts';
import { kindOf } from './convert-network.ts';
import type { Network } from './network.ts';
import type { LayerWeights } from './weights.ts';
import {
  layersWithWeights,
  openNewWeights,
  openOldWeights,
  textList,
  unplannedLayers,
} from './weights.ts';

/** One version of the architecture, with its top or without, beside the file. */
export interface Candidate {
  readonly known: KnownArchitecture;
  readonly hasTop: boolean;
  /** Of any arguments: its layers have the names, and no sizes yet. */
  readonly network: Network;
  /** What keeps the file's layers from being this network's by their names. */
  readonly otherNames?: OtherNames | undefined;
  /** Whether nothing but the layers of the top has other names. */
  readonly hasOtherTop: boolean;
  weights(network: Network): LayerWeights;
}

export interface OtherNames {
  /** How many layers have the same name. */
  readonly same: number;
  readonly difference: string;
  /** Whether the layers may be taken in order all the same. */
  readonly inOrder: boolean;
}

export type ReadModel = (model: Json) => Network;

export const isNewLayout = (root: Hdf5Group): boolean =>
  root.has('layers') || root.has('_layer_checkpoint_dependencies');

/** All that the architecture's name may mean. Throws UnsupportedModelError when it means nothing. */
export function findCandidates(
  root: Hdf5Group,
  architecture: Architecture,
  readModel: ReadModel,
): Candidate[] {
  const { version } = architecture;
  const open = isNewLayout(root) ? openNew : openOld;
  return findArchitectures(architecture)
    .filter((known) => known.like === undefined || known.version === version)
    .flatMap((known) =>
      [true, false].map((hasTop) => {
        const head = hasTop ? 'top' : 'none';
        const model = makeModel(known, { ...defaultArguments(known), head });
        return open(root, known, hasTop, readModel(model));
      }),
    );
}

function openOld(
  root: Hdf5Group,
  known: KnownArchitecture,
  hasTop: boolean,
  network: Network,
): Candidate {
  const ours = layersWithWeights(network, kindOf);
  const theirs = textList(root, 'layer_names').filter((name) => {
    const group = root.group(name);
    return group !== undefined && textList(group, 'weight_names').length > 0;
  });
  const groups = new Map(ours.map((name, i) => [name, theirs[i] as string]));
  const otherNames = compareNames(ours, theirs);
  const inTop = new Set(known.heads.top.layers.map(({ name }) => name));
  const below = ours.filter((name) => !inTop.has(name));
  return {
    known,
    hasTop,
    network,
    otherNames,
    hasOtherTop: hasTop && otherNames !== undefined && otherNames.same === below.length,
    weights: (final) => openOldWeights(root, final, kindOf, groups),
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
        ? `it ends after ${at} of ${ours.length} layers, and "${ours[at]}" is missing`
        : `layer ${at + 1} of ${theirs.length} is "${theirs[at]}" where "${ours[at] ?? 'none'}" is expected`,
    inOrder: ours.length === theirs.length && areForeign,
  };
}

/** The layout of Keras 3 goes by counters, and has the names beside the weights. */
function openNew(
  root: Hdf5Group,
  known: KnownArchitecture,
  hasTop: boolean,
  network: Network,
): Candidate {
  const weights = openNewWeights(root, network, kindOf);
  return {
    known,
    hasTop,
    network,
    otherNames: problemInNew(root, network, weights),
    hasOtherTop: false,
    weights: (final) => openNewWeights(root, final, kindOf),
  };
}

function problemInNew(
  root: Hdf5Group,
  network: Network,
  weights: LayerWeights,
): OtherNames | undefined {
  const { layers } = network;
  for (const [at, layer] of layers.entries()) {
    try {
      const slots = kindOf(layer)?.weights?.(new Config(layer.config, layer.place)) ?? [];
      for (const { name } of slots) weights.layer(layer.name).get(name);
    } catch (error) {
      if (!(error instanceof InvalidModelError)) throw error;
      return { same: at, difference: `${error.place}: ${error.message}`, inOrder: false };
    }
  }
  const [more] = unplannedLayers(root, network, kindOf);
  if (more === undefined) return undefined;
  const difference = `it goes on with "${more}" after all ${layers.length} layers`;
  return { same: layers.length, difference, inOrder: false };
}

/**
 * The one that the file is of. `fits` says whether what is in the file can be of a candidate beyond its
 * names. Throws InvalidModelError, UnsupportedModelError.
 */
export function chooseCandidate(
  all: readonly Candidate[],
  version: string | undefined,
  fits: (candidate: Candidate) => boolean,
): Candidate {
  const isWanted = ({ known }: Candidate): boolean =>
    version === undefined || known.version === version;
  const named = all.filter(({ otherNames }) => !otherNames);
  const pool = (named.length > 0 ? named : inOrder(all)).filter(fits);
  const fitting = pool.filter(hasExpectedValues);
  if (fitting.length === 0) {
    // Values that are of no version do not tell it; the user does.
    const [said] = version === undefined ? [] : pool.filter(isWanted);
    if (said) return said;
    throw otherValues(pool);
  }
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

function hasExpectedValues({ known: { expects }, network, weights }: Candidate): boolean {
  if (!expects) return true;
  const found = weights(network).layer(expects.layer).get(expects.weight).read();
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
  const found = first.weights(first.network).layer(layer).get(weight);
  const expected = pool.map(
    ({ known }) => `${listed(known.expects?.values ?? [])} of ${known.version}`,
  );
  const not = expected.length === 1 ? `not ${expected[0]}` : `neither ${expected.join(' nor ')}`;
  const versions = pool.map(({ known }) => known.version).join('; ');
  return new UnsupportedModelError(
    found.place,
    `it is ${listed(found.read())}, and ${not}, so that the file does not tell which layers its network has`,
    `save the whole model with model.save("model.keras"), or say as architecture.version which it is: ${versions}`,
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
