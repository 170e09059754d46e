"""Draws few examples of many again and again: do intervals hold what the many say?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from holistic.doctoring.schemas import COVERAGE, Covered
from holistic.doctoring.zoo.planting import SITE, holding, signals
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.intervals import auroc, delong_interval, paired_accuracy_interval, wilson
from holistic.stats.means import Means
from holistic.study.subject import Subject

__all__ = ["coverage"]

_CLASSES, _COUNT = 4, 16_000
_DRAWS, _N = 60, 200
_LEAST = 0.9
_ROUNDING = 1e-9

Bounds = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Lower ends, upper ends, and truths, `[K]` each."""


@dataclass(frozen=True)
class _Population:
    """So many examples that what they say is the truth.

    Attributes
    ----------
    effects, flips
        `[U, N]`, change of each example's margin and of being right without each unit.
    values
        `[N, U]`, what the units hold.
    first, right
        `[N]`, whether an example is of class 0, and whether the model is right.
    """

    effects: np.ndarray
    flips: np.ndarray
    values: np.ndarray
    first: np.ndarray
    right: np.ndarray


def coverage(seed: int = 0) -> Finding:
    """Count intervals that hold the truth: `doctor.coverage`."""
    people = _population(seed)
    rows = [
        _row(name, finding, people, bounds, seed)
        for name, finding, bounds in (
            ("effect of removing a unit", "ablation.units", _effects),
            ("accuracy lost without it", "ablation.units", _drops),
            ("AUROC of a unit", "activation.units", _areas),
            ("accuracy", "agreement.removed", _accuracy),
        )
    ]
    wrong = [row for row in rows if not row.sound]
    lines = tuple(
        f"Intervals of '{row.number}' hold the truth in {100 * (row.share.value or 0):.0f} %."
        for row in wrong
    )
    lines = lines or ("Intervals hold the truth as often as they say.",)
    return Finding(COVERAGE, Table.from_rows(Covered, rows), lines)


def _population(seed: int) -> _Population:
    from holistic.replacing.sweep import Pass, effects_by_example

    rng, labels = np.random.default_rng([seed, 60]), np.arange(_COUNT) % _CLASSES
    values = np.concatenate([signals(labels, _CLASSES, rng, 0.6), rng.normal(size=(_COUNT, 4))], 1)
    read = np.concatenate([4 * np.eye(_CLASSES), 0.5 * rng.normal(size=(_CLASSES, 4))], 1)
    subject = holding(values, labels, read, seed=seed)
    sites = [subject.site(SITE)]
    effects, flips = (
        np.concatenate(
            [
                part.cpu().double().numpy()
                for _, _, part in effects_by_example(subject, Pass(sites, scores=(score,)))
            ],
            1,
        )
        for score in ("margin", "accuracy")
    )
    return _read(subject, effects, flips)


def _read(subject: Subject, effects: np.ndarray, flips: np.ndarray) -> _Population:
    images, labels = subject.evaluation.images, subject.evaluation.labels
    values = subject.capture([SITE], images)[SITE].double().cpu().numpy()
    right = (subject.predict(images).argmax(1) == labels).cpu().numpy()
    return _Population(effects, flips, values, labels.cpu().numpy() == 0, right)


def _effects(people: _Population, rows: np.ndarray) -> Bounds:
    lo, hi = Means.of(people.effects[:, rows]).interval()
    return lo, hi, people.effects.mean(1)


def _drops(people: _Population, rows: np.ndarray) -> Bounds:
    some = people.flips[:, rows]
    lost, gained = (some < 0).sum(1), (some > 0).sum(1)
    lo, hi = paired_accuracy_interval(lost, gained, len(rows))
    return lo, hi, people.flips.mean(1)


def _areas(people: _Population, rows: np.ndarray) -> Bounds:
    _, lo, hi = delong_interval(people.values[rows], people.first[rows])
    return lo, hi, auroc(people.values, people.first)


def _accuracy(people: _Population, rows: np.ndarray) -> Bounds:
    lo, hi = wilson(people.right[rows].sum(), len(rows))
    return np.atleast_1d(lo), np.atleast_1d(hi), np.atleast_1d(people.right.mean())


def _row(
    name: str,
    finding: str,
    people: _Population,
    bounds: Callable[[_Population, np.ndarray], Bounds],
    seed: int,
) -> Covered:
    rng = np.random.default_rng([seed, 61])
    draws = [bounds(people, rng.permutation(len(people.right))[:_N]) for _ in range(_DRAWS)]
    return _covered(name, finding, draws)


def _covered(name: str, finding: str, draws: Sequence[Bounds]) -> Covered:
    """The intervals of one draw share its examples, so the share's own interval is over draws."""
    kept = np.array([((lo <= t + _ROUNDING) & (t <= hi + _ROUNDING)).mean() for lo, hi, t in draws])
    mean, error = float(kept.mean()), float(kept.std(ddof=1) / np.sqrt(len(kept)))
    n = sum(len(lo) for lo, _, _ in draws)
    hi = min(1.0, mean + 2 * error)
    share = Estimate(mean, max(0.0, mean - 2 * error), hi, n=n)
    return Covered(name, finding, _N, share, _LEAST, hi >= _LEAST)
