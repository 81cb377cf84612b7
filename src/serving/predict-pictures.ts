/**
 * Pictures through a model: decode, run in groups, label. The order of the answers is the order of the
 * pictures, and no answer depends on what else was in the request.
 */

import { ServingError } from '../errors.ts';
import type { Picture as DecodedPicture, PictureReader } from '../image/picture-reader.ts';
import type { PicturePlan } from '../pipeline/picture-plan.ts';
import type { LabelledScore, ScorePlan } from '../pipeline/scores.ts';
import { findScoreProblem, labelScores } from '../pipeline/scores.ts';
import type { FrameTensor } from '../runner/frames.ts';
import { bytesOfChunks } from '../tensor/chunked-tensor.ts';
import type { EncodedPicture, Timings } from './inference-types.ts';
import type { RequestLife } from './request-life.ts';
import type { ServedVersion } from './served-version.ts';
import type { RunAnswer } from './version-queue.ts';

export type PictureSource = Pick<PictureReader, 'read'>;

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
    throw new ServingError('PREPROCESSING_MISSING', { model: model.name, reason, yaml });
  }
  if (!scores?.plan) {
    const problem = scores?.problem ?? 'it has no signature';
    throw new ServingError('OUTPUT_NOT_SCORES', { model: model.name, problem });
  }
  return { picture: pictures.plan, scores: scores.plan };
}

/** How many pictures share a run: rows that answer differently in company run alone. */
function rowsPerRun({ runSize }: ServedVersion, { fixedBatch }: PicturePlan): number {
  return fixedBatch ?? runSize.maxBatch;
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

/** Pixels [h, w, c] as planes [c, h, w]. */
function toPlanes({ data, width, height, channels }: DecodedPicture): Uint8Array {
  const area = width * height;
  const planes = new Uint8Array(data.length);
  for (let channel = 0; channel < channels; channel += 1) {
    for (let i = 0; i < area; i += 1) {
      planes[channel * area + i] = data[i * channels + channel] as number;
    }
  }
  return planes;
}

/**
 * One run's tensor; a fixed batch that is not full is filled with its last picture. The runner turns
 * pixels into floats in the model's layout; a model that takes bytes gets them as they are sent.
 */
function toTensor(group: readonly DecodedPicture[], plan: PicturePlan): FrameTensor {
  const [{ width, height, channels }] = group as readonly [DecodedPicture];
  const rows = plan.fixedBatch ?? group.length;
  const asPlanes = plan.dtype === 'UINT8' && plan.layout === 'NCHW';
  const pixels = group.map((picture) => (asPlanes ? toPlanes(picture) : picture.data));
  const last = pixels.at(-1) as Uint8Array;
  const chunks = Array.from({ length: rows }, (_, row) => pixels[row] ?? last);
  const shape = asPlanes ? [rows, channels, height, width] : [rows, height, width, channels];
  return { index: plan.index, dtype: 'UINT8', shape, chunks };
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

async function decode(
  { bytes, where }: EncodedPicture,
  source: PictureSource,
  plan: PicturePlan,
  signal: AbortSignal,
): Promise<DecodedPicture> {
  const picture = await source.read(bytes, plan.geometry, { where, signal });
  checkSize(picture, plan, where);
  return picture;
}

/** Decodes all pictures and groups them into the tensors of runs; room in the queue is held meanwhile. */
async function makeTensors(
  served: ServedVersion,
  source: PictureSource,
  pictures: readonly EncodedPicture[],
  plan: PicturePlan,
  life: RequestLife,
): Promise<{ readonly tensor: FrameTensor; readonly count: number }[]> {
  // Before the work of decoding: a full queue would refuse what comes of it.
  const bytes = pictures.reduce((total, picture) => total + picture.bytes.byteLength, 0);
  const release = served.reserve(pictures.length, bytes, life);
  try {
    const decoded = await Promise.all(
      pictures.map((picture) => decode(picture, source, plan, life.signal)),
    );
    return groupPictures(decoded, rowsPerRun(served, plan)).map((group) => ({
      tensor: toTensor(group, plan),
      count: group.length,
    }));
  } finally {
    release();
  }
}

async function predictAll(
  served: ServedVersion,
  source: PictureSource,
  pictures: readonly EncodedPicture[],
  life: RequestLife,
): Promise<PicturePredictions> {
  const { picture: plan, scores } = plansOf(served);
  const tensors = await makeTensors(served, source, pictures, plan, life);
  const wanted = scores.index < 31 ? 1 << scores.index : 0;
  const answers = await Promise.all(
    tensors.map(async ({ tensor, count }) => {
      const answer = await served.run({ inputs: [tensor], wanted, admitted: true }, life);
      const labels = labelsOf(served, answer, tensor.shape[0] ?? 0, count, scores);
      return { labels, timings: answer.timings };
    }),
  );
  return {
    results: answers.flatMap(({ labels }) => labels),
    timings: {
      queueMs: Math.max(0, ...answers.map(({ timings }) => timings.queueMs)),
      runMs: answers.reduce((total, { timings }) => total + timings.runMs, 0),
    },
  };
}

/**
 * Throws what decoding and running throw; nothing is answered in part, and what is left of a request
 * that failed is not run.
 */
export async function predictPictures(
  served: ServedVersion,
  source: PictureSource,
  pictures: readonly EncodedPicture[],
  life: RequestLife,
): Promise<PicturePredictions> {
  if (pictures.length === 1) return predictAll(served, source, pictures, life);
  const rest = life.fork();
  try {
    return await predictAll(served, source, pictures, rest);
  } catch (error) {
    rest.end(error as Error);
    throw error;
  }
}
