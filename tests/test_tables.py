"""Do tables come back as they were saved, and are wrong columns told?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holistic.errors import AuditError, SettingError
from holistic.results.columns import Column, col
from holistic.results.tables import Table


@dataclass(frozen=True)
class Row:
    """One column of every kind."""

    class_: str | None = col("name of the class", name="class")
    unit: int | None = col("index of the unit")
    effect: float | None = col("score after minus before", unit="logits", words="what it does")
    dead: bool | None = col("whether it is constant")


NAMES = ("class", "unit", "effect", "dead")
INTEGERS = st.integers(-(2**63), 2**63 - 1)
CELLS = {
    "class": st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    "unit": st.none() | INTEGERS,
    "effect": st.none() | st.floats(),
    "dead": st.none() | st.booleans(),
}
ROWS = st.lists(st.tuples(*CELLS.values()), max_size=8)


def make(rows: list[tuple[object, ...]]) -> Table:
    return Table.build(Row, {name: [row[i] for row in rows] for i, name in enumerate(NAMES)})


def known(value: object) -> object:
    """What a cell reads back as."""
    return None if isinstance(value, float) and math.isnan(value) else value


def small(*effects: float | None, unit: int = 0) -> Table:
    return make([("a", unit + i, effect, False) for i, effect in enumerate(effects)])


@settings(deadline=None)
@given(rows=ROWS)
def test_rows_come_back(rows: list[tuple[object, ...]], tmp_path_factory: pytest.TempPathFactory):
    table = make(rows)
    expected = [dict(zip(NAMES, map(known, row), strict=True)) for row in rows]
    path = tmp_path_factory.mktemp("t") / "t.parquet"
    table.save(path)
    loaded = Table.load(path)
    assert list(table.rows()) == expected
    assert list(loaded.rows()) == expected
    assert loaded.columns == table.columns
    assert len(loaded) == len(rows)


def test_columns_keep_kind_unit_and_meaning(tmp_path: Path) -> None:
    small(1.0).save(tmp_path / "t.parquet")
    assert Table.load(tmp_path / "t.parquet").columns == (
        Column("class", "string", "", "name of the class"),
        Column("unit", "int64", "", "index of the unit"),
        Column(
            "effect",
            "float64",
            "logits",
            "score after minus before",
            words="what it does",
            role="value",
        ),
        Column("dead", "bool", "", "whether it is constant"),
    )


@settings(deadline=None)
@given(values=st.lists(st.floats(width=32), max_size=8), kind=st.sampled_from(["f4", "f8"]))
def test_nan_becomes_null_in_arrays_of_any_width(values: list[float], kind: str) -> None:
    columns = {"class": "a", "unit": 1, "effect": np.array(values, dtype=kind), "dead": False}
    table = Table.build(Row, columns)
    assert table.data["effect"].null_count == sum(map(math.isnan, values))
    np.testing.assert_array_equal(table.column("effect"), np.array(values))


def test_nan_is_null_in_columns_of_every_kind() -> None:
    for missing in (None, float("nan"), np.nan):
        table = Table.build(Row, {name: [missing] for name in NAMES})
        assert list(table.rows()) == [dict.fromkeys(NAMES)]
    columns = {"class": "a", "effect": 0.0, "dead": True}
    table = Table.build(Row, {**columns, "unit": np.array([3.0, np.nan])})
    assert table.data["unit"].to_pylist() == [3, None]
    with pytest.raises(ValueError, match="truncated"):
        Table.build(Row, {**columns, "unit": np.array([3.5])})


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_scalars_are_repeated_also_missing_ones(rows: int) -> None:
    table = Table.build(
        Row, {"class": "a", "unit": np.arange(rows), "effect": None, "dead": np.bool_(True)}
    )
    expected = [{"class": "a", "unit": i, "effect": None, "dead": True} for i in range(rows)]
    assert list(table.rows()) == expected
    alone = Table.build(Row, {"class": None, "unit": np.int64(2), "effect": 0.5, "dead": None})
    assert list(alone.rows()) == [{"class": None, "unit": 2, "effect": 0.5, "dead": None}]


def test_rows_of_the_row_type_make_the_same_table() -> None:
    rows = [Row("a", 1, float("nan"), True), Row(None, 2, 0.5, None)]
    assert Table.from_rows(Row, rows) == make([("a", 1, None, True), (None, 2, 0.5, None)])


def test_wrong_columns_are_told() -> None:
    with pytest.raises(ValueError, match="lack 'dead' and have 'alive', which it doesn't"):
        Table.build(Row, {"class": "a", "unit": 1, "effect": 0.0, "alive": True})
    with pytest.raises(ValueError, match=r"lack 'dead', 'effect'$"):
        Table.build(Row, {"class": "a", "unit": 1})
    with pytest.raises(ValueError, match=r"differ in length: .*'unit': 3"):
        Table.build(Row, {"class": ["a"], "unit": [1, 2, 3], "effect": 0.0, "dead": True})


@settings(deadline=None)
@given(rows=ROWS, descending=st.booleans(), name=st.sampled_from(NAMES))
def test_sort_keeps_ties_and_puts_nulls_last(
    rows: list[tuple[object, ...]], descending: bool, name: str
) -> None:
    at = NAMES.index(name)
    cells = [tuple(map(known, row)) for row in rows]
    there = [row for row in cells if row[at] is not None]
    there.sort(key=lambda row: row[at], reverse=descending)  # Python keeps ties, reversed too
    expected = there + [row for row in cells if row[at] is None]
    found = [tuple(row.values()) for row in make(rows).sort(name, descending=descending).rows()]
    assert found == expected


@settings(deadline=None)
@given(rows=ROWS, unit=st.none() | INTEGERS, pick=st.integers(0, 7))
def test_where_keeps_equal_rows_and_finds_nulls(
    rows: list[tuple[object, ...]], unit: int | None, pick: int
) -> None:
    if pick < len(rows):
        unit = rows[pick][1]  # pyright: ignore[reportAssignmentType]
    found = [row["unit"] for row in make(rows).where(unit=unit).rows()]
    assert found == [row[1] for row in rows if row[1] == unit]


def test_where_takes_numpy_scalars_and_class_by_its_python_name() -> None:
    table = make([("a", 1, 0.5, True), ("b", 1, 0.5, True), ("a", 2, 0.5, False)])
    assert len(table.where(class_="a", unit=np.int64(1), dead=np.bool_(True))) == 1
    assert len(table.where(class_=np.str_("a"))) == 2
    assert len(table.where(effect=np.float32(0.5))) == 3
    assert len(table.where()) == 3


def test_unknown_columns_are_told_with_a_guess() -> None:
    table = small(1.0)
    for ask in (table.column, table.sort, lambda name: table.where(**{name: 1})):
        with pytest.raises(SettingError, match=r"no column 'efect' \(did you mean 'effect'\?\)"):
            ask("efect")


def test_columns_read_as_arrays() -> None:
    table = make([("a", 1, None, True), ("b", 2, 0.5, False)])
    np.testing.assert_array_equal(table.column("effect"), [np.nan, 0.5])
    assert table.column("unit").dtype == np.int64
    assert table.column("dead").dtype == bool
    np.testing.assert_array_equal(make([("a", None, 0.0, None)]).column("unit"), [np.nan])
    assert list(table.to_pandas().columns) == list(NAMES)


def test_a_table_shows_itself_without_markup_of_its_names() -> None:
    table = make([("<b>$x$</b>", i, i / 3, True) for i in range(30)])
    page = table._repr_html_()
    assert "<b>" not in page
    assert "&lt;b&gt;$x$" in page
    assert page.count("<tr>") == 21
    assert "20 of 30 rows × 4 columns" in page
    assert 'title="score after minus before">effect [logits]' in page
    assert repr(table).count("\n") == 9
    assert repr(table).endswith("… 22 more rows")
    assert "–" in repr(make([(None, None, None, None)]))
    assert len(table.head(7)) == 7


def _repeated(text: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text]))


@pytest.mark.parametrize(
    ("values", "coded"),
    [
        (np.zeros(40_000_000), True),
        (pa.array(["x" * (300 << 20)]), False),
        (_repeated("x" * 1000, 400_000), True),
    ],
    ids=["one number", "one long text", "one text in all rows"],
)
def test_small_files_that_unpack_to_gigabytes_are_refused(
    tmp_path: Path, values: Any, coded: bool
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"a": values}), path, compression="zstd", use_dictionary=coded, store_schema=False
    )
    assert path.stat().st_size < 1 << 20
    with pytest.raises(AuditError, match=r"a.parquet' would unpack from .* to .* MB, more"):
        Table.load(path)


def test_texts_that_repeat_are_read_as_they_were(tmp_path: Path) -> None:
    rows = [("é" * 100, None, None, None), (None, 1, None, None)] * 3000
    make(rows).save(tmp_path / "a.parquet")
    again = Table.load(tmp_path / "a.parquet")
    assert again.data.equals(make(rows).data)
    assert again.data.schema.equals(make(rows).data.schema, check_metadata=True)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"unit": [1.5]}, "column 'unit' of Row must hold int64: .*1.5"),
        ({"unit": np.array([1.5])}, "column 'unit' of Row must hold int64: .*1.5"),
        ({"unit": "one"}, "column 'unit' of Row must hold int64: "),
        ({"class": [3]}, "column 'class' of Row must hold string: "),
        ({"effect": ["much"]}, "column 'effect' of Row must hold float64: "),
        ({"dead": [0]}, "column 'dead' of Row must hold bool: "),
        ({"more": [1]}, "columns of Row have 'more', which it doesn't declare"),
    ],
)
def test_values_that_a_row_type_does_not_declare_are_refused(
    changed: dict[str, Any], words: str
) -> None:
    """A number with something behind its point is never cut to a whole one."""
    given = {"class": ["a"], "unit": [2.0], "effect": [1], "dead": [None]}
    assert list(Table.build(Row, given).cells("unit")) == [2]
    with pytest.raises(ValueError, match=f"^{words}"):
        Table.build(Row, given | changed)
