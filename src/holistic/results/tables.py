"""Typed tables, whose columns say their unit, meaning and role, in memory and as Parquet."""

from __future__ import annotations

import html
import math
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

import numpy as np

from holistic.errors import AuditError, LacksColumn, listed, nearest
from holistic.results.columns import Column, Estimate, Role, columns_of, declared, of_sites
from holistic.unpacked import check_unpacked

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Table"]

_TEXTS = ("unit", "meaning", "of", "words", "role")
"""What a column says of itself, as a Parquet file holds it beside its look."""


Row = TypeVar("Row")
"""A row type."""


@dataclass(frozen=True)
class Table:
    """A typed table: columns with units and meanings over an Arrow table.

    A missing number is null, never NaN.

    Attributes
    ----------
    columns, data
        What columns say, and the rows.
    names_of_sites
        Returns, by a name that readers see of a site (`L2`), what the columns of sites hold for it.
    arrays_of
        Reads the arrays that belong to the rows; None where there are none, or the rows were
        chosen or put into another order.
    """

    columns: tuple[Column, ...]
    data: pa.Table
    names_of_sites: Callable[[], Mapping[str, str]] | None = field(default=None, compare=False)
    arrays_of: Callable[[], Mapping[str, np.ndarray]] | None = field(default=None, compare=False)

    @property
    def arrays(self) -> Mapping[str, np.ndarray]:
        """The finding's large arrays, by their names with or without the lens's before them."""
        return self.arrays_of() if self.arrays_of else {}

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

        Raises
        ------
        ValueError
            If a column is missing or unknown, or isn't what the row type declares.
        """
        import pyarrow as pa

        columns = columns_of(row)
        names = [c.name for c in columns]
        if set(values) != set(names):
            missing, extra = sorted(set(names) - set(values)), sorted(set(values) - set(names))
            faults = [f"lack {listed(missing)}"] if missing else []
            faults += [f"have {listed(extra)}, which it doesn't declare"] if extra else []
            raise ValueError(f"columns of {row.__name__} {' and '.join(faults)}")
        lengths = {n: len(v) for n, v in values.items() if not _is_scalar(v)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of {row.__name__} differ in length: {lengths}")
        rows = max(lengths.values(), default=1)
        arrays = [_checked_array(row, c, values[c.name], rows) for c in columns]
        return cls(columns, pa.Table.from_arrays(arrays, schema=_schema(columns)))

    @classmethod
    def from_rows(cls, row: type, rows: Sequence[Any]) -> Self:
        """Make a table from instances of the row type."""
        values = dict[str, list[Any]]()
        for one, columns in declared(row):
            cells = [getattr(r, one.name) for r in rows]
            for part, column in columns.items():
                values[column.name] = (
                    cells if len(columns) == 1 else [getattr(c, part) for c in cells]
                )
        return cls.build(row, values)

    def __len__(self) -> int:
        return self.data.num_rows

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(c.name for c in self.columns)

    def column(self, name: str) -> np.ndarray:
        """Values of one column as an array; null numbers come as NaN (integers as floats then)."""
        return self.data[self._checked(name)].to_numpy()

    def cells(self, name: str) -> list[Any]:
        """Values of one column; None where one is missing."""
        return self.data[self._checked(name)].to_pylist()

    def _checked(self, name: str) -> str:
        if name not in self.names:
            raise LacksColumn(
                f"no column '{name}'{nearest(name, self.names)}; "
                f"this table has {listed(self.names, 30)}"
            )
        return name

    def where(self, **equal: Any) -> Table:
        """Rows in which each named column equals the value (`class` is spelled `class_`).

        None finds the rows in which the value is missing. A site goes by its key (`relu#2`) and by
        the names that readers see (`L2`).
        """
        import pyarrow.compute as pc

        data = self.data
        for name, value in equal.items():
            column = self._checked(name.rstrip("_"))
            cell = pc.field(column)
            meant = self.site(column, value) if isinstance(value, str) else value
            data = data.filter(cell.is_null() if value is None else cell == meant)
        return replace(self, data=data, arrays_of=None)

    def site(self, column: str, name: str) -> str:
        """Return what a column of sites holds for a name that readers see; else the name itself."""
        mine = next(c for c in self.columns if c.name == column)
        if not of_sites(mine) or name in self.data[column].unique().to_pylist():
            return name
        return self._names_of_sites().get(name, name)

    def _names_of_sites(self) -> Mapping[str, str]:
        if self.names_of_sites is not None:
            return self.names_of_sites()
        if not {"site", "layer", "shown"} <= set(self.names):
            return {}
        rows = [(row["site"], row["layer"], row["shown"]) for row in self.rows()]
        return {name: site for site, *names in rows for name in names if name}

    def sort(self, name: str, *, descending: bool = False) -> Table:
        """Rows in order of one column, ties in their present order, nulls last."""
        cells = self.data[self._checked(name)]
        known = np.flatnonzero(cells.is_valid().to_numpy())
        values = cells.drop_null().to_numpy()
        ranks = np.unique(values, return_inverse=True)[1]
        order = known[np.argsort(-ranks if descending else ranks, kind="stable")]
        missing = np.setdiff1d(np.arange(len(self)), known)
        rows = np.concatenate([order, missing])
        return replace(self, data=self.data.take(rows), arrays_of=None)

    def head(self, rows: int) -> Table:
        """Return the first `rows` rows."""
        return replace(self, data=self.data.slice(0, rows), arrays_of=None)

    @overload
    def rows(self) -> Iterator[dict[str, Any]]: ...

    @overload
    def rows(self, row: type[Row]) -> Iterator[Row]: ...

    def rows(self, row: type[Row] | None = None) -> Iterator[Row] | Iterator[dict[str, Any]]:
        """Yield one object of a row type per row, or one dict; missing numbers are None.

        Raises
        ------
        SettingError
            If the table lacks a column that the row type declares.
        """
        return iter(self.data.to_pylist()) if row is None else self._typed(row)

    def _typed(self, row: type[Row]) -> Iterator[Row]:
        cells = dict[str, list[Any]]()
        for one, columns in declared(row):
            parts = [self.cells(column.name) for column in columns.values()]
            made = partial(_estimate, tuple(columns))
            cells[one.name] = parts[0] if len(parts) == 1 else list(map(made, *parts))
        for values in zip(*cells.values(), strict=True):
            yield row(**dict(zip(cells, values, strict=True)))

    def to_pandas(self) -> pd.DataFrame:
        """Return the table as a pandas frame."""
        return self.data.to_pandas()

    def __repr__(self) -> str:
        head = "\n".join("  ".join(_shown(v) for v in row.values()) for row in self.head(8).rows())
        more = f"\n… {len(self) - 8} more rows" if len(self) > 8 else ""
        return f"{'  '.join(self.names)}\n{head}{more}"

    def _repr_html_(self) -> str:
        return self.as_html(20)

    def as_html(self, rows: int, *, of: int | None = None) -> str:
        """Write the first rows as a table of HTML, and how many there are (or `of` how many)."""
        heads = "".join(
            f'<th title="{html.escape(c.meaning)}">{html.escape(c.name)}'
            f"{f' [{html.escape(c.unit)}]' if c.unit else ''}</th>"
            for c in self.columns
        )
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_shown(v))}</td>" for v in row.values()) + "</tr>"
            for row in self.head(rows).rows()
        )
        return (
            f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
            f"<p>{min(rows, len(self))} of {of or len(self):,} rows × {len(self.columns)} columns"
            "; a column's meaning shows over its name</p>"
        )

    def save(self, path: Path) -> None:
        """Write the table as Parquet, its column meanings inside."""
        import pyarrow.parquet as pq

        pq.write_table(self.data, path, compression="zstd")

    @classmethod
    def load(cls, source: Path | bytes) -> Self:
        """Read a table that `save` wrote, from its file or the bytes of it."""
        data = _read(source)
        columns = tuple(_read_column(f.name, str(f.type), f.metadata or {}) for f in data.schema)
        return cls(columns, data)


def _read(source: Path | bytes) -> Any:
    """Read a Parquet file, whose few bytes may stand for more values than there is memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    packed = source.read_bytes() if isinstance(source, Path) else source
    plain = pq.read_schema(pa.BufferReader(packed))
    texts = [field.name for field in plain if pa.types.is_string(field.type)]
    # without threads: a pool that was just begun can end a short program with an abort
    reader = pa.BufferReader(packed)
    with pq.ParquetFile(reader, read_dictionary=texts, pre_buffer=False) as file:
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        columns = [group.column(i) for group in groups for i in range(group.num_columns)]
        pages = sum(column.total_uncompressed_size for column in columns)
        _check_size(source, pages + 8 * sum(column.num_values for column in columns), len(packed))
        coded = file.read(use_threads=False)
    _check_size(source, sum(map(_letters, coded.itercolumns())), len(packed))
    return coded.cast(plain)


def _check_size(source: Path | bytes, size: int, packed: int) -> None:
    name = f"'{source}'" if isinstance(source, Path) else "the table"
    check_unpacked(name, size, packed, error=AuditError)


def _letters(column: Any) -> int:
    """Bytes of a column's texts once each row has its own; 0 where it holds none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    letters = 0
    for chunk in column.chunks:
        if isinstance(chunk, pa.DictionaryArray):
            sizes = pc.call_function("binary_length", [chunk.dictionary])
            rows = chunk.indices.drop_null()
            letters += int(sizes.to_numpy(zero_copy_only=False)[rows.to_numpy()].sum())
    return letters


def _estimate(parts: Sequence[str], *cells: Any) -> Estimate:
    return Estimate(**dict(zip(parts, cells, strict=True)))


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _schema(columns: Sequence[Column]) -> Any:
    import pyarrow as pa

    fields = [pa.field(c.name, pa.type_for_alias(c.kind), metadata=_metadata(c)) for c in columns]
    return pa.schema(fields)


def _metadata(column: Column) -> dict[str, str]:
    """What a Parquet file keeps of a column."""
    texts = {name: getattr(column, name) for name in _TEXTS}
    look = column.look.items()
    return texts | {n: "yes" if isinstance(v, bool) else str(v) for n, v in look}


def _read_column(name: str, kind: str, stored: Mapping[bytes, bytes]) -> Column:
    """Read what `_metadata` wrote; what a stranger wrote in its place says nothing."""
    text = {key: stored.get(key.encode(), b"").decode() for key in _TEXTS}
    role = text.pop("role")
    worse, neutral = int(stored.get(b"worse", 0)), float(stored.get(b"neutral", 0))
    return Column(
        name,
        "float64" if kind == "double" else kind,
        **text,
        role=typing.cast(Role, role) if role in typing.get_args(Role) else "",
        worse=worse if worse in (-1, 0, 1) else 0,
        neutral=neutral if math.isfinite(neutral) else 0.0,
        signed=b"signed" in stored,
        beyond=b"beyond" in stored,
        lasting=b"lasting" in stored,
    )


def _checked_array(row: type, column: Column, values: Any, rows: int) -> Any:
    """Values of a column as Arrow keeps them; an error names the column that they don't fit."""
    import pyarrow as pa

    try:
        return _arrow_array(values, column.kind, rows)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        what = f"column '{column.name}' of {row.__name__}"
        raise ValueError(f"{what} must hold {column.kind}: {error}") from error


def _arrow_array(values: Any, kind: str, rows: int) -> Any:
    import pyarrow as pa

    target = pa.type_for_alias(kind)
    if _is_scalar(values):
        values = [values] * rows
    if isinstance(values, np.ndarray):
        if values.dtype.kind == "f":
            return pa.array(values, from_pandas=True).cast(target)
        values = values.tolist()
    if kind == "int64" and any(isinstance(v, float) for v in values):
        # Arrow would cut what is behind the point of a list's numbers, and not of an array's
        return pa.array(values, from_pandas=True).cast(target)
    return pa.array(values, target, from_pandas=True)


def _is_scalar(values: Any) -> bool:
    return values is None or np.isscalar(values)
