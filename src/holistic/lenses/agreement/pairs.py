"""How far do two lenses agree over the classes of a site, and how sure is that?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from holistic.stats.intervals import midranks
from holistic.stats.tests import permutation_p

__all__ = ["Compared", "correlated", "over_classes", "over_images", "resampled"]

_DRAWS = 100
"""Resamples of a site's units."""
_ONE = 1 - 1e-9


@dataclass(frozen=True)
class Compared:
    """One comparison: its row, the correlations of shuffled units `[S]`, and those drawn again.

    `again` `[D]` are of images drawn again where the row's interval is over images, else of units.
    """

    row: dict[str, Any]
    null: np.ndarray
    again: np.ndarray


def correlated(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the rank correlations of two ratings of the same units, row by row of `[D, U]`: `[D]`.

    NaN where a side is constant or holds a number that isn't finite.
    """
    if a.shape[1] < 4:
        return np.full(len(a), np.nan)
    known = np.asarray((np.isfinite(a) & np.isfinite(b)).all(1))
    x, y = (midranks(np.where(known[:, None], side, 0.0).T) for side in (a, b))
    x, y = x - x.mean(0), y - y.mean(0)
    scale = np.sqrt((x**2).sum(0) * (y**2).sum(0))
    usable = known & (scale > 0)
    return np.where(usable, (x * y).sum(0) / np.where(usable, scale, 1.0), np.nan)


def resampled(a: np.ndarray, b: np.ndarray, seed: int) -> np.ndarray:
    """Return the rank correlations of units drawn again from the units of a site, `[D]`."""
    drawn = np.random.default_rng([seed, len(a)]).integers(0, max(len(a), 1), (_DRAWS, len(a)))
    return correlated(a[drawn], b[drawn])


def over_images(value: float, drawn: np.ndarray) -> tuple[float, float]:
    """Bound a rank correlation, or a median of some, by its values on images drawn again, `[D]`.

    Ratings of few images are noisy, and noise draws rank correlations towards 0: drawn again they
    are noisier once more by about as much. Bounds on Fisher's scale reach from the lower to the
    higher of those around the value and those around it with that loss given back: the first are
    too low for few images, the second rest on an estimate that is noisy itself.

    References
    ----------
    Efron & Tibshirani 1993, sect. 10.2 (the bootstrap's estimate of bias); Fisher 1921.
    """
    from scipy.special import stdtrit

    known = drawn[np.isfinite(drawn)]
    if len(known) < len(drawn) or len(known) < 2 or not np.isfinite(value):
        return float("nan"), float("nan")
    z, own = np.arctanh(np.clip(known, -_ONE, _ONE)), np.arctanh(np.clip(value, -_ONE, _ONE))
    ends = np.sort([own, 2 * own - z.mean()])
    half = stdtrit(len(z) - 1, 0.975) * z.std(ddof=1)
    if half == 0:
        return float("nan"), float("nan")
    return float(np.tanh(ends[0] - half)), float(np.tanh(ends[1] + half))


def over_classes(found: Sequence[Compared]) -> dict[str, Any]:
    """Columns of the median over the classes in which both lenses rank units."""
    names = ("median", "lo", "hi", "least", "most", "control_lo", "control_hi", "p")
    known = [one for one in found if np.isfinite(one.row["spearman"])]
    row: dict[str, Any] = dict.fromkeys(names, float("nan"))
    row |= {"interval_over": "units", "classes": len(known)}
    row["n"] = max((one.row["n"] for one in found), default=0)
    if not known:
        return row
    values = np.array([one.row["spearman"] for one in known])
    median = float(np.median(values))
    images = all(one.row["interval_over"] == "images" for one in known)
    again = [one.again for one in known]
    if len({len(draws) for draws in again}) == 1:
        row["lo"], row["hi"] = over_images(median, np.median(np.stack(again), 0))
    # classes with other units that are known have other shuffles
    null = [one.null for one in known if one.row["n"] == row["n"]]
    medians = np.median(np.stack(null), 0)
    row["control_lo"], row["control_hi"] = map(float, np.quantile(medians, [0.025, 0.975]))
    p = float(permutation_p(median, medians, alternative="two-sided"))
    row |= {"median": median, "least": float(values.min()), "most": float(values.max())}
    return row | {"interval_over": "images" if images else "units", "p": p}
