"""Hard decoys: loud, clear or correlated units that nothing reads, hardly, or another class."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from torch import nn

from holistic.doctoring.zoo.planting import (
    SITE,
    Planted,
    Truth,
    claims,
    holding,
    identity,
    linear,
    signals,
    stacked,
)

__all__ = ["DECOYS"]

_STRENGTH = 6.0
_HARDLY = 1e-3
"""Weight of units that are hardly read, in parts of a carrier's."""


def clearer_than_carriers(seed: int) -> tuple[Planted, ...]:
    """Beside each class's carrier stand units that tell the class as well, or better.

    One is eight times as loud and isn't read, one is read at a thousandth of the carrier's weight,
    one is the carrier with a little noise and isn't read, and one is read by the next class alone.
    Most units of the site are noise that isn't read, so that what shows nothing is exactly 0.
    """
    rng, classes, count = np.random.default_rng([seed, 50]), 6, 480
    labels = np.arange(count) % classes
    evidence = signals(labels, classes, rng, 0.45)
    loud, hardly, wrong = (signals(labels, classes, rng, 0.2) for _ in range(3))
    twins = evidence + 0.05 * rng.normal(size=evidence.shape)
    noise = rng.normal(size=(count, 60))
    values = np.concatenate([evidence, 8 * loud, hardly, twins, 3 * wrong, noise], 1)
    read, own = np.zeros((classes, values.shape[1])), np.arange(classes)
    read[own, own] = _STRENGTH
    read[own, 2 * classes + own] = _HARDLY * _STRENGTH
    read[(own + 1) % classes, 4 * classes + own] = 1.0
    subject = holding(values, labels, read, seed=seed)
    first, unread = range(classes), (1, 2, 3)
    rivals = [k * classes + c for k in unread for c in first]

    def needs(kinds: Iterable[int]) -> list[dict[str, object]]:
        return [
            {"site": SITE, "unit": k * classes + c, "class": str(c), "sign": -1}
            for k in kinds
            for c in first
        ]

    decoys = [*rivals, *range(5 * classes, values.shape[1])]
    return (
        Planted(
            subject,
            (
                *claims(
                    "causal",
                    ({"site": SITE, "unit": c, "causal_class": str(c)} for c in first),
                    ({"site": SITE, "unit": u} for u in decoys),
                ),
                *claims(
                    "selective, not causal",
                    ({"site": SITE, "unit": u} for u in rivals),
                    ({"site": SITE, "unit": c} for c in first),
                ),
                *claims("needed", needs([0]), needs([1, 2, 3, 4])),
            ),
        ),
    )


def adding_up(seed: int) -> tuple[Planted, ...]:
    """Each class reads the sum of two units, and is measured by a margin, which bends."""
    rng, classes, count = np.random.default_rng([seed, 51]), 5, 400
    labels = np.arange(count) % classes
    evidence = np.repeat(signals(labels, classes, rng, 0.2), 2, 1)
    values = np.concatenate([evidence, rng.normal(size=(count, 6))], 1)
    units = np.arange(2 * classes)
    read = np.zeros((classes, values.shape[1]))
    read[units // 2, units] = 3
    twos = [(2 * c, 2 * c + 1) for c in range(classes)]
    apart = [(2 * c, (2 * c + 3) % (2 * classes)) for c in range(classes)]
    pairs = [
        {"site": SITE, "unit_a": min(two), "unit_b": max(two), "class": "all"}
        for two in (*twos, *apart)
    ]
    backups = [{"site": SITE, "unit": a, "backup_site": SITE, "backup_unit": b} for a, b in twos]
    return (
        Planted(
            holding(values, labels, read, seed=seed),
            (
                *claims("redundant", (), pairs),
                *claims("synergistic", (), pairs),
                *claims("steps in", (), backups),
            ),
        ),
    )


def twins_of_edges(seed: int) -> tuple[Planted, ...]:
    """Units of a layer each read one unit of the layer before, which has a twin that isn't read.

    Some read the same unit as another: they vary together, and have no edge from each other's
    sources either.
    """
    rng, classes, count = np.random.default_rng([seed, 52]), 4, 320
    labels, own = np.arange(count) % classes, np.arange(classes)
    evidence = np.abs(signals(labels, classes, rng))
    values = np.concatenate([evidence, evidence + 0.05 * rng.random(evidence.shape)], 1)
    weight = np.zeros((2 * classes, 2 * classes))
    weight[own, own], weight[classes + own, own] = 1.5, 1.0
    read = np.concatenate([2 * np.eye(classes), np.eye(classes)], 1)
    layers = (identity(2 * classes), nn.ReLU(), linear(weight), nn.ReLU(), linear(read))
    every = [
        (weight[b, a] != 0, {"site_a": "2", "unit_a": a, "site_b": "4", "unit_b": b})
        for a in range(2 * classes)
        for b in range(2 * classes)
    ]
    edges, none = ([{**c, "class": "all"} for read, c in every if read == k] for k in (True, False))
    return (Planted(stacked(layers, values, labels, seed=seed), claims("edge", edges, none)),)


DECOYS = (
    Truth("units tell a class as well as its carrier, and are hardly read", clearer_than_carriers),
    Truth("what two units do adds up, though the margin bends", adding_up),
    Truth("an edge's source has a twin that nothing reads", twins_of_edges),
)
