"""The models that come with the program, and their training."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holistic.errors import ModelError, listed, nearest
from holistic.graph.loops import batches
from holistic.progress import Progress, silent
from holistic.study.datasets import Labelled
from holistic.study.untrained import reinitialised
from holistic.usercode import called, imported

__all__ = [
    "MODELS",
    "RECIPES",
    "Recipe",
    "accuracy",
    "build",
    "load_factory",
    "reinitialised",
    "train",
]


@dataclass(frozen=True)
class Recipe:
    """How a reference model is trained: by AdamW, which is Adam where nothing decays.

    Attributes
    ----------
    epochs, batch
        Passes over the training images, and images per step.
    rate
        Largest learning rate.
    decay
        Weight decay.
    steps
        At least this many steps are taken, with more epochs on small data.
    cycle
        Whether the rate rises and falls in one cycle (Smith 2018), or stays as it is.
    """

    epochs: int
    batch: int
    rate: float
    decay: float = 0.01
    steps: int = 600
    cycle: bool = True


RECIPES = {
    "mlp": Recipe(epochs=8, batch=128, rate=2e-3, steps=1500),
    "cnn": Recipe(epochs=4, batch=64, rate=3e-3),
    "vit": Recipe(epochs=4, batch=128, rate=2e-3),
}
MODELS = tuple(RECIPES)


class Attention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017, section 3.2), fused."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Mix tokens `[B, P, D]`."""
        qkv = self.qkv(x).unflatten(-1, (3, self.heads, -1))  # [B, P, 3, heads, D / heads]
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Transformer block with the norms first."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, x: Tensor) -> Tensor:
        """Add attention, then the hidden layer, to tokens `[B, P, D]`."""
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    """Small vision transformer with a class token (Dosovitskiy et al. 2021, equations 1-4)."""

    def __init__(
        self, shape: tuple[int, ...], classes: int, *, patch: int, width: int, depth: int
    ) -> None:
        super().__init__()
        channels, height, across = shape
        self.patches = nn.Conv2d(channels, width, patch, stride=patch)
        tokens = (height // patch) * (across // patch) + 1
        self.token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.places = nn.Parameter(0.02 * torch.randn(1, tokens, width))
        self.blocks = nn.ModuleList([Block(width, 4, 2 * width) for _ in range(depth)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images `[B, channels, H, W]` to logits `[B, C]`."""
        x = self.patches(x).flatten(2).transpose(1, 2)  # [B, P, D]
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


def build(name: str, *, input_shape: Sequence[int], classes: int, seed: int = 0) -> nn.Module:
    """Make a reference model with weights drawn from a seed.

    Parameters
    ----------
    name
        `mlp` (two hidden layers of 256 and 128), `cnn` (two convolutions and a hidden layer) or
        `vit` (a small vision transformer).
    input_shape
        Shape of one image, `(channels, H, W)`; `mlp` takes any shape.
    classes
        Number of classes.
    seed
        Decides the weights; the global random state is left as it is.

    Raises
    ------
    ModelError
        If there is no such model or the images don't suit it.
    """
    if name not in MODELS:
        allowed = (*MODELS, "module:factory")
        raise ModelError(f"no model '{name}'{nearest(name, MODELS)}; there are {listed(allowed)}")
    shape = tuple(input_shape)
    if name != "mlp" and (len(shape) != 3 or min(shape[1:]) < 8):
        raise ModelError(
            f"'{name}' needs images of shape (channels, H, W) of at least 8 x 8 pixels, got {shape}"
        )
    makers: dict[str, Callable[[], nn.Module]] = {
        "mlp": lambda: _mlp(math.prod(shape), classes),
        "cnn": lambda: _cnn(shape, classes),
        "vit": lambda: VisionTransformer(
            shape,
            classes,
            patch=max(2, shape[1] // 4),
            width=64,
            depth=3,
        ),
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return makers[name]().eval()


def _mlp(inputs: int, classes: int) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, 256),
        nn.ReLU(),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.Linear(128, classes),
    )


def _cnn(shape: tuple[int, ...], classes: int) -> nn.Module:
    features = 32 * (shape[1] // 4) * (shape[2] // 4)
    return nn.Sequential(
        nn.Conv2d(shape[0], 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(features, 64),
        nn.ReLU(),
        nn.Linear(64, classes),
    )


def train(
    model: nn.Module,
    examples: Labelled,
    recipe: Recipe,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> nn.Module:
    """Train a model in place, the same bytes for the same seed on the same machine.

    Parameters
    ----------
    model
        From images to logits.
    examples
        Images and labels to learn.
    recipe
        How (see `RECIPES`).
    seed
        Decides the order of the images.
    progress
        Told how many steps are done.

    Returns
    -------
    nn.Module
        The same model, in evaluation mode.
    """
    per_epoch = math.ceil(len(examples) / recipe.batch)
    total = max(recipe.epochs, math.ceil(recipe.steps / per_epoch)) * per_epoch
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    schedule = _schedule(optimiser, recipe, total)
    generator = torch.Generator().manual_seed(seed)
    model.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for step in range(total):
            if step % per_epoch == 0:
                order = torch.randperm(len(examples), generator=generator)
            start = step % per_epoch * recipe.batch
            rows = order[start : start + recipe.batch]  # pyright: ignore[reportPossiblyUnboundVariable]
            loss = F.cross_entropy(model(examples.images[rows]), examples.labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            if (step + 1) % 20 == 0 or step + 1 == total:
                progress("training", step + 1, total)
    for parameter in model.parameters():
        parameter.grad = None
    return model.eval()


def _schedule(
    optimiser: torch.optim.Optimizer, recipe: Recipe, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    if recipe.cycle:
        return torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, steps, pct_start=0.2)
    return torch.optim.lr_scheduler.ConstantLR(optimiser, 1.0, steps)


@torch.no_grad()
def accuracy(model: nn.Module, examples: Labelled) -> float:
    """Share of examples whose largest logit is that of their class."""
    right = 0
    for part in batches(len(examples), 1024):
        right += int((model(examples.images[part]).argmax(1) == examples.labels[part]).sum())
    return right / len(examples)


def load_factory(name: str) -> nn.Module:
    """Call the user's `module:factory`, which makes a model.

    Raises
    ------
    ModelError
        If it can't be imported or called, or what it returns isn't a model that can be studied.
    """
    model = called(name, imported(name, ModelError), ModelError)
    if not isinstance(model, nn.Module):
        raise ModelError(f"'{name}' must return a torch.nn.Module, got {type(model).__name__}")
    return model
