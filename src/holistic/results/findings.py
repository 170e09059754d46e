"""A finding: one table with its sentences, its caveats and its large arrays."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.results.schema import Schema
from holistic.results.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SHORT", "Finding"]

SHORT = 25
"""Words that a sentence has at most to be read at a glance."""
_FIRST = 5
"""Rows that a notebook shows: those that stand out most."""


class _Arrays(dict[str, np.ndarray]):
    """Arrays by their whole names, or without the lens's before them."""

    def __init__(self, arrays: Mapping[str, np.ndarray], lens: str) -> None:
        super().__init__(arrays)
        self.lens = lens

    def __missing__(self, name: str) -> np.ndarray:
        if (whole := f"{self.lens}.{name}") in self:
            return self[whole]
        raise KeyError(name)


@dataclass(frozen=True, repr=False)
class Finding:
    """One table with what it says in words, what limits it, and its large arrays.

    Attributes
    ----------
    schema
        What was declared of it: name, title, rows, arrays.
    table
        The numbers.
    statements
        Sentences for a reader, each with its numbers, interval and control.
    caveats
        What a reader must know before believing the numbers.
    arrays
        Large arrays that belong to the table (`<lens>.<name>` to array; the name alone will do),
        never pickled.
    say
        Makes the one sentence that says what was found; an audit that is read knows it.
    """

    schema: Schema
    table: Table
    statements: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    say: Callable[[], str] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "arrays", _Arrays(self.arrays, self.schema.lens))

    def __repr__(self) -> str:
        counts = f"{len(self.statements)} statements, {len(self.caveats)} caveats"
        lines = [self.schema.title, self.brief, repr(self.table), counts]
        return "\n".join(filter(None, lines))

    def _repr_html_(self) -> str:
        from holistic.results.plotting import standing_out

        title, brief = html.escape(self.schema.title), html.escape(self.brief)
        first = standing_out(self.schema, self.table, _FIRST).as_html(_FIRST, of=len(self.table))
        lines = (*filter(None, [self.schema.lead]), *self.statements, *self.caveats)
        evidence = "".join(f"<p>{html.escape(one)}</p>" for one in lines)
        return (
            f"<h4>{title}</h4>{f'<p>{brief}</p>' if brief else ''}{first}"
            f"<details><summary>evidence and limits</summary>{evidence}</details>"
        )

    def plot(self, ax: Axes | None = None, *, value: str = "", **where: Any) -> Axes:
        """Draw one number of the finding, with its interval and control, on a pair of axes.

        The form follows from what its columns are: a curve along an axis such as k, a map between
        two names such as unit and class, or dots, those that stand out most first. Of several
        pictures the one is drawn that holds what stands out most, and its title names it.

        Parameters
        ----------
        ax
            Axes of matplotlib; by default those of a new figure of pyplot, which notebooks show
            (`ax.figure.savefig("f.pdf")` saves it as vectors).
        value
            The number, such as `accuracy_drop`; by default the one that matters most.
        **where
            What rows must have, such as `site="2"` or `class_="7"`.

        Raises
        ------
        SettingError
            If there is no such number, or no such row.
        """
        from holistic.results.plotting import plot

        return plot(self.schema, self.table, ax, value, where)

    @property
    def brief(self) -> str:
        """What was found, in one short sentence; empty where nothing makes one."""
        if self.say:
            return self.say()
        first = self.statements[0] if self.statements else ""
        return first if len(first.split()) <= SHORT else ""

    @property
    def name(self) -> str:
        """`<lens>.<name>`, or `sites`."""
        return self.schema.name

    @property
    def lens(self) -> str:
        """The lens that found it."""
        return self.schema.lens
