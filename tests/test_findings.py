"""Do tables and audits come back as they were saved, and is damage always told?"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holistic.errors import AuditError, HolisticError, SettingError
from holistic.findings import SCHEMA_VERSION, Audit, Column, Finding, Table, col, load


@dataclass(frozen=True)
class Row:
    """One column of every kind."""

    class_: str | None = col("name of the class", name="class")
    unit: int | None = col("index of the unit")
    effect: float | None = col("score after minus before", unit="logits")
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
NUMBER = st.floats(allow_nan=False, allow_infinity=False)


def make(rows: list[tuple[object, ...]]) -> Table:
    return Table.build(Row, {name: [row[i] for row in rows] for i, name in enumerate(NAMES)})


def known(value: object) -> object:
    """What a cell reads back as."""
    return None if isinstance(value, float) and math.isnan(value) else value


def small(*effects: float | None, unit: int = 0) -> Table:
    return make([("a", unit + i, effect, False) for i, effect in enumerate(effects)])


# Tables


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
        Column("effect", "float64", "logits", "score after minus before"),
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
    with pytest.raises(pa.ArrowInvalid, match="truncated"):
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
    with pytest.raises(ValueError, match=r"missing \{'dead'\}, unknown \{'alive'\}"):
        Table.build(Row, {"class": "a", "unit": 1, "effect": 0.0, "alive": True})
    with pytest.raises(pa.ArrowInvalid):
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
    assert "30 rows × 4 columns" in page
    assert 'title="score after minus before">effect [logits]' in page
    assert repr(table).count("\n") == 9
    assert repr(table).endswith("… 22 more rows")
    assert "–" in repr(make([(None, None, None, None)]))
    assert len(table.head(7)) == 7


# Audits

KEY = {"key": "k", "model": "m", "seed": 0}


def found(name: str = "one.units", *effects: float | None) -> Finding:
    arrays = {f"{name}.map": np.arange(6, dtype=np.float32).reshape(2, 3)}
    return Finding(name, small(*(effects or (1.0, None))), ("it – says",), ("careful",), arrays)


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    made = Audit.create(tmp_path / "audit", KEY)
    return made.add("one", [found(), found("one.more", 2.0)], 1.23456)


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_an_audit_comes_back(audit: Audit) -> None:
    loaded = load(str(audit.path))
    assert loaded == audit
    assert loaded.names == ("one.units", "one.more")
    assert "one.units" in loaded
    assert "two.units" not in loaded
    assert loaded.lenses["one"]["seconds"] == 1.235
    finding = loaded.finding("one.units")
    assert finding.lens == "one"
    assert (finding.statements, finding.caveats) == (("it – says",), ("careful",))
    assert finding.table == found().table == loaded["one.units"]
    np.testing.assert_array_equal(finding.arrays["one.units.map"], [[0, 1, 2], [3, 4, 5]])
    assert finding.arrays["one.units.map"].dtype == np.float32


@settings(deadline=None, max_examples=20)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    array=st.lists(st.lists(NUMBER, min_size=2, max_size=2), max_size=4),
)
def test_words_and_arrays_come_back(
    text: str, array: list[list[float]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    values = np.array(array).reshape(-1, 2)
    finding = Finding("a.b", small(1.0), (text,), (text,), {"a.b": values})
    made = Audit.create(tmp_path_factory.mktemp("a"), {"key": text, "classes": [text]})
    made.add("a", [finding], 0)
    loaded = load(made.path)
    assert loaded.provenance == {"key": text, "classes": [text]}
    back = loaded.finding("a.b")
    assert back.statements == back.caveats == (text,)
    np.testing.assert_array_equal(back.arrays["a.b"], values)


def test_the_same_findings_give_the_same_bytes(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        Audit.create(folder, KEY).add("one", [found()], 1)
    assert content(folders[0]) == content(folders[1])
    assert set(content(folders[0])) == {
        "audit.json",
        "tables/one.units.parquet",
        "arrays/one.units.map.npy",
    }


def test_a_lens_that_is_added_again_replaces_itself(audit: Audit) -> None:
    audit = audit.add("two", [found("two.units")], 0).add("one", [found("one.units", 9.0)], 0)
    assert load(audit.path).names == ("one.units", "two.units")
    assert list(load(audit.path)["one.units"].column("effect")) == [9.0]


@pytest.mark.parametrize("file", ["tables/one.units.parquet", "arrays/one.units.map.npy"])
@pytest.mark.parametrize("damage", ["flip", "cut", "longer", "missing", "folder"])
def test_damaged_files_are_told(audit: Audit, file: str, damage: str) -> None:
    path = audit.path / file
    data = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        flipped = data[:-1] + bytes([data[-1] ^ 1])
        path.write_bytes({"flip": flipped, "cut": data[:-1], "longer": data + b"\0"}[damage])
    with pytest.raises(AuditError, match=r"(missing|changed after the run); run the audit again"):
        load(audit.path).finding("one.units")
    assert load(audit.path)["one.more"].column("effect") == [2.0]


def test_a_table_is_read_without_its_arrays(audit: Audit) -> None:
    (audit.path / "arrays/one.units.map.npy").unlink()
    assert len(load(audit.path)["one.units"]) == 2


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_no_damage_to_the_record_escapes_as_a_bug(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = Audit.create(tmp_path_factory.mktemp("a"), KEY).add("one", [found()], 0)
    path = made.path / "audit.json"
    text = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=4))
    path.write_bytes(bytes(text))
    told = ""
    try:
        for name in (loaded := load(made.path)).names:
            loaded.finding(name)
    except HolisticError as error:
        told = str(error)
    assert "\n" not in told


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (b"", "can't be read"),
        (b"\xff\xfe", "can't be read"),
        (b"[" * 200_000, "can't be read"),
        (b"[]", "schema version None"),
        (b'{"schema_version": 99}', f"schema version 99, this program reads {SCHEMA_VERSION}"),
        (b'{"schema_version": 1}', "damaged"),
        (b'{"schema_version": 1, "provenance": {"key": "k"}, "lenses": []}', "damaged"),
        (b'{"schema_version": 1, "provenance": {}, "lenses": {}}', "damaged"),
        (b'{"schema_version": 1, "provenance": {"key": 1}, "lenses": {"a": {}}}', "damaged"),
    ],
)
def test_a_damaged_record_is_told_in_one_line(tmp_path: Path, record: bytes, told: str) -> None:
    (tmp_path / "audit.json").write_bytes(record)
    for way in (load, lambda path: Audit.create(path, KEY), Audit.held):
        with pytest.raises(AuditError, match=told) as caught:
            way(tmp_path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["a\0b", "a\nb", "\ud800", 7, None])
def test_a_record_can_t_name_impossible_files(audit: Audit, path: object) -> None:
    record = json.loads((audit.path / "audit.json").read_text(encoding="utf-8"))
    record["lenses"]["one"]["findings"]["one.units"]["table"]["path"] = path
    (audit.path / "audit.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(AuditError, match="is damaged"):
        load(audit.path)


@pytest.mark.parametrize(
    "path", ["../secret.parquet", "/etc/hostname", "tables/../../secret.parquet"]
)
def test_a_record_can_t_point_outside_of_its_folder(audit: Audit, path: str) -> None:
    small(1.0).save(audit.path.parent / "secret.parquet")
    record = json.loads((audit.path / "audit.json").read_text(encoding="utf-8"))
    file = record["lenses"]["one"]["findings"]["one.units"]["table"]
    file["path"] = path
    file["sha256"] = sha256((audit.path.parent / "secret.parquet").read_bytes()).hexdigest()
    (audit.path / "audit.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(AuditError, match="outside"):
        load(audit.path)["one.units"]


def test_missing_audits_and_findings_are_told(audit: Audit, tmp_path: Path) -> None:
    with pytest.raises(AuditError, match=r"it has no audit\.json; make one with 'holistic run'"):
        load(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(AuditError, match="can't be read"):
        load(tmp_path / "file")
    with pytest.raises(AuditError, match=r"no finding 'one.unit' \(did you mean 'one.units'\?\)"):
        audit["one.unit"]


# Folders that are taken, resumed, cut off


def test_a_run_goes_on_in_its_own_folder(audit: Audit) -> None:
    before = content(audit.path)
    again = Audit.create(audit.path, KEY)
    assert again == audit
    assert content(audit.path) == before


@pytest.mark.parametrize(
    ("change", "told"),
    [({"seed": 1}, "different seed"), ({"model": "n", "seed": 2}, "different model, seed"),
     ({}, "different run")],
)  # fmt: skip
def test_another_run_doesn_t_touch_the_folder(audit: Audit, change: dict, told: str) -> None:
    before = content(audit.path)
    with pytest.raises(AuditError, match=f"holds another audit \\({told}\\); choose another"):
        Audit.create(audit.path, {**KEY, **change, "key": "other"})
    assert content(audit.path) == before


@pytest.mark.parametrize("kind", ["file", "full folder", "hidden file"])
def test_a_taken_folder_is_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    if kind != "file":
        path.mkdir()
    mine = {"file": path, "full folder": path / "thesis.tex", "hidden file": path / ".env"}[kind]
    mine.write_text("mine")
    for way in (lambda: Audit.create(path, KEY), lambda: Audit.held(path)):
        with pytest.raises(AuditError, match="is taken by other files"):
            way()
    assert content(tmp_path) == {str(mine.relative_to(tmp_path)): b"mine"}


def test_an_empty_folder_is_free(tmp_path: Path) -> None:
    assert Audit.held(tmp_path) is None
    assert Audit.held(tmp_path / "new") is None
    assert not (tmp_path / "new").exists()
    (tmp_path / ".audit.json.17.tmp").write_text("left by a killed run")
    assert Audit.create(tmp_path, KEY).names == ()


@pytest.mark.parametrize("breaks", range(1, 7))
def test_a_lens_is_published_whole_or_not_at_all(
    audit: Audit, breaks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail at each rename of an `add` in turn; what was published before stays readable."""
    before = load(audit.path)
    steps, real = [0], Path.replace

    def replace(self: Path, target: Path) -> Path:
        steps[0] += 1
        if steps[0] == breaks:
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    new = [found("two.units"), found("two.more")]
    if breaks <= 5:
        with pytest.raises(OSError, match="No space"):
            audit.add("two", new, 0)
    else:
        audit.add("two", new, 0)
    after = load(audit.path)
    assert after.names == before.names + (() if breaks <= 5 else ("two.units", "two.more"))
    for name in after.names:
        after.finding(name)
    assert not list(audit.path.rglob("*.tmp"))


def test_a_killed_write_leaves_the_published_audit(audit: Audit) -> None:
    """Die in the middle of writing the record; the folder still holds what it held."""
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom holistic.findings import load, Finding\n"
        "audit = load(sys.argv[1])\n"
        "Path.replace = lambda self, target: os._exit(9)\n"
        "audit.add('two', [Finding('two.units', audit['one.units'])], 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(audit.path)], check=False)
    assert done.returncode == 9
    assert load(audit.path) == audit
    audit.add("two", [found("two.units")], 0)
    assert load(audit.path).names[-1] == "two.units"


def test_a_provenance_that_json_can_t_hold_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        Audit.create(tmp_path / "a", {"key": "k", "accuracy": float("nan")})
    assert not (tmp_path / "a" / "audit.json").exists()


def test_findings_import_neither_torch_nor_what_takes_long() -> None:
    heavy = ("torch", "pandas", "matplotlib", "scipy", "sklearn", "pyarrow")
    code = f"import sys, holistic.findings; print([m for m in {heavy} if m in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip() == "[]"
