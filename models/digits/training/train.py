"""Trains for a number of minutes: `python train.py MINUTES checkpoint.pt train-1.npz ...`.

The learning rate follows the clock, so that a busy machine still ends in time. What is kept is
the running mean of the weights. Files that appear later may be named too: each is read when the
pictures at hand have been seen once more.
"""

import argparse
import copy
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from augment import augment
from model import DigitNet

BATCH = 256


class Pictures:
    """The rendered files, re-read for new ones at each epoch."""

    def __init__(self, paths):
        self.waiting, self.images, self.labels = [Path(p) for p in paths], [], []
        self.read()

    def read(self):
        for path in [p for p in self.waiting if p.exists()]:
            data = np.load(path)
            self.images.append(data["images"])
            self.labels.append(data["labels"])
            self.waiting.remove(path)
        self.starts = np.cumsum([0] + [len(x) for x in self.labels])

    def epoch(self):
        """Batches of (float [n,3,40,40], label [n]) in random order."""
        self.read()
        order = np.random.permutation(self.starts[-1])
        for start in range(0, len(order) - BATCH + 1, BATCH):
            pick = np.sort(order[start : start + BATCH])
            part = np.searchsorted(self.starts, pick, side="right") - 1
            images = np.concatenate([self.images[k][pick[part == k] - self.starts[k]] for k in np.unique(part)])
            labels = np.concatenate([self.labels[k][pick[part == k] - self.starts[k]] for k in np.unique(part)])
            yield torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255, torch.from_numpy(labels)


def rate(progress, top):
    """Warm-up, then a cosine to almost nothing."""
    if progress < 0.04:
        return top * (0.05 + progress / 0.04 * 0.95)
    return top * (0.002 + 0.998 * 0.5 * (1 + np.cos(np.pi * (progress - 0.04) / 0.96)))


def update_mean(mean, model, decay):
    with torch.no_grad():
        for a, b in zip(mean.state_dict().values(), model.state_dict().values()):
            if a.dtype.is_floating_point:
                a.lerp_(b, 1 - decay)
            else:
                a.copy_(b)


def accuracy(model, path, limit=4000):
    data = np.load(path)
    model.eval()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        right = 0
        for i in range(0, limit, 500):
            x = torch.from_numpy(data["images"][i : i + 500]).permute(0, 3, 1, 2).float() / 255
            right += int((model(x).argmax(1) == torch.from_numpy(data["labels"][i : i + 500])).sum())
    return right / min(limit, len(data["labels"]))


def main():
    args = argparse.ArgumentParser()
    args.add_argument("minutes", type=float)
    args.add_argument("checkpoint")
    args.add_argument("pictures", nargs="+")
    args.add_argument("--widths", type=int, nargs=4, default=[32, 64, 120, 184])
    args.add_argument("--blocks", type=int, nargs=2, default=[1, 2])
    args.add_argument("--start", help="a checkpoint to go on from")
    args.add_argument("--lr", type=float, default=4e-3)
    args.add_argument("--watch", nargs="*", default=[], help="splits to report on while training")
    args = args.parse_args()
    torch.manual_seed(1)
    np.random.seed(1)
    torch.set_num_threads(2)
    model = DigitNet(tuple(args.widths), tuple(args.blocks)).to(memory_format=torch.channels_last)
    if args.start:
        model.load_state_dict(torch.load(args.start)["weights"])
    mean = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(model.parameters(), args.lr, weight_decay=0.03)
    pictures = Pictures(args.pictures)
    began, seen, total, reported = time.time(), 0, 0.0, 0.0
    progress = 0.0
    while progress < 1:
        for x, y in pictures.epoch():
            progress = (time.time() - began) / (60 * args.minutes)
            if progress >= 1:
                break
            for group in optimizer.param_groups:
                group["lr"] = rate(progress, args.lr)
            model.train()
            with torch.no_grad():
                x = augment(x).contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(x)
            loss = F.cross_entropy(logits.float(), y, label_smoothing=0.04)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
            optimizer.step()
            seen += len(y)
            step = seen // BATCH
            update_mean(mean, model, min(0.998, step / (step + 10)))
            total = 0.98 * total + 0.02 * loss.item()
            if progress - reported > 1 / 12:
                reported = progress
                scores = [round(accuracy(mean, p), 4) for p in args.watch]
                print(f"{time.time() - began:.0f} s, {seen} pictures, loss {total:.3f}, {scores}", flush=True)
                torch.save({"weights": mean.state_dict(), "widths": args.widths, "blocks": args.blocks, "seen": seen}, args.checkpoint)
    torch.save({"weights": mean.state_dict(), "widths": args.widths, "blocks": args.blocks, "seen": seen}, args.checkpoint)
    print("end", seen, [round(accuracy(mean, p), 4) for p in args.watch], flush=True)


if __name__ == "__main__":
    main()
