/**
 * Pictures through a model: decode, run in groups, label. The order of the answers is the order of the
 * pictures, and no answer depends on what else was in the request.
 */

import { ServingError } from '../errors.ts';
import type { Picture as DecodedPicture, PictureReader } from '../image/picture-reader.ts';
import type { PicturePlan } from '../pipeline/picture-plan.ts';
import type { LabelledScore, ScorePlan } from '../pipeline/scores.ts';
import { labelScores } from '../pipeline/scores.ts';
import type { FrameTensor } from '../runner/frames.ts';
import type { EncodedPicture, Timings } from './inference-types.ts';
import type { RunAnswer, ServedVersion } from './served-version.ts';

export type PictureSource = Pick<PictureReader, 'read'>;

export interface PicturePredictions {
  readonly results: readonly (readonly LabelledScore[])[];
  readonly timings: Timings;
}

interface Plans {
  readonly picture: PicturePlan;
  readonly scores: ScorePlan;
}

const defaultMaxBatch = 8;

/** Throws PREPROCESSING_MISSING or OUTPUT_NOT_SCORES with what to add. */
export function plansOf({ model, pictures, scores }: ServedVersion): Plans {
  if (!pictures?.plan) {
    const { reason = 'it has no signature', yaml = '' } = pictures?.problem ?? {};
    throw new ServingError('PREPROCESSING_MISSING', { model: model.name, reason, yaml });
  }
  if (!scores?.plan) {
    const problem = scores?.problem ?? 'it has no signature';
    throw new ServingError('OUTPUT_NOT_SCORES', { model: model.name, problem });
  }
  return { picture: pictures.plan, scores: scores.plan };
}

/** How many pictures share a run: rows that answer differently in company run alone. */
function rowsPerRun({ model, report }: ServedVersion, { fixedBatch }: PicturePlan): number {
  if (fixedBatch !== null) return fixedBatch;
  const together = model.config.batching.acrossRequests ?? report?.batching.acrossRequests ?? false;
  return together ? (model.config.batching.maxBatch ?? defaultMaxBatch) : 1;
}

function checkSize({ width, height }: DecodedPicture, plan: PicturePlan, where: string): void {
  const fits = (plan.width ?? width) === width && (plan.height ?? height) === height;
  if (fits) return;
  throw new ServingError('PICTURE_SIZE_MISMATCH', {
    where,
    got: `${width}×${height}`,
    expected: `${plan.width ?? 'any'}×${plan.height ?? 'any'}`,
  });
}

/** One run's tensor; a fixed batch that is not full is filled with its last picture. */
function toTensor(group: readonly DecodedPicture[], plan: PicturePlan): FrameTensor {
  const [{ width, height, channels }] = group as readonly [DecodedPicture];
  const rows = plan.fixedBatch ?? group.length;
  const last = group.at(-1) as DecodedPicture;
  const chunks = Array.from({ length: rows }, (_, row) => (group[row] ?? last).data);
  return { index: plan.index, dtype: 'UINT8', shape: [rows, height, width, channels], chunks };
}

/** Neighbours of the same size share a run, up to `most`. */
function groupPictures(pictures: readonly DecodedPicture[], most: number): DecodedPicture[][] {
  const groups: DecodedPicture[][] = [];
  for (const picture of pictures) {
    const group = groups.at(-1) ?? [];
    const [first] = group;
    const sameSize = first?.width === picture.width && first.height === picture.height;
    if (sameSize && group.length < most) group.push(picture);
    else groups.push([picture]);
  }
  return groups;
}

function labelsOf({ outputs }: RunAnswer, count: number, plan: ScorePlan): LabelledScore[][] {
  const output = (outputs.find(({ index }) => index === plan.index) ?? outputs[0]) as FrameTensor;
  const data = output.chunks[0] as Uint8Array;
  return labelScores({ ...output, data }, plan).slice(0, count);
}

/** Throws what decoding and running throw; nothing is answered in part. */
export async function predictPictures(
  served: ServedVersion,
  source: PictureSource,
  pictures: readonly EncodedPicture[],
  signal: AbortSignal,
): Promise<PicturePredictions> {
  const { picture: plan, scores } = plansOf(served);
  const decoded = await Promise.all(
    pictures.map(async ({ bytes, where }) => {
      const picture = await source.read(bytes, plan.geometry, { where, signal });
      checkSize(picture, plan, where);
      return picture;
    }),
  );
  const groups = groupPictures(decoded, rowsPerRun(served, plan));
  const wanted = scores.index < 31 ? 1 << scores.index : 0;
  const answers = await Promise.all(
    groups.map((group) => served.run([toTensor(group, plan)], wanted, signal)),
  );
  return {
    results: answers.flatMap((answer, i) => labelsOf(answer, groups[i]?.length ?? 0, scores)),
    timings: {
      queueMs: Math.max(0, ...answers.map(({ timings }) => timings.queueMs)),
      runMs: answers.reduce((total, { timings }) => total + timings.runMs, 0),
    },
  };
}
