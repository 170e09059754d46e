"""Which models come with the program, and how are models trained, saved and loaded?"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import holistic
from holistic.data import Labelled, imported
from holistic.errors import ModelError, listed, nearest
from holistic.files import write_whole
from holistic.progress import Progress, silent

__all__ = [
    "MODELS",
    "RECIPES",
    "Recipe",
    "accuracy",
    "build",
    "load_factory",
    "load_weights",
    "read_provenance",
    "reinitialised",
    "save_weights",
    "train",
]


@dataclass(frozen=True)
class Recipe:
    """How a reference model is trained: AdamW under a one-cycle learning rate.

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
    """

    epochs: int
    batch: int
    rate: float
    decay: float = 0.01
    steps: int = 600


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
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total, pct_start=0.2)
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


@torch.no_grad()
def accuracy(model: nn.Module, examples: Labelled) -> float:
    """Share of examples whose largest logit is that of their class."""
    right = 0
    for start in range(0, len(examples), 1024):
        part = slice(start, start + 1024)
        right += int((model(examples.images[part]).argmax(1) == examples.labels[part]).sum())
    return right / len(examples)


def save_weights(model: nn.Module, path: Path, provenance: Mapping[str, Any]) -> None:
    """Write a model's weights as safetensors, with where they come from in the header.

    Parameters
    ----------
    model
        Whose parameters and buffers are saved.
    path
        File to write; it appears whole or not at all.
    provenance
        What can be told of the training (JSON values), kept beside the program's versions.
    """
    from safetensors.torch import save

    versions = {"torch": torch.__version__, "holistic": holistic.__version__}
    header = {"provenance": json.dumps({**provenance, "versions": versions}, sort_keys=True)}
    state = {name: tensor.contiguous().clone() for name, tensor in model.state_dict().items()}
    write_whole(path, lambda file: file.write_bytes(save(state, header)))


def read_provenance(path: Path) -> dict[str, Any]:
    """Read what `save_weights` kept beside the weights; empty where another program saved them.

    Raises
    ------
    ModelError
        If the file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise ModelError(f"no weights file '{path}'; make one with 'holistic train'")
    try:
        with safe_open(path, "pt") as file:
            return json.loads((file.metadata() or {}).get("provenance", "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"'{path}' can't be read as safetensors: {error}") from None


def load_weights(model: nn.Module, path: Path) -> nn.Module:
    """Put saved weights into a model: safetensors, or a `.pt` state dict without code.

    Raises
    ------
    ModelError
        If the file is missing or damaged, or doesn't fit the model exactly.
    """
    state = _read_state(Path(path))
    own = model.state_dict()
    missing, extra = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    if missing or extra:
        raise ModelError(
            f"'{path}' doesn't fit the model: {len(missing)} tensors missing "
            f"({listed(missing, 3)}), {len(extra)} unknown ({listed(extra, 3)})"
        )
    for name, tensor in state.items():
        if tensor.layout != torch.strided or tensor.shape != own[name].shape:
            raise ModelError(
                f"'{path}' doesn't fit the model: '{name}' is {tuple(tensor.shape)} "
                f"({tensor.layout}), the model needs {tuple(own[name].shape)}"
            )
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise ModelError(f"'{path}': '{name}' holds NaN or infinite numbers")
    model.load_state_dict(state)
    return model.eval()


def _read_state(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise ModelError(f"no weights file '{path}'; make one with 'holistic train'")
    try:
        if path.suffix in (".pt", ".pth"):
            state = torch.load(path, map_location="cpu", weights_only=True)
        else:
            state = load_file(path)
    except SafetensorError as error:
        raise ModelError(f"'{path}' can't be read as safetensors: {error}") from None
    except Exception as error:  # torch.load raises many unrelated kinds on damaged files
        reason = " ".join(str(error).split())[:120]
        raise ModelError(f"'{path}' can't be read as a state dict: {reason}") from None
    if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
        raise ModelError(f"'{path}' must hold a state dict: names to tensors")
    return state


def load_factory(name: str) -> nn.Module:
    """Call the user's `module:factory`, which makes a model.

    Raises
    ------
    ModelError
        If it can't be imported or called, or what it returns isn't a model that can be studied.
    """
    module, _, attribute = name.partition(":")
    factory = imported(name, module, attribute, ModelError)
    try:
        model = factory()
    except Exception as error:  # whatever the user's code raises
        reason = " ".join(str(error).split())[:160]
        raise ModelError(f"'{name}' failed: {type(error).__name__}: {reason}") from error
    if not isinstance(model, nn.Module):
        raise ModelError(f"'{name}' must return a torch.nn.Module, got {type(model).__name__}")
    return model


def reinitialised(model: nn.Module, seed: int) -> nn.Module:
    """Copy a model with freshly drawn weights: the untrained control.

    Each module's own `reset_parameters` draws its weights and resets its statistics; parameters
    that no module resets (a class token) are drawn with the mean and spread that they have.

    Parameters
    ----------
    model
        Left as it is.
    seed
        Decides the weights; the global random state is left as it is.
    """
    fresh = copy.deepcopy(model)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        reset: set[int] = set()
        for module in fresh.modules():
            draw = getattr(module, "reset_parameters", None)
            if callable(draw):
                draw()
                reset.update(id(p) for p in module.parameters(recurse=False))
        for parameter in fresh.parameters():
            if id(parameter) not in reset and parameter.is_floating_point():
                spread = float(parameter.std()) if parameter.numel() > 1 else 0.0
                parameter.normal_(float(parameter.mean()), spread)
    return fresh
