"""Pairs of units, what clusters prefer, and edges between units."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from benchmarks.coverage.simulation import Simulation
from holistic.lenses.mechanism._correlations import Correlations, standardised
from holistic.lenses.mechanism._influences import Influences
from holistic.lenses.mechanism._shuffles import ShuffledProducts
from holistic.lenses.mechanism._site_clusters import Against
from holistic.lenses.mechanism._specialisation import specialisation
from holistic.lenses.mechanism._values import Activations
from holistic.lenses.mechanism.edges import Bundle, Choice
from holistic.stats.clusters import cluster_units, structure
from holistic.stats.means import Means
from holistic.stats.moments import CrossMoments
from holistic.stats.tests import benjamini_hochberg

__all__ = ["SIMULATIONS"]

_CLASSES, _UNITS = 4, 40

Hold = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""What units hold `[N, U]`, of hidden normal values `[N, U]` and classes `[N]`."""


def _spread(labels: np.ndarray) -> np.ndarray:
    """Standard deviations that differ from class to class, the same ones for all units."""
    return np.exp(0.6 * (labels[:, None] - 1.5))


_HOLD: dict[str, Hold] = {
    "normal units": lambda x, y: x,
    "ReLU units": lambda x, y: np.maximum(x, 0) + y[:, None] % 3,
    "units silent on nine in ten": lambda x, y: np.maximum(x - 1.3, 0),
    "classes of other spreads": lambda x, y: x * _spread(y),
    "sparse units, classes of other spreads": lambda x, y: np.maximum((x - 0.5) * _spread(y), 0),
}


def correlated(values: np.ndarray, labels: np.ndarray) -> tuple[Correlations, Correlations]:
    """Correlate units `[N, U]` as the lens does, raw and within classes."""
    units, classes = values.shape[1], int(labels.max()) + 1
    cross = CrossMoments.empty(units, units, classes).update(values, values, labels)
    z = standardised(cross.left.total(), values), standardised(cross.left, values, labels)
    raw, within = (
        Correlations.of(
            cross,
            Influences.of(cross.correlation(within=w).r).update(z[w]),
            ShuffledProducts.empty(units, classes if w else 1).update(z[w], labels * w),
            within=w,
        )
        for w in (False, True)
    )
    return raw, within


def _drawn(name: str, n: int, rho: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Units in pairs, the second half beside the first, whose hidden values correlate by rho."""
    rng = np.random.default_rng([seed, n])
    labels = rng.permutation(np.arange(n) % _CLASSES)
    one, other = rng.normal(size=(2, n, _UNITS // 2))
    hidden = np.concatenate([one, rho * one + np.sqrt(1 - rho**2) * other], 1)
    return _HOLD[name](hidden, labels), labels


@cache
def _truth(name: str, rho: float, within: bool) -> float:
    """The correlation of a pair, from as many examples as give its third digit."""
    found, pair = list[float](), _UNITS // 2
    for seed in range(1000, 1002):
        values, labels = _drawn(name, 40_000, rho, seed)
        cross = CrossMoments.empty(_UNITS, _UNITS, _CLASSES).update(values, values, labels)
        found.append(float(np.diagonal(cross.correlation(within=within).r, pair).mean()))
    return float(np.mean(found))


def _interval(name: str, n: int, rho: float, within: bool) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        found = correlated(*_drawn(name, n, rho, seed))[within]
        first = np.arange(_UNITS // 2)
        lo, hi = found.interval(first, first + _UNITS // 2)
        truth = _truth(name, rho, within)
        return int(((lo <= truth) & (truth <= hi)).sum()), int(np.isfinite(lo).sum())

    what = "r_within" if within else "r"
    # rare units that never met may meet on other examples, and few examples carry the spread of
    # a correlation: bounds leave room for both
    wide = "silent" in name or "sparse" in name or rho == 0 or n < 200
    label = f"{what} = {rho:g}, {name}"
    return Simulation("mechanism.pairs", label, "interval", n, draw, 100, 4, wide)


@cache
def _unrelated(name: str, n: int, within: bool, seed: int) -> np.ndarray:
    p = correlated(*_drawn(name, n, 0.0, seed))[within].p[np.triu_indices(_UNITS, 1)]
    return p[np.isfinite(p)]


def _null(name: str, n: int, within: bool, kind: str) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        p = _unrelated(name, n, within, seed)
        if kind == "q":
            return int(bool((benjamini_hochberg(p) < 0.05).any())), 1
        return int((p < 0.05).sum()), len(p)

    what = "r_within" if within else "r"
    repeats = 200 if kind == "q" else 50
    kind_ = "q" if kind == "q" else "p"
    return Simulation("mechanism.pairs", f"{what}, {name}", kind_, n, draw, repeats, 4)


def _layer(n: int, seed: int, strength: float) -> tuple[Activations, Activations, np.ndarray]:
    """ReLU units in six groups that share a signal, on both splits, and the group of each."""
    members = np.arange(30) % 6

    def side(part: int) -> Activations:
        rng = np.random.default_rng([seed, n, part])
        labels = rng.integers(0, _CLASSES, n)
        signal = rng.normal(size=(n, 6)) + strength * (labels[:, None] == np.arange(6) % _CLASSES)
        return Activations(np.maximum(signal[:, members] + rng.normal(size=(n, 30)), 0), labels)

    return side(0), side(1), members


@cache
def _preference(strength: float) -> float:
    found = [
        specialisation(*_layer(100_000, s, strength), classes=4, seed=0, draws=1)
        for s in range(1000, 1002)
    ]
    return float(np.mean([f.value.mean() for f in found]))


def _specialised(n: int) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        found = specialisation(*_layer(4 * n, seed, 1.5), classes=4, seed=0, draws=20)
        truth = _preference(1.5)
        return int(((found.lo <= truth) & (truth <= found.hi)).sum()), len(found.lo)

    return Simulation("mechanism.clusters", "specialisation", "interval", n, draw, 300, 15)


@cache
def _shuffled_preferences(n: int, seed: int) -> np.ndarray:
    return specialisation(*_layer(n, seed, 0.0), classes=4, seed=seed, draws=200).p


def _unspecialised(n: int, kind: str) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        p = _shuffled_preferences(n, seed)
        if kind == "q":
            return int(bool((benjamini_hochberg(p) < 0.05).any())), 1
        return int((p < 0.05).sum()), len(p)

    kind_ = "q" if kind == "q" else "p"
    return Simulation(
        "mechanism.clusters", "specialisation, labels shuffled", kind_, n, draw, 300, 15
    )


def _grouped(n: int) -> Simulation:
    """Whether units that share one signal and no groups beat data without groups."""

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        values = rng.normal(size=(n, 1)) * rng.uniform(0.5, 1.5, 16) + rng.normal(size=(n, 16))
        found = cluster_units(values, k_range=(2, 6), draws=20, seed=seed)
        return int(found.p < 0.05), 1

    return Simulation("mechanism.clusters", "data without groups", "p", n, draw, 300, 15)


def _untrained(n: int) -> Simulation:
    """Whether a randomly initialised layer beats twenty randomly initialised ones."""

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        images = rng.normal(size=(n, 10))
        layers = [
            structure(np.maximum(images @ rng.normal(size=(10, 24)), 0), k_range=(2, 6))
            for _ in range(21)
        ]
        return int(Against(layers[0], tuple(layers[1:])).p < 0.05), 1

    return Simulation("mechanism.clusters", "randomly initialised controls", "p", n, draw, 300, 15)


def _changes(rng: np.random.Generator, n: int) -> np.ndarray:
    """Changes of a ReLU unit when another that fires on a third is replaced by its mean."""
    fires = np.maximum(rng.normal(size=(300, n)) - 0.4, 0)
    before = rng.normal(size=(300, n)) + fires
    return np.maximum(before - fires + 0.23, 0) - np.maximum(before, 0)


@cache
def _change() -> tuple[float, float]:
    values = _changes(np.random.default_rng(1), 20_000)
    return float(values.mean()), float(np.sqrt((values**2).mean()))


def _edge(n: int, what: str) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        values = _changes(np.random.default_rng([seed, n]), n)[:, None]  # [E, 1, N]
        places = np.arange(len(values))
        bundle = Bundle(
            Choice(("a", "b"), "top", places, places), Means.of(values), np.ones(len(values))
        )
        lo, hi = bundle.size_bounds if what == "size" else bundle.changes.interval()
        truth = _change()[what == "size"]
        return int(((lo <= truth) & (truth <= hi)).sum()), int(np.isfinite(lo).sum())

    return Simulation("mechanism.edges", what, "interval", n, draw, 50, 5)


_NULLS = {
    "normal units": (50, 200, 2000),
    "ReLU units": (50, 200, 2000),
    "units silent on nine in ten": (2000,),
    "classes of other spreads": (50, 200, 2000),
    "sparse units, classes of other spreads": (200, 2000),
}
_FEW = {"units silent on nine in ten": (2000,), "classes of other spreads": (200, 2000)}

SIMULATIONS = (
    *(
        _interval(name, n, rho, True)
        for name, counts in (_NULLS | _FEW).items()
        for n in counts
        for rho in (0.0, 0.5, 0.9)
    ),
    *(_interval("ReLU units", n, 0.5, False) for n in (50, 200, 2000)),
    *(_null(name, n, True, kind) for name in _NULLS for n in _NULLS[name] for kind in ("p", "q")),
    *(_null(name, 200, False, "p") for name in ("normal units", "classes of other spreads")),
    _null("units silent on nine in ten", 2000, False, "p"),
    _null("classes of other spreads", 200, False, "q"),
    *(_specialised(n) for n in (50, 200)),
    _grouped(100),
    _untrained(100),
    *(_unspecialised(n, kind) for n in (200, 1000) for kind in ("p", "q")),
    *(_edge(n, what) for n in (50, 200, 1000) for what in ("effect", "size")),
)
