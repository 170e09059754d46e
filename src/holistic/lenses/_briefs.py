"""Parts of the short sentences that say what findings found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from holistic.results.folder import Folder
from holistic.study.scores import SCORE_UNITS
from holistic.words import number

__all__ = ["greatest", "points", "scored", "size"]

_POINTS = 100.0
_WHOLE = 10
"""Size from which on a number needs no decimals."""

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
    return points(change) if unit == "share" else f"{size(change)} {unit}".strip()
