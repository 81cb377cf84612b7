/** The pixels of TensorFlow 2.21's `decode_jpeg` (recorded by test/fixtures/pictures/make_tensorflow.py). */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type PictureDecoder, pictureDecoders } from '../../config/picture-spec.ts';
import { ServingError } from '../../errors.ts';
import { decodePicture } from '../decode-picture.ts';
import { digestOf, readFixture } from '../pictures.fixture.ts';
import type { Raster } from '../raster.ts';
import { sniffPicture } from '../sniff.ts';
import { toGray } from '../to-gray.ts';
import { decodeAsTensorflow } from './decode.ts';

/** Of three channels and of one; null where TensorFlow refuses. */
type Digests = readonly [string | null, string | null];

type Way = Exclude<PictureDecoder, 'pillow'>;

interface RecordedFile {
  readonly name: string;
  /** Left out for a file of the folder. */
  readonly base64?: string;
  readonly digests: Readonly<Record<Way, Digests>>;
}

interface DamagedFile {
  readonly of: string;
  /** Positions and new bytes. */
  readonly edits: ReadonlyArray<readonly [number, number]>;
  readonly cut: number;
  readonly digests: Digests;
}

const path = join(import.meta.dirname, '../../../test/fixtures/pictures/tensorflow.json');
const recorded: {
  readonly files: readonly RecordedFile[];
  readonly damaged: readonly DamagedFile[];
} = JSON.parse(readFileSync(path, 'utf8'));

const bytesOf = ({ name, base64 }: RecordedFile): Uint8Array =>
  base64 === undefined ? readFixture(name) : new Uint8Array(Buffer.from(base64, 'base64'));

/** The digest of the pixels, or null for a refusal of the catalogue. */
async function digestAs(
  color: 'rgb' | 'gray',
  bytes: Uint8Array,
  decoder: Way,
): Promise<string | null> {
  try {
    const header = sniffPicture(bytes, 'it');
    const decoding = { color, decoder, orientation: 'ignore' } as const;
    const decoded = await decodePicture(bytes, header, decoding, 'it');
    return digestOf((color === 'gray' ? toGray(decoded) : decoded).data);
  } catch (error) {
    if (error instanceof ServingError) return null;
    throw error;
  }
}

const both = async (bytes: Uint8Array, way: Way = 'tensorflow'): Promise<Digests> => [
  await digestAs('rgb', bytes, way),
  await digestAs('gray', bytes, way),
];

const ways = pictureDecoders.filter((decoder) => decoder !== 'pillow');

describe.each(ways)('%s', (way) => {
  test.each(recorded.files)('$name', async (file) => {
    expect(await both(bytesOf(file), way)).toEqual(file.digests[way]);
  });
});

test('the ways differ, so that one cannot stand for another', () => {
  const kinds = recorded.files.map(
    ({ digests }) => new Set(ways.map((way) => digests[way][0])).size,
  );
  expect(kinds.filter((count) => count === 4).length).toBeGreaterThan(10);
});

const standard = { gray: false, isAccurate: false, isFancy: true };

function decodeWhole(bytes: Uint8Array): Raster {
  const { width, height } = sniffPicture(bytes, 'it');
  return decodeAsTensorflow(bytes, { width, height, ...standard });
}

function damage({ of, edits, cut }: DamagedFile): Uint8Array {
  const whole = recorded.files.find(({ name }) => name === of);
  if (!whole) throw new Error(`no ${of}`);
  const bytes = bytesOf(whole);
  for (const [at, value] of edits) bytes[at] = value;
  return bytes.subarray(0, cut);
}

test('damaged files are refused where TensorFlow refuses them, and else have its pixels', async () => {
  const differ: DamagedFile[] = [];
  for (const file of recorded.damaged)
    if ((await both(damage(file))).join() !== file.digests.join()) differ.push(file);
  // Two that TensorFlow decodes have their scans out of order.
  expect(differ).toHaveLength(2);
  for (const file of differ) expect(() => decodeWhole(damage(file))).toThrow('out of order');
  expect(recorded.damaged.filter(({ digests }) => digests[0] === null).length).toBeGreaterThan(50);
});

const named = (wanted: string): Buffer => {
  const file = recorded.files.find(({ name }) => name === wanted);
  if (!file) throw new Error(`no ${wanted}`);
  return Buffer.from(bytesOf(file));
};

test.each([
  [0xc9, 'arithmetic-coded JPEG'],
  [0xca, 'arithmetic-coded JPEG'],
  [0xc3, 'lossless or hierarchical JPEG'],
  [0xc5, 'lossless or hierarchical JPEG'],
])('a frame of kind %i is refused by name: %s', (kind, name) => {
  const bytes = named('420');
  bytes[bytes.indexOf(Buffer.of(0xff, 0xc0)) + 1] = kind;
  expect(() => decodeWhole(bytes)).toThrow(name);
});

test('what libjpeg would smooth, or has no scan for, is refused by name', () => {
  const progressive = named('420-progressive');
  const lastScan = progressive.lastIndexOf(Buffer.of(0xff, 0xda));
  const cut = Buffer.concat([progressive.subarray(0, lastScan), Buffer.of(0xff, 0xd9)]);
  expect(() => decodeWhole(cut)).toThrow('progressive JPEG without its last scans');
  const bytes = named('gray');
  const scan = bytes.indexOf(Buffer.of(0xff, 0xda));
  const frame = bytes.indexOf(Buffer.of(0xff, 0xc0));
  // A second component, and still a scan of the first alone.
  const two = Buffer.concat([bytes.subarray(0, frame + 13), Buffer.of(2, 0x11, 0, 3, 0x11, 0)]);
  two.set([0, 17], frame + 2);
  two[frame + 9] = 3;
  const three = Buffer.concat([two, bytes.subarray(frame + 13, scan), bytes.subarray(scan)]);
  expect(() => decodeWhole(three)).toThrow('JPEG without a scan of each component');
});

describe('bounds', () => {
  const [file] = recorded.files as [RecordedFile];
  const bytes = bytesOf(file);

  test('a frame larger than the header said is refused before memory is taken', () => {
    expect(() => decodeAsTensorflow(bytes, { width: 1, height: 1, ...standard })).toThrow(
      'its frame has another size than its header',
    );
  });

  const progressive = recorded.files.find(({ name }) => name === 'gray-progressive');
  const whole = Buffer.from(bytesOf(progressive as RecordedFile));
  const { width, height } = sniffPicture(whole, 'it');
  const startOfScan = Buffer.of(0xff, 0xda);
  const firstScan = whole.indexOf(startOfScan);
  const secondScan = whole.indexOf(startOfScan, firstScan + 1);

  test('a scan that comes again is refused, whatever it would cost', () => {
    const again = Buffer.concat([whole.subarray(0, secondScan), whole.subarray(firstScan)]);
    expect(() => decodeWhole(again)).toThrow('JPEG with scans twice or out of order');
  });

  test('a hundred scans are read, more are refused', () => {
    const details = Array.from({ length: 63 }, (_, i) => i + 1);
    const scanOf = (k: number, bits: number): number[] => [255, 218, 0, 8, 1, 1, 0, k, k, bits];
    const scans = [...details.map((k) => scanOf(k, 0x01)), ...details.map((k) => scanOf(k, 0x10))];
    const read = (count: number): unknown => {
      const head = whole.subarray(0, secondScan);
      const file = [...head, ...scans.slice(0, count).flat(), 255, 217];
      return decodeAsTensorflow(Uint8Array.from(file), { width, height, ...standard });
    };
    expect(() => read(99)).toThrow('progressive JPEG without its last scans');
    expect(() => read(100)).toThrow('it has over 100 scans');
  });
});
