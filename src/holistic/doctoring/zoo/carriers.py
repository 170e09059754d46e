"""Units that a class depends on: alone, saturated, for a rare class, with a second strategy."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from torch import nn

from holistic.doctoring.zoo.planting import (
    SITE,
    Claim,
    Planted,
    Truth,
    claims,
    holding,
    linear,
    signals,
    stacked,
)

__all__ = ["CARRIERS"]

_CLASSES, _COUNT = 8, 480
_STRENGTH = 6.0
_NOISE = 0.45
"""Standard deviation of evidence that makes one of five examples be taken for another class."""


def _carrying(pairs: Iterable[tuple[int, int]], decoys: Iterable[int], site: str) -> list[Claim]:
    """Say which unit carries which class, and which units nothing depends on."""
    pairs = list(pairs)
    own = [{"site": site, "unit": u, "causal_class": str(c)} for u, c in pairs]
    return [*claims("causal", own, ({"site": site, "unit": u} for u in decoys))]


def sole_carriers(seed: int) -> tuple[Planted, ...]:
    """Unit c alone carries class c; copies of the evidence are not read; the rest is noise.

    Four of the noise units move all logits alike, which decides nothing.
    """
    rng, labels = np.random.default_rng(seed), np.arange(_COUNT) % _CLASSES
    evidence = signals(labels, _CLASSES, rng, _NOISE)
    copies = signals(labels, _CLASSES, rng, _NOISE)
    values = np.concatenate([evidence, copies, rng.normal(size=(_COUNT, 12))], 1)
    read = np.zeros((_CLASSES, values.shape[1]))
    read[:, :_CLASSES] = _STRENGTH * np.eye(_CLASSES)
    read[:, -4:] = _STRENGTH
    own = [(c, c) for c in range(_CLASSES)]
    unread = range(_CLASSES, values.shape[1])
    copied = range(_CLASSES, 2 * _CLASSES)
    stated = [
        *_carrying(own, unread, SITE),
        *claims(
            "specific",
            ({"site": SITE, "unit": u, "class": str(c)} for u, c in own),
            ({"site": SITE, "unit": u, "class": str(u - _CLASSES)} for u in copied),
        ),
        *claims(
            "patched",
            ({"site": SITE, "unit": u, "clean": str(c)} for u, c in own),
            ({"site": SITE, "unit": u, "clean": str(u - _CLASSES)} for u in copied),
        ),
        *claims("top set", ({"site": SITE, "class": str(c)} for _, c in own)),
    ]
    return (Planted(holding(values, labels, read, seed=seed), tuple(stated)),)


def unread_responders(seed: int) -> tuple[Planted, ...]:
    """Eight units respond to a class and nothing reads them; as many noise units respond to none.

    Two units a class carry it.
    """
    rng, labels = np.random.default_rng([seed, 1]), np.arange(_COUNT) % _CLASSES
    parts = [signals(labels, _CLASSES, rng, _NOISE) for _ in range(3)]
    values = np.concatenate([*parts, rng.normal(size=(_COUNT, 16))], 1)
    read = np.zeros((_CLASSES, values.shape[1]))
    read[:, : 2 * _CLASSES] = np.tile(_STRENGTH / 2 * np.eye(_CLASSES), 2)
    unread = range(2 * _CLASSES, 3 * _CLASSES)
    noise = range(3 * _CLASSES, values.shape[1])

    def at(units: Iterable[int]) -> list[dict[str, object]]:
        return [{"site": SITE, "unit": u} for u in units]

    stated = (
        *claims("selective", at(range(3 * _CLASSES)), at(noise)),
        *claims("selective, not causal", at(unread), at([*range(2 * _CLASSES), *noise])),
    )
    return (Planted(holding(values, labels, read, seed=seed), stated),)


def rare_class(seed: int) -> tuple[Planted, ...]:
    """Unit 0 carries a class of 5 % of the examples, and nothing else does."""
    rng, classes = np.random.default_rng([seed, 2]), 5
    labels = np.where(rng.permutation(_COUNT) < _COUNT // 20, 0, 1 + np.arange(_COUNT) % 4)
    values = np.concatenate([signals(labels, classes, rng), rng.normal(size=(_COUNT, 10))], 1)
    read = np.zeros((classes, values.shape[1]))
    read[:, :classes] = _STRENGTH * np.eye(classes)
    stated = _carrying([(0, 0)], range(classes, values.shape[1]), SITE)
    others = ({"site": SITE, "unit": 0, "class": str(c), "sign": -1} for c in range(1, classes))
    stated += claims("needed", [{"site": SITE, "unit": 0, "class": "0", "sign": -1}], others)
    return (Planted(holding(values, labels, read, seed=seed), tuple(stated)),)


def saturated(seed: int) -> tuple[Planted, ...]:
    """What follows a carrier is saturated, so that no gradient passes; removal still does harm."""
    rng, labels = np.random.default_rng([seed, 3]), np.arange(_COUNT) % _CLASSES
    evidence = np.abs(signals(labels, _CLASSES, rng, 0.05))
    values = np.concatenate([evidence, rng.random((_COUNT, 10))], 1)
    middle = np.zeros((_CLASSES, values.shape[1]))
    middle[:, :_CLASSES] = 3 * np.eye(_CLASSES)
    layers = (
        linear(np.eye(values.shape[1])),
        nn.ReLU(),
        linear(middle),
        nn.Hardtanh(0, 1),
        linear(_STRENGTH * np.eye(_CLASSES)),
    )
    stated = _carrying([(c, c) for c in range(_CLASSES)], range(_CLASSES, values.shape[1]), SITE)
    return (Planted(stacked(layers, values, labels, seed=seed), tuple(stated)),)


def two_strategies(seed: int) -> tuple[Planted, ...]:
    """Half of a class's examples are told by one unit and half by another."""
    rng, classes = np.random.default_rng([seed, 4]), 4
    labels = np.arange(_COUNT) % classes
    way = 2 * labels + rng.integers(0, 2, _COUNT)
    values = np.concatenate([signals(way, 2 * classes, rng), rng.normal(size=(_COUNT, 10))], 1)
    read = np.zeros((classes, values.shape[1]))
    read[np.arange(2 * classes) // 2, np.arange(2 * classes)] = _STRENGTH
    own = [(u, u // 2) for u in range(2 * classes)]
    stated = _carrying(own, range(2 * classes, values.shape[1]), SITE)
    return (Planted(holding(values, labels, read, seed=seed), tuple(stated)),)


CARRIERS = (
    Truth("a class has a sole carrier", sole_carriers),
    Truth("units respond to a class, and nothing reads them", unread_responders),
    Truth("a unit matters to a rare class only", rare_class),
    Truth("a carrier's reader is saturated", saturated),
    Truth("a class has two strategies", two_strategies),
)
