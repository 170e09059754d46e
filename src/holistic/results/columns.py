"""Columns declare their type, unit and meaning once, as fields of a row type."""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Column", "col", "columns_of"]

_ARROW_KINDS = {str: "string", int: "int64", float: "float64", bool: "bool"}


@dataclass(frozen=True)
class Column:
    """One column of a table: the single place where its unit and meaning stand."""

    name: str
    kind: str
    """Arrow type name: `string`, `int64`, `float64` or `bool`."""
    unit: str
    meaning: str
    of: str = ""
    """Columns that this one says more of (its n, control or test), with spaces between."""
    words: str = ""
    """What axes and tooltips call it; empty where its name, with spaces, says it."""


def col(meaning: str, *, unit: str = "", name: str = "", of: str = "", words: str = "") -> Any:
    """Declare a field of a row type with its meaning and unit.

    Parameters
    ----------
    meaning
        One line that says what a number in this column is, with its sign.
    unit
        Unit of the numbers ("logits", "share", "examples"); empty for names and indices.
    name
        Name of the column where it can't be a Python name (`class`).
    of
        What the column says more of, with spaces between: `control_effect` and `p` of `effect`.
        The two ends of an interval need none, they stand right behind their number (`lo`, `hi`);
        a column `n` without is of every number of the row.
    words
        What axes and tooltips call it, where its name doesn't say it in plain English: a
        control's is what was measured, that of its `lo` what lies between `lo` and `hi`, that
        of `p` and `q` the test and the family.
    """
    about = {"meaning": meaning, "unit": unit, "name": name, "of": of, "words": words}
    return field(metadata=about)


def columns_of(row: type) -> tuple[Column, ...]:
    """Read the columns that a row type declares with `col`."""
    kinds = typing.get_type_hints(row)
    return tuple(
        Column(
            name=f.metadata["name"] or f.name,
            kind=_ARROW_KINDS[_plain_type(kinds[f.name])],
            unit=f.metadata["unit"],
            meaning=f.metadata["meaning"],
            of=f.metadata["of"],
            words=f.metadata["words"],
        )
        for f in dataclasses.fields(row)
    )


def _plain_type(kind: Any) -> type:
    """Strip `| None` from an annotation."""
    if isinstance(kind, types.UnionType):
        return next(k for k in typing.get_args(kind) if k is not type(None))
    return kind
