"""What a planted truth is, and the bricks that its networks are built of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from holistic.study.scores import Score
from holistic.study.subject import Subject

__all__ = [
    "ABOVE", "SITE", "Claim", "Planted", "Truth", "claims", "holding", "identity", "linear",
    "signals", "stacked",
]  # fmt: skip

SITE = "2"
"""Site of `holding` that holds the planted values."""
ABOVE = 20.0
"""Added to planted values, so that a ReLU leaves them as they are."""


@dataclass(frozen=True)
class Claim:
    """What a verdict must say, or must not say, of the rows with some cells.

    Attributes
    ----------
    verdict
        Name of the verdict (`holistic.doctoring.verdicts`).
    cells
        Cells by column that pick the rows of its finding.
    planted
        Whether it is true of them; a decoy else.
    """

    verdict: str
    cells: Mapping[str, object]
    planted: bool


@dataclass(frozen=True)
class Planted:
    """A network with what is true of it."""

    subject: Subject
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Truth:
    """One kind of truth and what plants it.

    Attributes
    ----------
    name
        What is planted, in words.
    plant
        Called with a seed; returns networks with claims about them.
    """

    name: str
    plant: Callable[[int], tuple[Planted, ...]]


def claims(
    verdict: str,
    planted: Iterable[Mapping[str, object]],
    decoys: Iterable[Mapping[str, object]] = (),
) -> tuple[Claim, ...]:
    """List what a verdict must name, and what it mustn't."""
    return (
        *(Claim(verdict, cells, planted=True) for cells in planted),
        *(Claim(verdict, cells, planted=False) for cells in decoys),
    )


def linear(weight: np.ndarray, bias: np.ndarray | float = 0.0) -> nn.Linear:
    """Make a linear layer with given weights `[O, I]` and biases `[O]`."""
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.asarray(weight, np.float64)))
        layer.bias.copy_(torch.from_numpy(np.broadcast_to(bias, len(weight)).astype(np.float64)))
    return layer


def identity(units: int) -> nn.Linear:
    """Make a linear layer that changes nothing."""
    return linear(np.eye(units))


def stacked(
    layers: Iterable[nn.Module],
    values: np.ndarray,
    labels: np.ndarray,
    *,
    score: Score = "margin",
    seed: int = 0,
) -> Subject:
    """Make a subject of layers whose inputs `[N, 1, 1, U]` are given values `[N, U]`."""
    images = torch.from_numpy(np.asarray(values)).float()[:, None, None]
    model = nn.Sequential(nn.Flatten(), *layers)
    return Subject(
        model.eval(), (images, torch.from_numpy(labels)), score=score, seed=seed, name="planted"
    )


def holding(
    values: np.ndarray,
    labels: np.ndarray,
    read: np.ndarray,
    bias: np.ndarray | float = 0.0,
    *,
    seed: int = 0,
) -> Subject:
    """Make a subject whose site `2` holds the values `[N, U]`, read out by `read` `[C, U]`."""
    head = linear(read, bias - ABOVE * read.sum(1))
    layers = identity(values.shape[1]), nn.ReLU(), head
    return stacked(layers, values + ABOVE, labels, seed=seed)


def signals(
    labels: np.ndarray, classes: int, rng: np.random.Generator, noise: float = 0.25
) -> np.ndarray:
    """Evidence for each class, `[N, C]`: 1 on its examples, 0 on others, with noise."""
    return np.eye(classes)[labels] + noise * rng.normal(size=(len(labels), classes))
