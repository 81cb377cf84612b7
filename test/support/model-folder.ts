/** Folders of models as a user has them on disk. */

import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestModelName } from '../models/test-models.ts';
import { writeTestModel } from '../models/test-models.ts';
import { root } from './modelship.ts';

export function writeYaml(folder: string, ...lines: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'model.yaml'), `${lines.join('\n')}\n`);
}

/** How the test models of pictures see colours: 0 to 1, and no resize but to their size. */
export const colorInput =
  'input: {color: rgb, resize: {mode: exact, size: 32, filter: nearest}, scale: 0.00392156862745098}';
export const colorLabels = '[red, green, blue]';

/** A model that tells red, green and blue pictures apart, with more lines for its model.yaml. */
export function writeColors(folder: string, name: string, ...lines: readonly string[]): void {
  writeTestModel(folder, 'picture-nchw', 1, name);
  writeYaml(join(folder, name), colorInput, ...lines);
}

/** The bundled model, with its sample pictures where they are found without being named. */
export function copyDigits(folder: string): void {
  const target = join(folder, 'digits');
  const source = join(root, 'models', 'digits');
  for (const part of ['1', 'labels.txt']) {
    cpSync(join(source, part), join(target, part), { recursive: true });
  }
  const yaml = readFileSync(join(source, 'model.yaml'), 'utf8');
  writeFileSync(join(target, 'model.yaml'), yaml.replace(/^samples:.*$/m, ''));
  symlinkSync(join(root, 'examples', 'digits'), join(target, 'samples'));
}

/** Each of these models under its own name. */
export function writeModels(folder: string, ...names: readonly TestModelName[]): void {
  for (const name of names) writeTestModel(folder, name);
}
