"""Puts the units of several sites side by side as columns, and reads them batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

import numpy as np

from holistic.graph.loops import batches
from holistic.lenses.mechanism._values import class_indices, in_words, most_varying, position_means
from holistic.stats.control import band
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["Columns", "columns_of"]

_ROWS, _ROWS_PER_CLASS, _MOST_ROWS = 1024, 32, 1 << 14
_NUMBERS = 1 << 24
"""Numbers that a batch of columns holds at most."""


@dataclass(frozen=True)
class Columns:
    """The units of several sites, side by side as T columns.

    Attributes
    ----------
    sites
        Names of the sites, in order.
    units
        Per site, the indices of its units that are columns.
    counts
        Per site, how many units it has in all.
    drawn_from
        Per site, how many columns these were drawn from; empty where they are all there are.
    """

    sites: tuple[str, ...]
    units: tuple[np.ndarray, ...]
    counts: tuple[int, ...]
    drawn_from: tuple[int, ...] = ()

    @property
    def site(self) -> np.ndarray:
        """Place in `sites` of each column's site, `[T]`."""
        return np.repeat(np.arange(len(self.sites)), [len(u) for u in self.units])

    @property
    def unit(self) -> np.ndarray:
        """Index of each column's unit in its site, `[T]`."""
        return np.concatenate(self.units)

    def block(self, index: int) -> slice:
        """Columns of one site."""
        ends = np.cumsum([0, *(len(u) for u in self.units)])
        return slice(int(ends[index]), int(ends[index + 1]))

    def drawn(self, most: int, seed: int) -> Columns:
        """Draw columns at random, at most so many: of each site as many as the cap that fits."""
        sizes = tuple(len(units) for units in self.units)
        if sum(sizes) <= most:
            return self
        cap, rng = _cap(sizes, most), np.random.default_rng(seed)
        units = tuple(np.sort(rng.permutation(own)[:cap]) for own in self.units)
        return replace(self, units=units, drawn_from=sizes)

    @property
    def weights(self) -> np.ndarray:
        """How many pairs of two sites each pair of their columns stands for, `[S, S]`."""
        own = np.array([len(units) for units in self.units], np.float64)
        every = np.array(self.drawn_from or own, np.float64)
        weights = np.outer(every / own, every / own)
        np.fill_diagonal(weights, every * (every - 1) / np.maximum(own * (own - 1), 1))
        return weights

    def values(self, by_site: Mapping[str, np.ndarray]) -> np.ndarray:
        """Put the values `[N, U]` of each site side by side: `[N, T]`."""
        blocks = [by_site[s][:, units] for s, units in zip(self.sites, self.units, strict=True)]
        return np.concatenate(blocks, 1)

    def middle(self, r: np.ndarray) -> np.ndarray:
        """Return where 95 % of the correlations `[T, T]` of each two sites lie, `[2, S, S]`.

        Each pair counts once; NaN where two sites have none.
        """
        ends = np.full((2, len(self.sites), len(self.sites)), np.nan)
        once = np.triu(np.isfinite(r), 1)
        for i, j in combinations_with_replacement(range(len(self.sites)), 2):
            block = self.block(i), self.block(j)
            if once[block].any():
                ends[:, i, j] = band(r[block][once[block]])
        return ends

    def named(self, chosen: np.ndarray) -> str:
        """Name the columns of a mask `[T]`, site by site; empty where none is chosen."""
        parts = [
            f"{in_words(units[chosen[self.block(i)]])} of site '{self.sites[i]}'"
            for i, units in enumerate(self.units)
            if chosen[self.block(i)].any()
        ]
        return "; ".join(parts)

    def batches(
        self, subject: Subject, examples: Examples, seed: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield position means `[B, T]` float64 and classes `[B]`, examples in random order.

        The order lets a shuffle inside a batch stand for one over all examples, also where the
        data come sorted by class.
        """
        labels, classes = class_indices(examples), len(subject.classes)
        order = np.random.default_rng(seed).permutation(len(labels))
        size = min(max(_ROWS, _ROWS_PER_CLASS * classes), _MOST_ROWS)
        size = max(1, min(size, _NUMBERS // sum(self.counts)))
        for part in batches(len(order), size):
            rows = order[part]
            means = position_means(subject, self.sites, examples, rows)
            yield self.values(means), labels[rows]


def columns_of(subject: Subject, most: int) -> Columns:
    """Take all hidden units, or those of each site that vary most where they are more than `most`.

    Every site keeps as many as the largest cap that fits; the spread is that of a batch of the
    selection split.
    """
    sites = subject.hidden_sites
    names, counts = tuple(s.name for s in sites), tuple(s.units for s in sites)
    everything = Columns(names, tuple(np.arange(c) for c in counts), counts)
    if sum(counts) <= most:
        return everything
    values, _ = next(everything.batches(subject, subject.selection, subject.seed))
    blocks = [values[:, everything.block(i)] for i in range(len(sites))]
    return Columns(names, tuple(most_varying(b, _cap(counts, most)) for b in blocks), counts)


def _cap(sizes: Sequence[int], most: int) -> int:
    """Return how many each site keeps at most so that all sites together keep at most `most`."""
    low, high = 1, max(1, most)
    while low < high:
        middle = (low + high + 1) // 2
        fits = sum(min(size, middle) for size in sizes) <= most
        low, high = (middle, high) if fits else (low, middle - 1)
    return low
