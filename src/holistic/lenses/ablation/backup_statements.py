"""Sentences on backups: how often a unit steps in for a strong one, and which does most."""

from __future__ import annotations

import numpy as np

from holistic.lenses.ablation.schemas import Backup
from holistic.results.tables import Table
from holistic.stats.intervals import wilson
from holistic.study.scores import SCORE_UNITS
from holistic.study.subject import Subject
from holistic.words import number, percent

__all__ = ["backup_statement"]


def backup_statement(subject: Subject, rows: Table) -> str:
    """Name the strongest backup, and say how often random units have one."""
    shares = [
        f"with a {word} unit gone {_share(part.column('backup'))}"
        for part, word in (
            (rows.where(kind="top"), "strong"),
            (rows.where(kind="random"), "random"),
        )
        if len(part)
    ]
    first = next(rows.head(1).rows(Backup))
    unit = SCORE_UNITS[subject.score]
    found = rows.where(kind="top", backup=True).sort("growth")
    tail = "" if len(found) else " None is a backup of a strong unit."
    for row in found.head(1).rows(Backup):
        growth = row.growth
        tail = (
            f" Unit {row.backup_unit} of site '{row.backup_site}' steps in most, of "
            f"{len(found)} that do, for unit {row.unit}: its effect goes from "
            f"{number(row.effect.value, '+.3g')} to {number(row.effect_gone.value, '+.3g')} {unit} "
            f"(growth {number(growth.value, '+.3g')} "
            f"[{number(growth.lo, '+.3g')}, {number(growth.hi, '+.3g')}], "
            f"q = {number(growth.q, '.2g')}, n = {row.n})."
        )
    return (
        f"Site '{first.site}': {', '.join(shares)} of the units that are watched step in: they "
        f"help more than before (q < 0.05).{tail}"
    )


def _share(found: np.ndarray) -> str:
    lo, hi = wilson(found.sum(), len(found))
    return f"{percent(found.mean(), lo, hi)} (n = {len(found)} pairs)"
