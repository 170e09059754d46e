"""A line of an answer: one sentence, with its evidence beside it."""

from __future__ import annotations

from dataclasses import dataclass, field

from holistic.results.columns import Estimate

__all__ = ["Line"]


@dataclass(frozen=True)
class Line:
    """One sentence that answers a part of a question.

    Attributes
    ----------
    words
        The sentence.
    evidence
        Interval, n, control, p and q.
    finding
        The finding that it is from.
    place
        Lines stand in the order of their places; the first is the answer in short.
    value
        The first number behind it, with interval, n, control and q where there are any.
    """

    words: str
    evidence: str = ""
    finding: str = ""
    place: int = 50
    value: Estimate = field(default=Estimate(None))
