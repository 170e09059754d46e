"""Correlates so many units that a matrix of all pairs has no room: a tile of pairs at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from holistic.lenses.mechanism._correlations import Counts
from holistic.lenses.mechanism._unit_file import Parts
from holistic.progress import Progress

__all__ = ["Found", "correlated"]

_WIDTH = 1024
"""Units on a side of a tile."""
_FEW = _WIDTH**2 // 32
"""Pairs of a tile up to which each is computed alone in double precision."""
_GATHERED = 4096
_WAITING = 1 << 21
"""Pairs that wait until the closest of each unit are chosen among them."""
_DIGITS = 12


@dataclass(frozen=True)
class Found:
    """Pairs of columns that correlate.

    Attributes
    ----------
    counts, counts_within
        Pairs above the threshold, raw and within classes.
    above
        Pairs whose correlation, raw or within classes, lies above the threshold or below minus it.
    a, b
        `[K]`, those pairs that are among the closest of one of their units, by column.
    r, within
        `[K]`, their correlations, raw and within classes; 0 where a unit is left out.
    """

    counts: Counts
    counts_within: Counts
    above: int
    a: np.ndarray
    b: np.ndarray
    r: np.ndarray
    within: np.ndarray


def correlated(
    parts: Parts, site: np.ndarray, *, threshold: float, partners: int, progress: Progress
) -> Found:
    """Count the pairs above a threshold and find the closest of each unit.

    Products are taken in single precision; pairs whose place that leaves open are computed again
    in double precision, so that counts and choice are those of double precision.

    Parameters
    ----------
    parts
        What the units hold.
    site
        `[T]`, the site of each.
    threshold
        Correlation above which a pair counts.
    partners
        Pairs that are kept of each unit; of equal ones (to 12 digits) those with the first units.
    progress
        Told how many tiles are done.
    """
    closest = _Closest(len(site), partners, threshold)
    counts, above = np.zeros((2, 3), np.int64), 0
    starts = range(0, len(site), _WIDTH)
    tiles = sorted(((i, j) for i in starts for j in starts if j >= i), key=lambda t: t[1] - t[0])
    task = "pairs of many units"
    progress(task, 0, len(tiles))
    for done, (i, j) in enumerate(tiles, 1):
        rows, columns = (slice(s, min(len(site), s + _WIDTH)) for s in (i, j))
        a, b, values = _tile(parts, rows, columns, closest)
        strong = np.abs(values).max(0) > threshold
        a, b, values = a[strong], b[strong], values[:, strong]
        above += len(a)
        for own, r in zip(counts, values, strict=True):
            high = r > threshold
            own += (high & (site[a] == site[b])).sum(), high.sum(), (r < -threshold).sum()
        closest.add(a, b, values)
        progress(task, done, len(tiles))
    raw, within = (Counts(*map(int, own)) for own in counts)
    return Found(raw, within, above, *closest.pairs())


def _tile(
    parts: Parts, rows: slice, columns: slice, closest: _Closest
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pairs of a tile that may lie above the threshold, and their correlations.

    Returns
    -------
    a, b, values
        Columns of each pair, and `[2, pairs]` their correlations, raw and within classes: in
        double precision wherever it decides on which side of the threshold they lie, or whether
        they are among the closest.
    """
    margin = _margin(parts)
    products = _products(parts, rows, columns, np.float32)
    values = _correlations(parts, products, rows, columns)
    strength = np.maximum(*np.abs(values))
    if rows == columns:
        strength[np.tril_indices(len(strength))] = -1
    at = np.flatnonzero(strength > closest.threshold - margin)
    a, b = np.divmod(at, strength.shape[1])
    found, size = values.reshape(2, -1)[:, at], strength.ravel()[at]
    near = (np.abs(np.abs(found) - closest.threshold) <= margin).any(0)
    near |= closest.may_join(a + rows.start, b + columns.start, size + 2 * margin)
    if near.sum() > _FEW:
        products = _products(parts, rows, columns, np.float64)
        found = _correlations(parts, products, rows, columns).reshape(2, -1)[:, at]
    elif near.any():
        found[:, near] = _one_by_one(parts, a[near] + rows.start, b[near] + columns.start)
    return a + rows.start, b + columns.start, found


def _margin(parts: Parts) -> float:
    """Return how far correlations of single precision lie from the true ones at most.

    Sums of n products of numbers whose squares add up to 1 are off by n unit roundoffs, in
    whatever order they are added, and by two more for the rounding of the numbers (Higham 2002,
    Accuracy and Stability of Numerical Algorithms, sec. 3.1).
    """
    return 1.01 * (max(parts.file.rows) + 8) * 2.0**-24


def _products(parts: Parts, rows: slice, columns: slice, kind: type) -> np.ndarray:
    """Return sums of products `[2, K, L]`: of the class means, and of what lies inside classes."""
    products = np.zeros((2, rows.stop - rows.start, columns.stop - columns.start))
    for chunk in range(len(parts.file.rows)):
        left, right = (parts.file.read(chunk, s).astype(kind) for s in (rows, columns))
        products[int(chunk < len(parts.file.rows) - 1)] += left @ right.T
    return products


def _correlations(parts: Parts, products: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
    """Turn sums of products into correlations, raw and within classes; 0 where left out."""
    between, within = products
    kept, share = parts.kept, parts.share
    between += within * share[rows, None] * share[columns]
    for found, own in zip(products, kept, strict=True):
        if not (own[rows].all() and own[columns].all()):
            found *= own[rows, None] & own[columns]
    return products


def _one_by_one(parts: Parts, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the correlations of pairs in double precision, `[2, pairs]`."""
    found = np.zeros((2, len(a)))
    for start in range(0, len(a), _GATHERED):
        some = slice(start, start + _GATHERED)
        found[:, some] = _gathered(parts, a[some], b[some])
    return found


def _gathered(parts: Parts, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    blocks = [slice(int(own.min()), int(own.max()) + 1) for own in (a, b)]
    between, within = np.zeros((2, len(a)))
    for chunk in range(len(parts.file.rows)):
        left, right = (
            parts.file.read(chunk, block)[own - block.start]
            for block, own in zip(blocks, (a, b), strict=True)
        )
        last = chunk == len(parts.file.rows) - 1
        sums = between if last else within
        sums += np.einsum("kn,kn->k", left, right)
    between += within * parts.share[a] * parts.share[b]
    kept = parts.kept[:, a] & parts.kept[:, b]
    return np.where(kept, (between, within), 0)


class _Closest:
    """The closest pairs of each unit among those that were added."""

    def __init__(self, units: int, partners: int, threshold: float) -> None:
        self.threshold, self.partners = threshold, partners
        self._floor = np.full(units, threshold)
        self._own = np.zeros((2, 0), np.int64)  # unit and partner
        self._values = np.zeros((2, 0))
        self._waiting = list[tuple[np.ndarray, np.ndarray]]()
        self._count = 0

    def may_join(self, a: np.ndarray, b: np.ndarray, strength: np.ndarray) -> np.ndarray:
        """Say which pairs are strong enough for one of their units, or may be."""
        rounded = strength + 10.0**-_DIGITS
        return rounded >= np.minimum(self._floor[a], self._floor[b])

    def add(self, a: np.ndarray, b: np.ndarray, values: np.ndarray) -> None:
        """Add pairs with their correlations `[2, pairs]`."""
        strength = np.abs(values).max(0) + 10.0**-_DIGITS
        for one, other in ((a, b), (b, a)):
            joins = strength >= self._floor[one]
            self._waiting.append((np.stack([one[joins], other[joins]]), values[:, joins]))
            self._count += int(joins.sum())
        if self._count > _WAITING:
            self._choose()

    def _choose(self) -> None:
        pairs, values = zip((self._own, self._values), *self._waiting, strict=True)
        own, both = np.concatenate(pairs, 1), np.concatenate(values, 1)
        strength = np.round(np.abs(both).max(0), _DIGITS)
        order = np.lexsort((own[1], -strength, own[0]))
        unit = own[0, order]
        begins = np.flatnonzero(np.diff(unit, prepend=-1))
        rank = np.arange(len(unit)) - np.repeat(begins, np.diff(begins, append=len(unit)))
        full = order[rank == self.partners - 1]
        self._floor[own[0, full]] = strength[full]
        kept = order[rank < self.partners]
        self._own, self._values = own[:, kept], both[:, kept]
        self._waiting, self._count = [], 0

    def pairs(self) -> Iterator[np.ndarray]:
        """Yield the units of each pair, and its correlations, raw and within classes."""
        self._choose()
        ends = np.sort(self._own, 0)
        (a, b), places = np.unique(ends, axis=1, return_index=True)
        yield from (a, b, *self._values[:, places])
