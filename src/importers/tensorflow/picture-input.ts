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
  /** The feature of an example that has the picture, if it is one. */
  readonly feature: string | undefined;
  /** Another signature begins to use the input. */
  begin(): void;
}

export function pictureInput(alias: string, emitter: Emitter, count: Dim): PictureInput {
  const rows = typeof count === 'number' ? count : null;
  // Asked for its size before it is known what is in it.
  const value = emitter.root.input(alias, 'UINT8', [rows, null, null, null]);
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
      const [, , , before] = pixels?.dims ?? [];
      if (before !== undefined && before !== channels) {
        throw new UnsupportedModelError(
          operation.place,
          `pictures of '${alias}' are decoded to ${before} and to ${channels} channels`,
          'one number of channels is taken',
        );
      }
      const shape = [rows, null, null, channels];
      pixels ??= emitter.tensor({ ...value, shape }, dataType('uint8'), [
        count,
        null,
        null,
        channels,
      ]);
      found = { name: value.name, channels };
      return pixels;
    },
    begin() {
      found = undefined;
      feature = undefined;
    },
    takeFeature(name) {
      feature = name;
    },
  };
}
