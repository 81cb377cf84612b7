/**
 * The configuration of a network of keras.applications for arguments of its constructor: marks in what
 * scripts/architectures.py wrote become values. That Keras makes the same is tested by sums of what it made
 * (architectures.test.ts).
 */

import type { Head, KnownArchitecture, PictureShape } from './architectures.ts';
import type { Json, JsonObject } from './config.ts';
import { isList, isObject } from './config.ts';

export interface ModelArguments {
  readonly head: Head;
  readonly shape: PictureShape;
  readonly classes: number;
  /** Of the classifier. */
  readonly activation: string;
  /** A key of `widths`, where there are any. */
  readonly alpha: string;
}

/** What the constructor does when it is told nothing. */
export const defaultArguments = ({ shape }: Pick<KnownArchitecture, 'shape'>): ModelArguments => ({
  head: 'top',
  shape,
  classes: 1000,
  activation: 'softmax',
  alpha: '1',
});

/** As model.to_json() gives it. */
export function makeModel(known: KnownArchitecture, chosen: ModelArguments): Json {
  const { model, heads } = known;
  const { layers, output } = heads[chosen.head];
  const config = model.config as JsonObject;
  const whole = {
    ...model,
    config: {
      ...config,
      layers: [...(config.layers as readonly Json[]), ...layers],
      output_layers: output,
    },
  };
  return fill(whole, (mark) => valueFor(mark, known, chosen));
}

function fill(value: Json, valueOfMark: (mark: string) => Json): Json {
  if (typeof value === 'string') return value.startsWith('$') ? valueOfMark(value) : value;
  if (isList(value)) return value.map((item) => fill(item, valueOfMark));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, fill(item as Json, valueOfMark)]),
  );
}

function valueFor(mark: string, known: KnownArchitecture, chosen: ModelArguments): Json {
  const [kind, first, second] = mark.split(':');
  switch (kind) {
    case '$shape':
      return [null, ...chosen.shape];
    case '$classes':
      return chosen.classes;
    case '$activation':
      return chosen.activation;
    case '$width':
      return known.widths?.[chosen.alpha]?.[Number(first)] as number;
    case '$pad': {
      const [height, width] = chosen.shape;
      return [height, width].map((side) =>
        paddingBefore(sizeAfter(Number(second), side, known), Number(first)),
      );
    }
    default:
      throw new Error(`no mark: ${mark}`);
  }
}

/** The size of one side where it was halved so many times. */
function sizeAfter(
  halvings: number,
  side: number | null,
  { hasValidStem }: KnownArchitecture,
): number | null {
  if (side === null) return null;
  const stem = hasValidStem ? Math.floor((side - 1) / 2) : side;
  return Array.from({ length: halvings }).reduce<number>((size) => Math.ceil(size / 2), stem);
}

/** Keras' correct_pad: an open size counts as even. */
function paddingBefore(size: number | null, kernel: number): [number, number] {
  const after = Math.floor(kernel / 2);
  return [size !== null && size % 2 === 1 ? after : after - 1, after];
}
