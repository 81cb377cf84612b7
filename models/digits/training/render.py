"""Renders labelled pictures: `python render.py bank.npz SPLIT COUNT out.npz [FIRST]`.

Splits: `train` (40x40, so that training can move the crop; training families and random hands),
`test` and `harsh` (32x32, held-out families, no hands), and `test-wide` and `harsh-wide`, the same
at 40x40, for shifts.py. One picture: layout -> ink on ground -> light -> camera. All randomness
comes from one seed a chunk of 500, so a split can be rendered again, and FIRST (the first chunk's
number) gives other pictures of the same split.
"""

import sys
from multiprocessing import Pool

import cv2
import numpy as np

import surface
from layout import CANVAS, GlyphBank, layout

SEEDS = {"train": 1_000_000, "test": 2_000_000, "harsh": 3_000_000, "samples": 4_000_000,
         "test-wide": 5_000_000, "harsh-wide": 6_000_000}
CHUNK = 500


def moved(mask, dx, dy):
    return cv2.warpAffine(mask, np.float32([[1, 0, dx], [0, 1, dy]]), (CANVAS, CANVAS))


def over(image, alpha, colour):
    return image + alpha[..., None] * (np.asarray(colour, np.float32) - image)


def relief(mask, angle, depth):
    """-1..1: how much each point of an embossed mask faces the light."""
    smooth = cv2.GaussianBlur(mask, (0, 0), depth)
    gx, gy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    facing = (np.cos(angle) * gx + np.sin(angle) * gy) * depth * 0.6
    return np.clip(facing, -1, 1).astype(np.float32)


def ink_field(ink, rng):
    """The colour of the digits, which may run, be dirty or shine like metal."""
    field = np.zeros((CANVAS, CANVAS), np.float32)
    kind = rng.random()
    if kind < 0.3:
        field += surface.ramp(rng) * rng.uniform(0.03, 0.25)
    elif kind < 0.42:
        field += surface.clouds(rng, int(rng.integers(2, 8))) * rng.uniform(0.03, 0.14)
    elif kind < 0.5:
        field += np.sin(surface.ramp(rng) * rng.uniform(2, 7) + rng.uniform(0, 6)) * rng.uniform(0.05, 0.25)
    return (ink + field[..., None]).astype(np.float32)


def paint(image, mask, ink, rng, plain):
    """Puts the digits on the ground in one of many manners."""
    angle = rng.uniform(0, 2 * np.pi)
    manner = rng.random()
    toward = np.array([np.cos(angle), np.sin(angle)])
    if plain < 1 and rng.random() < 0.28:  # a cast shadow
        reach = rng.uniform(1, 7)
        shadow = cv2.GaussianBlur(moved(mask, *(toward * reach)), (0, 0), rng.uniform(0.5, 2.5))
        image = image * (1 - shadow[..., None] * rng.uniform(0.2, 0.75))
    if manner < 0.12:  # an outline
        size = int(rng.integers(3, 8))
        fat = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
        image = over(image, fat, surface.colour_of(rng, rng.random(), rng.choice([0.05, 0.4])))
    elif manner < 0.25:  # a solid figure seen from the side
        side = np.clip(ink * rng.uniform(0.35, 0.8) if rng.random() < 0.75 else ink + 0.25, 0, 1)
        for k in range(1, int(rng.integers(2, 6))):
            image = over(image, moved(mask, *(toward * k * 0.9)), side)
    if manner > 0.97:  # only the contour is drawn
        thin = cv2.erode(mask, np.ones((3, 3), np.uint8))
        if (mask - thin).mean() < 0.75 * mask.mean():
            mask = mask - 0.9 * thin
    alpha = mask
    if rng.random() < 0.08:  # worn paint
        worn = surface.clouds(rng, int(rng.integers(5, 20)))
        alpha = mask * np.clip(1.2 - rng.uniform(0.3, 1.1) * np.maximum(worn + rng.uniform(-0.3, 0.4), 0), 0.25, 1)
    image = over(image, alpha, ink_field(ink, rng))
    if rng.random() < 0.27:  # rounded or bevelled
        image = image + relief(mask, angle, rng.uniform(0.8, 3))[..., None] * rng.uniform(0.1, 0.5)
    return image


def emboss(image, mask, rng):
    """Digits of the ground's own colour, seen by their edges and shadows."""
    angle = rng.uniform(0, 2 * np.pi)
    toward = np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(1.5, 4)
    shadow = np.maximum(moved(mask, *toward) - mask, 0)
    image = image * (1 - cv2.GaussianBlur(shadow, (0, 0), 0.9)[..., None] * rng.uniform(0.35, 0.85))
    image = image + relief(mask, angle + np.pi, rng.uniform(0.7, 1.8))[..., None] * rng.uniform(0.15, 0.5)
    return image + mask[..., None] * rng.uniform(-0.1, 0.1)


def scene(bank, rng, hard=0.0, crowd=False, uniform=0.5):
    """Before the camera: (canvas 80x80x3 float in 0..1, contrast, mask of the digits, label)."""
    mask, matrix, row, label = layout(bank, rng, hard, crowd, uniform)
    contrast = float(np.clip(rng.gamma(3.0, 0.16), 0.17, 0.95))
    ground_colour, ink = surface.two_colours(rng, contrast)
    image = surface.ground(rng, ground_colour, most=0.4 * contrast)
    if rng.random() < 0.3:
        image = surface.add_plate(image, row, matrix, rng, ink)
    if rng.random() < 0.2:
        image = surface.add_clutter(image, rng)
    if rng.random() < 0.06:
        image = emboss(image, mask, rng)
    else:
        image = paint(image, mask, ink, rng, plain=contrast < 0.2)
    image = image * surface.light(rng)[..., None]
    if rng.random() < 0.07:
        image = over(image, np.clip(surface.glare(rng), 0, 0.7).astype(np.float32), np.float32(1))
    if rng.random() < 0.02:  # something in front of the digits
        image = surface.add_clutter(image, rng)
    assert image.dtype == np.float32, image.dtype
    return np.clip(image, 0, 1.2), contrast, mask, label


def motion_kernel(length, angle):
    size = int(np.ceil(length)) | 1
    kernel = np.zeros((size, size), np.float32)
    c, d = size // 2, np.array([np.cos(angle), np.sin(angle)]) * length / 2
    cv2.line(kernel, tuple(np.round(c - d).astype(int).tolist()), tuple(np.round(c + d).astype(int).tolist()), 1.0)
    return kernel / max(kernel.sum(), 1e-6)


def jpeg(pixels, quality, rng):
    """JPEG there and back, the block grid anywhere."""
    x, y = (int(v) for v in rng.integers(0, 8, 2))
    padded = cv2.copyMakeBorder(pixels, y, 8, x, 8, cv2.BORDER_REFLECT_101)
    code = cv2.imencode(".jpg", padded[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(quality)])[1]
    return cv2.imdecode(code, cv2.IMREAD_COLOR)[y : y + pixels.shape[0], x : x + pixels.shape[1], ::-1]


def shrink(image, size):
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)


def camera(image, contrast, rng, size, hard=0.0):
    """Exposure, blur, few pixels, noise, JPEG, and scaling to `size`; uint8 RGB.

    `image` is the crop to keep, at any resolution. `hard` from 0 to 1; at 1 the digit has
    about 12 pixels, and the contrast is squeezed. What is left of the contrast is at least a tenth
    of the range, so that a person can still read the digit."""
    per_unit = image.shape[0] / size  # canvas pixels for each pixel of the result
    if rng.random() < 0.35 + 0.65 * (hard == 1):
        mean = image.mean((0, 1))
        squeeze = rng.uniform(0.25, 0.5) if hard == 1 else rng.uniform(0.35, 1)
        squeeze = min(1, max(squeeze, (0.1 if hard == 1 else 0.12) / contrast))
        contrast *= squeeze
        image = (image - mean) * float(squeeze) + np.clip(mean + rng.normal(0, 0.12), 0.25, 0.75).astype(np.float32)
    if rng.random() < 0.3:
        image = np.clip(image, 0, 1.2) ** rng.uniform(0.6, 1.7)
    if rng.random() < 0.25:
        image = image * (1 + surface.tint(rng, 0.08))
    if rng.random() < 0.25:
        grey = (image @ surface.GREY)[..., None]
        image = grey + (image - grey) * rng.uniform(0, 0.7)
    blur = rng.choice([0, rng.uniform(0.2, 0.9), rng.uniform(0.7, 1.5)], p=[0.25, 0.5, 0.25]) * (1 + 0.15 * hard)
    if blur * per_unit > 0.4:
        image = cv2.GaussianBlur(image, (0, 0), float(blur * per_unit))
    if rng.random() < 0.14 + 0.2 * hard:
        kernel = motion_kernel(rng.uniform(1.5, 4.5 - 1.5 * hard) * per_unit, rng.uniform(0, np.pi))
        image = cv2.filter2D(image, -1, kernel)
    if hard == 1:
        low = int(round(rng.uniform(13.5, 16.5) * size / 32))
    else:
        low = int(round(size * rng.choice([1.0, rng.uniform(0.45, 1), rng.uniform(0.8, 1.8)], p=[0.35, 0.4, 0.25])))
    image = shrink(image, low) if low < image.shape[0] else image
    sigma = rng.choice([0, rng.uniform(0, 0.02), rng.uniform(0.01, 0.05)], p=[0.3, 0.5, 0.2]) * (1 - 0.3 * hard)
    sigma = min(sigma, 0.3 * contrast)
    if sigma:
        image = image + rng.standard_normal(image.shape, dtype=np.float32) * np.float32(sigma)
    pixels = (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
    if rng.random() < 0.75:
        pixels = jpeg(pixels, rng.uniform(60, 95) if rng.random() < 0.7 else rng.uniform(25, 60) + 15 * hard, rng)
    if pixels.shape[0] != size:
        how = rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA])
        pixels = cv2.resize(pixels, (size, size), interpolation=int(how if pixels.shape[0] < size else cv2.INTER_AREA))
    if rng.random() < 0.1:
        soft = cv2.GaussianBlur(pixels, (0, 0), 1.0)
        pixels = cv2.addWeighted(pixels, 1.8, soft, -0.8, 0)
    return pixels


def legible(pixels, mask, least):
    """Does the drawn number show in the finished picture? How much of what varies around it is
    explained by its strokes, its edges and its slopes (for embossed ones)."""
    def fine(x):
        return x - cv2.GaussianBlur(x, (0, 0), 5)

    grey = fine((pixels @ surface.GREY).astype(np.float32))
    small = cv2.GaussianBlur(shrink(mask, grey.shape[0]), (0, 0), 0.8)
    edges = cv2.dilate(small, np.ones((3, 3))) - cv2.erode(small, np.ones((3, 3)))
    near = cv2.dilate(small, np.ones((7, 7))) > 0.2
    slopes = [cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1)]
    shape = np.stack([fine(m)[near] for m in (small, edges, *slopes)], 1)
    seen = grey[near]
    weights = np.linalg.solve(shape.T @ shape + 1e-3 * np.eye(4), shape.T @ seen)
    shown = (shape @ weights).std()
    return shown > 3 and shown > least * seen.std()


def picture(bank, split, rng):
    """One picture of a split and its label."""
    while True:
        if split == "train":
            hard = float(rng.choice([0.0, 0.5, 1.0], p=[0.7, 0.22, 0.08]))
            image, contrast, mask, label = scene(bank, rng, hard, hard > 0 and rng.random() < 0.5, uniform=0.4)
            pixels, least = camera(image, contrast, rng, 40, hard), 0.3
        else:
            hard = float(split.startswith("harsh"))
            image, contrast, mask, label = scene(bank, rng, hard, crowd=hard == 1, uniform=1.0)
            size = 40 if split.endswith("-wide") else 32
            if size == 32:
                image, mask = image[8:-8, 8:-8], mask[8:-8, 8:-8]
            pixels, least = camera(image, contrast, rng, size, hard), 0.5 + 0.1 * hard
        if legible(pixels, mask, least):
            return pixels, label


def _start(bank_path, split):
    global BANK
    cv2.setNumThreads(1)
    BANK = GlyphBank(bank_path, test=split != "train", hands=1500 if split == "train" else 0)


def _chunk(task):
    split, seed = task
    rng = np.random.default_rng(seed)
    images, labels = zip(*[picture(BANK, split, rng) for _ in range(CHUNK)])
    return np.array(images), np.array(labels, np.int64)


def render(bank_path, split, count, out, first=0):
    """Renders `count` pictures to a file `out` (uncompressed npz: images, labels)."""
    tasks = [(split, SEEDS[split] + first + i) for i in range((count + CHUNK - 1) // CHUNK)]
    with Pool(2, _start, (bank_path, split)) as pool:
        images, labels = zip(*pool.imap(_chunk, tasks))
    np.savez(out, images=np.concatenate(images)[:count], labels=np.concatenate(labels)[:count])


if __name__ == "__main__":
    bank_file, split_name, number, out_file, *first_chunk = sys.argv[1:]
    render(bank_file, split_name, int(number), out_file, *map(int, first_chunk))
