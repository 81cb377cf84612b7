/** What serving a version means before it is loaded: pictures, scores, cores, and whether model.yaml fits it. */

import { availableParallelism } from 'node:os';
import { ServingError } from '../errors.ts';
import type { PictureDecision } from '../pipeline/picture-plan.ts';
import { planPictures } from '../pipeline/picture-plan.ts';
import type { ScoreDecision } from '../pipeline/scores.ts';
import { planScores } from '../pipeline/scores.ts';
import type { ModelHead, ReadVersion } from '../repository/read-model.ts';
import type { CoreRequest, CoreShare } from './core-budget.ts';
import { shareCores } from './core-budget.ts';
import type { PlannedSignatures } from './signatures.ts';
import { planAllSignatures } from './signatures.ts';

export interface VersionPlans {
  readonly pictures?: PictureDecision | undefined;
  readonly scores?: ScoreDecision | undefined;
  readonly signatures?: PlannedSignatures;
}

/** What pictures and scores mean for a version; undefined when its signature could not be read. */
export function planVersion(model: ModelHead, version: ReadVersion): VersionPlans {
  const { signature, imported } = version;
  if (!signature) return {};
  const pictures = planPictures(
    model.config.input ?? imported?.picture,
    signature.inputs,
    imported?.scaledInputs,
  );
  return {
    pictures,
    scores: planScores(model.config.output, model.labels, signature.outputs),
    signatures: planAllSignatures(model, version, pictures),
  };
}

/** Instances and threads of a model, among so many versions that serve side by side. */
export function coresOf(
  model: ModelHead,
  versions: number,
  { instances, threads }: CoreRequest,
): CoreShare {
  return shareCores(availableParallelism(), versions, {
    instances: model.config.instances ?? instances,
    threads: model.config.threads ?? threads,
  });
}

/**
 * What model.yaml says and the model cannot do: such a version is not served, because every answer of
 * its /predict would be a refusal that blames the client. Undefined when they fit.
 */
export function findContradiction(
  { config, labels, yamlPath, folder }: ModelHead,
  { pictures, scores, signatures }: VersionPlans,
): ServingError | undefined {
  const path = yamlPath ?? folder;
  if (pictures?.problem?.contradicts) {
    return new ServingError('MODEL_YAML_INVALID', { path, problems: [pictures.problem.reason] });
  }
  if (signatures && signatures.problems.length > 0)
    return new ServingError('MODEL_YAML_INVALID', { path, problems: signatures.problems });
  const promised = labels !== undefined || config.output.tensor !== undefined;
  return promised && scores?.problem
    ? new ServingError('LABELS_INVALID', { path, problem: scores.problem })
    : undefined;
}
