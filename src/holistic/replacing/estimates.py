"""Rows of what `top_units` finds: each unit's estimated effect, and how good estimates are."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, ends, estimate, key
from holistic.results.tables import Table

__all__ = ["Estimates", "Quality", "RacedUnit"]


@dataclass(frozen=True)
class RacedUnit:
    """Row of a race: what replacing one unit does, as far as it was measured."""

    site: str = key("site of the unit")
    unit: int = key("index of the unit in its site")
    effect: Estimate = estimate(
        "estimate of the mean score after minus before over the evaluation split",
        unit="score",
        words="effect of removing it",
        prefix="",
        parts="lo hi n",
        meanings={
            "lo": "lower end of the interval of the effect, simultaneous over all units",
            "hi": "upper end of the interval of the effect, simultaneous over all units",
            "n": "examples on which the unit was replaced; 0 = first order only",
        },
        worse=-1,
        signed=True,
    )
    first_order: float = col(
        "gradient times change, from one backward pass",
        unit="score",
        words="effect by one gradient",
    )
    rank: str = col("'top' = among the k that help most, 'rest', or 'screened' = not raced")
    exact: bool = col("whether the unit was replaced on every evaluation example")


@dataclass(frozen=True)
class Quality:
    """Row of how far the estimates can be trusted."""

    metric: str = key("what is measured")
    value: Estimate = estimate(
        "its value",
        prefix="",
        meanings=ends(", NaN without one"),
    )
    n: int = col("units that it was measured on", unit="units", role="n")


@dataclass(frozen=True)
class Estimates:
    """What `top_units` found.

    Attributes
    ----------
    table
        `RacedUnit` rows, one for each unit.
    quality
        `Quality` rows.
    cost
        Replays of one unit on one example, as a share of what the exact sweep takes.
    """

    table: Table
    quality: Table
    cost: float
