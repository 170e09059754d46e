"""Shows that reports follow what is declared, also of lenses and columns that nobody here knows."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, make_dataclass, replace
from io import BufferedReader, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

import planted_report
from holistic.errors import AuditError
from holistic.lenses import _contract
from holistic.report import as_json, everything, page
from holistic.report import highlights as of_lenses
from holistic.report.embedded import outline
from holistic.report.saved import Audit, load
from holistic.results import folder as folders
from holistic.results.columns import Estimate, col, columns_of, estimate, key
from holistic.results.files import opened, sha256
from holistic.results.findings import Finding
from holistic.results.highlights import Card, Head, Highlight, View
from holistic.results.schema import Array, Schema
from holistic.results.tables import Table
from made import schema_of


@dataclass(frozen=True)
class Smell:
    """Row of a finding that no lens here declares."""

    colour: str = key("what it looks like")
    petals: int = col("how many leaves it has", unit="petals")
    note: str = col("what else was seen")
    weight: Estimate = estimate("how heavy it is", unit="kg", worse=-1, neutral=2.0, signed=True)


SMELLS = Schema(
    "smell.rows",
    "What <i>smells</i>",
    Smell,
    lead="Which flowers smell & which don't?",
    view="dots",
    across="colour note",
    answers=True,
    arrays={"noses": Array("float32", "noses 2", "how long each is")},
)


def a_smell() -> Finding:
    rows = [
        Smell("red", 5, "thorns", Estimate(1.5, 1.0, 2.0)),
        Smell("blue", 7, "none", Estimate(None)),
    ]
    noses = {"smell.noses": np.zeros((3, 2), np.float32)}
    table = Table.from_rows(Smell, rows)
    return Finding(SMELLS, table, ("It is red.",), ("One garden.",), noses)


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    made = Audit.create(tmp_path / "audit", {"key": "k"})
    first = Finding(Schema("smell.first", "First"), a_smell().table, ("It came first.",))
    return made.add("smell", [first, a_smell()], 0.1)


def told_of(audit: Audit, name: str) -> dict[str, Any]:
    return json.loads(outline(audit))["findings"][name]


def test_an_unknown_lens_appears_with_its_meanings(audit: Audit) -> None:
    html = page.rendered(load(audit.path))[0]
    shown = html[: html.index('<script type="application/json"')]
    for text in ("It is red.", "One garden.", "how heavy it is", "<td>1.5</td>", "<td>–</td>",
                 "<td>5</td>", ">thorns</td>", "[petals]", "What &lt;i&gt;smells&lt;/i&gt;",
                 "Which flowers smell &amp; which don&#39;t?"):  # fmt: skip
        assert text in shown, text
    assert "<i>" not in shown
    told = told_of(load(audit.path), "smell.rows")
    assert (told["title"], told["lead"]) == (SMELLS.title, SMELLS.lead)
    assert (told["view"], told["across"]) == ("dots", "colour note")
    columns = {c["name"]: c for c in told["columns"]}
    assert [(c["name"], c["kind"], c.get("role", "")) for c in columns.values()] == [
        ("colour", "string", "key"), ("petals", "int64", ""), ("note", "string", ""),
        ("weight", "float64", "value"), ("weight_lo", "float64", "lo"),
        ("weight_hi", "float64", "hi"),
    ]  # fmt: skip
    weight = columns["weight"]
    assert (weight["worse"], weight["neutral"], weight["signed"]) == (-1, 2.0, True)
    assert columns["weight_lo"]["of"] == "weight"


def test_the_finding_that_answers_leads_its_lens(audit: Audit) -> None:
    html = page.rendered(audit)[0]
    [first] = re.findall(r'<div class="statements">.*?<p><b>.*?</b> (.*?)</p>', html, re.DOTALL)
    assert first == "It is red."


def more_columns(monkeypatch: pytest.MonkeyPatch) -> type:
    """Declare two more columns of a finding that the program knows."""
    schema = schema_of("tracing.patching")
    assert schema.row
    fields: list[Any] = [
        ("frames", int | None, col("pictures behind it", unit="pictures")),
        ("mood", str | None, col("how it went")),
    ]
    kind = make_dataclass("More", fields, bases=(schema.row,), frozen=True)
    known = _contract.declared_schemas("tracing")
    monkeypatch.setitem(known, "tracing.patching", replace(schema, row=kind))
    return kind


@pytest.mark.parametrize("reader", ["the same program", "an older program"])
def test_columns_that_are_declared_anew_appear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str
) -> None:
    kind = more_columns(monkeypatch)
    made = {"string": ["x", "y"], "int64": [3, 4], "float64": [0.5, 1.0], "bool": [True, False]}
    table = Table.build(kind, {c.name: made[c.kind] for c in columns_of(kind)})
    schema = schema_of("tracing.patching")
    audit = Audit.create(tmp_path / "audit", {"key": "k"})
    audit = audit.add("tracing", [Finding(schema, table, ("Said.",))], 0.1)
    if reader == "an older program":
        monkeypatch.undo()
    html = page.rendered(load(audit.path))[0]
    assert 'title="pictures behind it">frames<small> [pictures]</small></th>' in html
    assert 'class="name" title="how it went">mood</th>' in html
    told = {c["name"]: c["kind"] for c in told_of(load(audit.path), "tracing.patching")["columns"]}
    assert (told["frames"], told["mood"]) == ("int64", "string")


def test_highlights_of_any_lens_are_shown_wherever_numbers_are(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = (
        Head("colour", lambda row: row.colour, "row", card=lambda row: Card(row.colour)),
        Head("weight <kg>", lambda row: f"{row.weight.value or 0:.1f}", bold=True),
    )
    views = [View(f"Smells {where}", "By nose.", heads) for where in ("here", "there")]
    rows = list(audit["smell.rows"].rows(Smell))
    shown = Highlight("smells", "smell.rows", rows[:1], *views, every=rows)
    none = replace(shown, name="nothing", rows=[], every=None)
    monkeypatch.setattr(of_lenses, "lens_places", lambda: {"smell": None})
    monkeypatch.setattr(of_lenses, "brought", lambda *_: lambda audit: (shown, none))
    html = page.rendered(audit)[0]
    assert "<caption>Smells here <small>By nose.</small></caption>" in html
    assert "<td><b>1.5</b></td>" in html
    assert "weight &lt;kg&gt;" in html
    assert html.count("Smells") == 1
    text = StringIO()
    Console(file=text, width=60).print(everything(audit))
    assert "Smells there" in text.getvalue()
    assert text.getvalue().count("Smells") == 1
    document = as_json(audit)
    assert [row["colour"] for row in document["smells"]] == ["red", "blue"]
    assert document["nothing"] == []


# Each file is read once


@pytest.fixture
def opens(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file of an audit was opened."""
    counted = Counter[str]()

    @contextmanager
    def counting(path: Path) -> Iterator[BufferedReader]:
        counted[path.name] += 1
        with opened(path) as file:
            yield file

    monkeypatch.setattr(folders, "opened", counting)
    return counted


@pytest.mark.parametrize("show", ["page", "terminal", "json", "page without a script"])
def test_each_file_is_read_once_a_report(
    tmp_path: Path, opens: Counter[str], monkeypatch: pytest.MonkeyPatch, show: str
) -> None:
    audit = planted_report.audit(tmp_path / "audit")
    if show == "page without a script":
        monkeypatch.setattr(page, "bundle", lambda **_: ("", ""))
    opens.clear()
    {"terminal": everything, "json": as_json}.get(show, page.rendered)(audit)
    files = {p.name for p in audit.path.rglob("*") if p.suffix in (".parquet", ".npy")}
    assert len(files) > 20
    assert set(opens) == files
    assert set(opens.values()) == {1}


def test_a_file_that_changes_between_two_reports_is_noticed(audit: Audit) -> None:
    first = page.rendered(audit)[0]
    file = audit.path / "tables/smell.rows.parquet"
    before = file.read_bytes()
    file.write_bytes(before[:-1])
    for show in (page.rendered, everything, as_json):
        with pytest.raises(AuditError, match="was changed after the run"):
            show(audit)
    file.write_bytes(before)
    assert page.rendered(audit)[0] == first


def test_what_is_kept_is_of_one_file(audit: Audit) -> None:
    """Two files of the same bytes are each checked; whoever keeps nothing reads anew."""
    kept = audit.kept_while_read()
    assert kept == audit
    assert kept["smell.rows"] is kept["smell.rows"]
    assert kept["smell.first"] is not kept["smell.rows"]
    (audit.path / "tables/smell.rows.parquet").unlink()
    assert len(kept["smell.rows"]) == 2
    with pytest.raises(AuditError, match="is missing"):
        audit["smell.rows"]


# Nothing that a stranger wrote into a schema does harm


def rewritten(audit: Audit, **schema: Any) -> Audit:
    record = json.loads((audit.path / "audit.json").read_text(encoding="utf-8"))
    record["lenses"]["smell"]["findings"]["smell.rows"]["schema"] |= schema
    (audit.path / "audit.json").write_text(json.dumps(record), encoding="utf-8")
    return load(audit.path)


@pytest.mark.parametrize(
    "schema",
    [
        {"cells": 10**18}, {"cells": 0}, {"size": "note"}, {"size": "__proto__"},
        {"view": "<script>"}, {"view": "heat"}, {"across": "__proto__ constructor"},
        {"across": ""}, {"title": "</script><script>alert(1)</script>"}, {"lead": "{{ 7 * 7 }}"},
        {"examples": True}, {"arrays": {}},
        {"arrays": {"noses": {"kind": "float32", "axes": "3 2", "later": [1, {"a": 2}]}}},
    ],
)  # fmt: skip
def test_a_schema_may_say_what_it_likes(audit: Audit, schema: dict[str, Any]) -> None:
    html = page.rendered(rewritten(audit, **schema))[0]
    assert "<script>alert" not in html
    assert html.count("<script") == 3
    assert "It is red." in html
    assert as_json(load(audit.path))["findings"]["smell.rows"]["rows"] == 2


@pytest.mark.parametrize("axes", ["²", "9" * 5000, "٣ 2", "", "rgb", "2 3", "any"])
def test_axes_that_don_t_fit_are_told(audit: Audit, axes: str) -> None:
    arrays = {"noses": {"kind": "float32", "axes": axes}}
    if axes == "٣ 2":  # three and two, in other digits
        assert len(rewritten(audit, arrays=arrays).finding("smell.rows").arrays["smell.noses"]) == 3
        return
    with pytest.raises(
        AuditError, match=r"finding 'smell.rows' .* is damaged: array 'smell.noses'"
    ):
        rewritten(audit, arrays=arrays).finding("smell.rows")


@pytest.mark.parametrize("kinds", [("images", "ids", "labels"), ("images",), ("plane", "no")])
def test_arrays_that_are_no_pictures_are_told_or_left_out(
    audit: Audit, kinds: tuple[str, ...]
) -> None:
    """Numbers of another shape than pictures have; without ids there are no pictures at all."""
    arrays = {f"noses{'.' * n}": {"kind": "float32", "axes": "any any", "pictures": kind}
              for n, kind in enumerate(kinds)}  # fmt: skip
    record = json.loads((audit.path / "audit.json").read_text(encoding="utf-8"))
    finding = record["lenses"]["smell"]["findings"]["smell.rows"]
    finding["schema"]["arrays"] = arrays
    for name in arrays:
        file = audit.path / f"arrays/smell.{name}.npy"
        np.save(file, np.ones((3, 2), np.float32))
        finding["arrays"][f"smell.{name}"] = {
            "path": f"arrays/smell.{name}.npy", "sha256": sha256(file),
        }  # fmt: skip
    (audit.path / "audit.json").write_text(json.dumps(record), encoding="utf-8")
    if len(kinds) == 3:
        with pytest.raises(
            AuditError, match=r"finding 'smell.rows' of the audit .* can't be shown"
        ):
            page.rendered(load(audit.path))
    else:
        assert "It is red." in page.rendered(load(audit.path))[0]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"role": "value<script>"}, {}), ({"role": "Key"}, {}), ({"worse": "7"}, {}),
        ({"worse": "-1"}, {"worse": -1}), ({"neutral": "nan"}, {}), ({"neutral": "1e999"}, {}),
        ({"neutral": "0.5"}, {"neutral": 0.5}), ({"signed": "no"}, {"signed": True}),
        ({"role": "lo"}, {"role": "lo"}), ({"worse": "x"}, None), ({"neutral": ""}, None),
        ({"unit": b"\xff"}, None),
    ],
)  # fmt: skip
def test_a_column_says_what_is_known_or_nothing(
    audit: Audit, said: dict[str, Any], kept: dict[str, Any] | None
) -> None:
    file = audit.path / "tables/smell.rows.parquet"
    field = pa.field("petals", pa.int64(), metadata=said)
    pq.write_table(pa.table([[1, 2]], schema=pa.schema([field])), file)
    record = json.loads((audit.path / "audit.json").read_text(encoding="utf-8"))
    record["lenses"]["smell"]["findings"]["smell.rows"]["table"]["sha256"] = sha256(file)
    (audit.path / "audit.json").write_text(json.dumps(record), encoding="utf-8")
    if kept is None:
        with pytest.raises(AuditError, match="parquet' is damaged"):
            page.rendered(load(audit.path))
        return
    [column] = told_of(load(audit.path), "smell.rows")["columns"]
    plain = ("name", "kind", "unit", "meaning", "of", "words")
    assert {k: v for k, v in column.items() if k not in plain} == kept
    assert "<script>alert" not in page.rendered(load(audit.path))[0]
