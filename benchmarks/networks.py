"""Which trained networks are measured, on which images, and at which sites?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from holistic import Subject
from holistic.study import models
from holistic.study.datasets import Data, Labelled, load_data
from holistic.study.weights import load_weights, save_weights

CACHE = Path(__file__).parent / ".cache"


@dataclass(frozen=True)
class Network:
    """One network of the table.

    Attributes
    ----------
    build
        Makes it, untrained.
    recipe
        How it is trained, on MNIST.
    learned
        Number of training images.
    images
        Number of test images that are swept.
    sites
        Modules whose outputs hold the units; peers can hook only those.
    peer_share
        Peers run one unit in so many, and their time is multiplied.
    top
        How many units the race looks for; none by default.
    """

    build: Callable[[], nn.Module]
    recipe: models.Recipe
    learned: int
    images: int
    sites: tuple[str, ...]
    peer_share: int
    top: int = 0


class Residual(nn.Module):
    """Two convolutions and a way around them (He et al. 2016, section 4.2)."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.norm1, self.relu1 = nn.BatchNorm2d(width), nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2, self.relu2 = nn.BatchNorm2d(width), nn.ReLU()
        self.around = (
            nn.Identity()
            if stride == 1 and inputs == width
            else nn.Conv2d(inputs, width, 1, stride)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, inputs, H, W]` to `[B, width, H / stride, W / stride]`."""
        inner = self.relu1(self.norm1(self.conv1(x)))
        return self.relu2(self.norm2(self.conv2(inner)) + self.around(x))


class ResNet20(nn.Module):
    """Residual network of 20 layers for small images; its ReLU modules are not reused."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, 1, 1), nn.BatchNorm2d(16), nn.ReLU())
        shapes = [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2
        shapes += [(32, 64, 2)] + [(64, 64, 1)] * 2
        self.blocks = nn.ModuleList([Residual(*shape) for shape in shapes])
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Map images `[B, 1, H, W]` to logits `[B, 10]`."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean((2, 3)))


def mlp() -> nn.Module:
    """784-512-256-128-10."""
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in ((784, 512), (512, 256), (256, 128)):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(128, 10))


def _reference(name: str) -> Callable[[], nn.Module]:
    return lambda: models.build(name, input_shape=(1, 28, 28), classes=10)


RESNET_SITES = ("stem.2", *(f"blocks.{i}.relu{j}" for i in range(9) for j in (1, 2)))
NETWORKS = {
    "mlp": Network(mlp, models.Recipe(5, 128, 2e-3), 60_000, 10_000, ("2", "4", "6"), 8),
    "cnn": Network(
        _reference("cnn"), models.Recipe(2, 64, 3e-3), 20_000, 2_000, ("1", "4", "8"), 4
    ),
    "vit": Network(
        _reference("vit"),
        models.Recipe(3, 128, 2e-3),
        20_000,
        1_000,
        ("blocks.0.mlp.1", "blocks.1.mlp.1", "blocks.2.mlp.1"),
        16,
    ),
    "resnet20": Network(ResNet20, models.Recipe(2, 64, 5e-3), 6_000, 400, RESNET_SITES, 32, 50),
}


def trained(name: str, data: Data) -> nn.Module:
    """Return a network with trained weights, kept between runs."""
    network, path = NETWORKS[name], CACHE / f"{name}.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = network.build()
    if path.exists():
        return load_weights(model, path).eval()
    examples = Labelled(data.train.images[: network.learned], data.train.labels[: network.learned])
    models.train(model, examples, network.recipe)
    CACHE.mkdir(exist_ok=True)
    save_weights(model, path, {"model": name})
    return model


def pool(data: Data, images: int) -> tuple[Tensor, Tensor]:
    """Twice as many MNIST images as are to be evaluated, the test set first."""
    parts = (data.test, data.train)
    pixels, labels = (torch.cat([getattr(p, k) for p in parts]) for k in ("images", "labels"))
    return pixels[: 2 * images], labels[: 2 * images]


def subject_of(name: str, *, images: int | None = None) -> Subject:
    """Return a trained network with as many evaluation images as asked for."""
    data = load_data("mnist")
    return Subject(trained(name, data), pool(data, images or NETWORKS[name].images), name=name)
