"""Sentences on removing sets of units: what each class loses, where it loses most first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import comb

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses.ablation._site_losses import HEADLINE
from holistic.lenses.ablation.reach import limit_of
from holistic.lenses.ablation.schemas import TopK
from holistic.results.columns import Estimate
from holistic.results.tables import Table
from holistic.stats.tests import p_of_count
from holistic.words import number, percent

__all__ = ["floors", "headlines", "matched_floors"]

_LINES = 10
_OTHER = "class_minus_rest"
_LEVEL = 0.05


def headlines(table: Table) -> tuple[str, ...]:
    """Say what every class loses at the site where the selection split says that it loses most.

    Where there are many classes, only those that lose most are told.
    """
    others = table.where(ranking=_OTHER)
    pairs = [
        (row, next(others.where(site=row.site, class_=row.class_, k=row.k).rows(TopK)))
        for row in table.where(rank=1).rows(TopK)
        if row.class_n
    ]
    pairs.sort(key=lambda pair: -(pair[0].class_drop.value or 0.0))
    lines = [_class_line(row, other) for row, other in pairs[:_LINES]]
    lines = [line[0].upper() + line[1:] for line in lines]
    if lines:
        row, other = pairs[0]
        lines[0] = (
            f"Of {len(pairs)} classes, each without its top units of the site that the selection "
            f"split chose for it, class {row.class_} loses most on these examples: "
            f"{_class_line(row, other)}"
        )
    return tuple(lines)


def _class_line(row: TopK, other: TopK) -> str:
    drop = row.class_drop
    line = (
        f"without its top {row.k} units of site '{row.site}' (ranked by effect; {_needed(row)}) "
        f"the accuracy of class {row.class_} goes from {percent(row.class_accuracy_before.value)} "
        f"to {_after(row, drop)} (n = {row.class_n}), ranked by class minus rest to "
        f"{_after(other, other.class_drop)}"
    )
    if drop.p is not None and row.least_p is not None:
        every = row.sets * row.least_p >= 1 - 1e-9
        control = Estimate(drop.control, drop.control_lo, drop.control_hi)
        line += (
            f"; {'all ' if every else ''}{row.sets} {'' if every else 'random '}sets of {row.k}: "
            f"{_after(row, control)}, p = {drop.p:.2g}, q = {number(drop.q, '.2g')}"
        )
    if row.class_matched_p is not None:
        matched = Estimate(row.class_matched_drop, row.class_matched_lo, row.class_matched_hi)
        line += (
            f"; {row.class_matched_sets} sets of like activation: {_after(row, matched)}, "
            f"p = {row.class_matched_p:.2g}, q = {number(row.class_matched_q, '.2g')}"
        )
    return line + "".join(_doubt(drop)) + "."


def _doubt(drop: Estimate) -> Iterator[str]:
    """Say plainly where the two ways to be sure disagree."""
    if drop.q is not None and drop.q < 0.05 and drop.lo is not None and drop.lo <= 0:
        yield (
            "; more than random sets cost, and yet on other images of the class the loss may be "
            "none, since its interval holds 0"
        )


def _needed(row: TopK) -> str:
    """Say how many of the units fire on the class, and how many it needs silent."""
    fires, k = row.firing, row.k
    if fires in (0, k):
        return f"{'it' if k == 1 else 'all'} {'firing on it' if fires else 'silent on it'}"
    return f"{fires} firing on it, {k - fires} silent"


def _after(row: TopK, drop: Estimate) -> str:
    """Accuracy after a drop with its interval, or over control sets with their 95 % range."""
    before = row.class_accuracy_before.value
    return percent(
        *(
            None if before is None or end is None else min(max(before - end, 0.0), 1.0)
            for end in (drop.value, drop.hi, drop.lo)
        )
    )


def matched_floors(table: Table) -> Iterator[str]:
    """Say how small p among sets of like activation can be where few of them exist."""
    named = table.where(ranking=HEADLINE)
    for k in map(int, np.unique(named.column("k"))):
        rows = named.where(k=k)
        sets = rows.column("class_matched_sets")[~np.isnan(rows.column("class_matched_p"))]
        if len(sets) and (floor := float(p_of_count(0, sets.max()))) >= _LEVEL:
            yield (
                f"Of {k} unit{'s' * (k != 1)} at most {sets.max()} sets of like activation "
                f"exist, so p among them is at least {floor:.2g} and none can be significant."
            )


def floors(table: Table, sites: Sequence[Site]) -> Iterator[str]:
    """Say how small p and q can be at the sizes that are spoken of."""
    yield (
        "q is over sites and classes, for each k and ranking by itself. It holds for a k that was "
        "fixed before looking, as the k that is spoken of was; of whole curves `ablation.areas` "
        "tells."
    )
    for k in sorted({int(k) for k in table.column("k")[~np.isnan(table.column("rank"))]}):
        rows = table.where(k=k, ranking=HEADLINE)
        named = [site for site in sites if len(rows.where(site=site.name))]
        for site in named:
            limit = limit_of(rows, site.name, comb(site.units, k))
            if limit is None:
                continue
            few = f" ({limit.exist} such sets exist)" if limit.every else ""
            enough = f"; with `sets` of {limit.wanted} one can" if limit.wanted else ""
            none = f": none can be significant alone{enough}" if limit.alone >= _LEVEL else ""
            yield (
                f"Site '{site.name}', k = {k}: p is at least {limit.p:.2g}{few}, and with "
                f"{limit.tests} tests the q of one class alone at least {limit.alone:.2g}{none}."
            )
