"""Numbers of single units: how specific they are, how they are tuned, which word fits."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch

from benchmarks.coverage.simulation import Simulation
from holistic.lenses.activation._bounds import (
    Sides,
    correlation_bounds,
    precision_bounds,
    selectivity_bounds,
    separation_bounds,
    share_bounds,
)
from holistic.lenses.activation._detection import detect
from holistic.lenses.activation._matching import correlations, match
from holistic.lenses.activation._profiles import selectivity, separation
from holistic.lenses.activation._stimuli import Stimuli
from holistic.lenses.activation._untrained import specificity
from holistic.lenses.activation.depth import over_images
from holistic.lenses.activation.tuning import tuned
from holistic.stats.families import familywise
from holistic.stats.moments import Moments
from holistic.stats.tests import benjamini_hochberg

__all__ = ["SIMULATIONS"]

_CLASSES, _UNITS, _MANY = 4, 60, 200_000
Values = Callable[[np.random.Generator, np.ndarray], np.ndarray]
"""Draws units `[N, U]` for labels `[N]`."""


def _normal(rng: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    return rng.normal(size=(len(labels), _UNITS)) + 1.0 * (labels == 0)[:, None]


def _rectified(rng: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    return np.maximum(_normal(rng, labels), 0)


def _rare(rng: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    fires = rng.random((len(labels), _UNITS)) < np.where(labels == 0, 0.3, 0.1)[:, None]
    return fires * rng.exponential(size=fires.shape)


_KINDS: dict[str, Values] = {"normal": _normal, "ReLU": _rectified, "rare": _rare}


@cache
def _truth(kind: str) -> dict[str, float]:
    """Measure one unit's numbers for class 0 on very many examples."""
    labels = np.arange(_MANY // 10) % _CLASSES
    values = _KINDS[kind](np.random.default_rng(7), labels)
    flat, many = values.T.reshape(-1, 1), np.tile(labels, _UNITS)  # all units are alike
    moments = Moments.of(flat, many, _CLASSES)
    some = slice(_MANY)
    found = detect(flat[some], many[some], _CLASSES)
    return {
        "d'": float(separation(moments)[0, 0]),
        "selectivity": float(selectivity(moments.mean, np.zeros(1, bool))[0, 0]),
        "AUROC": float(found.auroc[0, 0]),
        "average precision": float(found.precision[0, 0]),
        "correlation": float(correlations(flat, (many == 0)[:, None])[0, 0]),
    }


def _bounds(number: str, values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    if number == "AUROC":
        found = detect(values, labels, _CLASSES)
        return np.stack([found.lo[0], found.hi[0]])
    if number == "average precision":
        found = detect(values, labels, _CLASSES)
        return precision_bounds(found.precision, np.bincount(labels)[:, None])[:, 0]
    if number == "correlation":
        there = labels == 0
        return correlation_bounds(values, there, correlations(values, there[:, None])[0])
    sides = Sides.of(values, labels, _CLASSES)
    if number == "d'":
        return separation_bounds(sides)[:, 0]
    return selectivity_bounds(sides, values.min(0) < 0)[:, 0]


def _number(number: str, kind: str, n: int) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        labels = np.arange(n * _CLASSES) % _CLASSES
        lo, hi = _bounds(number, _KINDS[kind](np.random.default_rng([seed, n]), labels), labels)
        truth = _truth(kind)[number]
        return int(((lo <= truth) & (truth <= hi)).sum()), int(np.isfinite(lo).sum())

    named = "activation.concepts" if number == "correlation" else "activation.units"
    return Simulation(
        named, f"{number}, {kind} values", "interval", n, draw, 100, 6, kind == "rare"
    )


def _active(n: int) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        share = rng.beta(0.5, 1.5, size=(n, 200))  # of positions, each example
        lo, hi = share_bounds(np.full(200, n), share.mean(0), (share**2).mean(0))
        return int(((lo <= 0.25) & (hi >= 0.25)).sum()), 200

    return Simulation("activation.units", "share above zero", "interval", n, draw, 50, 5)


def _fit(n: int) -> Simulation:
    """F1 at a threshold that was chosen on other examples."""
    from scipy.special import ndtr

    def draw(seed: int) -> tuple[int, int]:
        rng, sides = np.random.default_rng([seed, n, 2]), list[tuple[np.ndarray, np.ndarray]]()
        for _ in range(2):
            there = rng.random((n, 1)) < 0.3
            sides.append((rng.normal(size=(n, 100)) + 1.5 * there, there))
        found = match(*sides)
        right, wrong = (ndtr(shift - found.threshold) for shift in (1.5, 0.0))
        truth = 2 * 0.3 * right / (0.3 * right + 0.7 * wrong + 0.3)
        return int(((found.f1_lo <= truth) & (truth <= found.f1_hi)).sum()), 100

    return Simulation("activation.concepts", "F1", "interval", n, draw, 50, 8)


def _word_p(n: int) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        sides = [(rng.normal(size=(n, 100)), rng.random((n, 12)) < 0.3) for _ in range(2)]
        return int((match(*sides).p < 0.05).sum()), 100

    return Simulation("activation.concepts", "p of words", "p", n, draw, 50, 5)


def _word_q(n: int) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n, 1])
        sides = [(rng.normal(size=(n, 100)), rng.random((n, 12)) < 0.3) for _ in range(2)]
        return int((benjamini_hochberg(match(*sides).p) < 0.05).any()), 1

    return Simulation("activation.concepts", "q of words", "q", n, draw, 400, 40)


def _depth_q(copies: int) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, copies])
        shared = rng.standard_t(5, size=(copies + 1, 1))
        rows = np.exp(0.3 * shared + 0.5 * rng.normal(size=(copies + 1, 15)))
        return int((familywise(rows[0], rows[1:])[1] < 0.05).any()), 1

    return Simulation("activation.depth", "q over all rows", "q", copies, draw, 1000, 100)


def _depth_median(n: int) -> Simulation:
    """Median over units of the AUROC of the class that each prefers."""
    from scipy.special import ndtr

    shift = np.linspace(0.5, 2.0, 31)
    truth = float(np.median(ndtr(shift / np.sqrt(2))))

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        labels = np.arange(n) % _CLASSES
        sides = [
            rng.normal(size=(n, 31)) + shift * (labels[:, None] == np.arange(31) % _CLASSES)
            for _ in range(2)
        ]

        def median(rows: np.ndarray) -> float:
            found = specificity((sides[0], sides[1][rows]), (labels, labels[rows]), _CLASSES)
            return float(np.median(found["auroc"]))

        lo, hi = over_images(median(np.arange(n)), [median(r) for r in rng.integers(0, n, (25, n))])
        return int(lo <= truth <= hi), 1

    return Simulation("activation.depth", "median AUROC over units", "interval", n, draw, 300, 30)


def _tuning(repeats: int) -> Simulation:
    """Units that answer to phases as rectified waves do, above a floor, with noise."""
    angles = np.arange(12) * 15.0

    def answers(rng: np.random.Generator, count: int) -> np.ndarray:
        phase = rng.random((1, count, 100))
        gain = np.exp(1.5 * (np.cos(np.deg2rad(2 * (angles - 40)))[:, None, None] - 1))
        noise = 0.1 * rng.random((12, count, 100))
        return np.maximum(np.cos(2 * np.pi * phase), 0) * gain + 0.2 + noise  # [O, T, U]

    @cache
    def truth() -> float:
        curve = answers(np.random.default_rng(1), 2000).mean((1, 2))
        wave = np.exp(2j * np.deg2rad(angles))
        return float(np.abs((curve * wave).sum()) / curve.sum())

    def draw(seed: int) -> tuple[int, int]:
        shown = Stimuli("bar", angles, np.array([np.nan]), repeats, torch.zeros(1))
        values = answers(np.random.default_rng([seed, repeats]), repeats)
        found = tuned(values.reshape(-1, 100), shown, np.zeros(100))
        held = (found.tuning_lo <= truth()) & (truth() <= found.tuning_hi)
        turned = np.abs((found.orientation - 40 + 90) % 180 - 90)
        held_angle = turned <= (found.hi - found.lo) / 2
        return int(held.sum() + held_angle.sum()), 200

    return Simulation("activation.tuning", "sharpness and angle", "interval", repeats, draw, 50, 5)


SIMULATIONS = (
    *(
        _number(number, kind, n)
        for number, kinds in {
            "d'": ("normal", "ReLU", "rare"),
            "selectivity": ("ReLU", "rare"),
            "AUROC": ("normal", "rare"),
            "average precision": ("normal", "rare"),
            "correlation": ("normal", "rare"),
        }.items()
        for kind in kinds
        for n in (50, 200)
    ),
    *(_active(n) for n in (50, 200)),
    *(_fit(n) for n in (50, 200)),
    _word_p(200),
    _word_q(200),
    _depth_q(99),
    _depth_median(200),
    _tuning(8),
)
