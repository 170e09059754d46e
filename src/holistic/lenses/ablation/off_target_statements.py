"""Sentences on off-target effects: what classes lose by their own units and by others'."""

from __future__ import annotations

import numpy as np

from holistic.lenses.ablation.schemas import OffTarget
from holistic.results.tables import Table
from holistic.stats.averages import mean_drop
from holistic.words import number

__all__ = ["describe_off_target"]


def describe_off_target(rows: Table, sets: int) -> str:
    """Compare what classes lose by their own units and by others', and name the worst other."""
    own = rows.column("removed_for") == rows.column("class")
    first, side = next(rows.head(1).rows(OffTarget)), int(own.sum())
    lost, gained, n = (rows.column(c).reshape(side, -1) for c in ("lost", "gained", "n"))
    usual = rows.column("control_drop").reshape(side, -1)[0]
    apart = ~np.eye(side, dtype=bool)
    # the images of a class are the same ones in all removals for others
    down, up = (np.where(apart, v, 0).sum(0) / max(side - 1, 1) for v in (lost, gained))
    n = n[0]
    other = mean_drop(down, up, n) if side > 1 else (np.nan, np.nan, np.nan)
    line = (
        f"Without the top {first.k} units of site '{first.site}' for a class, it loses "
        f"{_points(mean_drop(lost.diagonal(), gained.diagonal(), n))} points of accuracy on "
        f"average over {(n > 0).sum()} classes, another class {_points(other)} (intervals over "
        f"images), and without a random set (mean of {sets}) {100 * np.nanmean(usual):z.1f}"
    )
    others = Table(rows.columns, rows.data.filter(~own)).sort("drop", descending=True)
    for row in others.head(1).rows(OffTarget):
        if row.drop.value is not None:
            line += (
                f"; the largest off-target effect of {len(others)} is that of class {row.class_} "
                f"without the units of class {row.removed_for}: {_point(row.drop.value)} points "
                f"[{_point(row.drop.lo)}, {_point(row.drop.hi)}], "
                f"q = {number(row.drop.q, '.2g')}, n = {row.drop.n}"
            )
    return line + "."


def _points(bounded: tuple[float, float, float]) -> str:
    """Write a share and its interval in points of accuracy."""
    mean, lo, hi = map(_point, bounded)
    return f"{mean} [{lo}, {hi}]"


def _point(share: float | None) -> str:
    return number(None if share is None else 100 * share, "z.1f")
