"""What a reader sees first: rows of classes, panels, one sentence on top."""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import planted_report
from holistic.lenses.ablation import opening as of_ablation
from holistic.lenses.attribution.opening import laid_out
from holistic.lenses.attribution.schemas import EvidenceRow
from holistic.lenses.tracing._fitted_directions import Features, Fitted
from holistic.lenses.tracing._strips import strips
from holistic.report import opening as of_report
from holistic.report.addresses import addresses
from holistic.report.embedded import numbers
from holistic.report.opening import opening, page_of
from holistic.report.pictured import pictured
from holistic.report.saved import Audit
from holistic.results.columns import Estimate, col
from holistic.results.findings import Finding
from holistic.results.highlights import Card
from holistic.results.layers import layer_names, unit_name
from holistic.results.opening import (
    Bar,
    Cell,
    ClassColumn,
    Example,
    Headline,
    Opening,
    Panel,
    Strip,
)
from holistic.results.schema import Array, Schema
from holistic.results.tables import Table
from holistic.words import letter
from made import a_row

CLASSES = [f"c{i}" for i in range(14)]


@dataclass(frozen=True)
class Row:
    """A row."""

    x: int = col("a number")


def saved(path: Path, *, classes: list[str] = CLASSES, **arrays: np.ndarray) -> Audit:
    """Save an audit of one finding that holds pictures."""
    schema = Schema(
        "own.rows",
        "Rows",
        Row,
        arrays={
            "images": Array("uint8", "images any any rgb", pictures="images"),
            "ids": Array("int64", "images", pictures="ids"),
            "labels": Array("int64", "images", pictures="labels"),
            "film": Array("int64", "any any", pictures="shown"),
        },
    )
    named = {f"own.{name}": values for name, values in arrays.items()}
    finding = Finding(schema, Table.from_rows(Row, [Row(1)]), ("Rows were found.",), arrays=named)
    audit = Audit.create(path, {"key": "0", "classes": classes, "seed": 0})
    return audit.add("own", [finding], 0.1)


def with_pictures(path: Path, **arrays: np.ndarray) -> Audit:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (28, 6, 6), dtype=np.uint8)
    return saved(
        path,
        images=images,
        ids=np.arange(100, 128),
        labels=np.repeat(np.arange(14), 2),
        **arrays,
    )


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A lens whose opening a test decides."""
    lens = SimpleNamespace(opening=Opening())
    monkeypatch.setattr(of_report, "lens_places", lambda: {"made": None})
    monkeypatch.setattr(
        of_report, "brought", lambda name, *_: (lambda _: lens.opening) if name == "made" else None
    )
    return lens


def page_laid_out(audit: Audit) -> dict[str, Any]:
    return page_of(audit, addresses(audit))


def bars(lost: list[float]) -> ClassColumn:
    cells = {
        name: Cell("words", bar=Bar(0.95, 0.95 - share, 0.94))
        for name, share in zip(CLASSES, lost, strict=True)
    }
    return ClassColumn("without its units", "own.rows", cells, 20)


def test_the_classes_that_lose_most_have_a_row(tmp_path: Path, made: SimpleNamespace) -> None:
    lost = [0.01 * (place % 7) for place in range(14)]
    made.opening = Opening(columns=(bars(lost),))
    page = page_laid_out(with_pictures(tmp_path / "a"))
    assert [row["name"] for row in page["rows"]] == [CLASSES[i] for i in range(14) if i % 7 > 1]
    assert page["left"] == 4
    assert page["least"] == pytest.approx(0.8)  # the deepest falls to 0.89
    deepest = next(row for row in page["rows"] if row["name"] == "c6")["cells"][0]["bar"]
    assert deepest["after"] == pytest.approx(100 * (0.89 - 0.8) / 0.2)
    assert deepest["control"] == pytest.approx(100 * (0.94 - 0.8) / 0.2)


def test_pictures_are_of_the_examples_that_are_named(tmp_path: Path, made: SimpleNamespace) -> None:
    strip = Strip("c3", tuple(map(Example, (107, 99, 106))), Card("c3"))
    made.opening = Opening(
        panels=(
            Panel("far", "Later", ("b",), "own.rows", 20, strips=(strip,)),
            Panel("bare", "Never", ("c",), "own.rows", 5),
            Panel("near", "First", ("a",), "own.rows", 10, bare=True),
        )
    )
    page = page_laid_out(with_pictures(tmp_path / "a"))
    first, second, last = page["panels"]
    assert (first["panel"].title, last["panel"].name) == ("First", "own")
    [shown] = second["strips"]
    assert [image.words for image in shown["images"]] == [
        "example 107, class c3",
        "example 106, class c3",
    ]
    assert [image.address for image in shown["images"]] == ["#/image/107", "#/image/106"]
    assert shown["address"] == "#/class/3"
    assert not page["rows"]


def test_the_heaviest_headline_is_shown(tmp_path: Path, made: SimpleNamespace) -> None:
    made.opening = Opening(Headline("Much hangs on it.", "own.rows", 0.4))
    audit = with_pictures(tmp_path / "a")
    assert opening(audit).headline == made.opening.headline


def test_a_lens_without_an_opening_says_its_first_sentence(tmp_path: Path) -> None:
    [panel] = opening(with_pictures(tmp_path / "a")).panels
    assert panel.lines == ("Rows were found.",)
    assert panel.name == "own"


def test_the_typical_picture_lies_nearest_to_its_class_s_mean(tmp_path: Path) -> None:
    images = np.zeros((4, 6, 6), np.uint8)
    images[:, 0, 0] = (10, 0, 200, 30)
    audit = saved(
        tmp_path / "a", images=images, ids=np.array([7, 8, 9, 4]), labels=np.array([0, 1, 0, 0])
    )
    found = pictured(audit)
    assert found is not None
    assert found.typical(0) == 4  # the mean of 10, 200 and 30 is 80
    assert found.typical(1) == 8
    assert found.typical(2) is None


def test_examples_that_are_shown_one_by_one_have_their_pictures_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holistic.report.embedded._IMAGE_BYTES", 3 * 36)
    shown = with_pictures(tmp_path / "a", film=np.array([[127, -1, 110, 105]]))
    packed = json.loads(numbers(shown))["gzip"]
    page = json.loads(gzip.decompress(base64.b64decode(packed)))
    assert page["images"]["examples"] == [127, 110, 105]
    assert page["arrays"]["own.film"]["values"] == [127, -1, 110, 105]


def test_of_a_planted_audit_the_strongest_unit_stands_in_its_row(tmp_path: Path) -> None:
    audit = planted_report.audit(tmp_path / "a")
    site, unit, name, _ = planted_report.STRONGEST
    page = page_laid_out(audit)
    row = next(row for row in page["rows"] if row["name"] == name)
    place = next(i for i, head in enumerate(page["heads"]) if head["finding"] == "ablation.units")
    cell = row["cells"][place]
    assert cell["address"] == f"#/unit/{planted_report.SITES.index(site)}/{unit}"
    assert cell["cell"].words.startswith(f"L2·{unit}")


def test_layers_are_named_by_depth(tmp_path: Path) -> None:
    layers = layer_names(planted_report.audit(tmp_path / "a"))
    assert layers == dict(zip(planted_report.SITES, ("L1", "L2"), strict=True))
    assert unit_name(layers, planted_report.SITES[1], 3) == "L2·3"
    assert unit_name(layers, "elsewhere", 3) == "elsewhere·3"


def test_sentences_on_top_are_short(tmp_path: Path) -> None:
    found = opening(planted_report.audit(tmp_path / "a"))
    lines = [line for panel in found.panels for line in panel.lines]
    for line in [*lines, *([found.headline.words] if found.headline else [])]:
        assert len(line.split()) <= 25, line


def test_windows_are_averaged_where_they_overlap() -> None:
    def row(left: int, effect: float) -> EvidenceRow:
        window = {"top": 0, "left": left, "height": 2, "width": 2}
        effects = Estimate(effect)
        return a_row(EvidenceRow, class_="a", kind="erase", **window, effect=effects, n=9)

    plane = laid_out([row(0, -1.0), row(1, -3.0)])
    assert plane.tolist() == [[-1.0, -2.0, -3.0]] * 2


def test_strips_go_from_the_least_to_the_most_along_the_direction() -> None:
    """The second unit is what the direction reads."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((50, 3))
    vectors = np.full((2, 2, 3), np.nan)
    vectors[0, 0] = (0, 1, 0)
    labels = np.zeros(50, np.int64)
    found = strips(Features(values, values, labels, labels), Fitted(vectors, None), [0, 1], 6)
    along = values[found[0], 1]
    assert (np.diff(along) > 0).all()
    assert (along[0], along[-1]) == (values[:, 1].min(), values[:, 1].max())
    assert np.argsort(np.argsort(values[:, 1]))[found[0]].tolist() == [0, 10, 20, 29, 39, 49]
    assert (found[1] == -1).all()


def test_clusters_are_letters() -> None:
    assert [letter(i) for i in (0, 1, 27, 700)] == ["A", "B", "AB", "ZY"]
    assert all(re.fullmatch("[A-Z]+", letter(i)) for i in range(900))


def test_a_head_tells_a_number_of_units_that_is_every_row_s(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    audit = planted_report.audit(tmp_path / "a")
    rows = of_ablation.removed_sets(audit)
    assert len(rows) > 1
    sizes = [row.k for row in rows]
    for ks, head in ((sizes[:1] * len(rows), f"its {sizes[0]} most"), (range(2, 9), "its most")):
        changed = [replace(row, k=k) for row, k in zip(rows, ks, strict=False)]
        monkeypatch.setattr(of_ablation, "removed_sets", lambda _, changed=changed: changed)
        [column] = [c for c in of_ablation.opening(audit).columns if c.short]
        assert head in column.head
