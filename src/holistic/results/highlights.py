"""A highlight: a small table of the few numbers that a reader wants first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

__all__ = ["Card", "Head", "Highlight", "View", "plain"]


@dataclass(frozen=True)
class Card:
    """What a cell leads to: the card of a class, or of a unit of a site."""

    label: str = ""
    site: str = ""
    unit: int = 0


@dataclass(frozen=True)
class Head:
    """A column of a highlight as it is shown.

    Attributes
    ----------
    words
        What stands above it.
    text
        What it shows of a row.
    kind
        `row` names the row, `name` is another name, `number` is a number.
    bold
        Whether it is what the table is about.
    card
        What the cell leads to on a page; None for nothing.
    """

    words: str
    text: Callable[[Any], str]
    kind: Literal["row", "name", "number"] = "number"
    bold: bool = False
    card: Callable[[Any], Card | None] = lambda row: None


@dataclass(frozen=True)
class View:
    """How a highlight is shown, on a page or in a terminal.

    Attributes
    ----------
    title
        What its numbers are.
    caption
        What a reader must know of its columns.
    heads
        Its columns.
    tight
        Whether a terminal hardly has room for it, so that names give way to numbers.
    """

    title: str
    caption: str
    heads: tuple[Head, ...]
    tight: bool = False


@dataclass(frozen=True)
class Highlight:
    """A small table of the few numbers of a finding that a reader wants first.

    Attributes
    ----------
    name
        What JSON calls it.
    finding
        The finding that its numbers are from.
    rows
        Instances of a dataclass, as they are shown; nothing is shown of none.
    page, terminal
        How a page and a terminal show them.
    every
        Rows that JSON holds, if more than are shown.
    """

    name: str
    finding: str
    rows: Sequence[Any]
    page: View
    terminal: View
    every: Sequence[Any] | None = None

    @property
    def records(self) -> list[dict[str, Any]]:
        """Its rows as JSON holds them."""
        return [plain(row) for row in (self.rows if self.every is None else self.every)]


def plain(row: Any) -> dict[str, Any]:
    """Return a row as a dict that JSON can hold: missing numbers are None."""
    return {
        name.rstrip("_"): None if isinstance(v, float) and not np.isfinite(v) else v
        for name, v in asdict(row).items()
    }
