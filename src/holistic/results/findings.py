"""A finding: one table with its sentences, its caveats and its large arrays."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from holistic.results.schema import Schema
from holistic.results.tables import Table

__all__ = ["Finding"]


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
        Large arrays that belong to the table (`<lens>.<name>` to array), never pickled.
    """

    schema: Schema
    table: Table
    statements: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])

    def __repr__(self) -> str:
        lines = (*self.statements, *(f"! {caveat}" for caveat in self.caveats))
        return "\n".join([self.schema.title, *lines, repr(self.table)])

    def _repr_html_(self) -> str:
        lines = (*self.statements, *self.caveats)
        paragraphs = "".join(f"<p>{html.escape(one)}</p>" for one in lines)
        title = html.escape(self.schema.title)
        return f"<h4>{title}</h4>{paragraphs}{self.table._repr_html_()}"  # pyright: ignore[reportPrivateUsage]

    @property
    def name(self) -> str:
        """`<lens>.<name>`, or `sites`."""
        return self.schema.name

    @property
    def lens(self) -> str:
        """The lens that found it."""
        return self.schema.lens
