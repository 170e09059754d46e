"""Finds for each unit of one network its partner in another, and tests whether they go together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holistic.stats.intervals import NORMAL
from holistic.stats.tests import benjamini_hochberg

__all__ = ["Partners", "partners"]

_SHUFFLES, _FEW = 20, 4
_LARGE = 512
"""Units above which fewer shuffles are matched."""
_MOST = 2048
"""Units of a site that are matched: those that vary most."""
_LEVEL = 0.05


@dataclass(frozen=True)
class Partners:
    """Units of one site and their partners in another network.

    Attributes
    ----------
    units, others
        `[M]` units of the first and the second network.
    r, p, q
        `[M]` correlation within classes on the examples that didn't choose the partners, its
        one-sided p, and q over the units.
    n
        Those examples.
    freedom
        Degrees of freedom of each correlation.
    chance
        Share with q < 0.05 where the second network's examples are shuffled within classes.
    """

    units: np.ndarray
    others: np.ndarray
    r: np.ndarray
    p: np.ndarray
    q: np.ndarray
    n: int
    freedom: int
    chance: float

    @property
    def sure(self) -> np.ndarray:
        """Which of them go together beyond chance, `[M]`."""
        return self.q < _LEVEL

    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """95 % interval of each correlation (Fisher's z), `[M]` each."""
        half = NORMAL / np.sqrt(max(1, self.freedom - 1))
        z = np.arctanh(np.clip(self.r, -1 + 1e-12, 1 - 1e-12))
        return np.tanh(z - half), np.tanh(z + half)


def partners(one: np.ndarray, two: np.ndarray, labels: np.ndarray, *, seed: int) -> Partners | None:
    """Match units one to one by their correlation within classes.

    The assignment with the largest sum of correlations (Hungarian algorithm; Li et al. 2016,
    Convergent learning, section 3) is made on one half of each class, and each pair is measured on
    the other half, so that the choice of the best doesn't make it look good.

    Parameters
    ----------
    one, two
        What units hold on the same examples, `[N, U]` and `[N, W]`.
    labels
        Classes of the examples, `[N]`.
    seed
        Decides the halves and the shuffles.

    Returns
    -------
    Partners or None
        None with too few examples of each class, or fewer than two units that vary.
    """
    rng = np.random.default_rng(seed)
    chosen, measured = _halves(labels, rng)
    freedom = len(measured) - len(np.unique(labels[measured])) - 1
    if freedom < 3 or len(chosen) - len(np.unique(labels[chosen])) < 3:
        return None
    first, second = (_varying(x, labels, chosen, measured) for x in (one, two))
    if min(len(first), len(second)) < 2:
        return None
    a = _centred(one[:, first], labels, chosen), _centred(one[:, first], labels, measured)
    b = _centred(two[:, second], labels, chosen), _centred(two[:, second], labels, measured)
    rows, columns, r, p, q = _matched(a, b, freedom)
    shares = list[float]()
    for _ in range(_SHUFFLES if max(len(first), len(second)) <= _LARGE else _FEW):
        shuffled = tuple(
            x[_within(labels[part], rng)] for x, part in zip(b, (chosen, measured), strict=True)
        )
        shares.append(float((_matched(a, shuffled, freedom)[4] < _LEVEL).mean()))
    return Partners(
        first[rows], second[columns], r, p, q, len(measured), freedom, float(np.mean(shares))
    )


def _matched(
    a: tuple[np.ndarray, ...], b: tuple[np.ndarray, ...], freedom: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Units and partners, and r, p and q of each pair on the other half."""
    from scipy.optimize import linear_sum_assignment
    from scipy.special import stdtr

    rows, columns = linear_sum_assignment(-(a[0].T @ b[0]))
    r = np.clip(np.einsum("nu,nu->u", a[1][:, rows], b[1][:, columns]), -1, 1)
    with np.errstate(divide="ignore"):
        t = r * np.sqrt(freedom / (1 - r**2))
    p = stdtr(freedom, -t)
    return rows, columns, r, p, benjamini_hochberg(p)


def _halves(labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows of two halves of each class, sorted."""
    first, second = list[np.ndarray](), list[np.ndarray]()
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        first.append(own[: len(own) // 2])
        second.append(own[len(own) // 2 :])
    return np.sort(np.concatenate(first)), np.sort(np.concatenate(second))


def _within(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A shuffle of rows that leaves each in its class."""
    order = np.arange(len(labels))
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        order[own] = rng.permutation(own)
    return order


def _centred(values: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Values less their class means, of unit length: their products are correlations."""
    x, own = values[rows].astype(np.float64), labels[rows]
    for label in np.unique(own):
        x[own == label] -= x[own == label].mean(0)
    length = np.sqrt((x**2).sum(0))
    return x / np.where(length > 0, length, 1.0)


def _varying(
    values: np.ndarray, labels: np.ndarray, chosen: np.ndarray, measured: np.ndarray
) -> np.ndarray:
    """Units that vary within classes on both halves; of many those that vary most."""
    spread = np.minimum(
        *(_spread(values[rows].astype(np.float64), labels[rows]) for rows in (chosen, measured))
    )
    kept = np.flatnonzero((spread > 0) & np.isfinite(spread))
    if len(kept) > _MOST:
        kept = np.sort(kept[np.argsort(-spread[kept], kind="stable")[:_MOST]])
    return kept


def _spread(x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    total = np.zeros(x.shape[1])
    for label in np.unique(labels):
        own = x[labels == label]
        deviations = own - own.mean(0)
        # what rounding leaves of a constant is no variation
        total += np.where(np.ptp(own, axis=0) > 0, (deviations**2).sum(0), 0.0)
    return total
