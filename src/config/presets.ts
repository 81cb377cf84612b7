/**
 * Named preprocessing, so that a model.yaml needs one line: exactly what the training pipelines do.
 *
 * Sizes left out are those of the model's own input.
 */

import type { ColorOrder, ResizeFilter } from './picture-spec.ts';
import { torchvisionPresets } from './torchvision-presets.ts';

export interface Preset {
  readonly color: ColorOrder;
  readonly resize: {
    readonly mode: 'exact' | 'shortest-edge';
    readonly size?: number;
    readonly filter: ResizeFilter;
    readonly antialias: boolean;
  };
  readonly crop?: { readonly size?: number };
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * keras.applications, as servers feed them: `Image.resize` to both sides, whose filter has been bicubic since
 * Pillow 7.0. `load_img(target_size)` takes nearest, which is said with `resize: {mode: exact, filter: nearest}`
 * (docs/decisions/pictures.md). The modes are those of `imagenet_utils.preprocess_input`.
 */
const kerasResize = { mode: 'exact', filter: 'bicubic', antialias: true } as const;

const fixedPresets: Record<string, Preset> = {
  'keras/caffe': {
    color: 'bgr',
    resize: kerasResize,
    scale: 1,
    mean: [103.939, 116.779, 123.68],
    std: [1, 1, 1],
  },
  'keras/tf': {
    color: 'rgb',
    resize: kerasResize,
    scale: 1 / 127.5,
    mean: [1, 1, 1],
    std: [1, 1, 1],
  },
  'keras/torch': {
    color: 'rgb',
    resize: kerasResize,
    scale: 1 / 255,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  },
  // Gluon resizes with OpenCV's bilinear, which does not widen its support when it scales down.
  'gluon/cifar10': {
    color: 'rgb',
    resize: { mode: 'shortest-edge', size: 32, filter: 'bilinear', antialias: false },
    crop: { size: 32 },
    scale: 1 / 255,
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.2023, 0.1994, 0.201],
  },
};

const imagenetMean = [0.485, 0.456, 0.406];
const imagenetStd = [0.229, 0.224, 0.225];

function fromTorchvision(name: string): Preset | undefined {
  const row = torchvisionPresets[name];
  if (!row) return undefined;
  const [resize, crop, filter, half] = row;
  return {
    color: 'rgb',
    resize: { mode: 'shortest-edge', size: resize, filter, antialias: true },
    crop: { size: crop },
    scale: 1 / 255,
    mean: half ? [0.5, 0.5, 0.5] : imagenetMean,
    std: half ? [0.5, 0.5, 0.5] : imagenetStd,
  };
}

export const presetNames: readonly string[] = [
  ...Object.keys(fixedPresets),
  ...Object.keys(torchvisionPresets).map((name) => `torchvision/${name}`),
];

/** The preset of that name, or undefined. */
export function findPreset(name: string): Preset | undefined {
  if (Object.hasOwn(fixedPresets, name)) return fixedPresets[name];
  const [family, model] = name.split('/');
  return family === 'torchvision' && model && Object.hasOwn(torchvisionPresets, model)
    ? fromTorchvision(model)
    : undefined;
}
