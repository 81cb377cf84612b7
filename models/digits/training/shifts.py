"""Judges an exported model on shifted pictures: `python shifts.py model.onnx COUNT WIDE.npz ...`.

The pictures are those of the splits `test-wide` and `harsh-wide` (40x40, so that a box drawn wider
or beside the digit still shows what is there). MILD: training has the like, but less of it or more
rarely. NEW: training has almost nothing like it. Nothing is fitted to these shifts.
"""

import sys

import cv2
import numpy as np

from evaluate import logits_of
from render import motion_kernel

WIDE, SIZE = 40, 32


def view(image, zoom=1.0, dx=0.0, dy=0.0, aspect=1.0):
    """What a box of another size (`zoom` above 1 shows less), place or shape would have cut."""
    stretch = np.array([aspect**0.5, aspect**-0.5]) / zoom  # pixels of the wide picture for each of the result
    start = WIDE / 2 + np.array([dx, dy]) - stretch * SIZE / 2
    matrix = np.array([[stretch[0], 0, start[0] + stretch[0] / 2 - 0.5],
                       [0, stretch[1], start[1] + stretch[1] / 2 - 0.5]])
    return cv2.warpAffine(image, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                          borderMode=cv2.BORDER_REPLICATE)


def middle(image):
    return image[4:36, 4:36]


def plain(image, rng):
    return middle(image)


def gamma(image, rng):
    return middle(image) ** np.float32(2.0 ** (rng.uniform(0.4, 1) * rng.choice([-1, 1])))


def brightness(image, rng):
    return middle(image) + np.float32(rng.uniform(0.1, 0.35) * rng.choice([-1, 1]))


def contrast(image, rng):
    x = middle(image)
    return (x - x.mean()) * np.float32(rng.uniform(0.25, 0.6)) + np.float32(rng.uniform(0.3, 0.7))


def cast(image, rng):
    """A coloured light, or nearly no colour, or too much of it."""
    x = middle(image)
    grey = x.mean(2, keepdims=True)
    if rng.random() < 0.5:
        return grey + (x - grey) * np.float32(rng.choice([0.0, 2.0]))
    return x * rng.uniform(0.5, 1.2, 3).astype(np.float32)


def few_pixels(image, rng):
    """8 to 12 pixels, by any filter, scaled up by any other."""
    low = int(rng.integers(8, 13))
    small = cv2.resize(middle(image), (low, low),
                       interpolation=int(rng.choice([cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC])))
    return cv2.resize(small, (SIZE, SIZE),
                      interpolation=int(rng.choice([cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC])))


def jpeg(image, rng):
    """Saved twice at quality 15 to 40."""
    x = (np.clip(middle(image), 0, 1) * 255 + 0.5).astype(np.uint8)
    for _ in range(2):
        code = cv2.imencode(".jpg", x, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 41))])[1]
        x = cv2.imdecode(code, cv2.IMREAD_COLOR)
    return x.astype(np.float32) / 255


def noise(image, rng):
    return middle(image) + rng.normal(0, rng.uniform(0.03, 0.08), (SIZE, SIZE, 3)).astype(np.float32)


def photons(image, rng):
    """Poisson noise: the darker the picture was, the more."""
    full = rng.uniform(40, 200)
    return (rng.poisson(np.clip(middle(image), 0, 1) * full) / full).astype(np.float32)


def motion(image, rng):
    return middle(cv2.filter2D(image, -1, motion_kernel(rng.uniform(4, 7), rng.uniform(0, np.pi))))


def offset(image, rng):
    return view(image, dx=rng.uniform(-4, 4), dy=rng.uniform(-4, 4))


def zoom(image, rng):
    return view(image, zoom=np.exp(rng.uniform(np.log(0.75), np.log(1.35))))


def aspect(image, rng):
    return view(image, aspect=1.25 ** rng.choice([-1, 1]))


def strip(image, rng):
    """A wire or a post across the picture, 2 to 4 pixels thick."""
    x = middle(image).copy()
    thick, at = int(rng.integers(2, 5)), int(rng.integers(4, SIZE - 8))
    colour = rng.random(3).astype(np.float32)
    if rng.random() < 0.5:
        x[at : at + thick] = colour
    else:
        x[:, at : at + thick] = colour
    return x


def shade(image, rng):
    """Half of it in hard shade."""
    x, a = middle(image), rng.uniform(0, 2 * np.pi)
    ys, xs = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    dark = np.cos(a) * xs + np.sin(a) * ys > rng.uniform(-0.5, 0.5)
    return x * (1 - rng.uniform(0.35, 0.6) * dark[..., None]).astype(np.float32)


def mixed(image, rng):
    """A plausible poor photo: another box, little contrast, a cast, blur, noise, JPEG - all a little."""
    x = view(image, np.exp(rng.uniform(-0.2, 0.2)), rng.uniform(-2.5, 2.5), rng.uniform(-2.5, 2.5),
             np.exp(rng.uniform(-0.12, 0.12)))
    x = np.clip(x, 0, 1) ** np.float32(np.exp(rng.uniform(-0.4, 0.4)))
    x = (x - x.mean()) * np.float32(rng.uniform(0.5, 1)) + np.float32(rng.uniform(0.3, 0.65))
    x = x * rng.uniform(0.8, 1.2, 3).astype(np.float32)
    low = int(rng.integers(14, 29))
    x = cv2.resize(cv2.resize(x, (low, low), interpolation=cv2.INTER_AREA), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    x = x + rng.normal(0, rng.uniform(0, 0.03), x.shape).astype(np.float32)
    x = (np.clip(x, 0, 1) * 255 + 0.5).astype(np.uint8)
    code = cv2.imencode(".jpg", x, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 86))])[1]
    return cv2.imdecode(code, cv2.IMREAD_COLOR).astype(np.float32) / 255


MILD = [gamma, brightness, contrast, cast, few_pixels, noise, motion, jpeg, offset, zoom, aspect, shade]
NEW = [photons, strip, mixed]


def shifted(images, change):
    rng = np.random.default_rng(7)
    made = [change(x.astype(np.float32) / 255, rng) for x in images]
    return (np.clip(np.array(made), 0, 1) * 255 + 0.5).astype(np.uint8)


def main(model, count, *splits):
    for split in splits:
        data = np.load(split)
        images, labels = data["images"][: int(count)], data["labels"][: int(count)]
        print(f"{split}: {len(labels)} pictures, accuracy in percent", flush=True)
        found = {}
        for change in [plain, *MILD, *NEW]:
            right = logits_of(model, shifted(images, change)).argmax(1) == labels
            found[change] = 100 * right.mean()
            print(f"{change.__name__:12} {found[change]:6.1f}", flush=True)
        print(f"{'mean':12} {np.mean([found[c] for c in MILD + NEW]):6.2f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
