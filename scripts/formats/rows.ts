/** What was measured of keras.applications: one line of JSON for each network, size and format. */

import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** All of keras.applications in Keras 3.15. */
export const networks = [
  ...['VGG16', 'VGG19', 'Xception'],
  ...['ResNet50', 'ResNet101', 'ResNet152', 'ResNet50V2', 'ResNet101V2', 'ResNet152V2'],
  ...['InceptionV3', 'InceptionResNetV2'],
  ...['MobileNet', 'MobileNetV2', 'MobileNetV3Small', 'MobileNetV3Large'],
  ...['DenseNet121', 'DenseNet169', 'DenseNet201', 'NASNetMobile', 'NASNetLarge'],
  ...[0, 1, 2, 3, 4, 5, 6, 7].map((size) => `EfficientNetB${size}`),
  ...['B0', 'B1', 'B2', 'B3', 'S', 'M', 'L'].map((size) => `EfficientNetV2${size}`),
  ...['Tiny', 'Small', 'Base', 'Large', 'XLarge'].map((size) => `ConvNeXt${size}`),
];

export const formats = ['keras', 'h5', 'export'] as const;
export type Format = (typeof formats)[number];

/** Pictures of 64 to 139 pixels a side, or what the constructor does when it is told nothing. */
export type Size = 'small' | 'full';

export interface Row {
  readonly name: string;
  readonly size: Size;
  readonly format: Format;
  /** Of the frameworks that wrote the file. */
  readonly versions?: { readonly keras: string; readonly tensorflow: string };
  readonly parameters?: number;
  /** The height of its pictures. */
  readonly pixels?: number;
  readonly megabytes?: number;
  /** Why there are no numbers: what the importer said, or what went wrong in Keras. */
  readonly refused?: string;
  /** Why Keras cannot load its own file; the answer is then that of the model before it was saved. */
  readonly notReloaded?: string;
  /** Largest difference from the framework's answer, optimised and not, in its standard deviations. */
  readonly error?: number;
  /** The same from the answer in double precision: of ours, and of the framework's. */
  readonly oursToDouble?: number;
  readonly theirsToDouble?: number;
  /** The fastest of three conversions, without the start of the process and the check after it. */
  readonly convertMs?: number;
  readonly peakMegabytes?: number;
  readonly transposes?: number;
  /** Two pictures in one thread, the median of eleven runs. */
  readonly runMs?: number;
}

const file = join(import.meta.dirname, 'applications.jsonl');

const sameKey = (a: Row, b: Row): boolean =>
  a.name === b.name && a.size === b.size && a.format === b.format;

/** What was measured last of each network, size and format. */
export function readRows(): Row[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  const rows = lines.map((line) => JSON.parse(line) as Row);
  return rows.filter((row, i) => !rows.slice(i + 1).some((later) => sameKey(row, later)));
}

export function appendRow(row: Row): void {
  appendFileSync(file, `${JSON.stringify(row)}\n`);
}
