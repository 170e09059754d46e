"""What the origin says of its digit classifier, line by line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from holistic.words import number, percent

__all__ = ["LINES", "SPEAKING", "WIDTHS", "Kind", "Line", "in_words", "range_in_words"]

Kind = Literal["number", "least", "exact", "claim"]
"""A number to come near to, one to reach, a count to hit, or a statement without a number."""

WIDTHS = "784-256-128-10"
SPEAKING = ("0", "2", "6")
"""Digits that a cluster of the origin's network corresponds to."""


@dataclass(frozen=True)
class Line:
    """One result of the origin.

    Attributes
    ----------
    key
        Its name in tables.
    lens
        The lens that it belongs to.
    title
        What it is about, in at most 30 letters.
    claim
        What the origin says.
    kind
        What it takes for the result to be met.
    value
        The origin's number; None where it gives none.
    unit
        Of that number: `share`, `points` (a share that is lost), or what is counted.
    rounding
        Half of the last digit that the origin gives.
    """

    key: str
    lens: str
    title: str
    claim: str
    kind: Kind = "claim"
    value: float | None = None
    unit: str = ""
    rounding: float = 0.0

    @property
    def origin(self) -> str:
        """The origin's number in words; `yes` where it says that something is so."""
        if self.value is None:
            return "yes"
        word = in_words(self.value, self.unit, digits=0)
        return f"{word} or more" if self.kind == "least" else word


def in_words(value: float | None, unit: str, *, digits: int = 1) -> str:
    """Write a number in its unit.

    >>> in_words(0.9731, "share"), in_words(0.12, "points", digits=0), in_words(607, "pairs")
    ('97.3 %', '12 points', '607 pairs')
    """
    if unit == "share":
        return percent(value, decimals=digits)
    if unit == "points":
        shown = number(None if value is None else 100 * value, f"z.{digits}f")
        return shown if shown == "–" else f"{shown} points"
    spec = {"pairs": "z,.0f", "clusters": "z.0f" if digits == 0 else "z.1f"}.get(unit, "z.2f")
    shown = number(value, spec)
    return f"{shown} {unit}" if unit and shown != "–" else shown


def range_in_words(lo: float | None, hi: float | None, unit: str) -> str:
    """Write what a number lies between; empty where an end is missing.

    >>> range_in_words(0.031, 0.204, "points"), range_in_words(0.97, 0.98, "share")
    ('3.1 to 20.4 points', '97.0 to 98.0 %')
    """
    if lo is None or hi is None or not np.isfinite([lo, hi]).all():
        return ""
    least, most = (in_words(end, unit) for end in (lo, hi))
    word = "%" if unit == "share" else unit
    return f"{least.removesuffix(f' {word}')} to {most}"


LINES = (
    Line(
        "baseline", "ablation", "accuracy", "97 % and more of the digits are told right",
        "least", 0.97, "share",
    ),
    Line(
        "top_ten", "ablation", "7s lost without ten neurons",
        "without its top 10 neurons the accuracy of digit 7 falls by 12 points, to about 85 %",
        "number", 0.12, "points", 0.005,
    ),
    Line(
        "edges", "activation", "early layers see edges",
        "neurons of early layers respond to edges and curves",
    ),
    Line(
        "digits", "activation", "deeper layers see digits",
        "neurons of deeper layers are specific to digits",
    ),
    Line("loop", "attribution", "the loop decides on the 6", "the loop of the 6 decides on it"),
    Line("bar", "attribution", "the bar decides on the 7", "the bar of the 7 decides on it"),
    Line(
        "clusters", "mechanism", "groups of neurons", "neurons fall into 6 clusters",
        "exact", 6, "clusters",
    ),
    *(
        Line(
            f"cluster_{digit}", "mechanism", f"a group for the {digit}",
            f"cluster {cluster} corresponds to digit {digit}",
        )
        for digit, cluster in zip(SPEAKING, (3, 0, 4), strict=True)
    ),
    Line(
        "pairs", "mechanism", "pairs correlated above 0.5",
        "607 pairs of neurons are correlated above 0.5", "number", 607, "pairs", 0.5,
    ),
    Line(
        "abstraction", "tracing", "each layer knows more",
        "representations grow more abstract from layer to layer",
    ),
    Line(
        "directions", "tracing", "a direction for each digit",
        "linear directions correspond to digits",
    ),
)  # fmt: skip
