"""Shows that an audit that somebody edited ends in one line, whatever was put into it."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import planted_report
from holistic.cli import main
from holistic.cli.serve import _model
from holistic.errors import AuditError, SettingError
from holistic.graph.sites import SITES
from holistic.report import page
from holistic.report.damage import showing
from holistic.report.saved import Audit, load
from holistic.results.columns import Column, columns_of
from holistic.results.files import sha256
from holistic.results.records import table_fault
from made import a_finding, own_schemas

SOURCE = {"data": "digits", "model": "mlp", "seed": 0, "weights": None, "limit": None,
          "score": "margin", "unit_axis": []}  # fmt: skip
WRONG: tuple[Any, ...] = ("text", -1, 2.5, 10**30, True, None, [1], {"a": 1}, "\ud800")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    return planted_report.audit(tmp_path_factory.mktemp("planted"))


@pytest.fixture
def folder(planted: Audit, tmp_path: Path) -> Path:
    shutil.copy(planted.path / "audit.json", tmp_path / "whole.json")
    return shutil.copytree(planted.path, tmp_path / "audit")


def read(folder: Path) -> dict[str, Any]:
    """The record as it was."""
    return json.loads((folder.parent / "whole.json").read_text(encoding="utf-8"))


def write(folder: Path, record: dict[str, Any]) -> None:
    (folder / "audit.json").write_text(json.dumps(record), encoding="utf-8")


def keep(folder: Path, *names: str) -> dict[str, Any]:
    """Leave some findings in the record, with the present hashes of their files."""
    record = read(folder)
    for lens, entry in list(record["lenses"].items()):
        entry["findings"] = {n: f for n, f in entry["findings"].items() if n in names}
        for finding in entry["findings"].values():
            for file in (finding["table"], *finding["arrays"].values()):
                file["sha256"] = sha256(folder / file["path"])
        if not entry["findings"]:
            del record["lenses"][lens]
    write(folder, record)
    return record


def edits(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Places of all keys and of the first element of each list."""
    names = list(value) if isinstance(value, dict) else range(min(1, len(value)))
    for name in names:
        yield (*place, name)
        if isinstance(value[name], (dict, list)):
            yield from edits(value[name], (*place, name))


def edited(record: dict[str, Any], place: tuple[Any, ...]) -> Iterator[dict[str, Any]]:
    """The record without the value at a place, and with others there."""
    for wrong in ("dropped", *WRONG):
        new = copy.deepcopy(record)
        inner = new
        for name in place[:-1]:
            inner = inner[name]
        if wrong == "dropped":
            del inner[place[-1]]
        else:
            inner[place[-1]] = wrong
        yield new


def told(folder: Path) -> str:
    """What is told of an audit that can't be shown: one line, or nothing."""
    line = ""
    try:
        page.rendered(load(folder))
    except AuditError as error:
        line = str(error)
        assert line.count("\n") == 0 < line.count("run the audit again")
    return line


def test_a_record_with_anything_anywhere_is_read_or_told(folder: Path) -> None:
    record = keep(folder, "ablation.confusion", "mechanism.clusters")
    record["provenance"]["source"] = SOURCE
    fine = 0
    for place in edits(record):
        for new in edited(record, place):
            write(folder, new)
            fine += not told(folder)
    assert 0 < fine < 150


@pytest.mark.parametrize(
    ("place", "wrong", "line"),
    [
        ("source", "mlp", "'provenance.source' is 'mlp', and must be an object"),
        ("source", {"seed": "0"}, "'provenance.source.seed' is '0', and must be a whole number"),
        ("check", ["x"], r"'provenance.check' is \['x'\], and must be an object"),
        ("check", {"lines": [{"name": "a"}]}, r"'provenance.check.lines' is \[.*a list of lines"),
        ("threads", 0, "'provenance.threads' is 0, and must be a whole number from 1 to 4096"),
        ("classes", ["a", 1], r"'provenance.classes' is \['a', 1\], and must be a list of texts"),
        ("accuracy", {"value": 1.0}, "'provenance.accuracy' lacks 'lo', 'hi', 'n'"),
        ("settings", {"ablation": 4}, "'provenance.settings.ablation' is 4, and must be an object"),
    ],
)
def test_a_wrong_provenance_is_told(folder: Path, place: str, wrong: Any, line: str) -> None:
    record = read(folder)
    record["provenance"][place] = wrong
    write(folder, record)
    with pytest.raises(AuditError, match=rf"audit.json' is damaged: {line}.*; run the audit again"):
        load(folder)


@pytest.mark.parametrize("name", SOURCE)
def test_a_source_that_lacks_something_makes_no_model(folder: Path, name: str) -> None:
    record = read(folder)
    record["provenance"]["source"] = {n: v for n, v in SOURCE.items() if n != name}
    write(folder, record)
    assert f"lacks '{name}'" in str(_model(load(folder), None, trust=False))


@pytest.mark.parametrize("path", ["sites/../../x", "../x", "a\\b"])
def test_findings_name_no_files_elsewhere(folder: Path, path: str) -> None:
    record = read(folder)
    found = record["lenses"]["sites"]["findings"]
    found[path] = {**found["sites"], "table": {"path": f"tables/{path}.parquet", "sha256": ""}}
    write(folder, record)
    with pytest.raises(AuditError, match="outside of its folders; run the audit again"):
        load(folder)


def test_a_table_is_held_to_what_its_own_schema_declares() -> None:
    """A column may hold another kind in another finding, and anything where nobody declares it."""
    for schema in (SITES, *own_schemas()):
        assert schema.row
        own = columns_of(schema.row)
        assert table_fault(schema, own) == "", schema.name
        for column in own:
            wrong = Column(column.name, "bool" if column.kind == "string" else "string", "", "")
            fault = table_fault(schema, [wrong])
            assert (
                f"column '{column.name}' holds {wrong.kind}, and must hold {column.kind}" in fault
            )
            assert table_fault(None, [wrong]) == ""
    assert "holds list, and must hold string or int64" in table_fault(
        None, [Column("a", "list", "", "")]
    )


def test_columns_of_another_kind_are_told(folder: Path, planted: Audit) -> None:
    for name in planted.names:
        path = folder / "tables" / f"{name}.parquet"
        table = pq.read_table(path)
        for place, field in enumerate(table.schema):
            wrong = pa.array({"double": ["x"]}.get(str(field.type), [0.5]))
            pq.write_table(table.slice(0, 1).set_column(place, field.name, wrong), path)
            keep(folder, name)
            with pytest.raises(AuditError, match=rf"column '{field.name}' holds .* must"):
                load(folder)[name]


@pytest.mark.parametrize(
    "name", ["ablation.units", "ablation.topk", "activation.examples", "agreement.units"]
)
def test_missing_columns_are_told_or_not_needed(folder: Path, name: str) -> None:
    path = folder / "tables" / f"{name}.parquet"
    table = pq.read_table(path)
    lines = list[str]()
    for place in range(table.num_columns):
        pq.write_table(table.remove_column(place), path)
        keep(folder, name)
        lines.append(told(folder))
    if name == "ablation.topk":
        assert "can't be shown: no column 'class_p'" in " ".join(lines)
    assert "" in lines, "an older audit lacks newer columns"


@pytest.mark.parametrize("bytes_", [b"", b"PAR1 and then none", b"\x93NUMPY\x01\x00\x00\x00"])
def test_files_that_are_something_else_are_told(folder: Path, bytes_: bytes) -> None:
    for file in ("tables/activation.examples.parquet", "arrays/activation.images.npy"):
        before = (folder / file).read_bytes()
        (folder / file).write_bytes(bytes_)
        keep(folder, "activation.examples")
        assert f"{file}' is damaged" in told(folder)
        (folder / file).write_bytes(before)


def test_arrays_of_another_kind_or_shape_are_told(folder: Path, planted: Audit) -> None:
    for name in planted.names:
        for array, values in planted.finding(name).arrays.items():
            file = folder / "arrays" / f"{array}.npy"
            before = file.read_bytes()
            for wrong in (values[None], np.zeros((0,) * 6, values.dtype), values.astype("<U3"),
                          values.astype(complex)):  # fmt: skip
                np.save(file, wrong)
                keep(folder, name)
                with pytest.raises(AuditError, match=f"is damaged: array '{array}' holds .* must"):
                    load(folder).finding(name)
            file.write_bytes(before)


def test_arrays_whose_sizes_differ_are_told(folder: Path, planted: Audit) -> None:
    examples = planted.finding("activation.examples").arrays
    for array in ("activation.images", "activation.image_ids", "activation.image_labels"):
        np.save(folder / "arrays" / f"{array}.npy", examples[array][:-1])
        keep(folder, "activation.examples")
        assert "with sizes as in the other arrays" in told(folder)
        np.save(folder / "arrays" / f"{array}.npy", examples[array])
    np.save(folder / "arrays" / "mechanism.correlation.0.npy", np.ones((3, 2), np.float32))
    keep(folder, "mechanism.pairs")
    assert "of shape units × units" in told(folder)


def test_names_of_any_length_are_told_in_a_line_of_some(folder: Path) -> None:
    name, record = "x" * 100_000, read(folder)
    for place in ("provenance", "lenses"):
        new = copy.deepcopy(record)
        new[place] |= {"versions": {name: 1}} if place == "provenance" else {name: 1}
        write(folder, new)
        assert 0 < len(told(folder)) < 1000
    path = folder / "tables" / "ablation.units.parquet"
    table = pq.read_table(path)
    pq.write_table(table.set_column(0, name, pa.array(["x"] * len(table))), path)
    keep(folder, "ablation.units")
    assert 0 < len(told(folder)) < 1000
    for error in (KeyError(name), MemoryError(name), SettingError(f"no column '{name}'")):
        with pytest.raises(AuditError, match="can't be shown") as caught, showing(load(folder)):
            raise error
        assert len(str(caught.value)) < 1000


def test_numbers_that_can_t_be_drawn_are_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "bundle", lambda *, live: ("", ""))
    file = folder / "arrays" / "attribution.example_labels.npy"
    np.save(file, np.full(4, 10**6))
    keep(folder, "attribution.methods")
    line = told(folder)
    assert f"finding 'attribution.methods' of the audit in '{folder}' can't be shown" in line
    assert "IndexError: list index out of range (figures.py, line" in line


def test_pictures_without_end_are_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "bundle", lambda *, live: ("", ""))
    table = planted_report.table(site=["late"], unit=[0], start=[10**7], picture=[0])
    arrays = {"activation.visualisations": np.zeros((1, 2, 2), np.uint8)}
    keep(folder)
    load(folder).add(
        "activation", [a_finding("activation.visualisations", table, arrays=arrays)], 0
    )
    assert "10,000,000 panels; 5,000 can be drawn" in told(folder)


def test_the_command_line_tells_it_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "tables" / "ablation.topk.parquet"
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["class_p"]), path)
    keep(folder, "ablation.topk")
    for command in ("report", "serve"):
        assert main([command, str(folder)]) == 2
        [_, line] = ["", *capsys.readouterr().err.splitlines()][-2:]
        assert line.startswith("error: ")
        assert "can't be shown: no column 'class_p'" in line
    assert not (folder / "report.html").exists()
    assert not list(folder.rglob("*.tmp"))


def test_a_table_of_an_audit_has_its_findings_arrays_as_long_as_its_rows_stay(
    small_audit: Audit,
) -> None:
    table, finding = small_audit["activation.examples"], small_audit.finding("activation.examples")
    assert finding.arrays
    assert set(table.arrays) == set(finding.arrays)
    name = next(iter(finding.arrays))
    short = name.removeprefix("activation.")
    np.testing.assert_array_equal(table.arrays[name], finding.arrays[name])
    np.testing.assert_array_equal(table.arrays[short], finding.arrays[name])
    # rows that were chosen no longer stand where the arrays' do
    assert not table.where(rank=1).arrays
    assert not table.sort("value").arrays
