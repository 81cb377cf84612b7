"""Where the digits stand: a house number, its font, and the masks of the digit to read and its neighbours.

Everything is drawn on a canvas of 80x80, whose middle 64x64 is the crop an annotator would cut
(at twice the final size): the digit fills about its whole height, the neighbours are cut off.
"""

import cv2
import numpy as np

from strokes import stroke_glyphs

CANVAS, CROP = 80, 64
UNIT = 64  # a digit's height in the glyph bank
LETTERS = (10, 11, 12, 13, 14, 15)


class GlyphBank:
    """Fonts by family, of one side of the split; on the training side also random hands."""

    def __init__(self, path, test, hands=0):
        data = np.load(path)
        self.pixels, self.table, self.good = data["pixels"], data["table"], data["good"]
        side = np.flatnonzero(data["test"] == test)
        families = {}
        for i in side:
            families.setdefault(data["keys"][i], []).append(i)
        self.families = list(families.values())
        weights = np.array([len(f) ** 0.6 for f in self.families])
        self.weights = np.cumsum(weights / weights.sum())
        self.hands = [stroke_glyphs(seed) for seed in range(hands)]

    def pick(self, rng, digit, hand_share):
        """A font index (a negative one is a hand) in which the digit is readable."""
        if self.hands and rng.random() < hand_share:
            return -1 - int(rng.integers(len(self.hands)))
        while True:
            family = self.families[int(np.searchsorted(self.weights, rng.random()))]
            font = family[rng.integers(len(family))]
            if self.good[font, digit]:
                return int(font)

    def glyph(self, font, index):
        """(mask, left, top, advance); a hand has digits only."""
        if font < 0:
            return self.hands[-1 - font][index if index < 10 else 1]
        offset, height, width, left, top, advance = self.table[font, index]
        return self.pixels[offset : offset + height * width].reshape(height, width), left, top, advance


def house_number(rng, uniform=0.5):
    """The number's digits and which of them is to be read. Leading digits follow Benford's law."""
    length = rng.choice([1, 2, 3, 4, 5], p=[0.09, 0.42, 0.33, 0.13, 0.03])
    digits = rng.integers(0, 10, length)
    digits[0] = int(10 ** rng.random())
    at = int(rng.integers(length))
    if rng.random() < uniform:
        digits[at] = rng.integers(10)
    return digits, at


def text_row(bank, font, digits, rng):
    """[(glyph, x, y)] of a row in bank units; y is the glyph's top."""
    gap, jitter = rng.normal(7, 5), rng.choice([0, 0, 1.5, 4])
    by_advance, step = rng.random() < 0.4, rng.choice([0, 0, 0, rng.normal(0, 14)])
    row, x = [], 0.0
    for k, index in enumerate(digits):
        mask, left, top, advance = bank.glyph(font, index)
        y = top + rng.normal(0, jitter) + step * k
        row.append((mask, x + (left if by_advance else 0), y))
        x += (max(advance, mask.shape[1] * 0.9) + rng.uniform(-2, 3)) if by_advance else mask.shape[1] + max(gap, -3)
    return row


def text_column(bank, font, digits, rng):
    """The same for a number written downwards."""
    gap, column, y = rng.uniform(3, 25), [], 0.0
    for index in digits:
        mask = bank.glyph(font, index)[0]
        column.append((mask, -mask.shape[1] / 2 + rng.normal(0, 2), y))
        y += mask.shape[0] + gap
    return column


def random_view(rng, hard=0.0):
    """A 3x3 matrix: stretch, slant, rotation, a little perspective."""
    stretch = np.exp(rng.normal(0, 0.14))
    slant = rng.normal(0, 0.07)
    turn = np.deg2rad(rng.normal(0, 4 + 3 * hard) if rng.random() < 0.8 else rng.uniform(-20, 20))
    c, s = np.cos(turn), np.sin(turn)
    view = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[stretch, slant, 0], [0, 1, 0], [0, 0, 1]])
    if rng.random() < 0.5:
        view = np.array([[1, 0, 0], [0, 1, 0], [*rng.normal(0, 0.0011, 2), 1]]) @ view
    return view


def project(matrix, points):
    p = np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]
    return p[:, :2] / p[:, 2:]


def shift(x, y):
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])


def place(row, at, view, fill, offset):
    """The matrix from bank units to the canvas: the digit's box fills `fill` of the crop's side."""
    mask, x, y = row[at]
    middle = shift(-x - mask.shape[1] / 2, -y - mask.shape[0] / 2)
    outline = cv2.convexHull(cv2.findNonZero((mask > 100).astype(np.uint8)))[:, 0] + (x, y)
    matrix = view @ middle
    box = project(matrix, outline)
    low, high = box.min(0), box.max(0)
    scale = fill * CROP / max(high - low)
    centre = (low + high) / 2
    half = CANVAS / 2
    return shift(half + offset[0], half + offset[1]) @ np.diag([scale, scale, 1]) @ shift(*-centre) @ matrix


def draw_row(row, at, matrix, rng, wobble):
    """The masks of the digit to read and of all its neighbours."""
    target, others = None, np.zeros((CANVAS, CANVAS), np.uint8)
    for k, (mask, x, y) in enumerate(row):
        own = matrix @ shift(x, y)
        if wobble:
            h, w = mask.shape
            a = np.deg2rad(rng.normal(0, wobble))
            turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
            own = own @ shift(w / 2, h / 2) @ turn @ shift(-w / 2, -h / 2)
        drawn = cv2.warpPerspective(mask, own, (CANVAS, CANVAS), flags=cv2.INTER_LINEAR)
        if k == at:
            target = drawn
        else:
            others = np.maximum(others, drawn)
    return target, others


def reweigh(mask, rng):
    """Strokes a little bolder or thinner; hairlines always bolder, as house numbers have none."""
    choice = rng.random()
    if cv2.erode(mask, np.ones((3, 3), np.uint8)).sum() < 0.3 * mask.sum():
        return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    if choice < 0.22:
        return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (int(rng.integers(2, 5)),) * 2))
    if choice < 0.32:
        thin = cv2.erode(mask, np.ones((2, 2), np.uint8))
        return thin if thin.mean() > 0.6 * mask.mean() else mask
    return mask


def bend(mask, rng):
    """A smooth random deformation."""
    field = rng.normal(0, 2.2, (2, 4, 4)).astype(np.float32)
    dx, dy = (cv2.resize(f, (CANVAS, CANVAS), interpolation=cv2.INTER_CUBIC) for f in field)
    ys, xs = np.mgrid[:CANVAS, :CANVAS].astype(np.float32)
    return cv2.remap(mask, xs + dx, ys + dy, cv2.INTER_LINEAR)


def annotator(rng):
    """How people draw boxes: (share of the crop's side that the digit fills, offset of its centre)."""
    fill = np.clip(rng.normal(0.83, 0.08), 0.62, 1.03)
    careless = rng.random()
    if careless < 0.05:
        fill = rng.uniform(0.5, 0.65)
    elif careless < 0.08:
        fill = rng.uniform(1.03, 1.15)
    return float(fill), rng.normal(0, 0.03 if rng.random() < 0.85 else 0.07, 2) * CROP


def layout(bank, rng, hard=0.0, crowd=False, uniform=0.5):
    """One number on the canvas: (mask 0..1 float, matrix, row, label)."""
    digits, at = house_number(rng, uniform)
    if crowd and len(digits) < 3:
        digits, at = np.array([rng.integers(10), digits[at], rng.integers(10)]), 1
    label = int(digits[at])
    font = bank.pick(rng, label, 0.2)
    if rng.random() < 0.05:
        digits = np.append(digits, rng.choice(LETTERS))
    column = len(digits) > 1 and rng.random() < 0.04
    row = (text_column if column else text_row)(bank, font, digits, rng)
    if not column and rng.random() < 0.06:  # another line of text above or below
        extra = text_row(bank, font, rng.integers(0, 10, 5), rng)
        down = rng.choice([-1, 1]) * rng.uniform(72, 100)
        row = row + [(m, x - 80, y + down) for m, x, y in extra]
    matrix = place(row, at, random_view(rng, hard), *annotator(rng))
    target, others = draw_row(row, at, matrix, rng, rng.choice([0, 0, 2.5]))
    mask = reweigh(np.maximum(target, others), rng)
    if rng.random() < 0.25:
        mask = bend(mask, rng)
    return mask.astype(np.float32) / 255, matrix, row, label
