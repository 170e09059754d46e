"""Trains the origin's network, and a convolutional one beside it, from several seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holistic.pieces import once
from holistic.progress import Progress, silent
from holistic.study.models import RECIPES as REFERENCE
from holistic.study.models import Recipe, build, train
from holistic.study.subject import Subject
from holistic.study.weights import save_weights

if TYPE_CHECKING:
    from torch import Tensor, nn

    from holistic.study.datasets import Data, Labelled

__all__ = ["CHOICES", "RECIPES", "Networks", "fresh", "networks", "recipes"]

RECIPES: Mapping[str, Recipe] = {
    "mlp": Recipe(epochs=3, batch=64, rate=1e-3, decay=0.0, steps=1500, cycle=False),
    "cnn": replace(REFERENCE["cnn"], epochs=2),
}
"""The plainest recipe that comes to the origin's accuracy; the second network is a control."""
CHOICES = (
    "The origin gives the widths of the layers and an accuracy above 97 %; ours are: ReLU, "
    "cross-entropy, Adam at 0.001 without schedule or decay, batches of 64, {epochs}, pixels from "
    "0 to 1, no augmentation.",
    "Of the images that no network was trained on, one half chooses units, groups and directions, "
    "and every number is measured on the other half; all trainings share both halves.",
)
_FRESH = 15_485_863
"""Added to the subject's seed: no network was trained from weights of these seeds."""


@dataclass(frozen=True)
class Networks:
    """What one seed gave.

    Attributes
    ----------
    seed
        Of weights and of the order of the images.
    mlp, cnn
        The origin's network, and a convolutional one, each with the images that it is studied on.
    """

    seed: int
    mlp: Subject
    cnn: Subject


def recipes(epochs: int | None) -> dict[str, Recipe]:
    """Return how the networks are trained, with another number of epochs for the origin's."""
    mlp = RECIPES["mlp"]
    return {**RECIPES, "mlp": mlp if epochs is None else replace(mlp, epochs=epochs)}


def networks(
    data: Data, seed: int, *, folder: Path, made: Mapping[str, Recipe], progress: Progress = silent
) -> Networks:
    """Train both networks from a seed, and keep their weights in a folder.

    Parameters
    ----------
    data
        Images to train on and to study.
    seed
        Of this training.
    folder
        Where the weights are saved.
    made
        How each network is trained.
    progress
        Told of the steps.
    """
    found = dict[str, Subject]()
    for name, recipe in made.items():
        shape, classes = tuple(data.test.images.shape[1:]), data.count
        model = build(name, input_shape=shape, classes=classes, seed=seed)
        key = ("reproduce.learnt", name, recipe, data.train, shape, classes, seed)
        learn = partial(_learnt, model, data.train, recipe, seed=seed, progress=progress)
        model.load_state_dict(once(key, learn))
        origin: dict[str, Any] = {"data": data.name, "model": name, "seed": seed, "split_seed": 0}
        folder.mkdir(parents=True, exist_ok=True)
        save_weights(model.eval(), folder / f"{name}-seed{seed}.safetensors", origin)
        pair = data.test.images, data.test.labels
        found[name] = Subject(model, pair, classes=data.classes, seed=0, name=name)
    return Networks(seed, found["mlp"], found["cnn"])


def _learnt(
    model: nn.Module, examples: Labelled | None, recipe: Recipe, *, seed: int, progress: Progress
) -> dict[str, Tensor]:
    """Train a model, and return its parameters and buffers."""
    assert examples is not None
    train(model, examples, recipe, seed=seed, progress=progress)
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def fresh(subject: Subject, count: int) -> Iterator[Subject]:
    """Yield networks with newly drawn weights, each good until the next: they share one graph."""
    copy = None
    for place in range(count):
        copy = subject.untrained(subject.seed + _FRESH + place, reuse=copy)
        yield copy
