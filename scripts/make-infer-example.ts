/** Writes examples/digits/infer.json: the pixels of a sample picture as an Open Inference request. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

const folder = join(import.meta.dirname, '..', 'examples', 'digits');
const { data, info } = await sharp(join(folder, '7.png'))
  .removeAlpha()
  .resize(32, 32, { fit: 'fill' })
  .raw()
  .toBuffer({ resolveWithObject: true });
const planes = Array.from({ length: info.channels }, (_, channel) =>
  Array.from({ length: 32 * 32 }, (_pixel, i) =>
    Number(((data[i * info.channels + channel] ?? 0) / 255).toFixed(3)),
  ),
);
const input = { name: 'image', datatype: 'FP32', shape: [1, 3, 32, 32], data: planes.flat() };
writeFileSync(join(folder, 'infer.json'), `${JSON.stringify({ inputs: [input] })}\n`);
