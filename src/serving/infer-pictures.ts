/**
 * A tensor of encoded pictures through a picture signature: what comes out is what the graph gives for the
 * same pictures as decoded rows, also where rows depend on their company. Where several runs are joined,
 * each row of an output belongs to the picture of that place.
 */

import { joinOutputs } from '../batching/batch.ts';
import { ServingError } from '../errors.ts';
import type { FrameTensor } from '../runner/frames.ts';
import { splitRows } from '../tensor/chunked-tensor.ts';
import { unpackBytes } from '../tensor/tensor.ts';
import type { EncodedPicture } from './inference-types.ts';
import type { RequestLife } from './request-life.ts';
import type { PictureSource } from './run-pictures.ts';
import { runPictures } from './run-pictures.ts';
import type { ServedVersion } from './served-version.ts';
import type { RunAnswer } from './version-queue.ts';

/** The pictures in the BYTES of an input that was checked. Throws INPUT_DATA_INVALID or TOO_MANY_PICTURES. */
function picturesIn({ shape, chunks }: FrameTensor, input: string, most: number): EncodedPicture[] {
  const [count = 1] = shape;
  if (count === 0)
    throw new ServingError('INPUT_DATA_INVALID', { input, problem: 'it holds no picture' });
  if (count > most) throw new ServingError('TOO_MANY_PICTURES', { count, limit: most });
  const elements = chunks.flatMap((chunk) => unpackBytes(chunk));
  return elements.map((bytes, i) => ({ bytes, where: `picture ${i + 1} (input ${input})` }));
}

/** The outputs of the first `count` rows of a run of `rows`. */
function cutRows(
  { model }: ServedVersion,
  outputs: readonly FrameTensor[],
  rows: number,
  count: number,
): readonly FrameTensor[] {
  if (rows === count) return outputs;
  return outputs.map((output) => {
    if (output.shape[0] === rows) return splitRows(output, [count, rows - count])[0] as FrameTensor;
    const problem = `its output ${output.index} is [${output.shape.join(', ')}] for a batch of ${rows} rows.`;
    throw new ServingError('RUN_FAILED', { model: model.name, problem });
  });
}

/** Throws INPUT_DATA_INVALID where the outputs of a run of `rows` pictures are not theirs row by row. */
function requireRows(
  { version }: ServedVersion,
  input: string,
  outputs: readonly FrameTensor[],
  rows: number,
): void {
  const odd = outputs.find(({ shape }) => shape[0] !== rows);
  if (!odd) return;
  const name = version.signature?.outputs[odd.index]?.name ?? odd.index;
  throw new ServingError('INPUT_DATA_INVALID', {
    input,
    problem: `it holds several pictures, and output '${name}' is [${odd.shape.join(', ')}] for a run of ${rows}, without a row for each; send one picture a request`,
  });
}

/** What one input of a picture signature is run with. */
export interface PictureTensor {
  readonly tensor: FrameTensor;
  /** The input's name, for messages. */
  readonly name: string;
  /** Mask of the wanted outputs; 0: all. */
  readonly wanted: number;
  readonly maxPictures: number;
}

/** Throws what `picturesIn`, decoding and running throw. */
export async function inferPictures(
  served: ServedVersion,
  source: PictureSource,
  { tensor, name, wanted, maxPictures }: PictureTensor,
  life: RequestLife,
): Promise<RunAnswer> {
  const plan = served.pictures?.plan;
  // A picture signature is only made where there is a plan.
  if (!plan) throw new ServingError('INTERNAL', {});
  const given = picturesIn(tensor, name, maxPictures);
  const { parts, timings } = await runPictures(
    served,
    source,
    given,
    {
      plan,
      wanted,
      // All rows of a tensor are one request to the queue, which cuts it where rows are independent.
      rowsPerRun: Number.POSITIVE_INFINITY,
      read: ({ outputs }, rows, count) => {
        if (count < given.length) requireRows(served, name, outputs, rows);
        return cutRows(served, outputs, rows, count);
      },
    },
    life,
  );
  const [first = []] = parts;
  return { outputs: parts.length === 1 ? first : joinOutputs(served.model.name, parts), timings };
}
