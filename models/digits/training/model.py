"""The net: a small residual CNN over 32x32 RGB pictures in 0..1, ten raw logits out."""

import torch
from torch import nn

# Pictures come in as value/255; this is the normalisation the first layer absorbs at export.
MEAN, STD = 0.45, 0.25


class ConvBn(nn.Sequential):
    def __init__(self, cin, cout, stride=1, kernel=3):
        super().__init__(
            nn.Conv2d(cin, cout, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(cout)
        )


class Residual(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, width):
        super().__init__()
        self.a = ConvBn(width, width)
        self.b = ConvBn(width, width)
        nn.init.zeros_(self.b[1].weight)

    def forward(self, x):
        return torch.relu(x + self.b(torch.relu(self.a(x))))


class DigitNet(nn.Module):
    def __init__(self, widths=(24, 56, 112, 184), blocks=(1, 2), drop=0.2):
        super().__init__()
        w0, w1, w2, w3 = widths
        relu = nn.ReLU(inplace=True)
        self.features = nn.Sequential(
            ConvBn(3, w0), relu,
            ConvBn(w0, w1, stride=2), relu, *(Residual(w1) for _ in range(blocks[0])),
            ConvBn(w1, w2, stride=2), relu, *(Residual(w2) for _ in range(blocks[1])),
            ConvBn(w2, w3, stride=2), relu,
        )
        # Position matters: the digit to read is the one in the middle. So no plain average
        # pooling, but a learned weight for each of the 4x4 cells of each channel.
        self.pool = nn.Conv2d(w3, w3, 4, groups=w3, bias=False)
        nn.init.constant_(self.pool.weight, 1 / 16)
        self.bn = nn.BatchNorm2d(w3)
        self.drop = nn.Dropout(drop)
        self.head = nn.Linear(w3, 10)

    def forward(self, x):
        x = self.features((x - MEAN) / STD)
        x = torch.relu(self.bn(self.pool(x))).flatten(1)
        return self.head(self.drop(x))
