"""Sentences on removing one unit at a time: which unit a class needs most."""

from __future__ import annotations

import numpy as np

from holistic.lenses.ablation.schemas import RemovedUnit
from holistic.results.columns import Estimate
from holistic.results.tables import Table
from holistic.stats.order import ordered
from holistic.study.scores import SCORE_UNITS
from holistic.study.subject import Subject
from holistic.words import number

__all__ = ["how_needed", "unit_statement"]


def how_needed(above: float | None) -> str:
    """Say whether a class needs a unit to fire or to stay silent.

    >>> how_needed(0.3), how_needed(-0.3)
    ('firing', 'silent')
    """
    return "" if not above or np.isnan(above) else ("firing" if above > 0 else "silent")


def _ends(effect: Estimate) -> str:
    """Write the interval of an effect, or why there is none."""
    if effect.lo is None:
        return "(no interval: fewer than 3 examples carry it)"
    return f"[{number(effect.lo, '+#.3g')}, {number(effect.hi, '+#.3g')}]"


def unit_statement(subject: Subject, table: Table, chosen: Table, site: str) -> str:
    """Name the unit and class with the largest loss, compared with the site's ordinary unit."""
    rows, selection = table.where(site=site), chosen.where(site=site)
    classed = rows.column("class") != "all"
    bounded = classed & (rows.column("n") != 1)  # a class of one example has no interval
    classed = bounded if bounded.any() else classed
    worst = int(ordered(np.where(classed, selection.column("effect"), np.nan))[0])
    row = next(Table(rows.columns, rows.data.slice(worst, 1)).rows(RemovedUnit))
    peers = np.abs(rows.where(class_=row.class_).column("effect"))
    unit, needed = SCORE_UNITS[subject.score], how_needed(row.above)
    if row.effect.value == 0 and not row.effect.lo and not row.effect.hi:
        loss = (
            f"no example's {subject.score} changes by more than rounding without the unit that the "
            f"selection split says class {row.class_} needs most, unit {row.unit} "
            f"(n = {row.n})"
        )
    else:
        loss = (
            f"class {row.class_} needs unit {row.unit} most (as the selection split says)"
            f"{needed and f', {needed}'}: "
            f"without it the class's {subject.score} changes by "
            f"{number(row.effect.value, '+#.3g')} {unit} {_ends(row.effect)} (n = {row.n})"
        )
    significant = (rows.column("q") < 0.05).reshape(-1, len(subject.classes) + 1)
    return (
        f"Of the {len(significant)} units of site '{site}', {loss}, without the median unit by "
        f"{np.nanmedian(peers):.2g} either way. Accuracy changes significantly (q < 0.05) for "
        f"{int(significant[:, -1].sum())} units over all classes and for "
        f"{int(significant[:, :-1].any(1).sum())} on some class."
    )
