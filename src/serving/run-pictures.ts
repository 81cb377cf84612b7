/**
 * Encoded pictures through the runs of a model: decode, group, run. What the outputs are for is not known
 * here: `/predict` reads labels from them, the tensor APIs give them out as they are.
 */

import { ServingError } from '../errors.ts';
import type { Picture as DecodedPicture, PictureReader } from '../image/picture-reader.ts';
import type { PicturePlan } from '../pipeline/picture-plan.ts';
import type { FrameTensor } from '../runner/frames.ts';
import type { EncodedPicture, Timings } from './inference-types.ts';
import type { RequestLife } from './request-life.ts';
import type { ServedVersion } from './served-version.ts';
import type { RunAnswer } from './version-queue.ts';

export type PictureSource = Pick<PictureReader, 'read'>;

export interface PictureRuns<T> {
  readonly plan: PicturePlan;
  /** Mask of the outputs that are computed; 0: all. */
  readonly wanted: number;
  /** The most pictures of a request that share a run; a fixed batch of the model goes before it. */
  readonly rowsPerRun: number;
  /** What becomes of one run: of its `rows`, the first `count` are pictures, the rest fill it up. */
  readonly read: (answer: RunAnswer, rows: number, count: number) => T;
}

export interface PictureResults<T> {
  /** Of each run, in the order of the pictures. */
  readonly parts: readonly T[];
  readonly timings: Timings;
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
async function makeTensors<T>(
  served: ServedVersion,
  source: PictureSource,
  pictures: readonly EncodedPicture[],
  { plan, rowsPerRun }: PictureRuns<T>,
  life: RequestLife,
): Promise<{ readonly tensor: FrameTensor; readonly count: number }[]> {
  // Before the work of decoding: a full queue would refuse what comes of it.
  const bytes = pictures.reduce((total, picture) => total + picture.bytes.byteLength, 0);
  const release = served.reserve(pictures.length, bytes, life);
  try {
    const decoded = await Promise.all(
      pictures.map((picture) => decode(picture, source, plan, life.signal)),
    );
    return groupPictures(decoded, plan.fixedBatch ?? rowsPerRun).map((group) => ({
      tensor: toTensor(group, plan),
      count: group.length,
    }));
  } finally {
    release();
  }
}

async function runAll<T>(
  served: ServedVersion,
  source: PictureSource,
  pictures: readonly EncodedPicture[],
  runs: PictureRuns<T>,
  life: RequestLife,
): Promise<PictureResults<T>> {
  const tensors = await makeTensors(served, source, pictures, runs, life);
  const answers = await Promise.all(
    tensors.map(async ({ tensor, count }) => {
      const request = { inputs: [tensor], wanted: runs.wanted, admitted: true };
      const answer = await served.run(request, life);
      return {
        part: runs.read(answer, tensor.shape[0] ?? 0, count),
        timings: answer.timings,
      };
    }),
  );
  return {
    parts: answers.map(({ part }) => part),
    timings: {
      queueMs: Math.max(0, ...answers.map(({ timings }) => timings.queueMs)),
      runMs: answers.reduce((total, { timings }) => total + timings.runMs, 0),
    },
  };
}

/**
 * Throws what decoding, running and `read` throw; nothing is answered in part, and what is left of a
 * request that failed is not run.
 */
export async function runPictures<T>(
  served: ServedVersion,
  source: PictureSource,
  pictures: readonly EncodedPicture[],
  runs: PictureRuns<T>,
  life: RequestLife,
): Promise<PictureResults<T>> {
  if (pictures.length === 1) return runAll(served, source, pictures, runs, life);
  const rest = life.fork();
  try {
    return await runAll(served, source, pictures, runs, rest);
  } catch (error) {
    rest.end(error as Error);
    throw error;
  }
}
