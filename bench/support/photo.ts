/** A 500×375 JPEG with the detail of a photo: smooth colours, edges and noise, about 70 KB. */

import sharp from 'sharp';
import { createRandom } from '../../test/models/random.ts';

export async function makePhoto(width = 500, height = 375): Promise<Buffer> {
  const random = createRandom(7);
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const edge = (Math.floor(x / 37) + Math.floor(y / 29)) % 2 === 0 ? 40 : -40;
      for (let c = 0; c < 3; c += 1) {
        const wave = 90 * Math.sin(x / (31 + 9 * c)) * Math.cos(y / (23 + 5 * c));
        pixels[(y * width + x) * 3 + c] = Math.max(
          0,
          Math.min(255, 128 + wave + edge + 30 * (random() - 0.5)),
        );
      }
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 85 })
    .toBuffer();
}
