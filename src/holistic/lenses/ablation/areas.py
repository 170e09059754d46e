"""How far is a ranking of units from chance, over all numbers of units?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from holistic.lenses.ablation._averages import mean_accuracy, mean_of_means
from holistic.lenses.ablation._budget import between
from holistic.lenses.ablation.schemas import CurveArea
from holistic.lenses.ablation.topk_statements import headline_size
from holistic.results.tables import Table
from holistic.stats.intervals import wilson
from holistic.stats.means import Means
from holistic.stats.tests import permutation_p
from holistic.words import number, percent

__all__ = [
    "KINDS",
    "MEASURED",
    "Curve",
    "area_row",
    "area_statement",
    "curve_statement",
    "point_columns",
    "told_accuracies",
    "told_size",
]

KINDS = ("remove_top", "remove_bottom", "keep_top")
"""Without the k units that the ranking puts first, without the last k, with the first k alone."""
MEASURED = ("remove_top", "keep_top")
"""Curves whose area is told: to remove the last k is to keep the others, the same area."""

_DRAWS = 500
_KEPT = 20
_FEW = 30
"""Examples of a class below which words say that they are few."""


@dataclass(frozen=True)
class Curve:
    """Which of a class's N examples are right, along one order and along its controls.

    Attributes
    ----------
    labels
        Site, class, kind and ranking.
    sizes, controls
        `[K]` and `[S]`, units removed (or kept) along the order and along the controls.
    right
        `[K, N]` bool.
    random, matched
        `[R, S, N]` bool.
    """

    labels: tuple[str, str, str, str]
    sizes: np.ndarray
    controls: np.ndarray
    right: np.ndarray
    random: np.ndarray
    matched: np.ndarray

    @property
    def sign(self) -> int:
        """1 where a lower accuracy than the controls' is what the ranking says, else -1."""
        return 1 if self.labels[2] == "remove_top" else -1


def point_columns(curve: Curve) -> dict[str, np.ndarray]:
    """Columns of `CurvePoint`, `[K]` each."""
    count = curve.right.shape[1]
    lo, hi = wilson(curve.right.sum(1), count)
    site, name, kind, ranking = (np.repeat(np.array([v]), len(curve.sizes)) for v in curve.labels)
    columns = {
        "site": site,
        "class": name,
        "kind": kind,
        "ranking": ranking,
        "k": curve.sizes,
        "accuracy": _share(curve.right),
        "lo": lo,
        "hi": hi,
        "n": np.full(len(curve.sizes), count),
    }
    places = np.searchsorted(curve.sizes, curve.controls)
    for control, right in (("random", curve.random), ("matched", curve.matched)):
        accuracy = _share(right)  # [R, S]
        ends = np.quantile(accuracy, [0.025, 0.975], axis=0)
        side = "less" if curve.sign > 0 else "greater"
        p = permutation_p(columns["accuracy"][places], accuracy, alternative=side)
        # without none or all of its units every set is the same one
        p[(curve.controls == 0) | (curve.controls == curve.sizes[-1])] = np.nan
        found = {"": accuracy.mean(0), "_lo": ends[0], "_hi": ends[1], "_p": p}
        for end, values in found.items():
            columns[control + end] = np.full(len(curve.sizes), np.nan)
            columns[control + end][places] = values
    return columns


def _share(right: np.ndarray) -> np.ndarray:
    """Accuracies `[…]` of `[…, N]`, NaN without examples."""
    return right.mean(-1) if right.shape[-1] else np.full(right.shape[:-1], np.nan)


def area_row(curve: Curve, seed: int) -> tuple[CurveArea, Means]:
    """Integrate a curve against its controls and find where the accuracy is halved.

    q are left for when all rows are there. With the row come the area's moments over examples.
    """
    areas = [_area(curve, control) for control in (curve.random, curve.matched)]
    site, name, kind, ranking = curve.labels
    half, lo, hi = _halving(curve, seed)
    apart = _halves(curve, curve.controls, _share(curve.random)) if len(curve.right.T) else np.nan
    middle = float(np.quantile(apart, 0.5, method="lower"))
    (area, p), (matched, matched_p) = areas
    row = CurveArea(
        site,
        name,
        kind,
        ranking,
        *_ends(area),
        p,
        np.nan,
        *_ends(matched),
        matched_p,
        np.nan,
        half=half,
        half_lo=lo,
        half_hi=hi,
        half_random=_finite(middle),
        n=curve.right.shape[1],
    )
    return row, area


def _ends(area: Means) -> tuple[float, float, float]:
    lo, hi = area.interval()
    return float(area.mean), float(lo), float(hi)


def _area(curve: Curve, control: np.ndarray) -> tuple[Means, float]:
    """Mean distance over k, averaged over examples, and its p among the controls' own."""
    if curve.right.shape[1] == 0:
        return Means.of(np.empty(0)), np.nan
    weights = np.zeros(len(curve.controls))
    steps = np.diff(curve.controls) / curve.controls[-1] / 2
    weights[1:] += steps
    weights[:-1] += steps
    usual = control.mean(0)  # [S, N]
    places = np.searchsorted(curve.sizes, curve.controls)
    each = Means.of(curve.sign * (weights @ (usual - curve.right[places])))
    null = curve.sign * ((usual.mean(1) - _share(control)) @ weights)  # [R]
    return each, float(permutation_p(each.mean, null))


def _halving(curve: Curve, seed: int) -> tuple[float | None, float | None, float | None]:
    """Smallest k beyond half the accuracy with its bootstrap interval; None where there is none."""
    count = curve.right.shape[1]
    if count == 0:
        return None, None, None
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(count, np.full(count, 1 / count), _DRAWS) / count
    found = float(_halves(curve, curve.sizes, _share(curve.right)[None])[0])
    draws = _halves(curve, curve.sizes, weights @ curve.right.T)
    ends = np.quantile(draws, [0.025, 0.975], method="nearest")
    return _finite(found), _finite(float(ends[0])), _finite(float(ends[1]))


def _halves(curve: Curve, sizes: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """Smallest size at which each row `[…, K]` is at half of its whole accuracy; else infinite."""
    keeping = curve.labels[2] == "keep_top"
    whole = accuracy[:, -1:] if keeping else accuracy[:, :1]
    beyond = (accuracy >= whole / 2) if keeping else (accuracy <= whole / 2)
    return np.where(beyond.any(1), sizes[beyond.argmax(1)], np.inf)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _seen(rows: Table) -> Table:
    """Leave out classes without an example, of which nothing is measured."""
    return Table(rows.columns, rows.data.filter(rows.column("n") > 0))


def told_size(curve: Curve) -> int:
    """How many kept units are spoken of: so many, or half of the site's."""
    return headline_size(curve.controls.tolist(), int(curve.sizes[-1]), _KEPT)


def control_range(accuracies: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """Average classes' accuracies with control sets `[R]`, and between what 95 % of sets lie."""
    known = [own for own in accuracies if not np.isnan(own).any()]
    if not known:
        return np.nan, np.nan, np.nan
    mean = np.mean(known, axis=0)  # [R]
    lo, hi = np.quantile(mean, [0.025, 0.975])
    return float(mean.mean()), float(lo), float(hi)


def told_accuracies(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """Accuracies `[R]` with each random set, and each of like activation, of the told size."""
    place = int(np.searchsorted(curve.controls, told_size(curve)))
    return _share(curve.random[:, place]), _share(curve.matched[:, place])


def curve_statement(
    table: Table, size: int, sets: int, controls: Sequence[tuple[np.ndarray, np.ndarray]]
) -> str:
    """Say how much of the accuracies a few top units of a site keep alone, beside random ones."""
    site = table.column("site")[0]
    rows = _seen(table.where(kind="keep_top", k=size))
    if not len(rows):
        return f"Site '{site}' has no examples to keep units for."
    n = rows.column("n")
    kept = percent(*mean_accuracy(rows.column("accuracy") * n, n))
    better, q = int((rows.column("random_q") < 0.05).sum()), rows.column("random_q")
    random, matched = (percent(*control_range([own[i] for own in controls])) for i in range(2))
    few = ": few, so read it with care" if n.min() < _FEW else ""
    beyond = (
        "which no class can be told from, since there is one such set"
        if np.isnan(q).all()
        else f"{better} of {len(rows)} classes keep more than random sets (q < 0.05)"
    )
    units = "unit" if size == 1 else f"{size} units"
    return (
        f"With the top {units} of site '{site}' for a class alone, the class's accuracy is "
        f"{kept} (mean over {len(rows)} classes, interval over images); with {sets} random sets of "
        f"as many it is {random} (95 % of the sets), with sets of like activation {matched}; "
        f"{beyond} (n = {between(n)} images each{few})."
    )


def area_statement(table: Table, site: str, sets: int, areas: Mapping[str, Means]) -> str:
    """Say how far each kind of curve is from random orders, and name the quickest halving.

    `areas` has the moments `[C]` of each kind's areas.
    """
    rows = _seen(table.where(site=site))
    parts = list[str]()
    for kind, words in zip(MEASURED, ("removing top", "keeping top"), strict=True):
        own, each = rows.where(kind=kind), areas[kind]
        beyond = int((own.column("q") < 0.05).sum())
        mean, lo, hi = (
            100 * end for end in mean_of_means(each.mean, each.m2, each.count, limits=(-1, 1))
        )
        parts.append(
            f"{words} units {number(mean, '+.1f')} % [{number(lo, '+.1f')}, {number(hi, '+.1f')}] "
            f"({beyond} of {len(own)} at q < 0.05)"
        )
    n = rows.where(kind="remove_top").column("n").astype(int)
    line = (
        f"Site '{site}', on {between(n)} examples of each class (n = {n.sum()}), mean over "
        f"classes of the area between curve and {sets} random orders (intervals over images): "
        f"{', '.join(parts)}"
    )
    halved = [r for r in rows.where(kind="remove_top").sort("half").rows() if r["half"]]
    for first in halved[:1]:
        random = first["half_random"]
        usual = "never" if random is None else f"{random:.0f}"
        line += (
            f"; of them class {first['class']} is halved first, by {first['half']:.0f} units "
            f"[{_shown(first['half_lo'])}, {_shown(first['half_hi'])}] (random: {usual})"
        )
    return line + "."


def _shown(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f}"
