"""Tests that several findings share: flips, shuffled rankings, untrained units, random sets."""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmarks.coverage.simulation import Kind, Simulation, small
from holistic.lenses.activation._matching import Concepts, chosen_concepts, correlations
from holistic.lenses.activation._untrained import Compared
from holistic.stats.agreement import Shuffles, spearman, topk_overlap
from holistic.stats.tests import benjamini_hochberg, mcnemar, permutation_p

__all__ = ["SIMULATIONS"]


def _told(p: np.ndarray, kind: Kind) -> tuple[int, int]:
    """Count p below 0.05, or say whether any q of their family is."""
    return small(p) if kind == "p" else (int((benjamini_hochberg(p) < 0.05).any()), 1)


def _repeats(kind: Kind) -> tuple[int, int]:
    return (100, 8) if kind == "p" else (600, 40)


def _flips(kind: Kind, n: int) -> Simulation:
    """Units and classes of which as many examples are lost as gained: 40 units, 10 classes."""

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        flips = rng.multinomial(n, [0.05, 0.05, 0.9], size=400)
        return _told(mcnemar(flips[:, 0], flips[:, 1]), kind)

    return Simulation("tests.mcnemar", "as many lost as gained", kind, n, draw, *_repeats(kind))


def _rankings(kind: Kind, what: str, units: int) -> Simulation:
    """Two rankings of a site's units that have nothing to do with each other, for ten classes."""

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, units])
        shuffles, found = Shuffles(seed, 1000), list[float]()
        for _ in range(10):
            a, b = rng.exponential(size=(2, units))
            if what == "shared top":
                found.append(topk_overlap(a, b, max(1, units // 10)).p)
                continue
            null = shuffles.spearman(a, b)
            p = permutation_p(spearman(a, b).r, null, alternative="two-sided")
            found.append(float(p))
        return _told(np.array(found), kind)

    words = f"{what} of unrelated rankings"
    return Simulation("stats.agreement", words, kind, units, draw, *_repeats(kind))


def _medians(units: int) -> Simulation:
    """Medians over ten classes of rank correlations of unrelated lenses whose classes are alike."""

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, units, 1])
        shared = rng.normal(size=(2, 1, units))
        sides = shared + 0.7 * rng.normal(size=(2, 10, units))
        shuffles = Shuffles(seed, 500)
        null = [shuffles.spearman(a, b) for a, b in zip(*sides, strict=True)]
        own = np.median([spearman(a, b).r for a, b in zip(*sides, strict=True)])
        p = permutation_p(own, np.median(null, 0), alternative="two-sided")
        return int(p < 0.05), 1

    words = "median of unrelated lenses"
    return Simulation("stats.agreement", words, "p", units, draw, 600, 30)


def _random_sets(kind: Kind, sets: int) -> Simulation:
    """Sets of units that are as good as random, in 40 tests that share their controls."""

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, sets])
        own, null = rng.gamma(2, size=40), rng.gamma(2, size=(sets, 40))
        return _told(permutation_p(own, null), kind)

    words = "as good as random"
    return Simulation("tests.permutation", words, kind, sets, draw, *_repeats(kind))


_IMAGES, _CONCEPTS = 240, 4


@cache
def _shown() -> tuple[np.ndarray, np.ndarray]:
    """Points around the centres of four classes, for either split, `[2, N, 8]`; labels `[N]`."""
    rng, labels = np.random.default_rng(4), np.arange(_IMAGES) % _CONCEPTS
    centres = 1.5 * rng.normal(size=(_CONCEPTS, 8))
    return centres[labels] + rng.normal(size=(2, _IMAGES, 8)), labels


def _fits(rng: np.random.Generator, units: int) -> np.ndarray:
    """How well the best class fits each unit of an untrained network's second layer, `[U]`."""
    images, labels = _shown()
    weights = rng.normal(size=(8, 16)), rng.normal(size=(16, units))
    sides = np.maximum(np.maximum(images @ weights[0], 0) @ weights[1], 0)
    present = labels[:, None] == np.arange(_CONCEPTS)
    chosen = chosen_concepts(sides[0], present)
    r = correlations(sides[1], present)[chosen, np.arange(units)]
    return np.where(chosen < 0, np.nan, r)


def _untrained(kind: Kind, copies: int) -> Simulation:
    """Units of a network that is itself as untrained as its copies."""
    nothing = Concepts((), (), np.empty((0, 0), bool))

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, copies])
        own, *controls = (_fits(rng, 24) for _ in range(copies + 1))
        compared = Compared(
            (), copies, {}, {"a": {"concept": np.stack(controls)}}, {}, {}, {}, nothing, {}
        )
        return _told(compared.p_of("a", "concept", own), kind)

    words = "units as of randomly initialised controls"
    return Simulation("activation.untrained", words, kind, copies, draw, *_repeats(kind))


_KINDS: tuple[Kind, Kind] = ("p", "q")

SIMULATIONS = (
    *(_flips(kind, 200) for kind in _KINDS),
    *(_rankings(kind, what, 64) for what in ("order", "shared top") for kind in _KINDS),
    _medians(64),
    *(_random_sets(kind, 200) for kind in _KINDS),
    *(_untrained(kind, 99) for kind in _KINDS),
)
