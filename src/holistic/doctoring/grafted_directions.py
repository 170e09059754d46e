"""Plants directions into copies of the user's own model: some are read, some only tell a class."""

from __future__ import annotations

import numpy as np

from holistic.doctoring.grafted import TELLS, Telling, look, read_copy
from holistic.doctoring.zoo.planting import Planted, claims
from holistic.graph.sites import Site
from holistic.stats.directions import random_directions
from holistic.stats.intervals import class_auroc
from holistic.study.subject import Subject

__all__ = ["graft_directions"]

_DRAWN, _HALF, _SELDOM = 1000, 0.5, 0.01


def graft_directions(subject: Subject, site: Site, seed: int = 0) -> tuple[Planted, Planted] | str:
    """Read one copy along the classes' directions, and another along directions across them.

    A class's direction is the mean of its examples minus the mean of the others. The second copy
    answers by what varies most inside of classes, at right angles to all of their directions: they
    still tell the classes, and nothing reads them. Classes that their direction tells badly (AUROC
    below 0.8) are asked nothing; and where random directions often lie along a class's own, it
    isn't asked whether erasing costs more without it than without those.
    """
    found = look(subject, site, 1)
    if isinstance(found, str):
        return found
    labels, classes = subject.labels.cpu().numpy(), len(subject.classes)
    own = _directions(found.values, labels, classes)  # [C, U]
    across = _across(found, own, labels, classes)
    if across is None:
        return f"{classes} classes leave no {classes} directions across theirs"
    kinds = np.zeros(classes)
    copies = [
        read_copy(subject, site, (np.stack([read, 0 * read]), found.mean, kinds), seed)
        for read in (_scaled(found, own), _scaled(found, across))
    ]
    area = class_auroc(found.values @ own.T, labels, classes)[np.arange(classes), range(classes)]
    [here] = copies[0].hidden_sites
    rows = [
        {"site": here.name, "class": name, "method": "class_mean_difference"}
        for name, how_well in zip(subject.classes, area, strict=True)
        if how_well >= TELLS
    ]
    own_alone = _rarely_met(found.values, own, seed)
    alone = [row for row in rows if own_alone[subject.classes.index(str(row["class"]))]]
    return (
        Planted(copies[0], (*claims("erased", alone), *claims("steers", rows))),
        Planted(
            copies[1],
            (
                *claims("erased", (), rows),
                *claims("steers", (), rows),
                *claims("decodable", rows),
            ),
        ),
    )


def _directions(values: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Mean of each class minus the mean of the others, of length 1: `[C, U]`."""
    own = np.stack(
        [values[labels == c].mean(0) - values[labels != c].mean(0) for c in range(classes)]
    )
    return own / np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-12)


def _across(found: Telling, own: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray | None:
    """Directions `[C, U]` at right angles to the classes' own along which values vary most."""
    inside = (
        found.values - np.stack([found.values[labels == c].mean(0) for c in range(classes)])[labels]
    )
    span = np.linalg.svd(own, full_matrices=False)
    basis = span.Vh[1e-6 * span.S[0] < span.S]
    left = inside - inside @ basis.T @ basis
    parts = np.linalg.svd(left, full_matrices=False)
    if len(parts.S) < classes or parts.S[classes - 1] <= 1e-3 * parts.S[0]:
        return None
    return parts.Vh[:classes]


def _rarely_met(values: np.ndarray, own: np.ndarray, seed: int) -> np.ndarray:
    """Whether random directions seldom share half of their square with a class's own, `[C]`."""
    drawn = random_directions(values, _DRAWN, seed)
    return ((drawn @ own.T) ** 2 >= _HALF).mean(0) <= _SELDOM


def _scaled(found: Telling, directions: np.ndarray) -> np.ndarray:
    """Divide directions by the spread of the values along them."""
    spread = (found.values @ directions.T).std(0)[:, None]
    return directions / np.maximum(spread, 1e-12)
