"""Tests maps: by removal, by the sum of their attributions, and by what they resemble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from holistic.lenses._parts import significant, with_q
from holistic.lenses.attribution._maps import display_name
from holistic.lenses.attribution.schemas import MethodRow
from holistic.results.columns import Estimate
from holistic.stats.intervals import bootstrap_interval, midranks
from holistic.stats.means import Means

__all__ = [
    "completeness",
    "dependence",
    "foreseen",
    "judged",
    "rank_correlations",
    "removed",
    "resemblance",
    "steadied",
]

_BEYOND = ("deletion_auc", "insertion_auc", "infidelity")
"""Tests that a map passes by being better than chance."""
_NEGLIGIBLE = 0.1
"""Least correlation that counts as a small one (Cohen 1988, section 3.2.1)."""


def removed(method: str, metric: str, values: np.ndarray, control: np.ndarray | None) -> MethodRow:
    """Compare areas under removal curves `[n]` with those of random orders on the same images.

    Parameters
    ----------
    method
        Name of the method.
    metric
        Begins with `deletion_auc` (lower is better) or `insertion_auc` (higher is better).
    values
        `[n]`, the method's areas.
    control
        `[n]`, the random order's; None for the random order itself, which can't pass or fail.
    """
    lower = metric.startswith("deletion_auc")
    row = _mean_row(method, metric, values, control, better="lower" if lower else "higher")
    gap = row.difference
    if control is None or gap.lo is None or gap.hi is None:
        return row
    return replace(row, passed=gap.hi < 0 if lower else gap.lo > 0)


def foreseen(method: str, values: np.ndarray, control: np.ndarray) -> MethodRow:
    """Compare infidelities `[n]` with those of maps of random numbers on the same images."""
    row = _mean_row(method, "infidelity", values, control, better="lower")
    gap = row.difference
    return row if gap.hi is None else replace(row, passed=gap.hi < 0)


def steadied(method: str, values: np.ndarray) -> MethodRow:
    """Average sensitivities `[n]`; no number of them is a map's fault alone, so none fails."""
    return _mean_row(method, "sensitivity", values, None, better="lower")


def resemblance(
    method: str, metric: str, values: np.ndarray, control: np.ndarray, threshold: float
) -> MethodRow:
    """Bound the mean of rank correlations `[n]` that should be low; NaN is left out.

    A map that resembles a randomly initialised control's as much as two randomly initialised
    controls' resemble each other shows nothing that training brought, however low that is; only
    where the resemblance is negligible is there nothing left to be less than. Another image's
    edges are no such bound: a map should resemble its own image's no more than those.
    """
    row = _mean_row(method, metric, values, control, better="lower")
    of = row.value
    if of.value is not None and of.value < threshold and not np.isfinite(of.hi or np.nan):
        return row  # nothing is known of how far it may be off
    low = of.hi is not None and of.hi < threshold
    if metric == "edge_similarity":
        return replace(row, passed=low)
    less = row.difference.hi is not None and row.difference.hi < 0
    none = of.lo is not None and of.lo <= _NEGLIGIBLE
    return replace(row, passed=low and (less or none))


def completeness(
    method: str, sums: np.ndarray, changes: np.ndarray, *, tolerance: float, seed: int
) -> MethodRow:
    """Measure by how much maps' sums miss the changes that they should add up to.

    The error is the sum of absolute differences over the sum of absolute changes: a ratio of sums
    isn't blown up by an image whose objective hardly changes. Its bounds are the bootstrap's.

    Parameters
    ----------
    method
        Name of the method.
    sums
        `[n]`, sum of each image's signed attributions.
    changes
        `[n]`, objective of the image minus objective of the baseline.
    tolerance
        The upper bound must not be larger.
    seed
        Seed of the bootstrap.

    References
    ----------
    Sundararajan et al. 2017, proposition 1.
    """

    def error(pairs: np.ndarray) -> float:
        total = np.abs(pairs[:, 1]).sum()
        return float(np.abs(pairs[:, 0] - pairs[:, 1]).sum() / total) if total else float("nan")

    value = error(np.stack([sums, changes], 1))
    lo, hi = bootstrap_interval(np.stack([sums, changes], 1), error, seed=seed)
    control = error(np.stack([np.roll(sums, 1), changes], 1))
    return MethodRow(
        method, "completeness", "lower",
        value=Estimate(value, float(lo), float(hi), control=control),
        n=len(sums),
        difference=Estimate(None),
        passed=bool(hi <= tolerance and hi < control),
        method_name=display_name(method),
    )  # fmt: skip


def dependence(method: str, values: np.ndarray, control: np.ndarray) -> MethodRow:
    """Average how far maps from different baselines are apart, `[n]`; no test, but to be known.

    Parameters
    ----------
    method
        Name of the method.
    values
        `[n]`, 0 for the same map from each baseline, 1 for maps with nothing in common.
    control
        `[n]`, the same between maps of two different images.

    References
    ----------
    Sturmfels et al. 2020.
    """
    return _mean_row(method, "baseline_dependence", values, control, better="lower")


def rank_correlations(a: np.ndarray, b: np.ndarray, *, among: np.ndarray) -> np.ndarray:
    """Correlate the ranks of two maps `[n, P]` for each image.

    Parameters
    ----------
    a, b
        `[n, P]`.
    among
        `[n, P]` bool, the pixels that count.

    Returns
    -------
    np.ndarray
        `[n]`, NaN for a map of one value and with fewer than 4 pixels.

    References
    ----------
    Spearman 1904; Adebayo et al. 2018, section 3.2 (as the similarity of maps).
    """
    kept = among & np.isfinite(a) & np.isfinite(b)
    x, y = _ranks(a, kept), _ranks(b, kept)
    size = np.sqrt(np.square(x).sum(1) * np.square(y).sum(1))
    known = (kept.sum(1) >= 4) & (size > 0)
    return np.divide((x * y).sum(1), size, out=np.full(len(a), np.nan), where=known).clip(-1, 1)


def _ranks(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Midranks of the kept values of each row `[n, P]` less their mean, 0 for the others."""
    ranks = midranks(np.where(kept, values, np.inf).T).T  # what is left out comes last
    return np.where(kept, ranks - (kept.sum(1, keepdims=True) + 1) / 2, 0.0)


def _mean_row(
    method: str, metric: str, values: np.ndarray, control: np.ndarray | None, *, better: str
) -> MethodRow:
    """Average `[n]`, with a control on the same images; NaN is left out."""
    own, difference, middle = _kept(values), Estimate(None), None
    if control is not None:
        gap = _kept(values - control)
        difference, middle = replace(_bounded(gap), p=float(gap.p())), float(_kept(control).mean)
    value = replace(_bounded(own), control=middle)
    name = display_name(method)
    return MethodRow(method, metric, better, value, int(own.count), difference, None, name)


def _kept(values: np.ndarray) -> Means:
    return Means.of(values[np.isfinite(values)])


def _bounded(means: Means) -> Estimate:
    lo, hi = means.interval()
    return Estimate(float(means.mean), float(lo), float(hi))


def judged(rows: Sequence[MethodRow]) -> list[MethodRow]:
    """Add q over all rows, and pass what must beat chance only where it is below 0.05."""
    found = list[MethodRow]()
    for row, difference in zip(rows, with_q([row.difference for row in rows]), strict=True):
        kept = not row.metric.startswith(_BEYOND) or significant(difference)
        found.append(replace(row, difference=difference, passed=row.passed and kept))
    return found
