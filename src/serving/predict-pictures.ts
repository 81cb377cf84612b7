/**
 * Pictures to labelled predictions. The order of the answers is the order of the pictures, and no answer
 * depends on what else was in the request.
 */

import { ServingError } from '../errors.ts';
import type { PicturePlan } from '../pipeline/picture-plan.ts';
import type { LabelledScore, ScorePlan } from '../pipeline/scores.ts';
import { findScoreProblem, labelScores } from '../pipeline/scores.ts';
import { bytesOfChunks } from '../tensor/chunked-tensor.ts';
import type { EncodedPicture, Timings } from './inference-types.ts';
import type { RequestLife } from './request-life.ts';
import type { PictureSource } from './run-pictures.ts';
import { runPictures } from './run-pictures.ts';
import type { ServedVersion } from './served-version.ts';
import type { RunAnswer } from './version-queue.ts';

export interface PicturePredictions {
  readonly results: readonly (readonly LabelledScore[])[];
  readonly timings: Timings;
}

interface Plans {
  readonly picture: PicturePlan;
  readonly scores: ScorePlan;
}

/** Throws PREPROCESSING_MISSING or OUTPUT_NOT_SCORES with what to add. */
export function plansOf({ model, pictures, scores }: ServedVersion): Plans {
  if (!pictures?.plan) {
    const { reason = 'it has no signature', yaml = '' } = pictures?.problem ?? {};
    throw new ServingError('PREPROCESSING_MISSING', {
      model: model.name,
      reason,
      yaml,
      file: model.yamlName,
    });
  }
  if (!scores?.plan) {
    const problem = scores?.problem ?? 'it has no signature';
    throw new ServingError('OUTPUT_NOT_SCORES', { model: model.name, problem });
  }
  return { picture: pictures.plan, scores: scores.plan };
}

/** The predictions of the first `count` rows; `rows` is what the run was given. */
function labelsOf(
  { model }: ServedVersion,
  { outputs }: RunAnswer,
  rows: number,
  count: number,
  plan: ScorePlan,
): LabelledScore[][] {
  const fail = (problem: string): never => {
    throw new ServingError('RUN_FAILED', { model: model.name, problem });
  };
  const output = outputs.find(({ index }) => index === plan.index);
  if (!output) return fail(`it gave no '${plan.name}'.`);
  const scores = { ...output, data: bytesOfChunks(output.chunks) };
  const problem = findScoreProblem(scores, rows);
  if (problem) fail(`'${plan.name}' cannot be labelled: ${problem}.`);
  return labelScores(scores, plan).slice(0, count);
}

/** Throws what `plansOf` and `runPictures` throw. */
export async function predictPictures(
  served: ServedVersion,
  source: PictureSource,
  pictures: readonly EncodedPicture[],
  life: RequestLife,
): Promise<PicturePredictions> {
  const { picture: plan, scores } = plansOf(served);
  const { parts, timings } = await runPictures(
    served,
    source,
    pictures,
    {
      plan,
      wanted: scores.index < 31 ? 1 << scores.index : 0,
      // Rows that answer differently in company run alone.
      rowsPerRun: served.runSize.maxBatch,
      read: (answer, rows, count) => labelsOf(served, answer, rows, count, scores),
    },
    life,
  );
  return { results: parts.flat(), timings };
}
