"""Hand-made digits: skeletons with random control points, drawn with a random pen.

They give the training side shapes that no font has: painted, bent-iron and home-made numbers.
"""

import cv2
import numpy as np

SIZE = 64


def spline(points, steps=12, closed=False):
    """A Catmull-Rom curve through the points."""
    p = np.asarray(points, np.float32)
    p = np.vstack([p[-1], p, p[:2]]) if closed else np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)[:, None]
    parts = []
    for a, b, c, d in zip(p, p[1:], p[2:], p[3:]):
        parts.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.vstack(parts + [p[-2:-1]])


def loop(cx, cy, rx, ry, power):
    """A superellipse: power 2 is an ellipse, larger is squarer."""
    a = np.linspace(0, 2 * np.pi, 40)
    c, s = np.cos(a), np.sin(a)
    return np.stack([cx + rx * np.sign(c) * abs(c) ** (2 / power), cy + ry * np.sign(s) * abs(s) ** (2 / power)], 1)


def skeleton(digit, style):
    """The pen's paths for a digit in the unit square (y down)."""
    v, power, waist = style["variant"][digit], style["power"], style["waist"]
    if digit == 0:
        paths = [loop(0.5, 0.5, 0.5, 0.5, power)]
        if v > 0.97:
            paths.append([(0.75, 0.2), (0.25, 0.8)])
        return paths
    if digit == 1:
        stem = [[(0.5, 0), (0.5, 1)]]
        if v < 0.4:
            return stem
        flag = [[(0.5 - 0.45 * style["flag"], 0.08 + 0.22 * style["flag"]), (0.5, 0)]]
        return stem + flag + ([[(0.15, 1), (0.85, 1)]] if v > 0.75 else [])
    if digit == 2:
        top = [(0, 0.27), (0.14, 0.07), (0.5, 0), (0.88, 0.09), (1, 0.3), (0.84, 0.52), (0.4, 0.8), (0, 1)]
        base = [(0, 1), (0.35, 0.93), (0.7, 1), (1, 0.93)] if v > 0.9 else [(0, 1), (1, 1)]
        return [spline(top), spline(base)]
    if digit == 3:
        low = spline([(0.4, waist), (0.8, waist + 0.06), (1, 0.73), (0.8, 0.95), (0.45, 1), (0.1, 0.95), (0, 0.82)])
        if v > 0.75:
            return [[(0.03, 0), (0.95, 0), (0.4, waist)], low]
        high = [(0.02, 0.18), (0.15, 0.04), (0.48, 0), (0.85, 0.06), (0.95, 0.24), (0.8, 0.42), (0.4, waist)]
        return [spline(high), low]
    if digit == 4:
        bar, stem = 0.55 + 0.4 * (waist - 0.3), 0.62 + 0.25 * style["flag"]
        if v > 0.7:
            return [[(0.12, 0), (0.03, bar), (1, bar)], [(stem, 0.25 * style["flag"]), (stem, 1)]]
        return [[(stem, 0), (0, bar), (1, bar)], [(stem, 0), (stem, 1)]]
    if digit == 5:
        bowl = [(0.08, waist), (0.25, waist - 0.07), (0.55, waist - 0.09), (0.9, waist + 0.06), (1, 0.68), (0.85, 0.93),
                (0.45, 1), (0.12, 0.95), (0, 0.83)]
        return [[(0.92, 0), (0.14, 0), (0.08, waist)], spline(bowl)]
    if digit in (6, 9):
        top = waist - 0.05
        if v > 0.6:
            tail = spline([(0.85, 0), (0.3, 0.2), (0.03, 0.55), (0, 0.7)])
            paths = [loop(0.5, (1 + top) / 2, 0.5, (1 - top) / 2, power), tail]
        else:
            paths = [spline([(0.92, 0.16), (0.78, 0.03), (0.5, 0), (0.14, 0.14), (0, 0.55), (0.08, 0.86), (0.48, 1),
                             (0.9, 0.88), (1, 0.7), (0.88, top + 0.08), (0.5, top), (0.12, top + 0.1), (0.02, 0.68)])]
        return paths if digit == 6 else [1 - np.asarray(p) for p in paths]
    if digit == 7:
        stem = spline([(1, 0), (0.62, 0.38), (0.4, 0.7), (0.33, 1)]) if v > 0.6 else [(1, 0), (0.3, 1)]
        paths = [[(0, 0), (1, 0)], stem]
        if 0.3 < v < 0.45:
            paths.append([(0.3, 0.5), (0.9, 0.5)])
        if v > 0.85:
            paths.append([(0, 0), (0, 0.13)])
        return paths
    upper = 0.5 - 0.12 * style["flag"]
    return [loop(0.5, waist / 2, upper, waist / 2, power), loop(0.5, (1 + waist) / 2, 0.5, (1 - waist) / 2, power)]


def random_style(rng):
    return {
        "variant": rng.random(10), "power": rng.choice([2, 2, 2.4, 3, 4.5]), "waist": rng.uniform(0.4, 0.5),
        "flag": rng.random(), "width": rng.uniform(0.42, 0.85), "slant": rng.choice([0, rng.normal(0, 0.12)]),
        "wobble": rng.choice([0.0, 0.02, 0.04]), "pen": rng.integers(3), "thick": rng.uniform(5, 13),
        "flatness": rng.uniform(0.35, 1), "angle": rng.uniform(0, 180),
    }


def pen_kernel(style):
    """A disk, a square or a slanted nib."""
    t = max(3, int(style["thick"]))
    if style["pen"] == 0:
        return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (t, t))
    if style["pen"] == 1:
        return np.ones((t, max(2, int(t * style["flatness"]))), np.uint8)
    nib = np.zeros((t + 2, t + 2), np.uint8)
    axes = (t // 2, max(1, int(t * style["flatness"] / 2)))
    return cv2.ellipse(nib, (t // 2 + 1, t // 2 + 1), axes, style["angle"], 0, 360, 1, -1)


def draw(digit, style, rng):
    """One glyph's mask, SIZE high."""
    pad, narrow = 24, 0.25 if digit == 1 and style["variant"][1] < 0.4 else 0.75 if digit == 1 else 1
    inner = SIZE - style["thick"]
    canvas = np.zeros((SIZE + 2 * pad, 2 * SIZE + 2 * pad), np.uint8)
    phase = rng.uniform(0, 6.3, 2)
    for path in skeleton(digit, style):
        p = np.asarray(path, np.float32)
        if len(p) < 6:
            p = np.vstack([a + (b - a) * np.linspace(0, 1, 12)[:, None] for a, b in zip(p, p[1:])])
        p = p + style["wobble"] * np.sin(p[:, ::-1] * 5 + phase)
        x = (p[:, 0] - 0.5) * style["width"] * narrow * inner - (p[:, 1] - 0.5) * style["slant"] * inner
        points = np.stack([x + SIZE + pad, p[:, 1] * inner + pad + style["thick"] / 2], 1)
        cv2.polylines(canvas, [np.round(points * 16).astype(np.int32)], False, 255, 1, cv2.LINE_8, 4)
    canvas = cv2.GaussianBlur(cv2.dilate(canvas, pen_kernel(style)), (0, 0), 0.8)
    ys, xs = np.nonzero(canvas > 100)
    mask = canvas[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    return cv2.resize(mask, (max(4, round(mask.shape[1] * SIZE / mask.shape[0])), SIZE), interpolation=cv2.INTER_AREA)


def stroke_glyphs(seed):
    """The ten digits of one random hand, as glyphs like those of a font: (mask, left, top, advance)."""
    rng = np.random.default_rng(seed)
    style = random_style(rng)
    masks = [draw(d, style, rng) for d in range(10)]
    return [(m, 3, -SIZE, m.shape[1] + 6) for m in masks]
