"""What the digits stand on and the light that falls on them. Colours are float RGB in 0..1."""

import cv2
import numpy as np

from layout import CANVAS, UNIT, project

GREY = np.array([0.299, 0.587, 0.114], np.float32)
XS, YS = np.meshgrid(np.linspace(-1, 1, CANVAS, dtype=np.float32), np.linspace(-1, 1, CANVAS, dtype=np.float32))


def clouds(rng, cells):
    """Smooth noise, roughly in -1..1, with `cells` bumps across."""
    field = rng.standard_normal((cells + 2, cells + 2), dtype=np.float32)
    big = cv2.resize(field, (CANVAS + 2 * CANVAS // cells,) * 2, interpolation=cv2.INTER_CUBIC)
    x, y = rng.integers(0, max(1, CANVAS // cells), 2)
    return big[y : y + CANVAS, x : x + CANVAS] * 0.6


def ramp(rng):
    """A linear slope from -1 to 1 in a random direction."""
    a = rng.uniform(0, 2 * np.pi)
    return (np.cos(a) * XS + np.sin(a) * YS).astype(np.float32)


def tint(rng, strength):
    return rng.normal(0, strength, 3).astype(np.float32)


def colour_of(rng, level, vivid):
    """A random colour of the given brightness; `vivid` from 0 (grey) to 1."""
    hue = rng.random(3).astype(np.float32)
    hue = hue - hue @ GREY
    warm = np.array([0.16, 0.02, -0.18], np.float32) * rng.uniform(-0.4, 1.2)
    return np.clip(level + vivid * (0.9 * hue + 0.5 * warm), 0, 1).astype(np.float32)


def two_colours(rng, contrast):
    """Ground and ink whose brightness differs by `contrast`, either way round."""
    middle = rng.uniform(contrast / 2, 1 - contrast / 2) if rng.random() < 0.8 else rng.uniform(0.3, 0.7)
    sign = 1 if rng.random() < 0.5 else -1
    vivid = rng.choice([0.06, 0.18, 0.6], size=2, p=[0.57, 0.29, 0.14])
    ground = colour_of(rng, np.clip(middle - sign * contrast / 2, 0.02, 0.98), vivid[0])
    ink = colour_of(rng, np.clip(middle + sign * contrast / 2, 0.02, 0.98), vivid[1])
    return ground, ink


def lines_at(rng, coordinate, period, width):
    """1 where a family of parallel lines runs, across the given coordinate field."""
    phase = (coordinate / period + rng.random()) % 1.0
    return np.asarray(phase < width, np.float32)


def brick(rng):
    h, gap = rng.uniform(0.25, 0.7), rng.uniform(0.06, 0.15)
    rows = np.floor(YS / h + rng.random())
    return np.maximum(lines_at(rng, YS, h, gap), lines_at(rng, XS + rows * h, 2.1 * h, gap / 2))


def texture(rng):
    """A relief in about -1..1: plain, cloudy, grainy, brick, siding, wood or stone."""
    kind = rng.random()
    if kind < 0.36:
        return None
    if kind < 0.56:
        return clouds(rng, int(rng.integers(3, 9))) + 0.5 * clouds(rng, int(rng.integers(12, 30)))
    if kind < 0.7:
        grain = rng.standard_normal((CANVAS, CANVAS), dtype=np.float32)
        return cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.7, 2)) * 1.6
    if kind < 0.78:
        return brick(rng) * float(rng.choice([-1.5, 1.5])) + 0.3 * clouds(rng, 20)
    if kind < 0.88:
        a = rng.choice([0, np.pi / 2]) + rng.normal(0, 0.08)
        across = np.cos(a) * XS + np.sin(a) * YS
        period = rng.uniform(0.12, 1.1)
        if rng.random() < 0.5:
            return lines_at(rng, across, period, rng.uniform(0.08, 0.3)) * float(rng.choice([-1.5, 1.5]))
        return ((across / period + rng.random()) % 1.0).astype(np.float32) * 1.6 - 0.8
    grain = rng.standard_normal((CANVAS, CANVAS), dtype=np.float32)
    long, short = rng.uniform(4, 14), rng.uniform(0.6, 1.6)
    wood = cv2.GaussianBlur(grain, (0, 0), long, sigmaY=short)
    wood = wood / (wood.std() + 1e-6) * 0.7
    return wood if rng.random() < 0.6 else wood.T


def ground(rng, colour, most=0.16):
    """The wall: a colour, a slope of light, a relief of a strength of at most `most`."""
    field = np.zeros((CANVAS, CANVAS), np.float32)
    relief = texture(rng)
    if relief is not None:
        field += relief * min(float(rng.choice([0.02, 0.05, 0.1, 0.16])), most)
    if rng.random() < 0.4:
        field += ramp(rng) * rng.uniform(0, 0.12)
    return colour + field[..., None] * (1 + tint(rng, 0.15))


def polygon(points):
    mask = np.zeros((CANVAS, CANVAS), np.uint8)
    cv2.fillPoly(mask, [np.round(np.clip(points, -2000, 2000) * 8).astype(np.int32)], 255, cv2.LINE_AA, 3)
    return mask.astype(np.float32) / 255


def frame_box(row, margin):
    """The corners of the number's box in bank units, with a margin in digit heights."""
    left = min(x for _, x, _ in row) - margin[0] * UNIT
    right = max(x + m.shape[1] for m, x, _ in row) + margin[1] * UNIT
    top = min(y for *_, y in row) - margin[2] * UNIT
    bottom = max(y + m.shape[0] for m, _, y in row) + margin[3] * UNIT
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def add_plate(image, row, matrix, rng, ink):
    """Beyond the number's plate there is wall: outside its box, another colour; sometimes a rim."""
    corners = project(matrix, frame_box(row, rng.uniform(0.03, 0.5, 4)))
    inside = polygon(corners)
    wall = ground(rng, colour_of(rng, rng.uniform(0.05, 0.95), rng.choice([0.08, 0.3])))
    image = inside[..., None] * image + (1 - inside[..., None]) * wall
    if rng.random() < 0.45:
        line = np.zeros((CANVAS, CANVAS), np.uint8)
        points = np.round(np.clip(corners, -2000, 2000) * 8).astype(np.int32)
        cv2.polylines(line, [points], True, 255, int(rng.integers(1, 5)), cv2.LINE_AA, 3)
        rim = ink if rng.random() < 0.6 else colour_of(rng, rng.random(), 0.1)
        image = image + (line.astype(np.float32) / 255)[..., None] * (rim - image)
    return image


def add_clutter(image, rng):
    """Screws, wires, cracks, edges of doors and tiles, whatever else comes into the corners."""
    for _ in range(int(rng.integers(1, 4))):
        paint = np.zeros((CANVAS, CANVAS), np.uint8)
        kind = rng.random()
        if kind < 0.35:
            centre = tuple(int(v) for v in rng.uniform(0, CANVAS, 2))
            cv2.circle(paint, centre, int(rng.integers(1, 5)), 255, -1, cv2.LINE_AA)
        elif kind < 0.55:
            at = rng.uniform(0, 2 * np.pi)
            centre = CANVAS / 2 + CANVAS * rng.uniform(0.42, 0.6) * np.array([np.cos(at), np.sin(at)])
            blob = centre + rng.normal(0, rng.uniform(5, 16), (int(rng.integers(3, 6)), 2))
            cv2.fillConvexPoly(paint, cv2.convexHull(np.round(blob).astype(np.int32)), 255, cv2.LINE_AA)
        elif kind < 0.78:
            a, b = ((int(v[0]), int(v[1])) for v in rng.uniform(-20, CANVAS + 20, (2, 2)))
            cv2.line(paint, a, b, 255, int(rng.integers(1, 4)), cv2.LINE_AA)
        else:
            edge = int(rng.choice([rng.uniform(0, 14), rng.uniform(CANVAS - 14, CANVAS)]))
            view = paint if rng.random() < 0.5 else paint.T
            view[: edge if edge < CANVAS / 2 else 0] = 255
            view[edge if edge >= CANVAS / 2 else CANVAS :] = 255
        alpha = (paint.astype(np.float32) / 255 * rng.uniform(0.4, 1))[..., None]
        image = image + alpha * (colour_of(rng, rng.random(), 0.15) - image)
    return image


def shadow_edge(rng):
    """0..1: the far side of a soft or sharp line."""
    slope = ramp(rng) + rng.uniform(-0.7, 0.7)
    return 1 / (1 + np.exp(np.clip(-slope * float(rng.choice([3, 10, 40])), -30, 30)))


def light(rng, strength=1.0):
    """A factor for each pixel: slopes, cast shadows, dapples."""
    factor = np.ones((CANVAS, CANVAS), np.float32)
    if rng.random() < 0.5 * strength:
        factor *= 1 + ramp(rng) * rng.uniform(0, 0.35)
    if rng.random() < 0.2 * strength:
        factor *= 1 - shadow_edge(rng) * rng.uniform(0.15, 0.65)
    if rng.random() < 0.12 * strength:
        dapple = 1 / (1 + np.exp(-8 * (clouds(rng, int(rng.integers(2, 6))) + rng.uniform(-0.4, 0.4))))
        factor *= 1 - dapple * rng.uniform(0.15, 0.55)
    return factor


def glare(rng):
    """A bright blob to add."""
    x, y = rng.uniform(-1, 1, 2)
    spread = rng.uniform(0.15, 0.8)
    return np.exp(-((XS - x) ** 2 + (YS - y) ** 2 * rng.uniform(0.3, 2)) / spread**2) * rng.uniform(0.1, 0.6)
