"""Counts what each class is taken for while nothing is removed."""

from __future__ import annotations

import numpy as np

from holistic.lenses.ablation import schemas
from holistic.lenses.ablation.confusion_statements import confusion_statement
from holistic.lenses.ablation.schemas import Confusion
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.intervals import wilson
from holistic.study.subject import Subject

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
    labels = examples.labels.cpu().numpy()
    predicted = subject.predict().argmax(1).cpu().numpy()
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predicted), 1)
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
    return Finding(schemas.CONFUSION, table, (confusion_statement(table, counts),))
