"""What does each class lose when one unit is removed?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import rankdata

from holistic.lenses.ablation import Ablation, schemas
from holistic.lenses.ablation._rankings import above_replacement, mean_activations
from holistic.lenses.ablation.schemas import RemovedUnit
from holistic.progress import Progress
from holistic.replacing import affordable_sweep
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.order import ordered
from holistic.study.scores import SCORE_UNITS
from holistic.study.subject import Subject
from holistic.words import number, unbounded

__all__ = ["how_needed", "remove_units"]


def remove_units(subject: Subject, lens: Ablation, chosen: Table, progress: Progress) -> Finding:
    """Sweep every hidden unit over the evaluation split and say what stands out.

    `chosen` is the same sweep over the selection split: it decides which units are spoken of.
    """
    allowed = float("inf") if lens.exact else lens.operations
    table, notes = affordable_sweep(subject, lens.edit, operations=allowed, progress=progress)
    columns = {name: table.column(name) for name in table.names}
    more = {"rank": _ranks(subject, chosen), "above": _above(subject, lens)}
    table = Table.build(RemovedUnit, {**columns, **more})
    seen = table.column("n") > 0
    statements = [_site_line(subject, table, chosen, site.name) for site in subject.hidden_sites]
    return Finding(
        schemas.UNITS,
        table,
        tuple(statements),
        caveats=(
            *notes,
            *unbounded(
                int((np.isnan(table.column("lo")) & seen).sum()), int(seen.sum()), "effects"
            ),
            f"A removed unit holds its {_EDIT_WORDS[lens.edit]}; other replacements give other "
            "effects.",
            "An effect is conditional on all other units being in place: units that stand in for "
            "each other look harmless one at a time (see ablation.interactions).",
            "A class needs a unit firing if it is more active there than what it holds once "
            "removed, and silent if it is less active: removing it then raises it.",
        ),
    )


_EDIT_WORDS = {
    "mean": "class-balanced mean over the selection split",
    "zero": "value zero",
    "resample": "values on random examples of the selection split",
    "optimal": "optimal constant on the selection split",
}


def _ranks(subject: Subject, chosen: Table) -> np.ndarray:
    """Place of each row's unit among all units for the row's class, `[units · (C + 1)]`."""
    effects = chosen.column("effect").reshape(-1, len(subject.classes) + 1)
    return rankdata(effects, method="ordinal", axis=0, nan_policy="omit").reshape(-1)


def _above(subject: Subject, lens: Ablation) -> np.ndarray:
    """How far each unit's activation lies above its replacement's, `[units · (C + 1)]`."""
    parts = [
        above_replacement(subject, site, mean_activations(subject, site), lens.edit).T.reshape(-1)
        for site in subject.hidden_sites
    ]
    return np.concatenate(parts)


def how_needed(above: float | None) -> str:
    """Say whether a class needs a unit to fire or to stay silent.

    >>> how_needed(0.3), how_needed(-0.3)
    ('firing', 'silent')
    """
    return "" if not above or np.isnan(above) else ("firing" if above > 0 else "silent")


def _ends(row: Mapping[str, Any]) -> str:
    """Write the interval of an effect, or why there is none."""
    if row["lo"] is None:
        return "(no interval: fewer than 3 examples carry it)"
    return f"[{number(row['lo'], '+#.3g')}, {number(row['hi'], '+#.3g')}]"


def _site_line(subject: Subject, table: Table, chosen: Table, site: str) -> str:
    """Name the unit and class with the largest loss, beside the site's ordinary unit."""
    rows, selection = table.where(site=site), chosen.where(site=site)
    classed = rows.column("class") != "all"
    bounded = classed & (rows.column("n") != 1)  # a class of one example has no interval
    classed = bounded if bounded.any() else classed
    worst = int(ordered(np.where(classed, selection.column("effect"), np.nan))[0])
    row = next(iter(Table(rows.columns, rows.data.slice(worst, 1)).rows()))
    peers = np.abs(rows.where(class_=row["class"]).column("effect"))
    unit, needed = SCORE_UNITS[subject.score], how_needed(row["above"])
    if row["effect"] == 0 and not row["lo"] and not row["hi"]:
        said = (
            f"no example's {subject.score} changes by more than rounding without the unit that the "
            f"selection split says class {row['class']} needs most, unit {row['unit']} "
            f"(n = {row['n']})"
        )
    else:
        said = (
            f"class {row['class']} needs unit {row['unit']} most (as the selection split says)"
            f"{needed and f', {needed}'}: "
            f"without it the class's {subject.score} changes by {number(row['effect'], '+#.3g')} "
            f"{unit} {_ends(row)} (n = {row['n']})"
        )
    significant = (rows.column("q") < 0.05).reshape(-1, len(subject.classes) + 1)
    return (
        f"Of the {len(significant)} units of site '{site}', {said}, without the median unit by "
        f"{np.nanmedian(peers):.2g} either way. Accuracy changes significantly (q < 0.05) for "
        f"{int(significant[:, -1].sum())} units over all classes and for "
        f"{int(significant[:, :-1].any(1).sum())} on some class."
    )
