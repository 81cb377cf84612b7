"""Writes src/config/torchvision-presets.ts from torchvision's own weight metadata.

Needs torch and torchvision==0.23.0 (any release with the weights API works); run by hand:
    python scripts/presets/make-presets.py > src/config/torchvision-presets.ts
"""

import torchvision
from torchvision.models import get_model_weights, list_models
from torchvision.transforms._presets import ImageClassification

rows = []
for model in list_models(module=torchvision.models):
    for weights in get_model_weights(model):
        preset = weights.transforms()
        if not isinstance(preset, ImageClassification) or not weights.name.startswith("IMAGENET1K_"):
            continue
        if weights.name == "IMAGENET1K_FEATURES":
            continue  # features only, with a normalisation of their own
        assert preset.antialias is True and len(preset.resize_size) == len(preset.crop_size) == 1
        name = model if weights.name == "IMAGENET1K_V1" else f"{model}@{weights.name}"
        half = list(preset.mean) == [0.5, 0.5, 0.5]
        assert half or list(preset.mean) == [0.485, 0.456, 0.406]
        key = name if name.isidentifier() else f"'{name}'"
        rows.append(
            f"  {key}: [{preset.resize_size[0]}, {preset.crop_size[0]}, "
            f"'{preset.interpolation.value}', {str(half).lower()}],"
        )

print(f"""/**
 * The pictures' side of torchvision's classification weights: shorter side after resizing, centre crop,
 * filter, and whether mean and std are 0.5 (else ImageNet's).
 *
 * Made by scripts/presets/make-presets.py from torchvision {torchvision.__version__.split('+')[0]}. A plain name means the weights
 * IMAGENET1K_V1; others carry theirs after "@", because they were trained with another resize.
 */

export type TorchvisionPreset = readonly [
  resize: number,
  crop: number,
  filter: 'bilinear' | 'bicubic',
  half: boolean,
];

export const torchvisionPresets: Record<string, TorchvisionPreset> = {{""")
print("\n".join(rows))
print("};")
