"""What is told of replacing one unit, and what would an ordinary unit of its site have done?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from holistic.stats.tests import benjamini_hochberg
from holistic.tables import Table, col

__all__ = ["UnitEffect", "effect_table"]


@dataclass(frozen=True)
class UnitEffect:
    """Row of a sweep: what replacing one unit does to one class."""

    site: str = col("site of the unit")
    unit: int = col("index of the unit in its site")
    class_: str = col("class of the examples; 'all' for every example", name="class")
    effect: float = col("mean score after minus before; negative = the unit helps", unit="score")
    lo: float = col("lower end of the 95 % interval of the effect", unit="score")
    hi: float = col("upper end of the 95 % interval of the effect", unit="score")
    n: int = col("examples, each scored before and after", unit="examples")
    control_effect: float = col("effect of the site's median unit on the class", unit="score")
    control_lo: float = col("effect that 2.5 % of the site's units fall below", unit="score")
    control_hi: float = col("effect that 2.5 % of the site's units exceed", unit="score")
    kind: str = col(
        "'exact' = every example of the split was replayed, 'sample' = n of them, 'first order' = "
        "not replayed: gradient times change, with the error of like units as its interval"
    )
    accuracy_drop: float = col(
        "accuracy before minus after; positive = the unit helps", unit="share"
    )
    lost: int = col("examples that were right before and wrong after", unit="examples")
    gained: int = col("examples that were wrong before and right after", unit="examples")
    p: float = col("exact two-sided McNemar p of lost against gained")
    q: float = col("Benjamini-Hochberg q over all sites, units and classes")


def effect_table(columns: Mapping[str, Any], *, classes: int) -> Table:
    """Build `UnitEffect` rows, adding q and what an ordinary unit of the same site does.

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
    controls = dict(zip(names, marks.reshape(3, -1), strict=True))
    return Table.build(UnitEffect, {**columns, **controls, "q": benjamini_hochberg(columns["p"])})
