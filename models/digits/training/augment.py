"""Cheap changes on the fly, so that no two epochs show the same picture: 40x40 in, 32x32 out."""

import torch
import torch.nn.functional as F

OUT, IN = 32, 40


def chosen(n, share):
    """[n,1,1,1] of 0 and 1."""
    return (torch.rand(n, 1, 1, 1) < share).float()


def crop(x):
    """A crop near the middle: exact pixels for a third of them, else turned, scaled and sheared."""
    n = len(x)
    free = (torch.rand(n) < 0.67).float()
    turn, shear = torch.randn(n) * 0.07 * free, torch.randn(n) * 0.06 * free
    scale = torch.exp(torch.randn(n) * 0.08 * free)
    aspect = torch.exp(torch.randn(n) * 0.06 * free)
    move = (torch.randn(n, 2) * 1.2).clamp(-4, 4)
    move = torch.where(free[:, None] > 0, move, move.round()) * 2 / IN
    c, s = torch.cos(turn), torch.sin(turn)
    k = OUT / IN
    theta = torch.stack([
        torch.stack([k * scale * aspect * c, k * scale * (shear - s), move[:, 0]], 1),
        torch.stack([k * scale * s, k * scale / aspect * c, move[:, 1]], 1),
    ], 1)
    grid = F.affine_grid(theta, (n, 3, OUT, OUT), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def recolour(x):
    n = len(x)
    grey = (0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:])
    fade = chosen(n, 0.2) * torch.rand(n, 1, 1, 1)
    x = x + fade * (grey - x)
    invert = chosen(n, 0.15)
    x = x + invert * (1 - 2 * x)
    mix = torch.eye(3) + chosen(n, 0.3)[:, 0] * torch.randn(n, 3, 3) * 0.3
    mix = mix / mix.sum(2, keepdim=True).clamp(min=0.4)
    x = torch.einsum("nij,njhw->nihw", mix, x)
    gain = torch.exp(torch.randn(n, 1, 1, 1) * 0.18)
    middle = x.mean((1, 2, 3), keepdim=True)
    return (x - middle) * gain + middle + torch.randn(n, 1, 1, 1) * 0.06 + torch.randn(n, 3, 1, 1) * 0.025


def relight(x):
    """Slow changes of brightness across the picture."""
    n = len(x)
    field = torch.randn(n, 1, 3, 3) * 0.22 * chosen(n, 0.3)
    return x * torch.exp(F.interpolate(field, size=(OUT, OUT), mode="bilinear", align_corners=True))


def blur(x):
    kernel = torch.tensor([1.0, 2.0, 1.0])
    kernel = (kernel[:, None] * kernel / 16).expand(3, 1, 3, 3)
    soft = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, groups=3)
    return x + chosen(len(x), 0.2) * torch.rand(len(x), 1, 1, 1) * 1.2 * (soft - x)


def cutout(x, share=0.15):
    """A small flat patch somewhere."""
    n = len(x)
    ys, xs = torch.arange(OUT).view(1, OUT, 1), torch.arange(OUT).view(1, 1, OUT)
    cy, cx, h, w = (torch.rand(n, 1, 1) * most + least for most, least in ((OUT, 0), (OUT, 0), (5, 1), (5, 1)))
    inside = ((ys - cy).abs() < h) & ((xs - cx).abs() < w)
    patch = inside[:, None].float() * chosen(n, share)
    return x + patch * (torch.rand(n, 3, 1, 1) - x)


def augment(x):
    """float [n,3,40,40] in 0..1 -> float [n,3,32,32] in 0..1."""
    x = cutout(blur(relight(recolour(crop(x)))))
    x = x + torch.randn_like(x) * (chosen(len(x), 0.25) * torch.rand(len(x), 1, 1, 1) * 0.04)
    return x.clamp(0, 1)
