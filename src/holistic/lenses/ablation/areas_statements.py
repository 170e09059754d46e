"""Sentences on whole curves: how far they lie from random orders, and what is halved first."""

from __future__ import annotations

from collections.abc import Mapping

from holistic.lenses.ablation._budget import between
from holistic.lenses.ablation.areas import MEASURED
from holistic.lenses.ablation.curves_statements import with_examples
from holistic.lenses.ablation.schemas import CurveArea
from holistic.results.tables import Table
from holistic.stats.averages import mean_of_means
from holistic.stats.means import Means
from holistic.words import number

__all__ = ["area_statement"]


def area_statement(table: Table, site: str, sets: int, areas: Mapping[str, Means]) -> str:
    """Say how far each kind of curve is from random orders, and name the quickest halving.

    `areas` has the moments `[C]` of each kind's areas.
    """
    rows = with_examples(table.where(site=site))
    parts = list[str]()
    for kind, words in zip(MEASURED, ("removing top", "keeping top"), strict=True):
        own, each = rows.where(kind=kind), areas[kind]
        beyond = int((own.column("q") < 0.05).sum())
        mean, lo, hi = (
            100 * end for end in mean_of_means(each.mean, each.m2, each.count, limits=(-1, 1))
        )
        parts.append(
            f"{words} units {number(mean, '+.1f')} % [{number(lo, '+.1f')}, {number(hi, '+.1f')}] "
            f"({beyond} of {len(own)} at q < 0.05)"
        )
    n = rows.where(kind="remove_top").column("n").astype(int)
    line = (
        f"Site '{site}', on {between(n)} examples of each class (n = {n.sum()}), mean over "
        f"classes of the area between curve and {sets} random orders (intervals over images): "
        f"{', '.join(parts)}"
    )
    halved = (r for r in rows.where(kind="remove_top").sort("half").rows(CurveArea) if r.half.value)
    for first in halved:
        half = first.half
        line += (
            f"; of them class {first.class_} is halved first, by {_units(half.value)} units "
            f"[{_units(half.lo)}, {_units(half.hi)}] (random: {_units(half.control)})"
        )
        break
    return line + "."


def _units(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f}"
