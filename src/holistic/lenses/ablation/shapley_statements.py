"""Sentences on shares in the score: the largest share, and how the ranking compares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from holistic.graph.sites import Site
from holistic.results.tables import Table
from holistic.stats.agreement import Spearman, spearman
from holistic.stats.means import Means
from holistic.study.scores import SCORE_UNITS
from holistic.study.subject import Subject
from holistic.words import number, percent

if TYPE_CHECKING:
    from holistic.lenses.ablation.shapley import Shares

__all__ = ["share_statement"]

_TOP = 10


def share_statement(subject: Subject, site: Site, found: Shares, rows: Table) -> str:
    """Name the unit with the largest share; compare with equal shares and the ranking by effect.

    What is largest is chosen on half of the groups and measured on the other half. `rows` are
    those of class `all`.
    """
    unit, groups = SCORE_UNITS[subject.score], found.groups[:, :, -1]  # [G, U]
    chosen, measured = groups[::2].mean(0), Means.of(groups[1::2].T)
    first, k = int(chosen.argmax()), max(1, min(_TOP, site.units // 2))
    largest = np.argsort(-chosen, kind="stable")[:k]
    lo, hi = measured[first].interval()
    each, total = float(measured.mean[first]), float(measured.mean.sum())
    top = float(measured.mean[largest].sum() / total) if total else float("nan")
    rank = spearman(rows.column("shapley"), -rows.column("effect"))
    return (
        f"Of the {site.units} units of site '{site.name}', unit {first} has the largest share "
        f"in the {subject.score} on one half of the examples; on the other half it is "
        f"{number(each, '+.3g')} {unit} [{number(lo, '+.3g')}, {number(hi, '+.3g')}] (equal "
        f"shares: {number(total / site.units, '+.2g')}; {found.orders // 2} orders, "
        f"n = {int(found.seen[-1]) // 2}); the {k} largest, chosen likewise, have "
        f"{percent(top, decimals=0)} of the sum of {number(total, '.3g')} (equal shares: "
        f"{percent(k / site.units, decimals=0)}). "
        f"{int((rows.column('q') < 0.05).sum())} units differ from zero (q < 0.05)."
        f" {_alike(rank)}"
    )


def _alike(rank: Spearman) -> str:
    """Say how far the shares rank the units as removing one alone does."""
    if np.isnan(rank.r):
        return "The ranking can't be compared with that of removing one unit alone: " + (
            f"{rank.n} units are too few." if rank.n < 4 else "one of them has ties only."
        )
    return (
        f"Rank agreement with removing one unit alone: {rank.r:z.2f} [{rank.lo:z.2f}, "
        f"{rank.hi:z.2f}] (n = {rank.n} units; interval over units)."
    )
