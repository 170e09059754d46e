"""Accuracy that each class lost, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from holistic.stats.control import Control
from holistic.stats.intervals import paired_accuracy_interval, wilson
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
        "classes": _rows([*classes, "all"], [(right[m], now[:, m]) for m in members]),
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


def _rows(
    names: Sequence[str], parts: Sequence[tuple[np.ndarray, np.ndarray]]
) -> list[dict[str, Any]]:
    """What each class's examples say: right `[N]` before, and `[1 + R, N]` after.

    Intervals are found for all classes at once: one at a time they would take most of an answer.
    """
    n = np.array([len(right) for right, _ in parts])
    before, after, lost, gained = np.array(
        [(r.sum(), now[0].sum(), (r & ~now[0]).sum(), (~r & now[0]).sum()) for r, now in parts]
    ).T
    least, most = paired_accuracy_interval(lost, gained, n)
    shares = {"before": (before, wilson(before, n)), "after": (after, wilson(after, n))}
    rows = list[dict[str, Any]]()
    for i, (name, (right, now)) in enumerate(zip(names, parts, strict=True)):
        row: dict[str, Any] = {"class": name, "n": len(right)}
        if len(right):
            row |= {"lost": int(lost[i]), "gained": int(gained[i])}
            for key, (count, (lo, hi)) in shares.items():
                row[key] = _estimate(count[i] / n[i], lo[i], hi[i])
            row["drop"] = _estimate((lost[i] - gained[i]) / n[i], -most[i], -least[i])
        if len(right) and len(now) > 1:
            drops = right.mean() - now[1:].mean(1)
            control = Control.of(drops, (lost[i] - gained[i]) / n[i])
            usual = _estimate(*map(float, (control.mean, control.lo, control.hi)))
            row["random"] = {**usual, "sets": len(drops), "p": float(control.p)}
        rows.append(row)
    return rows


def _estimate(value: float, lo: float, hi: float) -> dict[str, float]:
    return {"value": float(value), "lo": float(lo), "hi": float(hi)}
