"""A schema declares a finding once: its rows, its arrays, its title and how it is best seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from holistic.results.columns import Column, columns_of

__all__ = ["Array", "Schema"]


@dataclass(frozen=True)
class Array:
    """Kind and axes of an array that belongs to a finding.

    Attributes
    ----------
    kind
        `uint8`, `int64` or `float32`; numbers of another width are no fault.
    axes
        Words with spaces between. A word is one size in all arrays of a finding (and of a site),
        `any` is any, a number is itself, and an axis of colours, `rgb`, may be missing.
    meaning
        What a number in it is.
    sites
        Whether there is one for every site, with the site's index behind the array's name.
    pictures
        What it is to the examples that pages show: `images`, or `values` and `ends` of what is no
        picture; `plane`, `ids`, `labels` or `predictions`; `shown` for places of examples that go
        before others; empty for anything else.
    """

    kind: str
    axes: str
    meaning: str = ""
    sites: bool = False
    pictures: str = ""


@dataclass(frozen=True)
class Schema:
    """Everything that is known of a finding before there is one.

    Attributes
    ----------
    name
        `<lens>.<finding>`, or `sites`.
    title
        What pages call it.
    lead
        One sentence that says which question it answers.
    row
        Type of its rows; None for a finding that an unknown program saved.
    arrays
        Its arrays, by their name behind the lens's (`images` of `activation.images`).
    view
        The view that suits it best: `heat`, `curve`, `dots`, `still` for its still figures above
        its table, `table` for a list, or empty to let the roles decide.
    across
        The two key columns that a map lies between, with a space; empty to let the roles decide.
    answers
        Whether it answers its lens's question in one sentence with interval and control.
    examples
        Whether its rows tell of single examples, so that their pictures go before others.
    size
        Column that says how much a row matters; the first number with an interval unless told.
    cells
        Most cells of its table that a page has room for.
    apart
        Whether it is for other programs only: pages and terminal leave it out.
    """

    name: str
    title: str
    row: type | None = None
    lead: str = ""
    arrays: Mapping[str, Array] = field(default_factory=dict[str, Array])
    view: str = ""
    across: str = ""
    answers: bool = False
    examples: bool = False
    size: str = ""
    cells: int = 360_000
    apart: bool = False

    @property
    def lens(self) -> str:
        """The lens that the finding belongs to."""
        return self.name.split(".")[0]

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Columns of its table."""
        return columns_of(self.row) if self.row else ()

    def array(self, name: str) -> Array | None:
        """Return the declaration of an array by its whole name; None where nothing declares it."""
        own = name.removeprefix(f"{self.lens}.")
        for declared, array in self.arrays.items():
            if own == declared or (array.sites and own.startswith(f"{declared}.")):
                return array
        return None

    def record(self) -> dict[str, Any]:
        """What an audit's `audit.json` keeps of it, so that other programs know what it means."""
        kept = {n: getattr(self, n) for n in _KEPT}
        arrays = {name: vars(array) for name, array in self.arrays.items()}
        return {k: v for k, v in (kept | {"arrays": arrays}).items() if v}

    @classmethod
    def recorded(cls, name: str, record: Mapping[str, Any]) -> Schema:
        """Read what `record` wrote; names that this program doesn't know are left out."""
        known: dict[str, Any] = {"title": name} | {n: record[n] for n in _KEPT if n in record}
        arrays = {
            n: Array(**{k: v for k, v in a.items() if k in Array.__dataclass_fields__})
            for n, a in record.get("arrays", {}).items()
        }
        return cls(name, **known, arrays=arrays)


_KEPT = ("title", "lead", "view", "across", "answers", "examples", "size", "cells", "apart")
"""Fields that are kept in an audit as they are."""
