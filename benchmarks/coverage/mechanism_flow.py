"""How features lie at a site, how alike two sites are, and how much more a probe reads."""

from __future__ import annotations

import numpy as np

from benchmarks.coverage.simulation import Simulation
from holistic.lenses.mechanism._geometry import alignment, axes, collapse, gram
from holistic.stats.intervals import paired_accuracy_interval
from holistic.stats.jackknife import Jackknifed, jackknifed
from holistic.stats.silhouettes import measured_silhouettes, silhouettes

__all__ = ["SIMULATIONS"]

_FEATURES, _CLASSES = 12, 4
_MEANS = 1.2 * np.random.default_rng(7).normal(size=(_CLASSES, _FEATURES))
_MIX = np.random.default_rng(8).normal(size=(_FEATURES, _FEATURES)) / np.sqrt(_FEATURES)
_SPREAD = np.linspace(0.5, 1.5, _FEATURES)


def _features(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features `[N, F]` of normal classes with different means."""
    rng = np.random.default_rng([seed, n])
    labels = rng.integers(0, _CLASSES, n)
    return _MEANS[labels] + _SPREAD * rng.normal(size=(n, _FEATURES)), labels


def _covariance() -> np.ndarray:
    away = _MEANS - _MEANS.mean(0)
    return away.T @ away / _CLASSES + np.diag(_SPREAD**2)


def _collapse() -> float:
    away = _MEANS - _MEANS.mean(0)
    return float(np.trace(np.diag(_SPREAD**2) @ np.linalg.pinv(away.T @ away / _CLASSES)) / 4)


def _axes() -> float:
    covariance = _covariance()
    return float(np.trace(covariance) ** 2 / (covariance**2).sum())


def _next(x: np.ndarray, seed: int) -> np.ndarray:
    """The next site's features: a mix of these with noise."""
    return x @ _MIX + np.random.default_rng([seed, len(x), 1]).normal(size=x.shape)


def _cka() -> float:
    first = _covariance()
    cross, second = first @ _MIX, _MIX.T @ first @ _MIX + np.eye(_FEATURES)
    return float((cross**2).sum() / np.sqrt((first**2).sum() * (second**2).sum()))


def _jackknifed(what: str, seed: int, n: int) -> tuple[Jackknifed, float]:
    """One draw's estimate, and the truth."""
    x, labels = _features(n, seed)
    if what == "participation ratio":
        return axes(x), _axes()
    first, second = gram(x), gram(_next(x, seed))

    def cka(rows: np.ndarray) -> float:
        chosen = np.ix_(rows, rows)
        return alignment(first[chosen], second[chosen])

    def nc1(rows: np.ndarray) -> float:
        return collapse(x[rows], labels[rows])

    statistic, truth = (cka, _cka()) if what == "CKA" else (nc1, _collapse())
    return jackknifed(statistic, n, limits=(-1, 1e9), seed=seed), truth


def _geometry(what: str, n: int) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        found, truth = _jackknifed(what, seed, n)
        return int(found.lo <= truth <= found.hi), 1

    return Simulation("mechanism.flow", what, "interval", n, draw, 1000, 60)


def _gain(n: int, lost: float, gained: float) -> Simulation:
    """How much more one probe tells right than another on the same examples."""

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        flips = rng.multinomial(n, [lost, gained, 1 - lost - gained], size=200)
        lo, hi = paired_accuracy_interval(flips[:, 0], flips[:, 1], n)
        return int(((lo <= gained - lost) & (gained - lost <= hi)).sum()), 200

    what = f"a gain of {100 * (gained - lost):g} points"
    return Simulation("mechanism.flow", what, "interval", n, draw, 50, 5, conservative=True)


_MEMBERS = np.arange(24) % 3


def _layer(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng([seed, n])
    return rng.normal(size=(n, 3))[:, _MEMBERS] + rng.normal(size=(n, 24))


def _silhouette(n: int, what: str) -> Simulation:
    """Silhouettes of three groups of eight units whose correlations are 0.5 inside, 0 across."""
    distance = np.where(_MEMBERS[:, None] == _MEMBERS, 0.5, 1.0)
    np.fill_diagonal(distance, 0)
    truth = silhouettes(distance, _MEMBERS)

    def draw(seed: int) -> tuple[int, int]:
        found = measured_silhouettes(_layer(n, seed), _MEMBERS, seed=seed)
        if what == "silhouette of a unit":
            return int(((found.lo <= truth) & (truth <= found.hi)).sum()), len(truth)
        _, lo, hi = found.mean
        return int(lo <= truth.mean() <= hi), 1

    repeats, short = (100, 10) if what == "silhouette of a unit" else (1000, 60)
    return Simulation("mechanism.clusters", what, "interval", n, draw, repeats, short)


SIMULATIONS = (
    *(_geometry(what, n) for what in ("NC1", "participation ratio", "CKA") for n in (50, 200)),
    *(_gain(n, *flips) for n in (50, 200, 2000) for flips in ((0.05, 0.05), (0.01, 0.05))),
    *(
        _silhouette(n, what)
        for what in ("silhouette of a site", "silhouette of a unit")
        for n in (50, 200, 1000)
    ),
)
