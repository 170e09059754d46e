"""Measures the closest pairs of many units: their intervals and tests, and on other examples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holistic.lenses.mechanism._correlations import bounds, half_widths, robust_p
from holistic.lenses.mechanism._influences import SAME
from holistic.lenses.mechanism._shuffles import ShuffledProducts, shuffled_p
from holistic.lenses.mechanism._tiles import Found
from holistic.lenses.mechanism._unit_file import Parts
from holistic.progress import Progress

__all__ = ["Measured", "measured", "products_on"]

_NUMBERS = 1 << 21
"""Products of units' values that are held at a time."""


@dataclass(frozen=True)
class Measured:
    """Correlations of K pairs, raw or within classes; NaN where a unit is left out.

    Attributes
    ----------
    r, p
        `[K]`: Pearson correlation, and the two-sided p that it is 0.
    lo, hi
        `[K]`, bounds of the 95 % interval.
    """

    r: np.ndarray
    p: np.ndarray
    lo: np.ndarray
    hi: np.ndarray


def measured(parts: Parts, found: Found, progress: Progress) -> tuple[Measured, Measured]:
    """Measure pairs as `Correlations` does all pairs: raw and within classes.

    Parameters
    ----------
    parts
        What the units hold.
    found
        The pairs.
    progress
        Told how many pairs are done.
    """
    task, count = "intervals of close pairs", len(found.a)
    results = np.full((2, 4, count), np.nan)
    step = max(1, _NUMBERS // len(parts.labels))
    progress(task, 0, count)
    for start in range(0, count, step):
        some = slice(start, min(count, start + step))
        units, places = np.unique((found.a[some], found.b[some]), return_inverse=True)
        pair = places.reshape(2, -1)
        for within, z in enumerate(_standardised(parts, units)):
            r = (found.r, found.within)[within][some]
            own = parts.kept[within]
            kept = own[found.a[some]] & own[found.b[some]]
            results[within][:, some] = np.where(kept, _measured(parts, z, pair, r, within), np.nan)
        progress(task, some.stop, count)
    return Measured(*results[0]), Measured(*results[1])


def _standardised(parts: Parts, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return standard values `[K, N]` of units, raw and within classes, classes side by side."""
    order = np.argsort(parts.labels, kind="stable")
    values = parts.file.read_units(units)
    own, means = values[:, : len(order)][:, order], values[:, len(order) :]
    means = means / np.sqrt(np.maximum(parts.counts, 1))
    raw = own * parts.share[units, None] + np.repeat(means, parts.counts, axis=1)
    size = np.sqrt(len(order))
    return raw * size, own * size


def _measured(
    parts: Parts, z: np.ndarray, pair: np.ndarray, r: np.ndarray, within: int
) -> np.ndarray:
    """Return r, p and the bounds `[4, K]` of pairs of rows of `z`."""
    n, classes = len(parts.labels), int((parts.counts > 0).sum())
    freedom = max(n - (classes if within else 1), 1)
    a, b = pair
    x, y = z[a], z[b]  # [K, N]
    product, squares = x * y, x**2 + y**2
    influence = product - r[:, None] / 2 * squares
    second, fourth = ((influence**power).sum(1) for power in (2, 4))
    sums = (product**2).sum(1)
    carried = (z**4).sum(1)
    own = np.where(carried > 0, n**2 / np.where(carried > 0, carried, 1), np.inf)
    known = 1 - r**2 > SAME
    supports = np.where(
        known,
        second**2 / np.where(known & (fourth > 0), fourth, 1),
        np.minimum(own[a], own[b]),
    )
    shuffles = _shuffles(z, parts.counts if within else np.array([n]))
    variance, third = shuffles.of_pairs(a, b)
    spread = second, variance, np.clip(supports, 1, n)
    half = half_widths(r, spread, n=n, freedom=freedom)
    robust = robust_p(r, sums, n=n, freedom=freedom)
    p = np.maximum(robust, shuffled_p(r * n, variance, third))
    return np.array([r, p, *bounds(r, half)])


def _shuffles(z: np.ndarray, counts: np.ndarray) -> ShuffledProducts:
    """Sum values `[K, N]` by class, whose examples stand side by side."""
    sums = ShuffledProducts.empty(len(z), len(counts))
    present = np.flatnonzero(counts)
    starts = np.cumsum(counts)[present] - counts[present]
    for power, own in ((2, sums.second), (3, sums.third)):
        own[present] = np.add.reduceat(z**power, starts, axis=1).T
    sums.rows += counts
    return sums


def products_on(parts: Parts, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the correlations of pairs on other examples, `[K]`; NaN where a unit never varies."""
    r = np.full(len(a), np.nan)
    step = max(1, _NUMBERS // len(parts.labels))
    for start in range(0, len(a), step):
        some = slice(start, start + step)
        units, places = np.unique((a[some], b[some]), return_inverse=True)
        left, right = places.reshape(2, -1)
        z, _ = _standardised(parts, units)
        r[some] = np.einsum("kn,kn->k", z[left], z[right]) / len(parts.labels)
    out = parts.constant[0]
    return np.where(out[a] | out[b], np.nan, np.clip(r, -1, 1))
