/** The recorded pictures of test/fixtures/pictures and what Pillow made of them (made by its make.py). */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PictureGeometry } from '../config/picture-spec.ts';

const folder = join(import.meta.dirname, '../../test/fixtures/pictures');

export interface RecordedPicture {
  readonly file: string;
  /** Pillow's mode of the opened picture. */
  readonly mode: string;
  readonly width: number;
  readonly height: number;
  /** The first twelve bytes of convert('RGB'). */
  readonly first: readonly number[];
  /** Digest after ImageOps.exif_transpose. */
  readonly upright: string;
  /** Digests, in the order of the geometries. */
  readonly answers: readonly string[];
}

interface Recorded {
  readonly geometries: Readonly<Record<string, Partial<PictureGeometry>>>;
  readonly photoGeometries: Readonly<Record<string, Partial<PictureGeometry>>>;
  readonly pictures: readonly RecordedPicture[];
}

export function readFixture(file: string): Uint8Array {
  return readFileSync(join(folder, file));
}

export const recorded: Recorded = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'));

/** What an exact reader does when nothing is said. */
export function geometryOf(declared: Partial<PictureGeometry> = {}): PictureGeometry {
  return {
    color: 'rgb',
    decoder: 'pillow',
    filter: 'bilinear',
    antialias: true,
    fast: false,
    orientation: 'ignore',
    ...declared,
  };
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 12);
}
