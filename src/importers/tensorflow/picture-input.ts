/**
 * An input of a signature that takes encoded pictures, or examples with one. The wire keeps its texts;
 * the graph gets an input of pixels in its place.
 */

import { UnsupportedModelError } from '../problems.ts';
import { dataType } from './data-types.ts';
import type { Emitter } from './emitter.ts';
import type { Decoding, Dim, PictureSource, Tensor } from './values.ts';

export interface PictureInput extends PictureSource {
  /** Set once an operator has decoded them. */
  readonly found: ({ readonly name: string } & Decoding) | undefined;
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
  let asked: Decoding | undefined;
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
    pixels(operation, decoding) {
      const { channels, decoder } = decoding;
      const refuse = (both: string, supported: string): never => {
        const what = `pictures of '${alias}' are decoded ${both}`;
        throw new UnsupportedModelError(operation.place, what, supported);
      };
      asked ??= decoding;
      if (asked.channels !== channels)
        refuse(
          `to ${asked.channels} and to ${channels} channels`,
          'one number of channels is taken',
        );
      if (asked.decoder !== decoder)
        refuse(`as ${asked.decoder} and as ${decoder}`, 'one way is taken');
      const shape = [rows, null, null, channels];
      pixels ??= emitter.tensor({ ...value, shape }, dataType('uint8'), [
        count,
        null,
        null,
        channels,
      ]);
      found = { name: value.name, ...decoding };
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
