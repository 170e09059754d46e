"""The sentence on what is taken for what: how many are right, and the most frequent mistake."""

from __future__ import annotations

import numpy as np

from holistic.lenses.ablation.schemas import Confusion
from holistic.results.tables import Table
from holistic.stats.intervals import wilson
from holistic.words import percent

__all__ = ["confusion_statement"]


def confusion_statement(table: Table, counts: np.ndarray) -> str:
    """Tell how many are right, and the confusion that takes the largest share of its class."""
    right, total = int(np.trace(counts)), int(counts.sum())
    low, high = wilson(right, total)
    chance = float((counts.sum(0) * counts.sum(1)).sum() / total**2)
    line = (
        f"With nothing removed the model is right on "
        f"{percent(right / total, float(low), float(high))} of {total} evaluation examples "
        f"(by chance {percent(chance)})"
    )
    wrong = table.data.filter(
        (table.column("class") != table.column("prediction")) & (table.column("count") > 0)
    )
    for row in Table(table.columns, wrong).sort("share", descending=True).head(1).rows(Confusion):
        share = row.share
        line += (
            f"; the most frequent mistake takes class {row.class_} for {row.prediction}: "
            f"{percent(share.value, share.lo, share.hi)} of its {share.n} examples, the "
            f"largest share of {len(wrong)} pairs on these examples (any class: "
            f"{percent(share.control)} have this prediction)"
        )
    return line + "."
