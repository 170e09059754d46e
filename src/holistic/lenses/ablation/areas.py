"""Integrates whole curves against random and matched orders, and finds where they halve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holistic.lenses.ablation._site_losses import headline_size
from holistic.lenses.ablation.schemas import CurveArea
from holistic.results.columns import Estimate
from holistic.stats.control import Control, band
from holistic.stats.intervals import wilson
from holistic.stats.means import Means
from holistic.stats.tests import permutation_p

__all__ = [
    "KINDS",
    "MEASURED",
    "Curve",
    "area_row",
    "headline_accuracies",
    "headline_units",
    "point_columns",
]

KINDS = ("remove_top", "remove_bottom", "keep_top")
"""Without the k units that the ranking puts first, without the last k, with the first k alone."""
MEASURED = ("remove_top", "keep_top")
"""Curves whose area is measured: to remove the last k is to keep the others, the same area."""

_DRAWS = 500
_KEPT = 20


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
        side = "less" if curve.sign > 0 else "greater"
        among = Control.of(accuracy, columns["accuracy"][places], alternative=side)
        # without none or all of its units every set is the same one
        among.p[(curve.controls == 0) | (curve.controls == curve.sizes[-1])] = np.nan
        found = {"": among.mean, "_lo": among.lo, "_hi": among.hi, "_p": among.p}
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
    half, lo, hi = _halving(curve, seed)
    apart = _halves(curve, curve.controls, _share(curve.random)) if len(curve.right.T) else np.nan
    middle = float(np.quantile(apart, 0.5, method="lower"))
    (area, p), (matched, matched_p) = areas
    row = CurveArea(
        *curve.labels,
        area=Estimate(*_ends(area), None, *_ends(matched), p),
        matched_p=matched_p,
        matched_q=None,
        half=Estimate(half, lo, hi, control=_finite(middle)),
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
    ends = band(draws, method="nearest")
    return _finite(found), _finite(float(ends[0])), _finite(float(ends[1]))


def _halves(curve: Curve, sizes: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """Smallest size at which each row `[…, K]` is at half of its whole accuracy; else infinite."""
    keeping = curve.labels[2] == "keep_top"
    whole = accuracy[:, -1:] if keeping else accuracy[:, :1]
    beyond = (accuracy >= whole / 2) if keeping else (accuracy <= whole / 2)
    return np.where(beyond.any(1), sizes[beyond.argmax(1)], np.inf)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def headline_units(curve: Curve) -> int:
    """How many kept units are spoken of: so many, or half of the site's."""
    return headline_size(curve.controls.tolist(), int(curve.sizes[-1]), _KEPT)


def headline_accuracies(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """Accuracies `[R]` with each random set, and each of like activation, of the headline size."""
    place = int(np.searchsorted(curve.controls, headline_units(curve)))
    return _share(curve.random[:, place]), _share(curve.matched[:, place])
