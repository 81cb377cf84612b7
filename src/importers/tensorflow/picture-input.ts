/**
 * An input of a signature that takes encoded pictures, or examples with one. The wire keeps its texts;
 * the graph gets an input of pixels in its place.
 */

import { UnsupportedModelError } from '../problems.ts';
import { dataType } from './data-types.ts';
import type { Emitter } from './emitter.ts';
import type { Dim, PictureSource, Tensor } from './values.ts';

export interface PictureInput extends PictureSource {
  /** Set once an operator has decoded them. */
  readonly found: { readonly name: string; readonly channels: 1 | 3 } | undefined;
  readonly feature: string | undefined;
}

export function pictureInput(alias: string, emitter: Emitter, count: Dim): PictureInput {
  let pixels: Tensor | undefined;
  let found: PictureInput['found'];
  let feature: string | undefined;
  return {
    alias,
    get found() {
      return found;
    },
    get feature() {
      return feature;
    },
    pixels(operation, channels) {
      if (found && found.channels !== channels) {
        throw new UnsupportedModelError(
          operation.place,
          `pictures of '${alias}' are decoded to ${found.channels} and to ${channels} channels`,
          'one number of channels is taken',
        );
      }
      pixels ??= input(emitter, alias, channels, count);
      found = { name: pixels.value.name, channels };
      return pixels;
    },
    takeFeature(name) {
      feature = name;
    },
  };
}

function input(emitter: Emitter, alias: string, channels: 1 | 3, count: Dim): Tensor {
  const rows = typeof count === 'number' ? count : null;
  const value = emitter.root.input(alias, 'UINT8', [rows, null, null, channels]);
  return emitter.tensor(value, dataType('uint8'), [count, null, null, channels]);
}
