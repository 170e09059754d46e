"""Two audits are told apart by one bit of one number, and by nothing that is no number."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.same import main

NUMBERS: list[float | None] = [0.1, None, 0.0]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return write(tmp_path / "old"), write(tmp_path / "new")


def write(folder: Path, name: str = "a.units", **changed: object) -> Path:
    for room in ("tables", "arrays"):
        (folder / room).mkdir(parents=True, exist_ok=True)
    columns = {"unit": [0, 1, 2], "effect": NUMBERS, "class": ["x", None, "y"], "far": [True] * 3}
    about = changed.pop("about", b"")
    table = pa.table({**columns, **changed})
    pq.write_table(
        table.replace_schema_metadata({"about": about}), folder / f"tables/{name}.parquet"
    )
    np.save(folder / "arrays" / "a.maps.npy", np.arange(6, dtype=np.float32).reshape(2, 3))
    return folder


def told(capsys: pytest.CaptureFixture[str], *words: object) -> list[str]:
    """The lines on differences; the last line says how much was compared."""
    code = main([str(word) for word in words])
    *lines, last = capsys.readouterr().out.splitlines()
    assert code == (1 if lines else 0)
    assert re.fullmatch(r"(all equal|\d+ differences?): \d+ columns of \d tables? .*", last)
    return lines


def test_the_last_line_counts_what_was_compared(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    both = "4 columns of 1 tables and 1 arrays compared"
    assert main([str(folder) for folder in folders]) == 0
    assert capsys.readouterr().out == f"all equal: {both}\n"
    write(folders[1], effect=[0.2, None, 0.0], more=[1, 2, 3])
    assert main([str(folder) for folder in folders]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == f"2 differences: {both}"


def test_the_same_numbers_are_no_difference(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, *folders) == []
    table = pq.read_table(folders[1] / "tables/a.units.parquet")
    moved = table.select(["far", "class", "effect", "unit"]).replace_schema_metadata({"x": "y"})
    pq.write_table(moved, folders[1] / "tables/a.units.parquet", row_group_size=1)
    assert told(capsys, *folders) == []


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (
            {"effect": [0.1, None, -0.0]},
            "column a.units:effect differs in 1 of 3 rows, first in row 2: -0.0, and was 0.0",
        ),
        (
            {"effect": [np.nextafter(0.1, 1), 0.0, 0.0]},
            "column a.units:effect differs in 2 of 3 rows, first in row 0: 0.10000000000000002, "
            "and was 0.1",
        ),
        ({"effect": [1, 2, 3]}, "column a.units:effect holds int64, and held double"),
        ({"unit": [0, 1, 3]}, "column a.units:unit differs in 1 of 3 rows, first in row 2: 3, "),
        ({"class": ["x", "", "y"]}, "column a.units:class differs in 1 of 3 rows, first in row 1"),
        ({"far": [True, True, False]}, "column a.units:far differs in 1 of 3 rows"),
        ({"more": [1, 2, 3]}, "column a.units:more is new"),
    ],
)
def test_every_difference_is_a_line(
    folders: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, object],
    line: str,
) -> None:
    write(folders[1], **changed)
    (found,) = told(capsys, *folders)
    assert found.startswith(line)


def test_rows_tables_and_arrays_that_differ(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = folders
    path = new / "tables/a.units.parquet"
    pq.write_table(pq.read_table(path).slice(0, 2), path)
    values = np.load(new / "arrays/a.maps.npy")
    values[1, 2] = np.nextafter(values[1, 2], 0)
    np.save(new / "arrays/a.maps.npy", values)
    np.save(new / "arrays/a.more.npy", values)
    write(old, "a.lost")
    assert told(capsys, old, new) == [
        "table a.lost is missing",
        "table a.units has 2 rows, and had 3",
        "array a.more is new",
        "array a.maps differs in 1 of 6 numbers",
    ]
    np.save(new / "arrays/a.maps.npy", values.astype(np.float64))
    assert told(capsys, old, new)[-1] == (
        "array a.maps holds float64 of shape (2, 3), and held float32 of shape (2, 3)"
    )


def test_what_was_renamed_is_compared_under_its_new_name(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    old, new = folders
    table = pq.read_table(new / "tables/a.units.parquet")
    table = table.rename_columns({"effect": "cost", "unit": "unit", "class": "class", "far": "far"})
    pq.write_table(table, new / "tables/b.units.parquet")
    os.remove(new / "tables/a.units.parquet")
    os.rename(new / "arrays/a.maps.npy", new / "arrays/b.maps.npy")
    names = tmp_path / "names.txt"
    lines = ["# old, new", "", "a.units b.units", "a.units:effect b.units:cost", "a.maps b.maps"]
    names.write_text("\n".join(lines))
    assert told(capsys, old, new, "--renamed", names) == []
    names.write_text("a.units b.units\na.maps b.maps")
    assert told(capsys, old, new, "--renamed", names) == [
        "column b.units:effect is missing",
        "column b.units:cost is new",
    ]


def test_a_folder_without_tables_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), str(tmp_path)]) == 2
    assert capsys.readouterr().out == f"'{tmp_path}' holds no tables of an audit\n"
