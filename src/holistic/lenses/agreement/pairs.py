"""Sums up over the classes how far two lenses rank a site's units alike, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from holistic.lenses.agreement.schemas import LensPair, OverClasses
from holistic.results.columns import Estimate
from holistic.stats.agreement import fisher
from holistic.stats.control import Control
from holistic.stats.intervals import midranks

__all__ = [
    "Compared",
    "against_shuffled",
    "correlated",
    "over_classes",
    "over_images",
    "resampled",
]

_DRAWS = 100
"""Resamples of a site's units."""
_NOTHING = 1e-9
"""Spread of what is the same in every draw, but for rounding."""
_LOST = 0.5, 1.5
"""Between which a correlation may lie beside the same with twice the noise: near 0 any is found."""


@dataclass(frozen=True)
class Compared:
    """One comparison of two lenses, with what its interval and its control rest on.

    Attributes
    ----------
    row
        Its row, still without q.
    r
        The rank correlation; NaN where there is none.
    null
        `[S]`, those of shuffled units.
    again
        `[D]`, those of images drawn again where the row's interval is over images, else of units.
    """

    row: LensPair
    r: float
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


def over_images(values: np.ndarray, drawn: np.ndarray, *, units: int) -> tuple[float, float]:
    """Bound the median of rank correlations by their values on images drawn again.

    Ratings of few images are noisy, and noise draws correlations towards 0: by a factor whose
    reciprocal grows with the noise, so that images drawn again, with twice the noise, say what the
    noise alone has cost. Bounds on Fisher's scale reach from the lower to the higher of those
    around the median and those around the median of the correlations with that loss given back, to
    each its own: the first are too low for few images, the second rest on estimates that are noisy
    themselves.

    Parameters
    ----------
    values
        `[K]`, one of each class; of a single one the median is itself.
    drawn
        `[K, D]`, the same on images drawn again.
    units
        How many are ranked: of few no correlation lies between 1 and some way below.

    References
    ----------
    Spearman 1904 (attenuation by noise); Efron & Tibshirani 1993, sect. 10.2; Fisher 1921.
    """
    from scipy.special import stdtrit

    if not (np.isfinite(drawn).all() and np.isfinite(values).all()) or drawn.shape[1] < 2:
        return float("nan"), float("nan")
    z, middle = fisher(drawn, units), float(np.median(values))
    given_back = fisher(_without_noise(values, np.tanh(z.mean(1))), units)
    ends = np.sort([fisher(middle, units), np.median(given_back)])
    again = np.median(z - z.mean(1, keepdims=True) + given_back[:, None], 0)
    half = stdtrit(z.shape[1] - 1, 0.975) * again.std(ddof=1)
    if half < _NOTHING:
        return float("nan"), float("nan")
    low, high = np.tanh(ends + np.array([-half, half]))
    return min(float(low), middle), max(float(high), middle)


def _without_noise(once: np.ndarray, twice: np.ndarray) -> np.ndarray:
    """Return correlations without the noise that is in `once`, and twice in `twice`.

    1 / r grows in step with the noise: 1 / r(0) = 2 / r(1) - 1 / r(2). None is more than doubled.
    """
    lost = np.divide(once, twice, out=np.ones_like(once), where=twice != 0)
    return once / (2 - np.clip(lost, *_LOST))


def against_shuffled(value: float, ends: tuple[float, float], null: np.ndarray) -> Estimate:
    """Put a rank correlation and its interval beside those of shuffled units, `[S]`."""
    control = Control.of(null, value, alternative="two-sided")
    lo, hi, p = map(float, (control.lo, control.hi, control.p))
    return Estimate(value, *ends, control_lo=lo, control_hi=hi, p=p)


def over_classes(found: Sequence[Compared]) -> OverClasses:
    """Return the median over the classes in which both lenses rank units, still without q."""
    known = [one for one in found if np.isfinite(one.r)]
    first, most_units = found[0].row, max(one.row.n for one in found)
    images = bool(known) and all(one.row.interval_over == "images" for one in known)
    values = np.array([one.r for one in known])
    return OverClasses(
        site=first.site,
        lens_a=first.lens_a,
        lens_b=first.lens_b,
        median=_median(known, most_units) if known else Estimate(None),
        interval_over="images" if images else "units",
        n=most_units,
        classes=len(known),
        least=float(values.min()) if known else float("nan"),
        most=float(values.max()) if known else float("nan"),
    )


def _median(known: Sequence[Compared], most_units: int) -> Estimate:
    values, ends = np.array([one.r for one in known]), (float("nan"), float("nan"))
    again = [one.again for one in known]
    if len({len(draws) for draws in again}) == 1:
        ends = over_images(values, np.stack(again), units=most_units)
    # classes with other units that are known have other shuffles
    null = np.stack([one.null for one in known if one.row.n == most_units])
    return against_shuffled(float(np.median(values)), ends, np.median(null, 0))
