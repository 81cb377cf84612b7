"""Trains for a number of minutes: `python train.py MINUTES checkpoint.pt train-1.npz ...`.

The learning rate follows the clock, so that a busy machine still ends in time. One process a core
works on the same weights, without waiting for the other. What is kept is the running mean of the
weights.
"""

import argparse
import copy
import time

import numpy as np
import torch
import torch.multiprocessing as mp
import torch.nn.functional as F

from augment import augment
from model import DigitNet

BATCH = 192
REPORTS = 14


class Pictures:
    """The rendered files."""

    def __init__(self, paths):
        data = [np.load(p) for p in paths]
        self.images = [d["images"] for d in data]
        self.labels = [d["labels"] for d in data]
        self.starts = np.cumsum([0] + [len(x) for x in self.labels])

    def endless(self, rng):
        """Batches of (float [n,3,40,40], label [n]), each epoch in another random order."""
        while True:
            order = rng.permutation(self.starts[-1])
            for start in range(0, len(order) - BATCH + 1, BATCH):
                pick = np.sort(order[start : start + BATCH])
                part = np.searchsorted(self.starts, pick, side="right") - 1
                found = [(k, pick[part == k] - self.starts[k]) for k in np.unique(part)]
                images = np.concatenate([self.images[k][at] for k, at in found])
                labels = np.concatenate([self.labels[k][at] for k, at in found])
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


def step(model, optimizer, x, y):
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
    return loss.item()


def work(rank, args, model, pictures, seen):
    """One process. All of them move the same weights, without locks; the first also keeps their
    running mean, reports and saves."""
    torch.set_num_threads(1)
    torch.manual_seed(1 + rank)
    optimizer = torch.optim.AdamW(model.parameters(), args.lr, weight_decay=0.03)
    mean, loss, steps, reports = copy.deepcopy(model), 2.3, 0, 0
    began = time.time()

    def report():
        scores = [round(accuracy(mean, p), 4) for p in args.watch]
        print(f"{time.time() - began:.0f} s, {int(seen.sum())} pictures, loss {loss:.3f}, {scores}", flush=True)
        shape = {"widths": args.widths, "blocks": args.blocks}
        torch.save({"weights": mean.state_dict(), "seen": int(seen.sum()), **shape}, args.checkpoint)

    for x, y in pictures.endless(np.random.default_rng(rank)):
        progress = (time.time() - began) / (60 * args.minutes)
        if progress >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = rate(progress, args.lr)
        loss = 0.98 * loss + 0.02 * step(model, optimizer, x, y)
        steps += 1
        seen[rank] += len(y)
        if rank == 0:
            update_mean(mean, model, min(0.997, steps / (steps + 10)))
            if progress * REPORTS > reports + 1:
                reports += 1
                report()
    if rank == 0:
        report()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("minutes", type=float)
    parser.add_argument("checkpoint")
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--widths", type=int, nargs=4, default=[24, 56, 112, 184])
    parser.add_argument("--blocks", type=int, nargs=2, default=[1, 2])
    parser.add_argument("--start", help="a checkpoint to go on from")
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--watch", nargs="*", default=[], help="splits to report on while training")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    model = DigitNet(tuple(args.widths), tuple(args.blocks)).to(memory_format=torch.channels_last)
    if args.start:
        model.load_state_dict(torch.load(args.start)["weights"])
    model.share_memory()
    seen = torch.zeros(args.workers, dtype=torch.int64).share_memory_()
    pictures = Pictures(args.pictures)
    workers = [mp.get_context("fork").Process(target=work, args=(rank, args, model, pictures, seen))
               for rank in range(args.workers)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main()
