"""Measures how well a unit's value alone tells each class from the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holistic.stats.intervals import auroc_bounds, midranks

__all__ = ["Detection", "detect", "shuffled_bound"]

_CHUNK = 2 << 20
"""Numbers that one chunk of units may hold in an array of units × examples × classes."""

_SHUFFLES = 20
"""Shuffles in one matrix product."""


@dataclass(frozen=True)
class Detection:
    """How every class is told from the rest, `[C, U]` each.

    AUROC with DeLong's 95 % bounds, and average precision. NaN for a class that has no or all
    examples, and for a unit with a non-finite value; bounds also with fewer than 2 examples on
    either side.
    """

    auroc: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    precision: np.ndarray


def detect(values: np.ndarray, labels: np.ndarray, classes: int) -> Detection:
    """Measure all classes of all units from one sort per unit.

    Parameters
    ----------
    values
        `[N, U]`.
    labels
        `[N]`, class of each example.
    classes
        Number of classes C.

    References
    ----------
    DeLong, DeLong & Clarke-Pearson 1988, eqs. 4-6 (placements and their variances);
    Boyd, Eng & Page 2013, sect. 3 (average precision).
    """
    inside = np.bincount(labels, minlength=classes)
    outside = len(labels) - inside
    finite = np.isfinite(values).all(0)
    step = max(1, _CHUNK // (len(labels) * classes))
    parts = [
        _placements(np.where(finite, values, 0.0)[:, start : start + step], labels, classes)
        for start in range(0, values.shape[1], step)
    ]
    area, variance, precision = (np.concatenate(side).T for side in zip(*parts, strict=True))
    defined = finite & ((inside > 0) & (outside > 0))[:, None]  # [C, U]
    area = np.where(defined, area, np.nan)
    fewest = np.minimum(inside, outside)[:, None]
    variance = np.where(np.isnan(area) | (fewest < 2), np.nan, variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        lo, hi = auroc_bounds(area, variance, fewest)
    undefined = np.isnan(variance)
    lo, hi = (np.where(undefined, np.nan, side) for side in (lo, hi))
    return Detection(area, lo, hi, np.where(defined, precision, np.nan))


def _placements(
    values: np.ndarray, labels: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the AUROCs of units `[N, U]`, their variances and average precisions, `[U, C]` each.

    For each example, `below` counts the examples of each class with smaller values, ties half. What
    it says of the own class is the rank among equals, of the other classes the placement.
    """
    count = len(labels)
    inside = np.maximum(np.bincount(labels, minlength=classes), 1.0)
    outside = np.maximum(count - np.bincount(labels, minlength=classes), 1.0)
    below, above_or_level, own = _counts(values, labels, classes)  # [U, N, C] twice, [U, N]
    member = (np.arange(classes) == own[..., None]).astype(np.float64)  # [U, N, C]
    everything = below.sum(2)  # [U, N]
    among_own = (below * member).sum(2)
    above = everything - among_own  # examples of other classes with smaller values
    area = np.einsum("un,unc->uc", above, member) / (inside * outside)
    centre = (area * outside)[np.arange(len(own))[:, None], own]
    spread = np.einsum("un,unc->uc", (above - centre) ** 2, member) / outside**2
    others = (1 - area) * inside  # mean number of the class's examples below one of the others
    rest = np.einsum("unc,unc->uc", (below - others[:, None]) ** 2, 1 - member) / inside**2
    one = np.maximum(inside - 1, 1) * inside
    two = np.maximum(outside - 1, 1) * outside
    hits = np.take_along_axis(above_or_level, own[..., None], 2)[..., 0]  # [U, N]
    # Of equal values all or none are retrieved, so their order doesn't matter.
    precision = np.einsum("un,unc->uc", hits / above_or_level.sum(2), member) / inside
    return area, spread / one + rest / two, precision


def _counts(
    values: np.ndarray, labels: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count the examples of each class around each example; those come in order of their values.

    Returns
    -------
    below, above_or_level, own
        `[U, N, C]` examples with smaller values, ties half, and with values no smaller;
        `[U, N]` the class of the example.
    """
    columns = np.ascontiguousarray(values.T)  # [U, N]
    order = np.argsort(columns, axis=1, kind="stable")
    ordered = np.take_along_axis(columns, order, axis=1)
    own = labels[order]
    units, count = columns.shape
    seen = np.zeros((units, count + 1, classes))
    np.cumsum(own[..., None] == np.arange(classes), axis=1, out=seen[:, 1:])
    rises = ordered[:, 1:] != ordered[:, :-1]
    ends = np.ones((units, 1), bool)
    place = np.arange(count)
    first = np.maximum.accumulate(np.where(np.concatenate([ends, rises], 1), place, 0), 1)
    last = np.where(np.concatenate([rises, ends], 1), place + 1, count)
    last = np.minimum.accumulate(last[:, ::-1], 1)[:, ::-1]
    smaller = np.take_along_axis(seen, first[..., None], 1)
    below = (smaller + np.take_along_axis(seen, last[..., None], 1)) / 2
    return below, seen[:, -1:] - smaller, own


def shuffled_bound(
    values: np.ndarray, labels: np.ndarray, classes: int, *, shuffles: int, seed: int
) -> np.ndarray:
    """Bound what the luckiest unit and class of a site reach when labels mean nothing.

    In each shuffle the largest distance of any AUROC from 1/2 is taken, measured in the standard
    deviation that chance gives an AUROC of that many examples, so that a rare class doesn't set
    the bound of all. 95 % of the shuffles stay within the bound everywhere.

    Parameters
    ----------
    values
        `[N, U]`; units with a non-finite value are left out.
    labels
        `[N]`, class of each example.
    classes
        Number of classes C.
    shuffles
        Number of shuffles.
    seed
        Seed of the shuffles.

    Returns
    -------
    np.ndarray
        `[C]`, the upper bound of the AUROC; the lower one is 1 minus it. NaN for classes that have
        no or all examples.

    References
    ----------
    Westfall & Young 1993 (maximum over a family); Mann & Whitney 1947 (the standard deviation).
    """
    rng = np.random.default_rng(seed)
    inside = np.bincount(labels, minlength=classes)
    pairs = inside * (len(labels) - inside)
    usable = pairs > 0
    spread = np.sqrt((len(labels) + 1) / (12 * np.maximum(pairs, 1)))  # [C]
    ranks = midranks(values[:, np.isfinite(values).all(0)]).T  # [U, N]
    if not usable.any() or not len(ranks):
        return np.full(classes, np.nan)
    largest = list[np.ndarray]()
    for start in range(0, shuffles, _SHUFFLES):
        drawn = np.stack(
            [rng.permutation(labels) for _ in range(start, min(start + _SHUFFLES, shuffles))]
        )
        member = (drawn.T[..., None] == np.arange(classes)).astype(np.float64)  # [N, S, C]
        larger = (ranks @ member.reshape(len(labels), -1)).reshape(len(ranks), -1, classes)
        area = (larger - inside * (inside + 1) / 2) / np.maximum(pairs, 1)
        largest.append((np.abs(area - 0.5) / spread)[..., usable].max((0, 2)))
    furthest = np.quantile(np.concatenate(largest), 0.95, method="higher")
    bound = 0.5 + furthest * spread
    return np.where(usable, np.minimum(bound, 1.0), np.nan)
