import { describe, expect, test } from 'vitest';
import { findPreset, presetNames } from './presets.ts';

test('every name that is offered is a preset', () => {
  expect(presetNames.length).toBeGreaterThan(100);
  for (const name of presetNames) {
    const preset = findPreset(name);
    expect(preset?.mean).toHaveLength(3);
    expect(preset?.std.every((value) => value > 0)).toBe(true);
    // A crop needs no padding.
    expect(preset?.crop?.size ?? 0).toBeLessThanOrEqual(preset?.resize.size ?? 0);
  }
});

test.each([
  '',
  'keras',
  'keras/',
  'torchvision/',
  'torchvision/resnet5',
  'constructor',
  '__proto__',
  'torchvision/constructor',
  'none',
])('%j is none', (name) => {
  expect(findPreset(name)).toBeUndefined();
});

/** Rows from torchvision's documentation of the weights. */
describe.each<[string, number, number, 'bilinear' | 'bicubic']>([
  ['alexnet', 256, 224, 'bilinear'],
  ['resnet50', 256, 224, 'bilinear'],
  ['resnet50@IMAGENET1K_V2', 232, 224, 'bilinear'],
  ['inception_v3', 342, 299, 'bilinear'],
  ['efficientnet_b0', 256, 224, 'bicubic'],
  ['efficientnet_v2_s', 384, 384, 'bilinear'],
  ['vit_b_16', 256, 224, 'bilinear'],
  ['swin_t', 232, 224, 'bicubic'],
  ['convnext_tiny', 236, 224, 'bilinear'],
  ['maxvit_t', 224, 224, 'bicubic'],
])('torchvision/%s', (name, resize, crop, filter) => {
  test('resizes the shorter side with antialias and crops the centre', () => {
    expect(findPreset(`torchvision/${name}`)).toMatchObject({
      color: 'rgb',
      resize: { mode: 'shortest-edge', size: resize, filter, antialias: true },
      crop: { size: crop },
      scale: 1 / 255,
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
    });
  });
});

test('efficientnet_v2_l is the one with 0.5 as mean and deviation', () => {
  const halves = presetNames.filter((name) => findPreset(name)?.mean[0] === 0.5);
  expect(halves).toEqual(['torchvision/efficientnet_v2_l']);
});

test('only the caffe mode of Keras is BGR', () => {
  expect(presetNames.filter((name) => findPreset(name)?.color !== 'rgb')).toEqual(['keras/caffe']);
});
