"""Pairs of units: redundant, synergistic, exclusive, or correlated and not used."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

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

__all__ = ["PAIRS"]


def _cells(pairs: Iterable[tuple[int, int]]) -> list[dict[str, object]]:
    return [{"site": SITE, "unit_a": a, "unit_b": b, "class": "all"} for a, b in pairs]


def standing_in(seed: int) -> tuple[Planted, ...]:
    """Of eight classes three need either of two units, three both, two add two units up."""
    rng, classes, count = np.random.default_rng([seed, 20]), 8, 320
    labels, units = np.arange(count) % classes, 2 * classes
    values = np.repeat(np.eye(classes)[labels], 2, 1) * (1 + 0.1 * rng.random((count, units)))
    middle, bias = np.zeros((classes, units)), np.zeros(classes)
    middle[np.arange(units) // 2, np.arange(units)] = 1
    middle[:3] *= -1
    bias[:3], bias[3:6] = 1, -1
    signs = np.array([-1.0] * 3 + [1.0] * 5)
    layers = (
        identity(units),
        nn.Hardtanh(0, 1),
        linear(middle, bias),
        nn.ReLU(),
        linear(4 * np.diag(signs), np.where(signs < 0, 6.0, 2.0)),
    )
    subject = stacked(layers, values, labels, score="logit", seed=seed)
    twos = [(2 * c, 2 * c + 1) for c in range(classes)]
    others = [pair for pair in combinations(range(units), 2) if pair not in twos][::5]
    apart = [*twos[6:], *others]
    steps_in = [(a, b) for two in twos[:3] for a, b in (two, two[::-1])]
    return (
        Planted(
            subject,
            (
                *claims("redundant", _cells(twos[:3]), _cells([*twos[3:6], *apart])),
                *claims("synergistic", _cells(twos[3:6]), _cells([*twos[:3], *apart])),
                *claims("steps in", _backups(steps_in), _backups([*twos[3:], *others])),
            ),
        ),
    )


def _backups(pairs: Iterable[tuple[int, int]]) -> list[dict[str, object]]:
    return [{"site": SITE, "unit": a, "backup_site": SITE, "backup_unit": b} for a, b in pairs]


def exclusive(seed: int) -> tuple[Planted, ...]:
    """Class 1 is one of two pixels lit, class 0 both or none: |u0 - u1|; the rest isn't read."""
    rng, count = np.random.default_rng([seed, 21]), 160
    kinds = np.array([[0.0, 0], [1, 1], [1, 0], [0, 1]])[np.arange(count) % 4]
    labels = np.arange(count) % 4 // 2
    values = np.concatenate([kinds, rng.random((count, 5))], 1)
    middle = np.zeros((2, 7))
    middle[0, :2], middle[1, :2] = (1, -1), (-1, 1)
    layers = (
        identity(7), nn.ReLU(), linear(middle), nn.ReLU(),
        linear(np.array([[0.0, 0], [1, 1]]), np.array([0.5, 0])),
    )  # fmt: skip
    decoys = [pair for pair in combinations(range(7), 2) if pair != (0, 1)]
    stated = claims("synergistic", _cells([(0, 1)]), _cells(decoys))
    return (Planted(stacked(layers, values, labels, seed=seed), stated),)


def correlated(seed: int) -> tuple[Planted, ...]:
    """Four groups of three units share noise of their own, and nothing reads them."""
    rng, classes, count = np.random.default_rng([seed, 22]), 4, 400
    labels, groups = np.arange(count) % classes, np.repeat(np.arange(4), 3)
    shared = rng.normal(size=(count, 4))[:, groups] + 0.5 * rng.normal(size=(count, 12))
    alone = rng.normal(size=(count, 8))
    values = np.concatenate([signals(labels, classes, rng), shared, alone], 1)
    read = np.zeros((classes, values.shape[1]))
    read[:, :classes] = 6 * np.eye(classes)
    first = classes
    same = [(first + a, first + b) for a, b in combinations(range(12), 2) if groups[a] == groups[b]]
    apart = [*combinations(range(first + 12, values.shape[1]), 2)]

    def pairs(of: Iterable[tuple[int, int]]) -> list[dict[str, object]]:
        return [{"site_a": SITE, "unit_a": a, "site_b": SITE, "unit_b": b} for a, b in of]

    unread = ({"site": SITE, "unit": u} for u in range(first, values.shape[1]))
    carriers = ({"site": SITE, "unit": c, "causal_class": str(c)} for c in range(classes))
    stated = (*claims("correlated", pairs(same), pairs(apart)), *claims("causal", carriers, unread))
    return (Planted(holding(values, labels, read, seed=seed), stated),)


PAIRS = (
    Truth("two units stand in for each other, or work only together", standing_in),
    Truth("a class is the exclusive or of two units", exclusive),
    Truth("units are correlated, and nothing reads them", correlated),
)
