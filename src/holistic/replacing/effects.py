"""Completes the rows of a sweep: the control of ordinary units, intervals and q."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from holistic.results.tables import Table
from holistic.results.unit_effect import UnitEffect
from holistic.stats.control import middle
from holistic.stats.intervals import paired_accuracy_interval
from holistic.stats.tests import benjamini_hochberg

__all__ = ["effect_table"]


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
    ordinary = np.empty((3, *effect.shape))  # median and 95 % of the units of a site
    for site in dict.fromkeys(sites):
        own = sites == site
        ordinary[:, own] = middle(effect[own])[:, None]
    names = ("control_effect", "control_lo", "control_hi")
    more = dict(zip(names, ordinary.reshape(3, -1), strict=True))
    flips = np.stack([columns[name] for name in ("lost", "gained", "n")])
    # most units flip as many examples as some other unit does
    few, where = np.unique(flips, axis=1, return_inverse=True)
    least, most = paired_accuracy_interval(*few)
    more |= {"accuracy_lo": -most[where], "accuracy_hi": -least[where]}
    return Table.build(UnitEffect, {**columns, **more, "q": benjamini_hochberg(columns["p"])})
