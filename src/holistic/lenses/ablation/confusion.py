"""What is each class taken for while nothing is removed?"""

from __future__ import annotations

import numpy as np

from holistic.lenses.ablation import schemas
from holistic.lenses.ablation.schemas import Confusion
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.intervals import wilson
from holistic.study.subject import Subject
from holistic.words import percent

__all__ = ["confused"]

_FULL = 50
"""Classes up to which a pair that never occurs has a row, too."""


def confused(subject: Subject) -> Finding:
    """Count the evaluation split's predictions by class.

    Returns
    -------
    Finding
        `ablation.confusion`: all pairs of up to 50 classes; of more, those that occur and each
        class with itself.
    """
    examples, classes = subject.evaluation, len(subject.classes)
    labels, said = examples.labels.cpu().numpy(), subject.predict().argmax(1).cpu().numpy()
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, said), 1)
    kept = (counts > 0) | np.eye(classes, dtype=bool) if classes > _FULL else counts >= 0
    first, second = np.nonzero(kept)
    n, names = counts.sum(1)[first], np.array(subject.classes)
    low, high = wilson(counts[first, second], n)
    with np.errstate(invalid="ignore"):
        share = counts[first, second] / np.where(n > 0, n, np.nan)
    columns = {
        "class": names[first],
        "prediction": names[second],
        "count": counts[first, second],
        "share": share,
        "lo": low,
        "hi": high,
        "n": n,
        "control_share": (counts.sum(0) / counts.sum())[second],
    }
    table = Table.build(Confusion, columns)
    return Finding(schemas.CONFUSION, table, (_statement(table, counts),))


def _statement(table: Table, counts: np.ndarray) -> str:
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
    for row in Table(table.columns, wrong).sort("share", descending=True).head(1).rows():
        line += (
            f"; the most frequent mistake takes class {row['class']} for {row['prediction']}: "
            f"{percent(row['share'], row['lo'], row['hi'])} of its {row['n']} examples, the "
            f"largest share of {len(wrong)} pairs on these examples (any class: "
            f"{percent(row['control_share'])} have this prediction)"
        )
    return line + "."
