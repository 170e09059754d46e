"""Accuracy that each class lost, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from holistic.stats.flips import Flips
from holistic.stats.intervals import wilson
from holistic.stats.tests import benjamini_hochberg
from holistic.study.examples import Examples

__all__ = ["CHANGED", "describe_losses"]

CHANGED = 60
"""So many of the examples whose prediction changes are named."""


def describe_losses(
    examples: Examples, classes: Sequence[str], before: np.ndarray, after: np.ndarray
) -> dict[str, Any]:
    """Say by class what becomes of examples whose predictions were and are these.

    Parameters
    ----------
    examples
        Their labels and places.
    classes
        Names.
    before, after
        Predictions `[N]` of the intact model, and `[1 + R, N]` without the units and without each
        of R random sets.

    Returns
    -------
    dict
        What `Live.remove` returns, but for `whole`.
    """
    labels = examples.labels.cpu().numpy()
    right, now = before == labels, after == labels
    members = [*(labels == c for c in range(len(classes))), np.full(len(labels), True)]
    intact, confusion = np.zeros((2, len(classes), len(classes)), dtype=int)
    np.add.at(intact, (labels, before), 1)
    np.add.at(confusion, (labels, after[0]), 1)
    moved = np.flatnonzero(before != after[0])
    # examples that were right come first: they are what was lost
    moved = moved[np.argsort(~right[moved], kind="stable")]
    return {
        "classes": _rows([*classes, "all"], Flips.of(right, now, members)),
        "confusion": confusion.tolist(),
        "intact": intact.tolist(),
        "changed": [
            {
                "example": int(examples.indices[i]),
                "label": int(labels[i]),
                "before": int(before[i]),
                "after": int(after[0, i]),
            }
            for i in moved[:CHANGED]
        ],
        "changes": len(moved),
        "n": len(labels),
    }


def _rows(names: Sequence[str], flips: Flips) -> list[dict[str, Any]]:
    """What becomes of each class's examples, beside random sets.

    Intervals are found for all classes at once: one at a time they would take most of an answer.
    """
    before, after, n = flips.right, flips.right - flips.lost + flips.gained, flips.n
    shares = {"before": (before, wilson(before, n)), "after": (after, wilson(after, n))}
    drops, (least, most) = flips.drop, flips.bounds()
    control = flips.controls() if len(flips.control) else None
    # all examples together are no test beside those of their classes: they hold the same ones
    q = None if control is None else benjamini_hochberg(control.p[:-1])
    rows = list[dict[str, Any]]()
    for i, name in enumerate(names):
        row: dict[str, Any] = {"class": name, "n": int(n[i])}
        if n[i]:
            row |= {"lost": int(flips.lost[i]), "gained": int(flips.gained[i])}
            for key, (count, (lo, hi)) in shares.items():
                row[key] = _estimate(count[i] / n[i], lo[i], hi[i])
            row["drop"] = _estimate(drops[i], least[i], most[i])
        if n[i] and control is not None and q is not None:
            usual = _estimate(*map(float, (control.mean[i], control.lo[i], control.hi[i])))
            row["random"] = {**usual, "sets": len(flips.control), "p": float(control.p[i])}
            if i < len(q):
                row["random"]["q"] = float(q[i])
        rows.append(row)
    return rows


def _estimate(value: float, lo: float, hi: float) -> dict[str, float]:
    return {"value": float(value), "lo": float(lo), "hi": float(hi)}
