/**
 * Opens an HDF5 file of weights only with the network of keras.applications that model.yaml names. Which
 * version of it the file is of, and whether it has its top, is found in the file (weights-candidates.ts), as
 * are its classes and widths (weights-arguments.ts).
 */

import type { Hdf5Group } from '../hdf5/hdf5-file.ts';
import type { Architecture, Finding } from '../importer.ts';
import { InvalidModelError, UnsupportedModelError } from '../problems.ts';
import type { ModelArguments } from './architecture-model.ts';
import { makeModel } from './architecture-model.ts';
import { findArchitectures } from './architectures.ts';
import type { Network } from './network.ts';
import type { LayerWeights } from './weights.ts';
import { textList } from './weights.ts';
import { describeShape, findArguments, hasItsClasses } from './weights-arguments.ts';
import type { Candidate, ReadModel } from './weights-candidates.ts';
import { chooseCandidate, findCandidates, isNewLayout } from './weights-candidates.ts';

export interface OpenedWeights {
  readonly network: Network;
  /** Of the Keras whose rules it follows. */
  readonly version: string;
  /** Which network was chosen, in words. */
  readonly architecture: string;
  readonly findings: readonly Finding[];
  weights(network: Network): LayerWeights;
}

/** Throws InvalidModelError, UnsupportedModelError. */
export function openWeightsOnly(
  root: Hdf5Group,
  readModel: ReadModel,
  architecture: Architecture | undefined,
): OpenedWeights {
  if (!isNewLayout(root) && textList(root, 'layer_names').length === 0) {
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
  const all = findCandidates(root, architecture, readModel);
  const candidate = chooseCandidate(all, architecture.version, hasItsClasses);
  const { chosen, findings } = findArguments(candidate, architecture);
  const { known, weights } = candidate;
  return {
    network: readModel(makeModel(known, chosen)),
    version: /^keras-(\d[\d.]*)/.exec(known.version)?.[1] ?? '2.2',
    architecture: describe(candidate, chosen),
    findings: [...namingFindings(candidate, architecture), ...findings],
    weights,
  };
}

function describe({ known, hasTop }: Candidate, chosen: ModelArguments): string {
  const { head, classes, activation, shape, alpha } = chosen;
  const last = activation === 'linear' ? 'no activation' : activation;
  const pooled = head === 'avg' || head === 'max' ? `, pooling ${head}` : '';
  return [
    `${known.name}, version ${known.version}`,
    ...(known.widths ? [`alpha ${alpha}`] : []),
    hasTop ? `its top of ${classes} classes with ${last}` : `without its top${pooled}`,
    `pictures of ${describeShape(shape)}`,
  ].join(', ');
}

/** What to know of how the file's names led to the network. */
function namingFindings(
  { known, otherNames }: Candidate,
  { name, version }: Architecture,
): Finding[] {
  const note = (what: string): Finding => ({ kind: 'note', place: '', what });
  const findings: Finding[] = [];
  if (otherNames) {
    findings.push(
      note(
        `its layers have other names than those of ${known.name} and were taken in order, as Keras does: ${otherNames.difference}`,
      ),
    );
  }
  for (const other of version === undefined ? findArchitectures({ name }) : []) {
    if (other.like !== known.version) continue;
    findings.push(
      note(
        `files of ${other.version} look the same, whose network ${other.differs}; if this is one, say version: ${other.version}`,
      ),
    );
  }
  return findings;
}
