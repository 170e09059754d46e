"""Parts of the short sentences that say what findings found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from holistic.results.folder import Folder
from holistic.stats.tests import p_of_count
from holistic.study.scores import SCORE_UNITS
from holistic.words import counted, number

__all__ = ["greatest", "points", "scored", "size", "too_few", "untold"]

_POINTS = 100.0
_WHOLE = 10
"""Size from which on a number needs no decimals."""

_SIGNIFICANT = 0.05

Row = TypeVar("Row")


def greatest(rows: Iterable[Row], by: Callable[[Row], float]) -> Row | None:
    """Return the row of the largest number; None where no row has one.

    >>> greatest([1.0, float("nan"), 3.0], by=lambda row: row), greatest([], by=float)
    (3.0, None)
    """
    kept = [(by(row), row) for row in rows]
    return max((p for p in kept if p[0] == p[0]), key=lambda p: p[0], default=(0, None))[1]


def size(value: float) -> str:
    """Write a number with as many digits as a glance takes in.

    >>> size(2.413), size(0.0412), size(151.2)
    ('2.4', '0.041', '151')
    """
    return f"{value:,.0f}" if abs(value) >= _WHOLE else f"{value:.2g}"


def points(share: float) -> str:
    """Write a change of accuracy.

    >>> points(0.0786)
    '7.9 points'
    """
    return f"{number(_POINTS * share, 'z.1f')} points"


def scored(audit: Folder, change: float) -> str:
    """Write a change of the score that the audit measures in, with its unit."""
    unit = SCORE_UNITS.get(audit.provenance.get("score", ""), "")
    if unit == "share":
        return points(change)
    amount = size(change)
    return f"{amount} {unit.removesuffix('s') if amount == '1' else unit}".strip()


def too_few(controls: int) -> bool:
    """Say whether no number can be told from so many controls, as p is (1 + b) / (1 + B).

    >>> too_few(19), too_few(20)
    (True, False)
    """
    return float(p_of_count(0, controls)) >= _SIGNIFICANT


def untold(controls: int, what: str, *, kind: str = "control") -> str:
    """Say that a run couldn't tell something, whatever is there, as its controls are too few.

    >>> untold(19, "it grows")
    "With 19 controls this run can't tell whether it grows; more `controls` would."
    """
    few = counted(controls, kind)
    return f"With {few} this run can't tell whether {what}; more `controls` would."
