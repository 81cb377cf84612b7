/**
 * How a picture enters a model: model.yaml's `input:` completed with what the graph itself says
 * (size, channels, layout, dtype). Mean and colour order are never guessed.
 */

import type { PictureInputYaml } from '../config/model-yaml.ts';
import type { PictureSpec, Resize } from '../config/picture-spec.ts';
import { channelsOf } from '../config/picture-spec.ts';
import type { Preset } from '../config/presets.ts';
import { findPreset } from '../config/presets.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import type { PictureTensor } from './picture-tensor.ts';
import { findPictureTensor } from './picture-tensor.ts';

export interface PicturePlan extends PictureSpec, PictureTensor {
  readonly channels: 1 | 3;
}

/** Why pictures cannot be taken, and the lines of model.yaml that would change it. */
export interface PictureProblem {
  readonly reason: string;
  /** Empty where no lines would help. */
  readonly yaml: string;
  /** model.yaml says something that this model cannot do, rather than nothing. */
  readonly contradicts: boolean;
}

export type PictureDecision =
  | { readonly plan: PicturePlan; readonly problem?: undefined }
  | { readonly plan?: undefined; readonly problem: PictureProblem };

/** Why a declared preprocessing cannot be completed. */
class PlanError extends Error {}

const both = (size: number | readonly [number, number]): readonly [number, number] =>
  typeof size === 'number' ? [size, size] : size;

function sizeToPropose({ height, width }: PictureTensor): string {
  if (height === null || width === null) return '224';
  return height === width ? String(height) : `[${height}, ${width}]`;
}

export interface Proposal {
  /** Given where the input's shape does not tell it. */
  readonly layout?: string | undefined;
  /** A layer of the model itself scales the pixels. */
  readonly isScaled?: boolean | undefined;
}

/** A complete `input:` of model.yaml, as far as the model itself tells. */
export function proposeInputYaml(
  tensor: PictureTensor,
  { layout, isScaled = false }: Proposal = {},
): string {
  const gray = tensor.channels === 1;
  const lines = [
    'input:',
    `  color: ${gray ? 'gray' : 'rgb '}                  # the order the model was trained with: rgb, bgr or gray`,
    `  resize: {mode: exact, size: ${sizeToPropose(tensor)}, filter: bilinear, antialias: true}   # or shortest-edge with a crop`,
  ];
  if (layout) lines.push(`  layout: ${layout}`);
  if (tensor.dtype === 'UINT8') return lines.join('\n');
  if (isScaled)
    return [
      ...lines,
      '  preset: none   # the model scales the pixels itself: they go in as they are',
    ].join('\n');
  const [mean, std] = gray
    ? ['[0.5]', '[0.5]']
    : ['[0.485, 0.456, 0.406]', '[0.229, 0.224, 0.225]'];
  return [
    ...lines,
    '  scale: 0.00392156862745098   # 1/255; 1 when the model wants 0 to 255',
    `  mean: ${mean}  # as in training; leave out when there was none`,
    `  std: ${std}`,
  ].join('\n');
}

/** What stands for a size that is left out. Throws the reason when the model leaves it open too. */
function sizeOfModel(
  step: string,
  { name, height, width }: PictureTensor,
): readonly [number, number] {
  if (height !== null && width !== null) return [height, width];
  throw new PlanError(`${step} has no size, and input '${name}' leaves its height and width open`);
}

function resizeOf(
  yaml: PictureInputYaml,
  preset: Preset | undefined,
  tensor: PictureTensor,
): Resize | undefined {
  const mode = yaml.resize?.mode ?? preset?.resize.mode;
  if (!mode) return undefined;
  const size = yaml.resize?.size ?? preset?.resize.size;
  const [height, width] = size ? both(size) : sizeOfModel('resize', tensor);
  if (mode === 'shortest-edge') return { mode, size: Math.min(height, width) };
  return { mode, height, width };
}

function cropOf(
  yaml: PictureInputYaml,
  preset: Preset | undefined,
  tensor: PictureTensor,
): PictureSpec['geometry']['crop'] {
  const crop = yaml.crop ?? preset?.crop;
  if (!crop) return undefined;
  const [height, width] = crop.size ? both(crop.size) : sizeOfModel('crop', tensor);
  return { height, width };
}

function specOf(
  yaml: PictureInputYaml,
  preset: Preset | undefined,
  tensor: PictureTensor,
): PictureSpec {
  const channels = yaml.color === 'gray' ? 1 : 3;
  const fill = (value: number): number[] => new Array<number>(channels).fill(value);
  return {
    geometry: {
      color: yaml.color ?? preset?.color ?? 'rgb',
      decoder: yaml.decoder ?? 'pillow',
      resize: resizeOf(yaml, preset, tensor),
      filter: yaml.resize?.filter ?? preset?.resize.filter ?? 'bilinear',
      antialias: yaml.resize?.antialias ?? preset?.resize.antialias ?? true,
      crop: cropOf(yaml, preset, tensor),
      fast: yaml.fast ?? false,
      orientation: yaml.orientation ?? 'ignore',
    },
    normalisation: {
      scale: yaml.scale ?? preset?.scale ?? 1,
      mean: yaml.mean ?? preset?.mean ?? fill(0),
      std: yaml.std ?? preset?.std ?? fill(1),
    },
  };
}

/** What the geometry leaves, or undefined where it depends on the picture. */
export function finalSize({ geometry }: PictureSpec): readonly [number, number] | undefined {
  if (geometry.crop) return [geometry.crop.height, geometry.crop.width];
  if (geometry.resize?.mode === 'exact') return [geometry.resize.height, geometry.resize.width];
  return undefined;
}

function contradiction(spec: PictureSpec, tensor: PictureTensor): string | undefined {
  const channels = channelsOf(spec.geometry.color);
  if (tensor.channels !== null && tensor.channels !== channels) {
    return `color ${spec.geometry.color} has ${channels} channels, but input '${tensor.name}' takes ${tensor.channels}`;
  }
  for (const key of ['mean', 'std'] as const) {
    const { length } = spec.normalisation[key];
    if (length !== channels) return `${key} has ${length} values for ${channels} channels`;
  }
  const size = finalSize(spec);
  const wrong =
    size && ((tensor.height ?? size[0]) !== size[0] || (tensor.width ?? size[1]) !== size[1]);
  if (wrong)
    return `resize and crop give ${size.join('×')} (height×width), but input '${tensor.name}' takes ${tensor.height ?? 'any'}×${tensor.width ?? 'any'}`;
  if (spec.geometry.fast && spec.geometry.decoder !== 'pillow') {
    return `fast decodes in its own way, not as decoder: ${spec.geometry.decoder} says; remove one of them`;
  }
  if (spec.geometry.resize?.mode === 'shortest-edge' && !spec.geometry.crop) {
    return 'shortest-edge gives pictures of different sizes; add crop: {size: …}';
  }
  return undefined;
}

/** What model.yaml does not say although it must. */
function missing(
  yaml: PictureInputYaml,
  preset: Preset | undefined,
  { dtype, name }: PictureTensor,
): string | undefined {
  const numbers = (['scale', 'mean', 'std'] as const).filter((key) => yaml[key] !== undefined);
  if (dtype === 'UINT8' && numbers.length > 0)
    return `input '${name}' takes the bytes as they are, so ${numbers.join(', ')} would do nothing; remove that`;
  if (preset) return undefined;
  if (!yaml.color) return 'input.color is missing from its model.yaml';
  if (dtype !== 'UINT8' && yaml.scale === undefined && yaml.preset !== 'none')
    return 'input.scale is missing from its model.yaml';
  return undefined;
}

type Outcome = PicturePlan | Omit<PictureProblem, 'yaml'>;

const gap = (reason: string): Outcome => ({ reason, contradicts: false });
const contradicts = (reason: string): Outcome => ({ reason, contradicts: true });

/** The plan, or the reason against it. */
function complete(yaml: PictureInputYaml | undefined, tensor: PictureTensor): Outcome {
  if (!yaml) return gap('its model.yaml does not say how a picture becomes its input');
  const preset = yaml.preset && yaml.preset !== 'none' ? findPreset(yaml.preset) : undefined;
  const notSaid = missing(yaml, preset, tensor);
  if (notSaid) return gap(notSaid);
  try {
    const spec = specOf(yaml, preset, tensor);
    const wrong = contradiction(spec, tensor);
    return wrong
      ? contradicts(wrong)
      : { ...tensor, ...spec, channels: channelsOf(spec.geometry.color) };
  } catch (error) {
    if (error instanceof PlanError) return contradicts(error.message);
    throw error;
  }
}

/** The lines that would help, for an input that can take pictures at all. */
function proposalFor(
  inputs: readonly TensorSpec[],
  yaml: PictureInputYaml | undefined,
  scaled: readonly string[],
): string {
  const plain = findPictureTensor(inputs, undefined, undefined).tensor;
  const tensor = plain ?? findPictureTensor(inputs, undefined, yaml?.layout ?? 'NCHW').tensor;
  if (!tensor || ![1, 3, null].includes(tensor.channels)) return '';
  return proposeInputYaml(tensor, {
    layout: plain ? undefined : `${tensor.layout}               # or NHWC`,
    isScaled: scaled.includes(tensor.name),
  });
}

/**
 * Decides how pictures enter the model with these inputs, or why they cannot. Pixels of the inputs in `scaled`
 * are scaled by the model itself.
 */
export function planPictures(
  yaml: PictureInputYaml | undefined,
  inputs: readonly TensorSpec[],
  scaled: readonly string[] = [],
): PictureDecision {
  const { tensor, reason } = findPictureTensor(inputs, yaml?.tensor, yaml?.layout);
  const outcome = tensor ? complete(yaml, tensor) : { reason, contradicts: yaml !== undefined };
  if (!('reason' in outcome)) return { plan: outcome };
  return { problem: { ...outcome, yaml: proposalFor(inputs, yaml, scaled) } };
}
