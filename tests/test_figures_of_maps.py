"""Still pictures of maps over images, of attention, and of the flow of evidence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from holistic.lenses.activation import figures as of_activation
from holistic.lenses.activation.schemas import ATTENTION, MAPS, ROLLOUT, HeadRow, MapRow
from holistic.lenses.mechanism import figures as of_mechanism
from holistic.report.saved import Audit
from holistic.results.columns import Estimate, col, key
from holistic.results.findings import Finding
from holistic.results.schema import Schema
from holistic.results.tables import Table
from made import a_row


@dataclass(frozen=True)
class Link:
    """Row of a planted `mechanism.edges`."""

    site_a: str = key("from")
    unit_a: int = key("unit")
    site_b: str = key("to")
    unit_b: int = key("unit")
    class_: str = key("class", name="class")
    effect: float = col("change")
    spread: float = col("standard deviation")
    rank: int | None = col("place")


@dataclass(frozen=True)
class Needed:
    """Row of a planted `ablation.units`."""

    site: str = key("site")
    unit: int = key("unit")
    class_: str = key("class", name="class")
    effect: float = col("change")
    rank: int | None = col("place")


def audit_of(path: Path, *findings: Finding) -> Audit:
    audit = Audit.create(path, {"key": "0", "classes": ["a", "b"], "seed": 0})
    for finding in findings:
        audit = audit.add(finding.name.split(".")[0], [finding], 0.1)
    return audit


def test_the_flow_is_drawn_through_the_units_that_classes_need(tmp_path: Path) -> None:
    links = [
        Link("1", 4, "2", 7, "a", -2.0, 1.0, 1),
        Link("1", 5, "2", 8, "b", 3.0, 1.0, 1),
        Link("1", 6, "2", 9, "b", 9.0, 1.0, 2),  # into a unit that b doesn't need
        Link("1", 3, "2", 7, "a", 9.0, 1.0, None),  # a random one
    ]
    needed = [
        Needed("2", 7, "a", -5.0, 1),
        Needed("2", 8, "b", -1.0, 2),
        Needed("1", 4, "b", -3.0, 1),
    ]
    edges = Finding(Schema("mechanism.edges", "", Link), Table.from_rows(Link, links))
    units = Finding(Schema("ablation.units", "", Needed), Table.from_rows(Needed, needed))
    audit = audit_of(tmp_path / "a", units, edges)
    ((figure, caption),) = of_mechanism.edges(edges, audit)
    axis: Any = figure.axes[0]
    assert len(axis.lines) == 4
    assert {text.get_text() for text in axis.texts} == {"4", "5", "7", "8", "a", "b"}
    widths = [line.get_linewidth() for line in axis.lines]
    assert max(widths) == 3.5
    assert "random pairs" in caption
    assert not list(of_mechanism.edges(edges, audit_of(tmp_path / "b", edges)))


def test_maps_and_attention_are_drawn_with_their_control(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [
        a_row(MapRow, site="1", unit=unit, example=example, kind="typical", label="a",
              prediction="a", rank=1 + (unit != example % 2), mean=Estimate(0.0, control=0.1, n=9),
              peak=1.0, spread=1.0)
        for example in (3, 4) for unit in (0, 1)
    ]  # fmt: skip
    arrays = {"activation.maps.0": rng.normal(size=(2, 2, 4, 4)).astype(np.float32)}
    maps = Finding(MAPS, Table.from_rows(MapRow, rows), arrays=arrays)
    focus = Estimate(0.5, 0.4, 0.6, 9, 0.1, 0.0, 0.2)
    heads = [a_row(HeadRow, site=site, unit=unit, query="class token", focus=focus)
             for site, unit in (("2", 0), ("2", 1), (ROLLOUT, None))]  # fmt: skip
    shares = rng.uniform(size=(1, 3, 2, 2)).astype(np.float32)
    attention = Finding(ATTENTION, Table.from_rows(HeadRow, heads), arrays={
        "activation.attention": shares, "activation.attention_control": shares,
        "activation.attention_cases": np.array([3])})  # fmt: skip
    audit = audit_of(tmp_path / "a", maps)
    ((figure, _),) = of_activation.maps(maps, audit)
    assert [axis.get_title() for axis in figure.axes] == ["1", "0", "0", "1"]
    ((figure, caption),) = of_activation.attention(attention, audit)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["head 0: 0.50 (0.10)", "head 1: 0.50 (0.10)", "rollout: 0.50 (0.10)", ""]
    assert "control" in caption
