"""Measures how selective units look where nothing was learnt, as bounds for calling one so."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from holistic.lenses._units import unit_values
from holistic.lenses._untrained import fresh_control
from holistic.stats.intervals import class_auroc
from holistic.study.subject import Subject

__all__ = ["Bounds", "class_separation", "untrained_bounds"]

LEVEL = 0.05
CEILING = 0.99
"""From here on randomly initialised units tell nearly every pair of examples apart: an AUROC can't
show more, and d' decides."""


@dataclass(frozen=True)
class Bounds:
    """What shows nothing, by site: what 95 % of units stay below for the class that suits them.

    Randomly initialised units and trained units with shuffled labels are looked at, the
    larger counts; all on the selection split.

    Attributes
    ----------
    auroc
        AUROC, at least 0.5.
    separation
        d', at least 0.
    """

    auroc: dict[str, float]
    separation: dict[str, float]

    def saturated(self, site: str) -> bool:
        """Say whether randomly initialised units reach the largest AUROC that there is."""
        return self.auroc[site] >= CEILING


def untrained_bounds(subject: Subject, copies: int) -> Bounds:
    """Measure how selective units look where nothing was learnt, per hidden site.

    Parameters
    ----------
    subject
        The model under study.
    copies
        Randomly initialised controls; as many shuffles of the labels are used for the trained
        model.
    """
    examples = subject.selection
    labels = examples.labels.cpu().numpy()
    rng = np.random.default_rng(subject.seed)
    names = [site.name for site in subject.hidden_sites]
    classes = len(subject.classes)
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = defaultdict(list)
    for copy in range(copies):
        fresh = fresh_control(subject, subject.seed + copy)
        for name, values in unit_values(fresh, names, examples.images).items():
            found[name].append(_best(values, labels, classes))
    high = {name: _high(parts) for name, parts in found.items()}
    found.clear()
    for name, values in unit_values(subject, names, examples.images).items():
        for _ in range(copies):
            found[name].append(_best(values, rng.permutation(labels), classes))
    low = {name: _high(parts) for name, parts in found.items()}
    both = {name: np.fmax(high[name], low[name]) for name in names}
    return Bounds(
        {name: float(np.fmax(ends[0], 0.5)) for name, ends in both.items()},
        {name: float(np.fmax(ends[1], 0.0)) for name, ends in both.items()},
    )


def _best(values: np.ndarray, labels: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """AUROC and d' of each live unit for the class that suits it best, `[U']` each."""
    live = values[:, values.min(0) < values.max(0)]
    found = class_auroc(live, labels, classes), class_separation(live, labels, classes)
    known = [~np.isnan(side).all(1) for side in found]
    best = [
        np.where(np.isnan(side), -np.inf, side)[rows].max(1, initial=-np.inf)
        for side, rows in zip(found, known, strict=True)
    ]
    return best[0], best[1]


def class_separation(values: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Return d' of units `[N, U]` for every class against the rest, `[U, C]`.

    Infinite where a unit holds one value in the class and another in the rest; NaN where a side
    has fewer than 2 examples or the unit is constant.
    """
    member = (np.asarray(labels)[:, None] == np.arange(classes)).astype(np.float64)  # [N, C]
    x = values - values.mean(0)
    inside = member.sum(0)[:, None]  # [C, 1]
    sums, squares = member.T @ x, member.T @ x**2  # [C, U]
    sides = [(inside, sums, squares)]
    sides.append((len(x) - inside, x.sum(0) - sums, (x**2).sum(0) - squares))
    means, variances = list[np.ndarray](), list[np.ndarray]()
    for n, total, square in sides:
        mean = total / np.maximum(n, 1)
        left = np.maximum(square - n * mean**2, 0)
        means.append(mean)
        variances.append(np.where(left > 1e-12 * squares.sum(0), left, 0) / np.maximum(n - 1, 1))
    gap, pooled = means[0] - means[1], (variances[0] + variances[1]) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(gap == 0, 0.0, gap / np.sqrt(pooled))
    usable = (inside > 1) & (len(x) - inside > 1) & (x**2).any(0)
    return np.where(usable, found, np.nan).T


def _high(parts: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """What 95 % of the units stay below, AUROC and d': `[2]`; NaN without units."""
    ends = list[float]()
    for side in zip(*parts, strict=True):
        values = np.concatenate(side)
        # an order statistic: d' can be infinite, between which nothing can be interpolated
        ends.append(
            float(np.quantile(values, 1 - LEVEL, method="higher")) if len(values) else float("nan")
        )
    return np.array(ends)
