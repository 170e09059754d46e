"""The first screen of what is no picture: features as bars, series as curves, texts as words."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from holistic.lenses.tracing._strips import strip_arrays
from holistic.report import opening as of_report
from holistic.report.addresses import addresses
from holistic.report.opening import page_of
from holistic.report.saved import Audit
from holistic.report.sketches import drawing, text
from holistic.results.columns import col, key
from holistic.results.findings import Finding
from holistic.results.highlights import Card
from holistic.results.opening import Cell, ClassColumn, Example, Opening, Panel, Strip
from holistic.results.schema import Array, Schema
from holistic.results.tables import Table
from holistic.study.subject import Subject


@dataclass(frozen=True)
class Row:
    """A unit's example."""

    site: str = key("site")
    unit: int = key("unit")
    kind: str = col("kind")
    rank: int = col("rank")
    example: int = col("example")
    peak: int | None = col("place of the largest value")


SCHEMA = Schema(
    "own.rows",
    "Rows",
    Row,
    arrays={
        "inputs": Array("float32", "images any any", pictures="values"),
        "ends": Array("float32", "2 any", pictures="ends"),
        "ids": Array("int64", "images", pictures="ids"),
        "labels": Array("int64", "images", pictures="labels"),
    },
)


def drawn(uri: str) -> str:
    assert uri.startswith("data:image/svg+xml;base64,")
    return base64.b64decode(uri.partition(",")[2]).decode()


def test_bars_stand_above_where_a_feature_lies_above_its_mean() -> None:
    ends = np.array([[1.0, 1.0, 1.0, 5.0], [2.0, 2.0, 2.0, 0.0]])  # means, standard deviations
    svg = drawn(drawing(np.array([[3.0, -1.0, 101.0, 5.0]]), ends, series=False))
    bars = re.findall(r'y="([\d.]+)" height="([\d.]+)" fill="(#\w+)"', svg)
    assert [(float(y), float(high)) for y, high, _ in bars] == [
        (pytest.approx(14 - 14 / 3, abs=0.05), pytest.approx(14 / 3, abs=0.05)),
        (14, pytest.approx(14 / 3, abs=0.05)),
        (0, 14),  # three standard deviations and more
        (14, 0),  # what never varies has no distance
    ]
    assert bars[0][2] != bars[1][2]


def test_curves_keep_each_channel_on_its_own_scale() -> None:
    ends = np.array([[0.0, -10.0], [1.0, 10.0]])
    svg = drawn(drawing(np.array([[0.0, 1.0, 0.5], [10.0, -10.0, 0.0]]), ends, series=True))
    first, second = re.findall(r'points="([^"]+)"', svg)
    assert first == "0.0,27.0 32.0,1.0 64.0,14.0"
    assert second == "0.0,1.0 32.0,27.0 64.0,14.0"


def saved(path: Path, values: np.ndarray, inputs: dict[str, object], **arrays: np.ndarray) -> Audit:
    rows = [Row("1", 0, "top", rank + 1, rank, 1) for rank in range(4)]
    own = {"inputs": values, "ids": np.arange(4), "labels": np.array([0, 0, 1, 1]), **arrays}
    finding = Finding(
        SCHEMA,
        Table.from_rows(Row, rows),
        ("Rows were found.",),
        arrays={f"own.{name}": array for name, array in own.items()},
    )
    audit = Audit.create(path, {"key": "0", "classes": ["a", "b"], "seed": 0, "inputs": inputs})
    return audit.add("own", [finding], 0.1)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lens whose opening has a row a class, a unit's strip and one of examples in order."""
    cells = {name: Cell("words", card=Card("", "1", 0)) for name in ("a", "b")}
    films = (Strip("unit", card=Card("", "1", 0)), Strip("a", tuple(Example(i) for i in range(4))))
    found = Opening(
        columns=(ClassColumn("needs", "own.rows", cells, 10),),
        panels=(Panel("one", "Strips", ("One line.",), "own.rows", 10, strips=films),),
    )
    monkeypatch.setattr(of_report, "lens_places", lambda: {"made": None})
    monkeypatch.setattr(
        of_report, "brought", lambda name, *_: (lambda _: found) if name == "made" else None
    )


@pytest.mark.usefixtures("made")
def test_features_stand_where_pictures_would(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(4, 1, 6)).astype(np.float32)
    ends = np.stack([np.zeros(6), np.ones(6)]).astype(np.float32)
    audit = saved(tmp_path / "a", values, {"kind": "features", "shape": [6]}, ends=ends)
    page = page_of(audit, addresses(audit))
    assert page["drawn"]
    assert all(drawn(row["typical"].uri).count("<rect") == 6 for row in page["rows"])
    assert all(len(row["cells"][0]["images"]) == 4 for row in page["rows"])
    assert [len(strip["images"]) for strip in page["panels"][0]["strips"]] == [4, 4]


@pytest.mark.usefixtures("made")
def test_texts_are_told_by_the_words_that_units_mark(tmp_path: Path) -> None:
    words = {"0": "<pad>", "1": "not", "2": "good", "3": "bad", "4": "film"}
    values = np.array([[1, 2, 4, 0], [1, 2, 0, 0], [4, 3, 1, 1], [4, 3, 0, 0]], np.float32)
    inputs = {"kind": "tokens", "shape": [4], "words": words}
    audit = saved(tmp_path / "a", values[:, None], inputs)
    page = page_of(audit, addresses(audit))
    unit, film = page["panels"][0]["strips"]
    assert [image.text for image in unit["images"]] == ["not good film", "not good"]
    assert [image.text for image in film["images"]] == [
        "not good film",
        "not good",
        "film bad not not",
        "film bad",
    ]
    assert page["rows"][0]["typical"] is None, "no text lies in the middle of others"


def test_a_unit_is_told_by_what_it_sees(tmp_path: Path) -> None:
    words = {str(i): word for i, word in enumerate("the film was not good at all".split())}
    values = np.arange(7, dtype=np.float32)
    assert text(values, words, 3, 2) == "not good"
    assert text(values, words, 0, 7) == "the film was not"
    assert text(values, words) == "the film was not good …"


def test_film_strips_of_rows_bring_their_values_along() -> None:
    rows = torch.randn(60, 4)
    subject = Subject(nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)).eval(),
                      (rows, torch.arange(60) % 2))  # fmt: skip
    features = SimpleNamespace(evaluation=np.random.default_rng(0).normal(size=(30, 5)))
    fitted = SimpleNamespace(vectors=np.ones((2, 2, 5)))
    found = strip_arrays(subject, features, fitted)  # pyright: ignore[reportArgumentType]
    ids = found["tracing.strip_ids"]
    np.testing.assert_allclose(found["tracing.strip_inputs"][:, 0], rows[ids])
    assert set(found["tracing.strips"].ravel()) == set(ids)
    assert "tracing.strip_images" not in found
