"""Compares the numbers of two audits to the byte: `python -m benchmarks.same OLD NEW`.

It prints a line for each difference, then how much was compared, and exits with 1 if there is any
difference. The order of columns and what files say besides their values don't count. It reads the
files themselves, so the audits may be of versions that the program no longer opens.

With `--renamed FILE`, names may have changed. A line of the file is an old name and its new one: of
a finding or an array (`ablation.collateral ablation.off_target`), or of a column
(`ablation.collateral:from_class ablation.off_target:class`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["differences", "main", "read_names"]


def main(words: Sequence[str] | None = None) -> int:
    """Compare two audits and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.same")
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--renamed", type=Path)
    given = parser.parse_args(words)
    for folder in (given.old, given.new):
        if not (folder / "tables").is_dir():
            print(f"'{folder}' holds no tables of an audit")
            return 2
    names = read_names(given.renamed) if given.renamed else {}
    lines = list(differences(given.old, given.new, names))
    print(*lines, _summary(given.old, given.new, names, len(lines)), sep="\n")
    return 1 if lines else 0


def read_names(file: Path) -> dict[str, str]:
    """New names by old ones; empty lines and those that begin with # say nothing."""
    lines = (line.split() for line in file.read_text(encoding="utf-8").splitlines())
    return {words[0]: words[1] for words in lines if words and not words[0].startswith("#")}


def differences(old: Path, new: Path, names: Mapping[str, str]) -> Iterator[str]:
    """Say in one line each what differs between the tables and arrays of two audits.

    Parameters
    ----------
    old, new
        Folders of the audits.
    names
        New name by old one, as `read_names` returns them.
    """
    for kind in ("tables", "arrays"):
        before, after = _files(old, kind, names), _files(new, kind, {})
        what = kind.removesuffix("s")
        yield from (f"{what} {name} is missing" for name in sorted(before.keys() - after.keys()))
        yield from (f"{what} {name} is new" for name in sorted(after.keys() - before.keys()))
        for name in sorted(before.keys() & after.keys()):
            if kind == "tables":
                yield from _in_tables(name, before[name], after[name], names)
            else:
                yield from _in_arrays(name, before[name], after[name])


def _files(folder: Path, kind: str, names: Mapping[str, str]) -> dict[str, Path]:
    """By their new names, the tables or arrays of an audit."""
    return {names.get(path.stem, path.stem): path for path in (folder / kind).glob("*.*")}


def _summary(old: Path, new: Path, names: Mapping[str, str], found: int) -> str:
    """Say how many columns and arrays both audits have, and whether they are equal."""
    tables, arrays = (
        [(before[name], after[name]) for name in sorted(before.keys() & after.keys())]
        for kind in ("tables", "arrays")
        for before, after in [(_files(old, kind, names), _files(new, kind, {}))]
    )
    columns = sum(
        len(set(_renamed(before, names).values()) & set(pq.read_schema(after).names))
        for before, after in tables
    )
    differ = f"{found} difference{'' if found == 1 else 's'}" if found else "all equal"
    return f"{differ}: {columns} columns of {len(tables)} tables and {len(arrays)} arrays compared"


def _renamed(table: Path, names: Mapping[str, str]) -> dict[str, str]:
    """New name by old one of a table's columns."""
    return {
        column: names.get(f"{table.stem}:{column}", f":{column}").rpartition(":")[2]
        for column in pq.read_schema(table).names
    }


def _in_tables(name: str, old: Path, new: Path, names: Mapping[str, str]) -> Iterator[str]:
    before, after = (pq.ParquetFile(path).read() for path in (old, new))
    renamed = _renamed(old, names)
    before = before.rename_columns([renamed[column] for column in before.column_names])
    if before.num_rows != after.num_rows:
        yield f"table {name} has {after.num_rows} rows, and had {before.num_rows}"
        return
    there, now = set(before.column_names), set(after.column_names)
    yield from (f"column {name}:{column} is missing" for column in sorted(there - now))
    yield from (f"column {name}:{column} is new" for column in sorted(now - there))
    for column in before.column_names:
        if column in now:
            yield from _in_columns(f"column {name}:{column}", before[column], after[column])


def _in_columns(what: str, old: pa.ChunkedArray, new: pa.ChunkedArray) -> Iterator[str]:
    if old.type != new.type:
        yield f"{what} holds {new.type}, and held {old.type}"
        return
    other = np.flatnonzero(_cells(old) != _cells(new))
    if len(other):
        row = int(other[0])
        yield (
            f"{what} differs in {len(other)} of {len(old)} rows, first in row {row}: "
            f"{new[row].as_py()!r}, and was {old[row].as_py()!r}"
        )


def _cells(column: pa.ChunkedArray) -> np.ndarray:
    """What a column holds, as values that are equal where all bits are: of a missing cell, None."""
    valid = column.is_valid().to_numpy()
    if pa.types.is_floating(column.type):
        bits = column.fill_null(0.0).to_numpy().view(f"i{column.type.bit_width // 8}")
    else:
        bits = np.array(column.to_pylist(), dtype=object)
    return np.where(valid, bits.astype(object), None)


def _in_arrays(name: str, old: Path, new: Path) -> Iterator[str]:
    before, after = (np.load(path, allow_pickle=False) for path in (old, new))
    kinds = [f"{array.dtype} of shape {array.shape}" for array in (before, after)]
    if kinds[0] != kinds[1]:
        yield f"array {name} holds {kinds[1]}, and held {kinds[0]}"
    elif before.tobytes() != after.tobytes():
        bits = [np.ascontiguousarray(a).view(np.uint8).reshape(a.size, -1) for a in (before, after)]
        count = int((bits[0] != bits[1]).any(1).sum())
        yield f"array {name} differs in {count} of {before.size} numbers"


if __name__ == "__main__":
    sys.exit(main())
