"""What did a run find: typed tables, findings, and the audit folder that holds them?"""

from __future__ import annotations

import dataclasses
import hashlib
import html
import json
import os
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from holistic.errors import AuditError, SettingError, listed, nearest

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["SCHEMA_VERSION", "Audit", "Column", "Finding", "Table", "col", "load"]

SCHEMA_VERSION = 1
_ARROW_KINDS = {str: "string", int: "int64", float: "float64", bool: "bool"}


@dataclass(frozen=True)
class Column:
    """One column of a table: the single place where its unit and meaning stand."""

    name: str
    kind: str
    """Arrow type name: `string`, `int64`, `float64` or `bool`."""
    unit: str
    meaning: str


def col(meaning: str, *, unit: str = "", name: str = "") -> Any:
    """Declare a field of a row type with its meaning and unit.

    Parameters
    ----------
    meaning
        One line that says what a number in this column is, with its sign.
    unit
        Unit of the numbers ("logits", "share", "examples"); empty for names and indices.
    name
        Name of the column where it can't be a Python name (`class`).
    """
    return field(metadata={"meaning": meaning, "unit": unit, "name": name})


def columns_of(row: type) -> tuple[Column, ...]:
    """Read the columns that a row type declares with `col`."""
    kinds = typing.get_type_hints(row)
    return tuple(
        Column(
            name=f.metadata["name"] or f.name,
            kind=_ARROW_KINDS[_plain_type(kinds[f.name])],
            unit=f.metadata["unit"],
            meaning=f.metadata["meaning"],
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
                (f.metadata or {}).get(b"unit", b"").decode(),
                (f.metadata or {}).get(b"meaning", b"").decode(),
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
                metadata={"unit": c.unit, "meaning": c.meaning},
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


@dataclass(frozen=True)
class Finding:
    """One table with what it says in words, what limits it, and its large arrays.

    Attributes
    ----------
    name
        `<lens>.<name>`, or `sites`.
    table
        The numbers.
    statements
        Sentences for a reader, each with its numbers, interval and control.
    caveats
        What a reader must know before believing the numbers.
    arrays
        Large arrays that belong to the table (`<lens>.<name>` to array), never pickled.
    """

    name: str
    table: Table
    statements: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])

    @property
    def lens(self) -> str:
        """The lens that found it."""
        return self.name.split(".")[0]


@dataclass(frozen=True)
class Audit:
    """All findings of one run with their provenance: a folder on disk.

    `audit["ablation.units"]` is the table of that finding.
    """

    path: Path
    provenance: Mapping[str, Any] = field(default_factory=dict[str, Any])
    lenses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Finished lens to its entry: seconds, and per finding the files and their SHA-256."""

    @classmethod
    def create(cls, path: Path, provenance: Mapping[str, Any]) -> Self:
        """Open the folder for a run, or go on with the same run where it was cut off.

        Raises
        ------
        AuditError
            If the folder is taken by something else than this run's own audit.
        """
        audit = cls.held(path)
        if audit is None:
            audit = cls(Path(path), provenance)
            audit._publish()
        if audit.provenance["key"] != provenance["key"]:
            raise AuditError(
                f"output folder '{path}' holds another audit "
                f"({_difference(audit.provenance, provenance)}); "
                "choose another folder with --out, or remove it"
            )
        return audit

    @classmethod
    def held(cls, path: Path) -> Self | None:
        """Return the audit that a folder holds, or None where a new one can be made.

        Raises
        ------
        AuditError
            If the folder is taken by other files.
        """
        path = Path(path)
        if (path / "audit.json").exists():
            return cls.load(path)
        # what a killed run left before its first rename is nobody's file
        if path.exists() and (not path.is_dir() or not all(map(_is_temporary, path.iterdir()))):
            raise AuditError(
                f"output folder '{path}' is taken by other files; choose a new one with --out"
            )
        return None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Open a saved audit; reads `audit.json` only, tables are read when asked for.

        Raises
        ------
        AuditError
            If there is no audit, or one of another schema version.
        """
        path = Path(path)
        try:
            record = json.loads((path / "audit.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise AuditError(
                f"no audit in '{path}': it has no audit.json; make one with 'holistic run'"
            ) from None
        except (OSError, ValueError, RecursionError) as error:
            raise AuditError(f"'{path / 'audit.json'}' can't be read: {error}") from None
        version = record.get("schema_version") if isinstance(record, dict) else None
        if version != SCHEMA_VERSION:
            raise AuditError(
                f"'{path}' has schema version {version}, this program reads {SCHEMA_VERSION}; "
                "run the audit again"
            )
        if not _is_record(record):
            raise AuditError(f"'{path / 'audit.json'}' is damaged; run the audit again")
        return cls(path, record["provenance"], record["lenses"])

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all findings, in the order in which they were found."""
        return tuple(name for entry in self.lenses.values() for name in entry["findings"])

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Table:
        return Table.load(self._checked(self._record(name)["table"]))

    def finding(self, name: str) -> Finding:
        """Read one finding from disk, checking its files against their SHA-256.

        Raises
        ------
        AuditError
            If there is no such finding, or a file of it is missing or was changed.
        """
        record = self._record(name)
        table = Table.load(self._checked(record["table"]))
        arrays = {
            array: np.load(self._checked(file), allow_pickle=False)
            for array, file in record["arrays"].items()
        }
        return Finding(name, table, tuple(record["statements"]), tuple(record["caveats"]), arrays)

    def _record(self, name: str) -> Mapping[str, Any]:
        if name not in self.names:
            raise AuditError(
                f"no finding '{name}'{nearest(name, self.names)} in '{self.path}'; "
                f"it has {listed(self.names, 40)}"
            )
        return next(e["findings"][name] for e in self.lenses.values() if name in e["findings"])

    def _checked(self, file: Mapping[str, str]) -> Path:
        path = self.path / file["path"]
        # audits are passed on: a record that someone else wrote must not reach other files
        if not path.resolve().is_relative_to(self.path.resolve()):
            raise AuditError(f"'{path}' lies outside of the audit; run the audit again")
        try:
            digest = _sha256(path)
        except OSError:
            raise AuditError(f"'{path}' is missing; run the audit again") from None
        if digest != file["sha256"]:
            raise AuditError(f"'{path}' was changed after the run; run the audit again")
        return path

    def add(self, lens: str, findings: Sequence[Finding], seconds: float) -> Audit:
        """Save a finished lens; return the audit that holds it.

        Files come first, each under a temporary name and renamed into place; `audit.json`, which
        alone says what exists, is replaced last.
        """
        entry = {
            "seconds": round(seconds, 3),
            "findings": {finding.name: self._save(finding) for finding in findings},
        }
        audit = dataclasses.replace(self, lenses={**self.lenses, lens: entry})
        audit._publish()
        return audit

    def _save(self, finding: Finding) -> dict[str, Any]:
        table = f"tables/{finding.name}.parquet"
        arrays = {name: f"arrays/{name}.npy" for name in finding.arrays}
        _replace(self.path / table, finding.table.save)
        for name, file in arrays.items():
            _replace(self.path / file, lambda path, name=name: _save_array(path, finding, name))
        return {
            "table": self._listed(table),
            "arrays": {name: self._listed(file) for name, file in arrays.items()},
            "statements": list(finding.statements),
            "caveats": list(finding.caveats),
        }

    def _listed(self, file: str) -> dict[str, str]:
        return {"path": file, "sha256": _sha256(self.path / file)}

    def _publish(self) -> None:
        record = {
            "schema_version": SCHEMA_VERSION,
            "provenance": self.provenance,
            "lenses": self.lenses,
        }
        text = json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
        _replace(self.path / "audit.json", lambda path: path.write_text(text, encoding="utf-8"))

    def report(self, path: str | Path | None = None) -> Path:
        """Write the audit as one self-contained HTML file (default: `report.html` inside)."""
        from holistic.report import write_report

        target = Path(path) if path is not None else self.path / "report.html"
        _replace(target, lambda temporary: write_report(self, temporary))
        return target

    def show(self, height: int = 720) -> Frame:
        """Show the report in a notebook: in a frame that can reach neither notebook nor network.

        Parameters
        ----------
        height
            Of the frame, in pixels.
        """
        page = self.path / "report.html"
        return Frame((page if page.exists() else self.report()).read_text("utf-8"), int(height))


@dataclass(frozen=True)
class Frame:
    """A page as a notebook shows it: `page` is its HTML, `height` is in pixels."""

    page: str = field(repr=False)
    height: int = 720

    def _repr_html_(self) -> str:
        # a sandbox without allow-same-origin: the page's script runs as a stranger
        return (
            '<iframe sandbox="allow-scripts allow-downloads allow-forms" '
            f'srcdoc="{html.escape(self.page)}" width="100%" height="{self.height}" '
            'style="border:0" title="audit report"></iframe>'
        )


def load(path: str | Path) -> Audit:
    """Open a saved audit folder.

    Raises
    ------
    AuditError
        If there is no audit in it, or one of another schema version.
    """
    return Audit.load(Path(path))


def _is_record(record: Mapping[str, Any]) -> bool:
    """Say whether what was read from an `audit.json` has everything that the others rely on."""
    lenses = record.get("lenses")
    provenance = record.get("provenance")
    if not (isinstance(lenses, dict) and isinstance(provenance, dict) and "key" in provenance):
        return False
    return all(
        isinstance(entry, dict)
        and isinstance(entry.get("findings"), dict)
        and all(_is_listing(finding) for finding in entry["findings"].values())
        for entry in lenses.values()
    )


def _is_listing(finding: Any) -> bool:
    """Say whether one finding of a record names its files and holds its words."""
    if not (isinstance(finding, dict) and isinstance(finding.get("arrays"), dict)):
        return False
    files = [finding.get("table"), *finding["arrays"].values()]
    words = [finding.get("statements"), finding.get("caveats")]
    return all(
        isinstance(f, dict)
        and all(isinstance(f.get(k), str) and f[k].isprintable() for k in ("path", "sha256"))
        for f in files
    ) and all(isinstance(w, list) and all(isinstance(t, str) for t in w) for w in words)


def _difference(held: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    told = ("model", "weights", "data", "data_sha256", "classes", "score", "seed", "settings")
    names = [n for n in (*told, "versions", "threads") if held.get(n) != wanted.get(n)]
    return "different " + (", ".join(names) or "run")


def _save_array(path: Path, finding: Finding, name: str) -> None:
    with path.open("wb") as file:
        np.save(file, finding.arrays[name], allow_pickle=False)


def _replace(path: Path, write: Any) -> None:
    """Write a file under a temporary name, sync it and rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb+") as file:  # Windows syncs only what is open for writing
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _is_temporary(path: Path) -> bool:
    return path.name.startswith(".") and path.name.endswith(".tmp")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
