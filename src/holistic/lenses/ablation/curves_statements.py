"""Sentences on curves: how much of its accuracy a class keeps with a few top units alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from holistic.lenses.ablation._budget import between
from holistic.results.tables import Table
from holistic.stats.averages import mean_accuracy
from holistic.stats.control import band
from holistic.words import percent

__all__ = ["curve_statement", "with_examples"]

_FEW = 30
"""Examples of a class below which words say that they are few."""


def with_examples(rows: Table) -> Table:
    """Leave out classes without an example, of which nothing is measured."""
    return Table(rows.columns, rows.data.filter(rows.column("n") > 0))


def control_range(accuracies: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """Average classes' accuracies with control sets `[R]`, and between what 95 % of sets lie."""
    known = [own for own in accuracies if not np.isnan(own).any()]
    if not known:
        return np.nan, np.nan, np.nan
    mean = np.mean(known, axis=0)  # [R]
    lo, hi = band(mean)
    return float(mean.mean()), float(lo), float(hi)


def curve_statement(
    table: Table, size: int, sets: int, controls: Sequence[tuple[np.ndarray, np.ndarray]]
) -> str:
    """Say how much of the accuracies a few top units keep alone, compared with random ones."""
    site = table.column("site")[0]
    rows = with_examples(table.where(kind="keep_top", k=size))
    if not len(rows):
        return f"Site '{site}' has no examples to keep units for."
    n = rows.column("n")
    kept = percent(*mean_accuracy(rows.column("accuracy") * n, n))
    better, q = int((rows.column("random_q") < 0.05).sum()), rows.column("random_q")
    random, matched = (percent(*control_range([own[i] for own in controls])) for i in range(2))
    few = ": few, so read it with care" if n.min() < _FEW else ""
    beyond = (
        "which no class can be told from, since there is one such set"
        if np.isnan(q).all()
        else f"{better} of {len(rows)} classes keep more than random sets (q < 0.05)"
    )
    units = "unit" if size == 1 else f"{size} units"
    return (
        f"With the top {units} of site '{site}' for a class alone, the class's accuracy is "
        f"{kept} (mean over {len(rows)} classes, interval over images); with {sets} random sets of "
        f"as many it is {random} (95 % of the sets), with sets of like activation {matched}; "
        f"{beyond} (n = {between(n)} images each{few})."
    )
