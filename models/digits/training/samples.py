"""Candidates for the example pictures: `python samples.py bank.npz OUT_DIR COUNT`.

Held-out fonts, easy to middling scenes, in three sizes. Named by digit and number; the ones in
examples/digits were chosen from them by eye.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from layout import GlyphBank
from render import SEEDS, camera, legible, scene, shrink

SHAPES = {"32": (slice(8, -8), slice(8, -8)), "64": (slice(8, -8), slice(8, -8)), "96x80": (slice(6, -6), slice(0, 80))}


def main(bank_path, out, count):
    bank = GlyphBank(bank_path, test=True)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(int(count)):
        rng = np.random.default_rng(SEEDS["samples"] + number)
        image, contrast, mask, label = scene(bank, rng, uniform=1.0)
        kind = ("32", "32", "64", "96x80")[number % 4]
        rows, columns = SHAPES[kind]
        if kind == "96x80":
            picture = np.clip(cv2.resize(image[rows, columns], (96, 80), interpolation=cv2.INTER_CUBIC), 0, 1)
            pixels = (cv2.GaussianBlur(picture, (0, 0), 0.8) * 255 + 0.5).astype(np.uint8)
        else:
            pixels = camera(image[rows, columns], contrast, rng, int(kind))
        if legible(camera(image[8:-8, 8:-8], contrast, rng, 32), shrink(mask[8:-8, 8:-8], 64), 0.8):
            form, options = (".png", []) if kind == "32" else (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 88])
            cv2.imwrite(str(folder / f"{label}-{number:04d}-{kind}{form}"), pixels[..., ::-1], options)


if __name__ == "__main__":
    main(*sys.argv[1:])
