"""What is told of replacing one unit, and what would an ordinary unit of its site have done?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from holistic.results.columns import col
from holistic.results.tables import Table
from holistic.stats.intervals import paired_accuracy_interval
from holistic.stats.tests import benjamini_hochberg

__all__ = ["UnitEffect", "effect_table"]


@dataclass(frozen=True)
class UnitEffect:
    """Row of a sweep: what replacing one unit does to one class."""

    site: str = col("site of the unit")
    unit: int = col("index of the unit in its site")
    class_: str = col("class of the examples; 'all' for every example", name="class")
    effect: float = col(
        "mean score after minus before; negative = the unit helps",
        unit="score",
        words="effect of removing it",
    )
    lo: float = col("lower end of the 95 % interval of the effect", unit="score")
    hi: float = col("upper end of the 95 % interval of the effect", unit="score")
    n: int = col("examples, each scored before and after", unit="examples")
    control_effect: float = col(
        "effect of the site's median unit on the class",
        unit="score",
        of="effect",
        words="control (the site's median unit)",
    )
    control_lo: float = col(
        "effect that 2.5 % of the site's units fall below",
        unit="score",
        words="95 % of the site's units",
    )
    control_hi: float = col("effect that 2.5 % of the site's units exceed", unit="score")
    kind: str = col(
        "'exact' = every example of the split was replayed, 'sample' = n of them, 'first order' = "
        "not replayed: gradient times change, with the error of like units as its interval",
        words="measured by",
    )
    accuracy_drop: float = col(
        "accuracy before minus after; positive = the unit helps",
        unit="share",
        words="accuracy lost without it",
    )
    accuracy_lo: float = col("lower end of its 95 % interval (Tango, paired)", unit="share")
    accuracy_hi: float = col("upper end of its 95 % interval (Tango, paired)", unit="share")
    lost: int = col(
        "examples that were right before and wrong after",
        unit="examples",
        of="accuracy_drop",
        words="right before and wrong after",
    )
    gained: int = col(
        "examples that were wrong before and right after",
        unit="examples",
        of="accuracy_drop",
        words="wrong before and right after",
    )
    p: float = col(
        "exact two-sided McNemar p of lost against gained",
        of="accuracy_drop",
        words="p (exact McNemar, two-sided)",
    )
    q: float = col(
        "Benjamini-Hochberg q over all sites, units and classes",
        of="accuracy_drop",
        words="q over all sites, units and classes",
    )


def effect_table(columns: Mapping[str, Any], *, classes: int) -> Table:
    """Build `UnitEffect` rows, adding what follows from the other columns.

    That is q, the interval of the change of accuracy, and what an ordinary unit of the same site
    does.

    Parameters
    ----------
    columns
        All other columns; sites, and in them units, lie one after the other.
    classes
        Rows of each unit.
    """
    effect = np.asarray(columns["effect"]).reshape(-1, classes)  # [all units, C]
    sites = np.asarray(columns["site"])[::classes]
    marks = np.empty((3, *effect.shape))
    for site in dict.fromkeys(sites):
        own = sites == site
        marks[:, own] = np.quantile(effect[own], (0.5, 0.025, 0.975), axis=0)[:, None]
    names = ("control_effect", "control_lo", "control_hi")
    more = dict(zip(names, marks.reshape(3, -1), strict=True))
    flips = np.stack([columns[name] for name in ("lost", "gained", "n")])
    # most units flip as many examples as some other unit does
    few, where = np.unique(flips, axis=1, return_inverse=True)
    least, most = paired_accuracy_interval(*few)
    more |= {"accuracy_lo": -most[where], "accuracy_hi": -least[where]}
    return Table.build(UnitEffect, {**columns, **more, "q": benjamini_hochberg(columns["p"])})
