"""From a folder of font files to a glyph bank: `python fonts.py FONT_DIR bank.npz`.

Keeps the fonts whose digits look like digits, splits them by family into train and held-out,
and drops from the training side every look-alike of a held-out font (the same design often goes
by several names: Arimo, Liberation Sans, Nimbus Sans ...).
"""

import hashlib
import re
import sys
from multiprocessing import Pool
from pathlib import Path

import cv2
import numpy as np
from PIL import ImageFont

DIGITS = "0123456789"
GLYPHS = DIGITS + "ABCDEF-/"  # what may stand beside a digit, too
HEIGHT = 64  # the height of a font's tallest digit in the bank
THUMB = 20
PER_FAMILY = 14
STYLE_WORDS = re.compile(
    r"(bold|italic|oblique|light|regular|medium|semi|demi|extra|ultra|black|thin|book|condensed|"
    r"cond|narrow|wide|heavy|display|caps|small|slanted|math|tabular|osf|lf|tosf|tlf)", re.I
)


def family_key(name):
    """The first word of a family's name, without style words and figures: `Noto Sans` -> `noto`."""
    name = re.sub(r"[^A-Za-z ]", " ", re.sub(r"([a-z])([A-Z])", r"\1 \2", name))
    words = STYLE_WORDS.sub(" ", name).lower().split()
    words = [w for w in words if w not in ("the", "new", "fonts", "font", "adf", "tex", "gnu", "sil")]
    return words[0] if words else name.strip().lower() or "unnamed"


def load_font(path):
    """The glyphs of a font file as (mask, left, top, advance) in bank units, or None."""
    try:
        probe = ImageFont.truetype(path, 100)
        top, bottom = zip(*[(probe.getbbox(d)[1], probe.getbbox(d)[3]) for d in DIGITS])
        tallest = max(b - t for t, b in zip(top, bottom))
        if tallest < 20:
            return None
        font = ImageFont.truetype(path, round(100 * HEIGHT / tallest))
        glyphs = []
        for char in GLYPHS:
            box = font.getbbox(char, anchor="ls")
            mask, _ = font.getmask2(char, mode="L", anchor="ls")
            width, height = mask.size
            pixels = np.array(mask, np.uint8).reshape(height, width)
            rows, columns = np.flatnonzero(pixels.max(1) > 60), np.flatnonzero(pixels.max(0) > 60)
            if len(rows) == 0:
                if char in DIGITS:
                    return None
                pixels, left, up = np.zeros((1, 1), np.uint8), 0, -HEIGHT
            else:
                pixels = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                left, up = box[0] + columns[0], box[1] + rows[0]
            if pixels.shape[0] > 2 * HEIGHT or pixels.shape[1] > 2 * HEIGHT:
                return None
            glyphs.append((pixels, left, up, font.getlength(char)))
        family, style = font.getname()
        return {"path": str(path), "family": family or "", "style": style or "", "glyphs": glyphs}
    except Exception:
        return None


def thumbs(font):
    """The ten digits, each squeezed into a small square, with the aspect as one more feature."""
    rows = []
    for pixels, *_ in font["glyphs"][:10]:
        small = cv2.resize(pixels, (THUMB, THUMB), interpolation=cv2.INTER_AREA) / 255.0
        small = cv2.GaussianBlur(small, (0, 0), 0.8)
        aspect = np.full(12, 0.5 * pixels.shape[1] / pixels.shape[0])
        rows.append(np.concatenate([small.ravel(), aspect]))
    return np.array(rows, np.float32)


def plausible(font):
    ink = [(p > 127).mean() for p, *_ in font["glyphs"][:10]]
    aspect = [p.shape[1] / p.shape[0] for p, *_ in font["glyphs"][:10]]
    heights = [p.shape[0] for p, *_ in font["glyphs"][:10]]
    return min(ink) > 0.1 and np.median(ink) < 0.8 and 0.2 < np.median(aspect) < 1.3 and min(heights) > 25


def readable(features, families, neighbours=9):
    """[font, digit] -> do most of its nearest glyphs in other families show the same digit?"""
    n = len(features)
    flat = features.reshape(n * 10, -1)
    flat = flat - flat.mean(0)
    norms = (flat**2).sum(1)
    good = np.zeros((n, 10), bool)
    owner = np.repeat(families, 10)
    for start in range(0, n * 10, 1000):
        part = slice(start, min(start + 1000, n * 10))
        far = norms[part, None] + norms[None] - 2 * flat[part] @ flat.T
        far[owner[part, None] == owner[None]] = np.inf
        nearest = np.argpartition(far, neighbours, axis=1)[:, :neighbours]
        same = (nearest % 10 == np.arange(part.start, part.stop)[:, None] % 10).mean(1)
        good.ravel()[part] = same > 0.6
    return good


def distances(a, b):
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    return np.sqrt(np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T, 0))


def drop_twins(features, threshold):
    """Indices of the fonts left when each is dropped that looks just like an earlier one."""
    far = distances(features, features)
    keep = []
    for i in range(len(features)):
        if not keep or far[i, keep].min() > threshold:
            keep.append(i)
    return np.array(keep)


def held_out(key):
    return int(hashlib.sha256(key.encode()).hexdigest(), 16) % 7 == 0


def build(folder):
    paths = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in (".ttf", ".otf", ".pfb", ".t1"))
    with Pool() as pool:
        fonts = [f for f in pool.map(load_font, map(str, paths), chunksize=40) if f and plausible(f)]
    print(len(paths), "files,", len(fonts), "with plausible digits")
    features = np.array([thumbs(f) for f in fonts])
    keep = drop_twins(features, 1.2)
    fonts, features = [fonts[i] for i in keep], features[keep]
    keys = np.array([family_key(f["family"]) for f in fonts])
    good = readable(features, np.unique(keys, return_inverse=True)[1])
    count, chosen = {}, []
    for i in np.argsort([hashlib.sha256(f["path"].split("/")[-1].encode()).hexdigest() for f in fonts]):
        if good[i].sum() >= 8 and count.get(keys[i], 0) < PER_FAMILY:
            count[keys[i]] = count.get(keys[i], 0) + 1
            chosen.append(i)
    fonts, features, keys, good = [fonts[i] for i in chosen], features[chosen], keys[chosen], good[chosen]
    test = np.array([held_out(k) for k in keys])
    near = distances(features[~test], features[test]).min(1) < 5.5
    twins = np.flatnonzero(~test)[near]
    keep = np.setdiff1d(np.arange(len(fonts)), twins)
    print(len(fonts), "fonts kept;", len(twins), "look like a held-out font and leave the training side")
    return [fonts[i] for i in keep], keys[keep], good[keep], test[keep]


def save(path, fonts, keys, good, test):
    """One flat buffer of pixels and a table [font, glyph] of (offset, height, width, left, top, advance)."""
    table, pixels, offset = np.zeros((len(fonts), len(GLYPHS), 6), np.int32), [], 0
    for i, font in enumerate(fonts):
        for j, (mask, left, top, advance) in enumerate(font["glyphs"]):
            table[i, j] = offset, *mask.shape, left, top, round(advance)
            pixels.append(mask.ravel())
            offset += mask.size
    np.savez(path, pixels=np.concatenate(pixels), table=table, keys=keys, good=good, test=test,
             names=np.array([f["family"] + " " + f["style"] for f in fonts]))


if __name__ == "__main__":
    kept = build(sys.argv[1])
    save(sys.argv[2], *kept)
    keys, test = kept[1], kept[3]
    for name, side in (("train", ~test), ("held out", test)):
        print(f"{name}: {side.sum()} fonts of {len(set(keys[side]))} families")
