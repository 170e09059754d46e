"""Sentences on direct effects: how often what follows takes part of them back."""

from __future__ import annotations

import numpy as np

from holistic.lenses.ablation.schemas import Direct
from holistic.results.tables import Table
from holistic.study.scores import SCORE_UNITS
from holistic.study.subject import Subject
from holistic.words import number

__all__ = ["direct_statement"]


def direct_statement(subject: Subject, rows: Table) -> str:
    """Say how much of the strong units' direct effect the rest takes back."""
    top, random = rows.where(kind="top"), rows.where(kind="random")
    first = next(top.head(1).rows(Direct))
    repaired, response = int(_repaired(top).sum()), first.response
    control = f"{int(_repaired(random).sum())} of {len(random)} random ones" if len(random) else ""
    return (
        f"Site '{first.site}': what follows takes back part of the direct effect of {repaired} "
        f"of {len(top)} strong units (q < 0.05){control and ' and of '}{control} (path: "
        f"{first.path}, n = {first.n}); unit {first.unit}: direct "
        f"{number(first.direct.value, '+.3g')}, total {number(first.total.value, '+.3g')}, "
        f"response {number(response.value, '+.3g')} {SCORE_UNITS[subject.score]} "
        f"[{number(response.lo, '+.3g')}, {number(response.hi, '+.3g')}]."
    )


def _repaired(rows: Table) -> np.ndarray:
    return (rows.column("q") < 0.05) & (rows.column("response") * rows.column("direct") < 0)
