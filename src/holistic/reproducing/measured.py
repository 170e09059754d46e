"""One number of one training, as a line of the origin needs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from holistic.stats.control import band

__all__ = ["Measured", "Role", "against", "jackknife_error"]

_GROUPS = 10

Role = Literal["main", "also", "remark"]
"""What a number is to its line: without `main` there is nothing to it, `also` is needed for all of
it, and a `remark` decides nothing."""


@dataclass(frozen=True)
class Measured:
    """A number that is the larger, the more it speaks for a line, and its control.

    Attributes
    ----------
    line, way, aspect
        What it is: the line, one of the ways that it can be understood, one side of it.
    role
        What it is to its line.
    unit
        `share`, `points` (a share that is lost or gained), what is counted, or a word; empty for a
        number without unit.
    value, error
        The number, and its standard error from the examples; NaN where that isn't known.
    n
        Examples.
    control, control_lo, control_hi
        Mean of what should show nothing, and what 95 % of it lie between.
    beats
        Whether the number is beyond its control in this training.
    """

    line: str
    way: str
    aspect: str
    role: Role
    unit: str
    value: float
    error: float
    n: int
    control: float
    control_lo: float
    control_hi: float
    beats: bool


def against(
    name: tuple[str, str, str],
    measured: tuple[float, float, int],
    draws: ArrayLike,
    *,
    unit: str = "",
    role: Role = "main",
    only: bool = True,
) -> Measured:
    """Set a number beside the draws of its control: it beats them if it exceeds 97.5 % of them.

    Parameters
    ----------
    name
        Line, way and aspect.
    measured
        Value, standard error and examples.
    draws
        What the control gives, one number a draw.
    unit, role
        Its unit, and what it is to its line.
    only
        A further condition without which it doesn't count as beyond its control.
    """
    value, error, n = measured
    found = np.asarray(draws, np.float64)
    found = found[np.isfinite(found)]
    lo, hi = band(found)
    mean = float(found.mean()) if len(found) else float("nan")
    beats = bool(only and value > hi)
    return Measured(
        *name, role, unit, float(value), float(error), int(n), mean, float(lo), float(hi), beats
    )


def jackknife_error(without: Callable[[np.ndarray], ArrayLike], n: int, seed: int) -> np.ndarray:
    """Estimate standard errors by leaving out a tenth of the examples at a time.

    Parameters
    ----------
    without
        Takes the rows of the examples that go, and returns numbers of any shape.
    n
        Number of examples.
    seed
        Decides the groups.

    References
    ----------
    Efron & Tibshirani 1993, An introduction to the bootstrap, ch. 11.
    """
    order = np.random.default_rng(seed).permutation(n)
    groups = min(_GROUPS, n)
    left = [np.asarray(without(np.sort(order[g::groups])), np.float64) for g in range(groups)]
    return np.sqrt((groups - 1) * np.stack(left).var(0))
