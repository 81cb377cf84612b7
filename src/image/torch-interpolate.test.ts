import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ResizeFilter } from '../config/picture-spec.ts';
import { decodePicture } from './decode-picture.ts';
import { planGeometry } from './geometry-plan.ts';
import { digestOf, geometryOf, readFixture } from './pictures.fixture.ts';
import type { Raster } from './raster.ts';
import { scaleWindow } from './scale.ts';
import { sniffPicture } from './sniff.ts';
import { interpolateTorch } from './torch-interpolate.ts';

interface RecordedInterpolation {
  readonly file: string;
  readonly filter: ResizeFilter;
  readonly width: number;
  readonly height: number;
  readonly floats: string;
  readonly rounded: string;
}

const path = join(import.meta.dirname, '../../test/fixtures/pictures/torch.json');
const cases: readonly RecordedInterpolation[] = JSON.parse(readFileSync(path, 'utf8'));

function decode(file: string): Promise<Raster> {
  const bytes = readFixture(file);
  return decodePicture(bytes, sniffPicture(bytes, file), geometryOf(), file);
}

function floatsOf(base64: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer);
}

describe.each(cases)('$file, $filter to $width×$height', ({ file, filter, floats, ...wanted }) => {
  const { width, height } = wanted;
  const geometry = geometryOf({
    filter,
    antialias: false,
    resize: { mode: 'exact', width, height },
  });

  test('rounds to the bytes that torch rounds to', async () => {
    const source = await decode(file);
    const { data } = scaleWindow(source, planGeometry(geometry, source), geometry);
    expect(digestOf(data)).toBe(wanted.rounded);
  });

  test.skipIf(filter === 'nearest')('is torch’s float before rounding, bit for bit', async () => {
    const source = await decode(file);
    const { scaled, window } = planGeometry(geometry, source);
    const got = interpolateTorch(source, scaled, window, filter as 'bilinear' | 'bicubic');
    expect(got).toEqual(floatsOf(floats));
  });
});
