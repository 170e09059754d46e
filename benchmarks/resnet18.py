"""A ResNet-18 on a thousand pictures of 64 × 64: how long a look at it takes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.networks import CACHE
from holistic import Subject
from holistic.study import models
from holistic.study.datasets import Labelled, load_data
from holistic.study.weights import load_weights, save_weights

__all__ = ["ResNet18", "pictures", "subject"]

_IMAGES = 1000


class Block(nn.Module):
    """Two convolutions and a way around them; one ReLU module is called twice."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1, self.relu = nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = (
            None
            if stride == 1 and inputs == width
            else nn.Sequential(
                nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, inputs, H, W]` to `[B, width, H / stride, W / stride]`."""
        inner = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(inner + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    """He et al. 2016, table 1, as torchvision lays it out."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1, self.relu = nn.BatchNorm2d(64), nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        widths = ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2))
        for n, (inputs, width, stride) in enumerate(widths, 1):
            blocks = Block(inputs, width, stride), Block(width, width, 1)
            setattr(self, f"layer{n}", nn.Sequential(*blocks))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images `[B, 3, H, W]` to logits `[B, classes]`."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for n in (1, 2, 3, 4):
            x = getattr(self, f"layer{n}")(x)
        return self.fc(self.avgpool(x).flatten(1))


def pictures() -> Labelled:
    """The bundled digits at 64 × 64, in a colour each."""
    test, train = (getattr(load_data("digits"), side) for side in ("test", "train"))
    pixels, labels = (
        torch.cat([getattr(p, k) for p in (test, train)]) for k in ("images", "labels")
    )
    large = F.interpolate(pixels.float(), (64, 64), mode="bilinear", align_corners=False)
    tint = torch.rand(len(large), 3, 1, 1, generator=torch.Generator().manual_seed(0))
    return Labelled(large * (0.5 + 0.5 * tint), labels)


def subject(sites: str | None = None) -> Subject:
    """Return the network, trained for two epochs, with a thousand pictures."""
    path, every = CACHE / "resnet18.safetensors", pictures()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = ResNet18()
    if path.exists():
        model = load_weights(model, path).eval()
    else:
        rest = Labelled(every.images[_IMAGES:], every.labels[_IMAGES:])
        models.train(model, rest, models.Recipe(2, 32, 1e-3, steps=0))
        CACHE.mkdir(exist_ok=True)
        save_weights(model, path, {"model": "resnet18"})
    pair = every.images[:_IMAGES], every.labels[:_IMAGES]
    return Subject(model, pair, name="resnet18", sites=[sites] if sites else None)
