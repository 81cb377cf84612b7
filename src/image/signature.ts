/**
 * Which format a file is, by its first bytes. Formats that are recognised only to be refused by name
 * are here too, so that "not a picture" and "a picture we do not read" are different answers.
 */

import type { Bytes } from './byte-cursor.ts';
import type { PictureFormat } from './picture-format.ts';

export type Signature =
  | { readonly format: PictureFormat; readonly supported: true }
  | { readonly format: string; readonly supported: false };

type Prefixes = readonly string[];

const supported: readonly (readonly [PictureFormat, Prefixes])[] = [
  ['JPEG', ['\xff\xd8\xff']],
  ['PNG', ['\x89PNG\r\n\x1a\n']],
  ['GIF', ['GIF87a', 'GIF89a']],
  ['TIFF', ['II*\0', 'MM\0*']],
];

const refused: readonly (readonly [string, Prefixes])[] = [
  ['BigTIFF', ['II+\0', 'MM\0+']],
  ['JPEG XL', ['\xff\x0a', '\0\0\0\x0cJXL ']],
  ['JPEG 2000', ['\0\0\0\x0cjP  ', '\xff\x4f\xff\x51']],
  ['PSD', ['8BPS']],
  ['ICO', ['\0\0\x01\0']],
  ['CUR', ['\0\0\x02\0']],
  ['PDF', ['%PDF-']],
  ['PostScript', ['%!PS', '\xc5\xd0\xd3\xc6']],
  ['OpenEXR', ['\x76\x2f\x31\x01']],
  ['Radiance HDR', ['#?RADIANCE', '#?RGBE']],
  ['DDS', ['DDS ']],
  ['QOI', ['qoif']],
  ['FITS', ['SIMPLE  =']],
  ['ICNS', ['icns']],
  ['WMF', ['\xd7\xcd\xc6\x9a']],
  ['netpbm', ['P1\n', 'P2\n', 'P3\n', 'P4\n', 'P5\n', 'P6\n', 'P7\n']],
  ['SVGZ (gzip)', ['\x1f\x8b\x08']],
];

const heifBrands: Readonly<Record<string, string>> = {
  avif: 'AVIF',
  avis: 'AVIF',
  heic: 'HEIC',
  heix: 'HEIC',
  hevc: 'HEIC',
  heim: 'HEIC',
  heis: 'HEIC',
  mif1: 'HEIF',
  msf1: 'HEIF',
  'crx ': 'Canon CR3',
};

/** undefined when no known picture format starts so. Looks at the first kilobyte. */
export function readSignature(bytes: Bytes): Signature | undefined {
  const head = bytes.text(0, 32);
  const format = supportedName(head);
  if (format !== undefined) return { format, supported: true };
  const name = heifName(head) ?? nameIn(refused, head) ?? markupName(bytes.text(0, 1024));
  return name === undefined ? undefined : { format: name, supported: false };
}

function supportedName(head: string): PictureFormat | undefined {
  if (head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP') return 'WebP';
  if (head.startsWith('BM') && isBmpHeader(head)) return 'BMP';
  return nameIn(supported, head);
}

/** "BM" alone begins many texts: the length of the information header must be a known one too. */
function isBmpHeader(head: string): boolean {
  const knownLengths = ['\x0c', '\x28', '\x34', '\x38', '\x40', '\x6c', '\x7c'];
  return knownLengths.some((length) => head.slice(14, 18) === `${length}\0\0\0`);
}

function nameIn<T extends string>(
  table: readonly (readonly [T, Prefixes])[],
  head: string,
): T | undefined {
  return table.find(([, prefixes]) => prefixes.some((prefix) => head.startsWith(prefix)))?.[0];
}

/** ISO media files: "ftyp" at 4, the brand at 8. Others (mp4) are no pictures. */
function heifName(head: string): string | undefined {
  return head.slice(4, 8) === 'ftyp' ? heifBrands[head.slice(8, 12)] : undefined;
}

function markupName(head: string): string | undefined {
  const text = head.replace(/^\xef\xbb\xbf/, '').trimStart();
  return text.startsWith('<') && /<svg[\s>]/i.test(text) ? 'SVG' : undefined;
}
