"""How is what was found written down: tables whose columns have a type, a unit and a meaning."""

from __future__ import annotations

import dataclasses
import html
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from holistic.errors import SettingError, listed, nearest

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Column", "Table", "col"]

_TOLD = (b"unit", b"meaning", b"of", b"words")
"""What a column says of itself, as a Parquet file holds it."""
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


@dataclass(frozen=True)
class Table:
    """A typed table: columns with units and meanings over an Arrow table.

    A missing number is null, never NaN.
    """

    columns: tuple[Column, ...]
    data: pa.Table

    @classmethod
    def build(cls, row: type, values: Mapping[str, Any]) -> Self:
        """Make a table from one sequence per column of the row type.

        Parameters
        ----------
        row
            Dataclass whose fields are declared with `col`.
        values
            Column name to a sequence or array of one length; NaN becomes null. A scalar is
            repeated.
        """
        import pyarrow as pa

        columns = columns_of(row)
        names = [c.name for c in columns]
        if set(values) != set(names):
            missing, extra = set(names) - set(values), set(values) - set(names)
            raise ValueError(f"columns of {row.__name__}: missing {missing}, unknown {extra}")
        rows = max((len(v) for v in values.values() if not _is_scalar(v)), default=1)
        arrays = [_arrow_array(values[c.name], c.kind, rows) for c in columns]
        return cls(columns, pa.Table.from_arrays(arrays, schema=_schema(columns)))

    @classmethod
    def from_rows(cls, row: type, rows: Sequence[Any]) -> Self:
        """Make a table from instances of the row type."""
        fields = [f.metadata["name"] or f.name for f in dataclasses.fields(row)]
        attributes = [f.name for f in dataclasses.fields(row)]
        return cls.build(
            row, {n: [getattr(r, a) for r in rows] for n, a in zip(fields, attributes, strict=True)}
        )

    def __len__(self) -> int:
        return self.data.num_rows

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(c.name for c in self.columns)

    def column(self, name: str) -> np.ndarray:
        """Values of one column as an array; null numbers come as NaN (integers as floats then)."""
        return self.data[self._checked(name)].to_numpy()

    def _checked(self, name: str) -> str:
        if name not in self.names:
            raise SettingError(
                f"no column '{name}'{nearest(name, self.names)}; "
                f"this table has {listed(self.names, 30)}"
            )
        return name

    def where(self, **equal: Any) -> Table:
        """Rows in which each named column equals the value (`class` is spelled `class_`).

        None finds the rows in which the value is missing.
        """
        import pyarrow.compute as pc

        data = self.data
        for name, value in equal.items():
            field = pc.field(self._checked(name.rstrip("_")))
            data = data.filter(field.is_null() if value is None else field == value)
        return Table(self.columns, data)

    def sort(self, name: str, *, descending: bool = False) -> Table:
        """Rows in order of one column, ties in their present order, nulls last."""
        cells = self.data[self._checked(name)]
        known = np.flatnonzero(cells.is_valid().to_numpy())
        values = cells.drop_null().to_numpy()
        ranks = np.unique(values, return_inverse=True)[1]
        order = known[np.argsort(-ranks if descending else ranks, kind="stable")]
        missing = np.setdiff1d(np.arange(len(self)), known)
        return Table(self.columns, self.data.take(np.concatenate([order, missing])))

    def head(self, rows: int) -> Table:
        """Return the first `rows` rows."""
        return Table(self.columns, self.data.slice(0, rows))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield one dict per row; missing numbers are None."""
        yield from self.data.to_pylist()

    def to_pandas(self) -> pd.DataFrame:
        """Return the table as a pandas frame."""
        return self.data.to_pandas()

    def __repr__(self) -> str:
        head = "\n".join("  ".join(_shown(v) for v in row.values()) for row in self.head(8).rows())
        more = f"\n… {len(self) - 8} more rows" if len(self) > 8 else ""
        return f"{'  '.join(self.names)}\n{head}{more}"

    def _repr_html_(self) -> str:
        heads = "".join(
            f'<th title="{html.escape(c.meaning)}">{html.escape(c.name)}'
            f"{f' [{html.escape(c.unit)}]' if c.unit else ''}</th>"
            for c in self.columns
        )
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_shown(v))}</td>" for v in row.values()) + "</tr>"
            for row in self.head(20).rows()
        )
        return (
            f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
            f"<p>{len(self)} rows × {len(self.columns)} columns</p>"
        )

    def save(self, path: Path) -> None:
        """Write the table as Parquet, its column meanings inside."""
        import pyarrow.parquet as pq

        pq.write_table(self.data, path, compression="zstd")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a table that `save` wrote."""
        import pyarrow.parquet as pq

        data = pq.read_table(path)
        columns = tuple(
            Column(
                f.name,
                "float64" if str(f.type) == "double" else str(f.type),
                *((f.metadata or {}).get(k, b"").decode() for k in _TOLD),
            )
            for f in data.schema
        )
        return cls(columns, data)


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _schema(columns: Sequence[Column]) -> Any:
    import pyarrow as pa

    return pa.schema(
        [
            pa.field(
                c.name,
                pa.type_for_alias(c.kind),
                metadata={k.decode(): getattr(c, k.decode()) for k in _TOLD},
            )
            for c in columns
        ]
    )


def _arrow_array(values: Any, kind: str, rows: int) -> Any:
    import pyarrow as pa

    target = pa.type_for_alias(kind)
    if _is_scalar(values):
        values = [values] * rows
    if isinstance(values, np.ndarray):
        if values.dtype.kind == "f":
            return pa.array(values, from_pandas=True).cast(target)
        values = values.tolist()
    return pa.array(values, target, from_pandas=True)


def _is_scalar(values: Any) -> bool:
    return values is None or np.isscalar(values)
