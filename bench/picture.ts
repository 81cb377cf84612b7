/**
 * What a picture costs: a 500×375 JPEG to the 224×224 of ImageNet models, exact and fast, through the
 * reader's thread, as a ratio to sharp decoding it and nothing else. Rounds are interleaved; medians.
 *
 *     node bench/picture.ts [rounds] [picture.jpg]
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import type { PictureGeometry } from '../src/config/picture-spec.ts';
import { createPictureReader } from '../src/image/picture-reader.ts';

const [
  ,
  ,
  rounds = '15',
  path = join(import.meta.dirname, '../test/fixtures/pictures/photo-500x375.jpg'),
] = process.argv;
const picturesARound = 40;
const bytes = readFileSync(path);
const reader = createPictureReader({ maxPixels: 200_000_000, threads: 1 });
sharp.cache(false);
sharp.concurrency(1);

const exact: PictureGeometry = {
  color: 'rgb',
  decoder: 'pillow',
  resize: { mode: 'shortest-edge', size: 256 },
  crop: { width: 224, height: 224 },
  filter: 'bilinear',
  antialias: true,
  fast: false,
  orientation: 'ignore',
};
/** Its pixels stay as they are. */
const unscaled: PictureGeometry = {
  color: 'rgb',
  decoder: 'pillow',
  filter: 'bilinear',
  antialias: true,
  fast: false,
  orientation: 'ignore',
};
const read = (geometry: PictureGeometry) => () => reader.read(bytes, geometry, { where: path });

const contenders: Record<string, () => Promise<unknown>> = {
  'sharp, decode alone': () => sharp(bytes, { ignoreIcc: true }).raw().toBuffer(),
  'exact, bilinear': read(exact),
  'exact, bicubic': read({ ...exact, filter: 'bicubic' }),
  'exact, nearest': read({ ...exact, filter: 'nearest' }),
  'torch, bilinear': read({ ...exact, antialias: false }),
  fast: read({ ...exact, fast: true }),
  'unscaled, Pillow': read(unscaled),
  'unscaled, TensorFlow': read({ ...unscaled, decoder: 'tensorflow' }),
};

async function millisecondsOf(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < picturesARound; i++) await run();
  return (performance.now() - start) / picturesARound;
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const times = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]));
for (let round = -2; round < Number(rounds); round++)
  for (const [name, run] of Object.entries(contenders)) {
    const took = await millisecondsOf(run);
    if (round >= 0) times.get(name)?.push(took);
  }
await reader.close();

const decode = medianOf(times.get('sharp, decode alone') ?? []);
for (const [name, values] of times) {
  const median = medianOf(values);
  console.log(
    `${name.padEnd(22)}${median.toFixed(2).padStart(8)} ms  × ${(median / decode).toFixed(2)}`,
  );
}
