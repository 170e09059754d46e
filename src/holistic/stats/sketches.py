"""Which examples stand for a unit: its largest, those at its quantiles, and random ones?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from holistic.errors import SettingError
from holistic.stats.moments import float64

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["QuantilePicks", "RandomSample", "TopK"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(eq=False)
class _Picks:
    """The k examples with the smallest keys in every column, whatever order they come in.

    Every example id may come once. Non-finite values are never picked.

    Attributes
    ----------
    ids
        `[k, …, U]` int64, best first; -1 where fewer than k finite values were seen.
    values
        `[k, …, U]` float64, the picked examples' values; NaN where `ids` is -1.
    """

    k: int
    shape: tuple[int, ...]
    seed: int = 0
    ids: np.ndarray = field(init=False)
    values: np.ndarray = field(init=False)
    keys: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.k < 1:
            raise SettingError(f"can't pick {self.k} examples; pick 1 or more")
        self.ids = np.full((self.k, *self.shape), -1, np.int64)
        self.values = np.full((self.k, *self.shape), np.nan)
        self.keys = np.full((self.k, *self.shape), np.inf)

    def update(self, values: Tensor | np.ndarray, ids: np.ndarray) -> Self:
        """Fold in a batch of values `[B, U]` of the examples `ids` `[B]`, and return the picks."""
        x = float64(values)
        x = x.reshape(len(x), *[1] * (len(self.shape) - 1), x.shape[1])  # [B, (1,) U]
        spread = np.asarray(ids, np.int64).reshape(-1, *[1] * len(self.shape))
        finite = np.isfinite(x)
        keys = np.where(finite, self._keys(np.where(finite, x, 0.0), spread), np.inf)
        return self._absorb(keys, np.where(finite, spread, -1), np.where(finite, x, np.nan))

    def merge(self, other: Self) -> Self:
        """Fold in the picks among other examples, and return these."""
        if self._settings() != other._settings():
            raise SettingError("picks of different settings can't be merged; make both alike")
        return self._absorb(other.keys, other.ids, other.values)

    def _absorb(self, keys: np.ndarray, ids: np.ndarray, values: np.ndarray) -> Self:
        shape = (len(keys), *self.shape)
        keys = np.concatenate([self.keys, keys])
        ids = np.concatenate([self.ids, np.broadcast_to(ids, shape)])
        values = np.concatenate([self.values, np.broadcast_to(values, shape)])
        best = np.lexsort((self._ties(ids), keys), axis=0)[: self.k]
        self.keys, self.ids, self.values = (
            np.take_along_axis(a, best, axis=0) for a in (keys, ids, values)
        )
        return self

    def _settings(self) -> tuple[object, ...]:
        return self.k, self.shape, self.seed

    def _keys(self, values: np.ndarray, ids: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _ties(self, ids: np.ndarray) -> np.ndarray:
        return ids


class TopK(_Picks):
    """The k examples with the largest value of each unit; of equal values the smaller id first.

    Examples
    --------
    >>> top = TopK.of(2, units=1).update(np.array([[1.0], [5.0], [5.0]]), np.array([7, 9, 8]))
    >>> top.ids[:, 0], top.values[:, 0]
    (array([8, 9]), array([5., 5.]))
    """

    @classmethod
    def of(cls, k: int, units: int) -> Self:
        """Return the empty picks of k examples for each of the units."""
        return cls(k, (units,))

    def _keys(self, values: np.ndarray, ids: np.ndarray) -> np.ndarray:
        return -values


class RandomSample(_Picks):
    """k uniformly drawn examples of each unit, the same whatever order and batches they come in.

    An example is in the sample if a hash of seed, unit and example id is among the k smallest
    (bottom-k sampling, Cohen & Kaplan 2007).
    """

    @classmethod
    def of(cls, k: int, units: int, *, seed: int) -> Self:
        """Return the empty sample of k examples for each of the units."""
        return cls(k, (units,), seed)

    def _keys(self, values: np.ndarray, ids: np.ndarray) -> np.ndarray:
        return _hash(ids, np.arange(self.shape[0]), self.seed)

    def quantiles(self, shares: np.ndarray) -> np.ndarray:
        """Estimate quantiles of each unit from the sample.

        Exact where no more than k examples were seen; else the rank of the result errs by about
        `sqrt(share (1 - share) / k)` of the examples.

        Parameters
        ----------
        shares
            `[Q]` in [0, 1].

        Returns
        -------
        np.ndarray
            `[Q, U]`, NaN for units without a finite value.
        """
        empty = np.isnan(self.values).all(0)
        values = np.where(empty, 0.0, self.values)
        return np.where(empty, np.nan, np.nanquantile(values, shares, axis=0))


@dataclass(eq=False)
class QuantilePicks(_Picks):
    """The k examples nearest to given values of each unit, such as its quantiles.

    A second pass over the examples, after the quantiles are known (from all values, or from
    `RandomSample.quantiles`); exact for those targets. Equally near examples, such as the many
    zeros of a ReLU, are taken in an order hashed from the seed, target and example id.
    """

    targets: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    @classmethod
    def of(cls, targets: np.ndarray, *, k: int = 1, seed: int) -> Self:
        """Return the empty picks of k examples for each target `[Q, U]`; `ids` is `[k, Q, U]`."""
        return cls(k, targets.shape, seed, targets=targets)

    def _settings(self) -> tuple[object, ...]:
        return *super()._settings(), self.targets.tobytes()

    def _keys(self, values: np.ndarray, ids: np.ndarray) -> np.ndarray:
        # NaN, where there is no target, sorts behind the empty places: nothing is picked.
        return np.abs(values - self.targets)

    def _ties(self, ids: np.ndarray) -> np.ndarray:
        column = np.arange(self.targets.size).reshape(self.shape)
        return _hash(ids, column, self.seed)


def _hash(ids: np.ndarray, column: np.ndarray, seed: int) -> np.ndarray:
    """Return a number in [0, 1) for each id and column: output `id` of the column's generator."""
    start = splitmix64(np.array([seed % 2**64], np.uint64), column)
    # The upper 53 bits are what a float64 holds exactly.
    return (splitmix64(start, ids) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def splitmix64(seeds: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return output number `index` of the generators SplitMix64(seeds), as uint64.

    References
    ----------
    Steele, Lea & Flood 2014, Fast splittable pseudorandom number generators, fig. 17.
    """
    z = seeds + (index.astype(np.uint64) + np.uint64(1)) * _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
