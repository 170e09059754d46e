"""Removes every hidden unit, one at a time, and measures what each class loses."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from holistic.graph.edits import edit_class
from holistic.lenses.ablation import Ablation, schemas
from holistic.lenses.ablation._rankings import above_ablation_value, mean_activations
from holistic.lenses.ablation.schemas import RemovedUnit
from holistic.lenses.ablation.units_statements import unit_statement
from holistic.progress import Progress
from holistic.replacing import affordable_sweep
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.study.subject import Subject
from holistic.words import unbounded

__all__ = ["remove_units"]


def remove_units(subject: Subject, lens: Ablation, chosen: Table, progress: Progress) -> Finding:
    """Sweep every hidden unit over the evaluation split and say what stands out.

    `chosen` is the same sweep over the selection split: it decides which units are spoken of.
    """
    allowed = float("inf") if lens.exact else lens.operations
    table, notes = affordable_sweep(
        subject, lens.edit, operations=allowed, fewest=lens.fewest, progress=progress
    )
    columns = {name: table.column(name) for name in table.names}
    more = {"rank": _ranks(subject, chosen), "above": _above(subject, lens)}
    table = Table.build(RemovedUnit, {**columns, **more})
    seen = table.column("n") > 0
    statements = [
        unit_statement(subject, table, chosen, site.name) for site in subject.hidden_sites
    ]
    return Finding(
        schemas.UNITS,
        table,
        tuple(statements),
        caveats=(
            *notes,
            *unbounded(
                int((np.isnan(table.column("lo")) & seen).sum()), int(seen.sum()), "effects"
            ),
            f"A removed unit holds its {edit_class(lens.edit).words}; other ablation values give "
            "other effects.",
            "An effect is conditional on all other units being in place: units that stand in for "
            "each other look harmless one at a time (see ablation.interactions).",
            "A class needs a unit firing if it is more active there than what it holds once "
            "removed, and silent if it is less active: removing it then raises it.",
        ),
    )


def _ranks(subject: Subject, chosen: Table) -> np.ndarray:
    """Place of each row's unit among all units for the row's class, `[units · (C + 1)]`."""
    effects = chosen.column("effect").reshape(-1, len(subject.classes) + 1)
    return rankdata(effects, method="ordinal", axis=0, nan_policy="omit").reshape(-1)


def _above(subject: Subject, lens: Ablation) -> np.ndarray:
    """How far each unit's activation lies above its ablation value, `[units · (C + 1)]`."""
    parts = [
        above_ablation_value(subject, site, mean_activations(subject, site), lens.edit).T.reshape(
            -1
        )
        for site in subject.hidden_sites
    ]
    return np.concatenate(parts)
