"""Columns declare their type, unit, meaning and role once, as fields of a row type."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

__all__ = [
    "Column", "Estimate", "Role", "bound", "col", "columns_of", "declared", "ends", "estimate",
    "key", "of_sites",
]  # fmt: skip

Role = Literal[
    "", "key", "along", "value", "lo", "hi", "n", "p", "q", "control", "control_lo", "control_hi"
]
"""What a column is to its row: a part of its name (`key`), the axis of a curve (`along`), a number
that was measured (`value`), or an end of an interval, a count, a test or a control of one. Without
a role it's a remark."""
_ARROW_KINDS = {str: "string", int: "int64", float: "float64", bool: "bool"}
_PARTS: tuple[Role, ...] = ("lo", "hi", "n", "control", "control_lo", "control_hi", "p", "q")


@dataclass(frozen=True)
class Column:
    """One column of a table: the single place where its unit, meaning and role stand."""

    name: str
    kind: str
    """Arrow type name: `string`, `int64`, `float64` or `bool`."""
    unit: str
    meaning: str
    of: str = ""
    """Columns that this one says more of (its n, control or test), with spaces between."""
    words: str = ""
    """What axes and tooltips call it; empty where its name, with spaces, says it."""
    role: Role = ""
    worse: int = 0
    """Which sign is a loss to the class: -1 below zero, 1 above, 0 where neither is."""
    neutral: float = 0.0
    """The number that says nothing, such as 0.5 of an AUROC."""
    signed: bool = False
    """Whether a plus sign belongs before a positive number."""
    beyond: bool = False
    """Whether the number is what lies beyond its control already, and needs none beside it."""
    lasting: bool = False
    """Whether a whole number that names its row means the same in another training."""

    @property
    def own(self) -> bool:
        """Whether it names what another training doesn't have: a unit, an example, a rank.

        So do all whole numbers among the keys that don't say that they are `lasting`.
        """
        return self.role == "key" and self.kind == "int64" and not self.lasting

    @property
    def look(self) -> dict[str, Any]:
        """Of `worse`, `neutral`, `signed`, `beyond` and `lasting` those that say something."""
        names = ("worse", "neutral", "signed", "beyond", "lasting")
        looks = {name: getattr(self, name) for name in names}
        return {name: value for name, value in looks.items() if value}


def of_sites(column: Column) -> bool:
    """Whether a column holds keys of sites: `site`, `site_a`, `backup_site`, `same_units`."""
    name = column.name
    known = name.startswith("site_") or name.endswith("_site") or name in ("site", "same_units")
    return known and column.kind == "string"


@dataclass(frozen=True)
class Estimate:
    """A measured number as a row holds it; None where a part is missing or wasn't declared."""

    value: float | None
    lo: float | None = None
    hi: float | None = None
    n: int | None = None
    control: float | None = None
    control_lo: float | None = None
    control_hi: float | None = None
    p: float | None = None
    q: float | None = None


def col(
    meaning: str,
    *,
    unit: str = "",
    name: str = "",
    of: str = "",
    words: str = "",
    role: Role | None = None,
    **look: Any,
) -> Any:
    """Declare a field of a row type with its meaning, unit and role.

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
        A column `n` without is of every number of the row.
    words
        What axes and tooltips call it, where its name doesn't say it in plain English: a
        control's is what was measured, that of its `lo` what lies between `lo` and `hi`, that
        of `p` and `q` the test and the family.
    role
        What it is to its row; unless told, a float that is `of` nothing is a value, and all else
        a remark.
    look
        `worse`, `neutral`, `signed`, `beyond` and `lasting` of the column.
    """
    about = {"meaning": meaning, "unit": unit, "of": of, "words": words, "role": role, **look}
    return field(metadata={"name": name, "column": about})


def key(meaning: str, *, along: bool = False, **more: Any) -> Any:
    """Declare a column that names its row; `along` for the axis of a curve, such as k."""
    return col(meaning, role="along" if along else "key", **more)


def bound(side: Literal["lo", "hi"], of: str, meaning: str = "", **more: Any) -> Any:
    """Declare an end of the 95 % interval of another column, where `estimate` can't."""
    return col(meaning or ends()[side], of=of, role=side, **more)


def ends(how: str = "") -> dict[str, str]:
    """Say what both ends of a 95 % interval are, and how it is made: `meanings` of an estimate.

    >>> ends(" (Wilson)")["lo"]
    'lower end of its 95 % interval (Wilson)'
    """
    interval = f"its 95 % interval{how}"
    return {"lo": f"lower end of {interval}", "hi": f"upper end of {interval}"}


def estimate(
    meaning: str,
    *,
    unit: str = "",
    name: str = "",
    words: str = "",
    prefix: str | None = None,
    parts: str = "lo hi",
    names: dict[str, str] | None = None,
    meanings: dict[str, str] | None = None,
    called: dict[str, str] | None = None,
    **look: Any,
) -> Any:
    """Declare a measured number with all that belongs to it: a field of type `Estimate`.

    It is one column for the number, under the field's name, and one for each part, in the order
    in which `parts` names them.

    Parameters
    ----------
    meaning, unit, name, words
        As of `col`.
    prefix
        What the names of the parts begin with; the field's name and `_` unless told, `""` where
        the row has one number whose interval is plain `lo` and `hi`.
    parts
        Which of lo, hi, n, control, control_lo, control_hi, p and q there are.
    names
        Part to its column's name, where it isn't prefix and part.
    meanings
        Part to its meaning; an interval's ends have one, a control, test or count says its own.
    called
        Part to what axes and tooltips call it (`words` of that column).
    look
        As of `col`.
    """
    chosen = parts.split()
    if not chosen or set(chosen) - set(_PARTS):
        raise ValueError(f"an estimate has one or more of the parts {_PARTS}, not {parts!r}")
    about = {"meaning": meaning, "unit": unit, "of": "", "words": words, "role": "value", **look}
    meant = ends() | (meanings or {})
    own = {
        part: {
            "name": (names or {}).get(part, ""),
            "meaning": meant.get(part, ""),
            "words": (called or {}).get(part, ""),
        }
        for part in chosen
    }
    if silent := [part for part, description in own.items() if not description["meaning"]]:
        raise ValueError(f"a part of an estimate says nothing: {silent}")
    return field(metadata={"name": name, "column": about, "prefix": prefix, "parts": own})


def columns_of(row: type) -> tuple[Column, ...]:
    """Read the columns that a row type declares with `col`, `key`, `bound` and `estimate`."""
    return tuple(column for _, columns in declared(row) for column in columns.values())


def declared(row: type) -> Iterator[tuple[dataclasses.Field[Any], dict[str, Column]]]:
    """Yield each field of a row type with its columns by part; `value` for a plain one."""
    kinds = typing.get_type_hints(row)
    for one in dataclasses.fields(row):
        kind = _plain_type(kinds[one.name])
        number = kind is Estimate
        column = Column(
            one.metadata["name"] or one.name,
            "float64" if number else _ARROW_KINDS[kind],
            **{k: v for k, v in one.metadata["column"].items() if v is not None},
        )
        if one.metadata["column"]["role"] is None and column.kind == "float64" and not column.of:
            column = replace(column, role="value")
        yield one, {"value": column} | (_parts(one, column) if number else {})


def _parts(one: dataclasses.Field[Any], column: Column) -> dict[str, Column]:
    """The columns that stand beside an estimate's own."""
    prefix = one.metadata["prefix"]
    prefix = f"{column.name}_" if prefix is None else prefix
    made = dict[str, Column]()
    for part, description in one.metadata["parts"].items():
        unit = "" if part in ("p", "q") else "examples" if part == "n" else column.unit
        made[part] = Column(
            description["name"] or f"{prefix}{part}",
            "int64" if part == "n" else "float64",
            unit,
            description["meaning"],
            column.name,
            description["words"],
            part,
        )
    return made


def _plain_type(kind: Any) -> type:
    """Strip `| None` from an annotation."""
    if isinstance(kind, types.UnionType):
        return next(k for k in typing.get_args(kind) if k is not type(None))
    return kind
