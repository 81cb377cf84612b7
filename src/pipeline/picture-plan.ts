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
  readonly yaml: string;
}

export type PictureDecision =
  | { readonly plan: PicturePlan; readonly problem?: undefined }
  | { readonly plan?: undefined; readonly problem: PictureProblem };

const both = (size: number | readonly [number, number]): readonly [number, number] =>
  typeof size === 'number' ? [size, size] : size;

/** The lines to add, as far as the model's own input tells. */
export function proposeInputYaml(tensor: PictureTensor | undefined): string {
  const size = tensor?.height && tensor.width ? `[${tensor.height}, ${tensor.width}]` : '224';
  const color = tensor?.channels === 1 ? 'gray' : 'rgb';
  return [
    'input:',
    `  color: ${color}            # the order the model was trained with: rgb, bgr or gray`,
    `  resize: {mode: exact, size: ${size}, filter: bilinear, antialias: true}`,
    '  scale: 0.00392156862745098   # 1/255; 1 when the model wants 0 to 255',
    '  mean: [0.485, 0.456, 0.406]  # as in training; leave out when there was none',
    '  std: [0.229, 0.224, 0.225]',
    '# or one line:  input: {preset: torchvision/resnet50}',
  ].join('\n');
}

function resizeOf(
  yaml: PictureInputYaml,
  preset: Preset | undefined,
  tensor: PictureTensor,
): Resize | undefined {
  const mode = yaml.resize?.mode ?? preset?.resize.mode;
  if (!mode) return undefined;
  const size = yaml.resize?.size ?? preset?.resize.size;
  if (mode === 'shortest-edge') {
    const shorter =
      typeof size === 'number' ? size : Math.min(tensor.height ?? 224, tensor.width ?? 224);
    return { mode, size: shorter };
  }
  const [height, width] = size ? both(size) : [tensor.height ?? 224, tensor.width ?? 224];
  return { mode, height, width };
}

function cropOf(
  yaml: PictureInputYaml,
  preset: Preset | undefined,
  tensor: PictureTensor,
): PictureSpec['geometry']['crop'] {
  const crop = yaml.crop ?? preset?.crop;
  if (!crop) return undefined;
  const [height, width] = both(crop.size ?? [tensor.height ?? 224, tensor.width ?? 224]);
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
function finalSize({ geometry }: PictureSpec): readonly [number, number] | undefined {
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
    return `resize and crop give ${size.join('×')} (height×width), but input '${tensor.name}' takes ${tensor.height}×${tensor.width}`;
  if (spec.geometry.resize?.mode === 'shortest-edge' && !spec.geometry.crop) {
    return 'shortest-edge gives pictures of different sizes; add crop: {size: …}';
  }
  return undefined;
}

/** Decides how pictures enter the model with these inputs, or why they cannot. */
export function planPictures(
  yaml: PictureInputYaml | undefined,
  inputs: readonly TensorSpec[],
): PictureDecision {
  const found = findPictureTensor(inputs, yaml?.tensor, yaml?.layout);
  const tensor = found.tensor;
  const refuse = (reason: string): PictureDecision => ({
    problem: { reason, yaml: proposeInputYaml(tensor) },
  });
  if (!tensor) return refuse(found.reason);
  if (!yaml) return refuse('its model.yaml does not say how a picture becomes its input');
  const preset = yaml.preset && yaml.preset !== 'none' ? findPreset(yaml.preset) : undefined;
  if (!preset && !yaml.color) return refuse('input.color is missing from its model.yaml');
  if (!preset && tensor.dtype !== 'UINT8' && yaml.scale === undefined && yaml.preset !== 'none') {
    return refuse('input.scale is missing from its model.yaml');
  }
  const spec = specOf(yaml, preset, tensor);
  const problem = contradiction(spec, tensor);
  if (problem) return refuse(problem);
  return { plan: { ...tensor, ...spec, channels: channelsOf(spec.geometry.color) } };
}
