"""Measures maps of networks with known answers: how true they are, and what the audit sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.trust.trained import Case, trained
from holistic import attribute
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution._maps import attributions, chosen_methods, magnitude
from holistic.lenses.attribution._robustness import maps_again
from holistic.lenses.attribution._sample import balanced
from holistic.lenses.attribution._trust_measures import measures

__all__ = ["Measured", "kept", "measured"]

_IMAGES = 40


@dataclass(frozen=True)
class Measured:
    """One network's maps.

    Attributes
    ----------
    case
        The network and its data.
    accuracy
        On the evaluation split.
    methods, names
        M methods and F measures.
    precision
        `[M]`, mean share of the first k pixels that carry the class, of k that do.
    values
        `[M, n, F]`.
    """

    case: Case
    accuracy: float
    methods: tuple[str, ...]
    names: tuple[str, ...]
    precision: np.ndarray
    values: np.ndarray


def kept(asked: Case, folder: Path, make: Callable[[Case], Measured]) -> Measured:
    """Take a network's measures from a folder, or make them and keep them there."""
    place = folder / f"{asked.ask.family}-{asked.number}.npz"
    if not place.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = make(asked)
        np.savez(
            place,
            precision=made.precision,
            accuracy=np.array(made.accuracy),
            values=made.values.astype(np.float32),
            methods=np.array(made.methods),
            names=np.array(made.names),
        )
    with np.load(place) as read:
        return Measured(
            case=asked,
            accuracy=float(read["accuracy"]),
            methods=tuple(str(name) for name in read["methods"]),
            names=tuple(str(name) for name in read["names"]),
            precision=read["precision"],
            values=read["values"],
        )


def measured(asked: Case) -> Measured:
    """Train the network of a case, and measure its maps."""
    subject, hidden = trained(asked)
    sample = balanced(subject.evaluation, _IMAGES, subject.seed)
    lens = Attribution()
    maps = attributions(subject, sample, lens, lambda _: None)
    again = maps_again(lens, chosen_methods(subject, lens))
    found = measures(subject, sample, maps, lens, again)
    regions = hidden.regions[sample.indices].reshape(len(sample), -1)
    precision = np.zeros(len(found.methods))
    for m, name in enumerate(found.methods):
        values = attribute(subject, sample.images, name, target=sample.labels)
        sizes = magnitude(torch.as_tensor(values)).flatten(1).numpy()
        precision[m] = np.mean([_precision(a, b) for a, b in zip(sizes, regions, strict=True)])
    hit = subject.predict().argmax(1) == subject.evaluation.labels
    return Measured(
        asked,
        float(hit.float().mean()),
        found.methods,
        found.names,
        precision,
        found.values,
    )


def _precision(sizes: np.ndarray, region: np.ndarray) -> float:
    first = np.argsort(-sizes, kind="stable")[: int(region.sum())]
    return float(region[first].mean())
