"""What controls give: their mean, what 95 % of them lie between, and a number's p among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from holistic.stats.tests import Alternative, permutation_p

__all__ = ["Control", "band", "finite_control", "middle"]

_ENDS = (0.025, 0.975)


@dataclass(frozen=True)
class Control:
    """The mean of a control, what 95 % of its draws lie between, and a number's p among them.

    Attributes
    ----------
    mean, lo, hi, p
        Of the shape of one draw.
    """

    mean: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    p: np.ndarray

    @classmethod
    def of(
        cls,
        draws: ArrayLike,
        observed: ArrayLike,
        *,
        axis: int = 0,
        alternative: Alternative = "greater",
    ) -> Control:
        """Summarise draws and place the observed number among them.

        Parameters
        ----------
        draws
            What B controls give, along an axis of it.
        observed
            What is compared with them; broadcasts to the shape of one draw.
        axis
            The axis of the draws.
        alternative
            Which draws count against the observed number (see `permutation_p`).
        """
        draws = np.asarray(draws, np.float64)
        p = permutation_p(observed, np.moveaxis(draws, axis, 0), alternative=alternative)
        lo, hi = band(draws, axis)
        return cls(draws.mean(axis) if draws.shape[axis] else lo, lo, hi, p)


def band(
    draws: ArrayLike,
    axis: int = 0,
    *,
    method: Literal["linear", "nearest", "inverted_cdf"] = "linear",
) -> np.ndarray:
    """Return the ends of what 95 % of draws lie between, `[2, …]`; NaN of no draws.

    >>> band(np.arange(41.0)).tolist()
    [1.0, 39.0]
    """
    draws = np.asarray(draws)
    if draws.shape[axis] == 0:
        return np.full((2, *np.delete(draws.shape, axis)), np.nan)
    return np.quantile(draws, _ENDS, axis=axis, method=method)


def middle(draws: ArrayLike, axis: int = 0) -> np.ndarray:
    """Return the median of draws and the ends of what 95 % of them lie between, `[3, …]`.

    NaN of no draws.
    """
    draws = np.asarray(draws)
    if draws.shape[axis] == 0:
        return np.full((3, *np.delete(draws.shape, axis)), np.nan)
    return np.quantile(draws, (0.5, *_ENDS), axis=axis)


def finite_control(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean and `band` of the finite ones among draws `[B, …]`; NaN where none is."""
    none = ~np.isfinite(draws).any(0)
    lo, hi = np.nanquantile(np.where(none, 0.0, draws), _ENDS, axis=0)
    mean = np.ma.masked_invalid(draws).mean(0).filled(np.nan)
    return mean, np.where(none, np.nan, lo), np.where(none, np.nan, hi)
