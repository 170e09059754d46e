"""Still pictures of maps over images, of attention, and of the flow of evidence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holistic.lenses.activation import figures as of_activation
from holistic.lenses.activation.schemas import ATTENTION, MAPS, ROLLOUT, HeadRow, MapRow
from holistic.lenses.attribution import figures as of_attribution
from holistic.lenses.attribution.schemas import METHODS, REGIONS, MethodRow, RegionRow
from holistic.lenses.mechanism import figures as of_mechanism
from holistic.lenses.tracing import figures as of_tracing
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


def test_regions_lie_on_the_class_s_mean_image_in_the_colour_of_what_they_do(
    tmp_path: Path,
) -> None:
    rows = [
        a_row(RegionRow, class_=label, region=k, difference=Estimate(value))
        for label, k, value in (("a", 0, -2.0), ("a", 1, 1.0), ("b", 0, None))
    ]
    masks = np.zeros((3, 4, 6), np.float32)
    masks[0, :2], masks[1, 2:, :3], masks[2, :, 3:] = 1, 1, 1
    images = np.stack([np.full((4, 6), 40, np.uint8), np.full((4, 6), 200, np.uint8)])
    regions = Finding(REGIONS, Table.from_rows(RegionRow, rows),
                      arrays={"attribution.region_masks": masks})  # fmt: skip
    methods = Finding(METHODS, Table.from_rows(MethodRow, []),
                      arrays={"attribution.class_images": images})  # fmt: skip
    audit = audit_of(tmp_path / "a").add("attribution", [regions, methods], 0.1)
    ((figure, _),) = of_attribution.regions(regions, audit)
    for axis, image in zip(figure.axes, images, strict=True):
        assert (np.asarray(axis.images[0].get_array()) == image).all()
    costly, other = (np.asarray(drawn.get_array()) for drawn in figure.axes[0].images[1:])
    assert ((costly[..., 3] > 0) == (masks[0] > 0)).all()
    assert costly[0, 0, 0] > costly[0, 0, 2]  # orange costs, blue doesn't
    assert other[3, 0, 0] < other[3, 0, 2]
    assert costly[0, 0, 3] == pytest.approx(2 * other[3, 0, 3])
    assert len(figure.axes[1].images) == 1  # nothing is known of how far it counts
    alone = audit_of(tmp_path / "b", regions)
    ((figure, _),) = of_attribution.regions(regions, alone)
    assert (np.asarray(figure.axes[0].images[0].get_array()) == 237).all()


@dataclass(frozen=True)
class Direction:
    """Row of a planted `tracing.directions`."""

    site: str = key("site")
    class_: str = key("class", name="class")
    method: str = key("method")
    auroc: float = col("auroc")
    steer_slope: float = col("slope")


@pytest.mark.parametrize("look", ["images", "inputs"])
def test_film_strips_have_a_row_a_class_and_frames_around_its_own(
    look: str, tmp_path: Path
) -> None:
    values = np.arange(4 * 2 * 3).reshape(4, 2, 3)
    finding = Finding(
        Schema("tracing.directions", "Directions", Direction),
        Table.from_rows(Direction, [Direction("1", c, "mean", 0.9, 1.0) for c in "ab"]),
        arrays={
            "tracing.strips": np.array([[9, 7, 5], [-1, -1, -1]]),
            f"tracing.strip_{look}": values.astype(np.uint8 if look == "images" else np.float32),
            "tracing.strip_ids": np.array([5, 6, 7, 9]),
            "tracing.strip_labels": np.array([0, 1, 1, 0]),
        },
    )
    pairs = list(of_tracing.directions(finding, audit_of(tmp_path / "a")))
    assert len(pairs) == 2
    [figure, caption] = pairs[1]
    assert "from least to most" in caption
    axes = figure.axes
    assert [axis.spines["top"].get_visible() for axis in axes] == [True, False, True]
    assert axes[0].get_ylabel() == "a"
    if look == "images":
        drawn = [np.asarray(axis.images[0].get_array()).tolist() for axis in axes]
        assert drawn == [values[k].tolist() for k in (3, 2, 0)]
    else:
        lines = [[line.get_ydata().tolist() for line in axis.lines] for axis in axes]  # pyright: ignore
        assert lines == [values[k].tolist() for k in (3, 2, 0)]
