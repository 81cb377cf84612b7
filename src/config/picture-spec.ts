/**
 * How a picture becomes the model's input tensor: the completed, frozen form of `input:` in model.yaml.
 *
 * Geometry (what decoding and resizing do, in uint8) and normalisation (what the runner does to the
 * numbers) are kept apart, because they run in different processes.
 */

export type ColorOrder = 'rgb' | 'bgr' | 'gray';
export type ResizeFilter = 'nearest' | 'bilinear' | 'bicubic';

/**
 * Whose pixels a picture decodes to: Pillow's, or those of TensorFlow's `decode_image`, told otherwise than its
 * defaults for JPEG or not: accurate is `dct_method="INTEGER_ACCURATE"`, plain is `fancy_upscaling=False`.
 */
export const pictureDecoders = [
  'pillow',
  'tensorflow',
  'tensorflow-accurate',
  'tensorflow-plain',
  'tensorflow-accurate-plain',
] as const;
export type PictureDecoder = (typeof pictureDecoders)[number];

export type Resize =
  /** Both sides exactly, the aspect is not kept. */
  | { readonly mode: 'exact'; readonly width: number; readonly height: number }
  /** The shorter side becomes `size`, the longer `floor(size * long / short)` as torchvision does. */
  | { readonly mode: 'shortest-edge'; readonly size: number };

export interface PictureGeometry {
  readonly color: ColorOrder;
  readonly decoder: PictureDecoder;
  /** Absent: the picture must already have the model's size (after cropping). */
  readonly resize?: Resize | undefined;
  readonly filter: ResizeFilter;
  /**
   * true: Pillow's resampling (the filter's support grows when scaling down), bit for bit.
   * false: `torch.nn.functional.interpolate(antialias=False, align_corners=False)`, rounded.
   */
  readonly antialias: boolean;
  /** Centre crop as torchvision does it, zero-padding where the picture is smaller. */
  readonly crop?: { readonly width: number; readonly height: number } | undefined;
  /** true: sharp's own resize for JPEG: at most 9 levels off on photos, more at hard edges (docs/decisions/pictures.md). */
  readonly fast: boolean;
  /** apply: turn the picture upright by its EXIF orientation; ignore: as Pillow's `open` does. */
  readonly orientation: 'ignore' | 'apply';
}

/** value = (byte * scale - mean[c]) / std[c], channel order as in `color`. */
export interface Normalisation {
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export interface PictureSpec {
  readonly geometry: PictureGeometry;
  readonly normalisation: Normalisation;
}

/** Number of channels of the uint8 picture and of the model's input. */
export function channelsOf(color: ColorOrder): 1 | 3 {
  return color === 'gray' ? 1 : 3;
}
