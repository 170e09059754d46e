"""What does each class lose when one unit is removed?"""

from __future__ import annotations

import numpy as np

from holistic.findings import Finding, Table
from holistic.lenses.ablation import Ablation
from holistic.progress import Progress
from holistic.scores import SCORE_UNITS
from holistic.subject import Subject
from holistic.sweeps import sweep

__all__ = ["remove_units"]


def remove_units(subject: Subject, lens: Ablation, progress: Progress) -> Finding:
    """Sweep every hidden unit over the evaluation split and say what stands out."""
    table = sweep(subject, edit=lens.edit, progress=progress)
    statements = [_site_statement(subject, table, site.name) for site in subject.hidden_sites]
    return Finding(
        "ablation.units",
        table,
        tuple(statements),
        caveats=(
            f"A removed unit holds its {_EDIT_WORDS[lens.edit]}; other replacements give other "
            "effects.",
            "An effect is conditional on all other units being in place: units that stand in for "
            "each other look harmless one at a time (see ablation.interactions).",
        ),
    )


_EDIT_WORDS = {
    "mean": "class-balanced mean over the selection split",
    "zero": "value zero",
    "resample": "values on random examples of the selection split",
}


def _site_statement(subject: Subject, table: Table, site: str) -> str:
    """Name the unit and class with the largest loss, beside the site's ordinary unit."""
    rows = table.where(site=site)
    classed = rows.column("class") != "all"
    effects = np.where(classed, rows.column("effect"), np.nan)
    worst = int(np.nanargmin(effects))
    row = next(iter(Table(rows.columns, rows.data.slice(worst, 1)).rows()))
    unit = SCORE_UNITS[subject.score]
    peers = effects[classed & (rows.column("class") == row["class"])]
    significant = rows.where(class_="all").column("q") < 0.05
    return (
        f"Of site '{site}', class {row['class']} depends most on unit {row['unit']}: without it "
        f"its {subject.score} changes by {row['effect']:+.3g} {unit} "
        f"[{row['lo']:+.3g}, {row['hi']:+.3g}] (n = {row['n']}); the site's median unit changes it "
        f"by {np.nanmedian(peers):+.2g}. Removing one unit changes overall accuracy significantly "
        f"(q < 0.05) for {int(significant.sum())} of {len(significant)} units."
    )
