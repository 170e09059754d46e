"""Every finding draws itself on a pair of axes: the right numbers, named, with their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import small_audit
from holistic.errors import AuditError, SettingError
from holistic.report.saved import Audit
from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.drawing import GREY
from holistic.results.findings import Finding
from holistic.results.plotting import figure_of
from holistic.results.schema import Schema
from holistic.results.tables import Table


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    return small_audit.audited(tmp_path_factory.mktemp("plots") / "audit")


@dataclass(frozen=True)
class Drop:
    site: str = key("the site")
    unit: int = key("the unit")
    class_: str = key("the class", name="class")
    drop: Estimate = estimate("what is lost", unit="share", parts="lo hi control_lo control_hi",
                              called={"control_lo": "random"}, meanings={"control_lo": "low",
                              "control_hi": "high"})  # fmt: skip
    other: float = col("something else", unit="logits")


def drops(units: int = 40) -> Finding:
    """Unit u of site b loses u hundredths on class 1 and none on class 0; site a less."""
    rows = [
        Drop(site, u, str(c), Estimate(size * u * c / 100, size * u * c / 100 - 0.05,
             size * u * c / 100 + 0.05, control_lo=-0.1, control_hi=0.1), -u)
        for site, size in (("a", 0.5), ("b", -1.0)) for u in range(units) for c in range(2)
    ]  # fmt: skip
    schema = Schema("mine.drops", "Drops", Drop, across="unit class")
    return Finding(schema, Table.from_rows(Drop, rows))


def ticks(axis: Any, side: str) -> list[str]:
    return [one.get_text() for one in getattr(axis, f"get_{side}ticklabels")()]


def test_a_map_holds_the_tables_numbers_what_stands_out_first() -> None:
    axis: Any = drops().plot()
    assert axis.get_title(loc="left") == "site b"
    assert ticks(axis, "y") == [str(u) for u in range(39, 15, -1)]
    assert ticks(axis, "x") == ["0", "1"]
    assert (axis.get_ylabel(), axis.get_xlabel()) == ("unit (24 of 40)", "class")
    cells = np.asarray(axis.collections[0].get_array()).reshape(24, 2)
    assert cells[:, 1] == pytest.approx(-np.arange(39, 15, -1) / 100)
    assert not cells[:, 0].any()
    unsure = axis.lines[0]
    assert set(zip(unsure.get_xdata(), unsure.get_ydata(), strict=True)) == {
        (0.5, row + 0.5) for row in range(24)
    }
    assert axis.figure.axes[1].get_ylabel().startswith("drop (share)")


def test_a_slice_and_a_number_can_be_asked_for_on_axes_of_ones_own() -> None:
    mine: Any = Figure().subplots()
    axis: Any = drops(8).plot(mine, value="other", site="a", class_="1")
    assert axis is mine
    assert axis.get_title(loc="left") == "site a · class 1"
    (dots,) = [line for line in axis.lines if line.get_marker() == "o"]
    assert dots.get_xdata() == pytest.approx(-np.arange(8))
    assert ticks(axis, "y") == [str(u) for u in range(8)]
    assert axis.get_xlabel() == "other (logits)"


def test_dots_have_their_interval_and_the_range_of_their_control() -> None:
    axis: Any = drops(8).plot(site="b", class_="1")
    lines = axis.collections[-1].get_segments()
    assert [tuple(one[:, 0]) for one in lines] == [
        pytest.approx((-u / 100 - 0.05, -u / 100 + 0.05)) for u in range(8)
    ]
    bars = axis.patches
    assert {(round(b.get_x(), 6), round(b.get_width(), 6)) for b in bars} == {(-0.1, 0.2)}
    assert to_rgb(bars[0].get_facecolor()) == to_rgb(GREY)


@dataclass(frozen=True)
class Step:
    site: str = key("the site")
    depth: int = key("its depth", along=True)
    measure: str = key("what is measured")
    value: Estimate = estimate("the number", unit="share")


def test_a_curve_has_a_line_a_name_along_its_axis() -> None:
    rows = [
        Step(f"s{d}", d, m, Estimate(d * k, d * k - 1, d * k + 1))
        for d in (2, 1, 3) for k, m in enumerate("pq")
    ]  # fmt: skip
    axis: Any = Finding(Schema("mine.steps", "Steps", Step), Table.from_rows(Step, rows)).plot()
    assert [line.get_label() for line in axis.lines] == ["p", "q"]
    assert axis.lines[1].get_xdata().tolist() == [1, 2, 3]
    assert axis.lines[1].get_ydata().tolist() == [1, 2, 3]
    assert len(axis.collections) == 2
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("depth", "value (share)")
    assert axis.get_title(loc="left") == ""


@dataclass(frozen=True)
class Nested:
    site: str = key("the site")
    unit: int = key("the unit")
    size: float = col("its size")


def test_units_of_different_sites_share_no_row() -> None:
    rows = [Nested(site, u, u + n) for n, site in enumerate("ab") for u in range(3)]
    axis: Any = Finding(Schema("mine.sizes", "", Nested), Table.from_rows(Nested, rows)).plot()
    assert ticks(axis, "y") == [f"{site} · {u}" for site in "ab" for u in range(3)]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"value": "drp"}, "no number 'drp'.*did you mean 'drop'"),
        ({"site": "c"}, "no row of 'mine.drops' has site = 'c'"),
        ({"class_": "7", "site": "a"}, "no row of 'mine.drops' has class = '7'"),
        ({"sit": "a"}, "no column 'sit'"),
    ],
)
def test_what_isnt_there_is_said(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingError, match=words):
        drops(2).plot(**asked)
    with pytest.raises(SettingError, match=r"'mine.drops' has no rows"):
        Finding(drops().schema, drops().table.where(site="c")).plot()


def test_every_finding_of_an_audit_is_drawn_as_vectors(audit: Audit) -> None:
    for name in audit.names:
        finding = audit.finding(name)
        if not len(finding.table):
            with pytest.raises(AuditError, match=f"nothing draws finding '{name}'"):
                audit.figure(name)
            continue
        axis: Any = finding.plot(Figure(layout="constrained").subplots())
        assert axis.get_xlabel(), name
        assert axis.get_ylabel(), name
        file = BytesIO()
        axis.figure.savefig(file, format="svg")
        drawing = file.getvalue().decode()
        # scales of colours are the only pixels
        assert drawing.count("<image") <= len(axis.figure.axes) - 1, name
    assert audit.figure("sites").captions
    assert len(repr(audit)) < 400


def test_a_notebook_shows_the_rows_that_stand_out() -> None:
    page = drops(8)._repr_html_()
    assert "5 of 32 rows" in page
    assert page.index("<td>7</td>") < page.index("<td>6</td>")
    assert "<td>0</td><td>0</td>" not in page


def test_figures_of_reports_are_none_of_pyplots() -> None:
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    figure_of(drops(4).schema, drops(4).table)
    assert pyplot.get_fignums() == before
    drops(4).plot()
    assert len(pyplot.get_fignums()) == len(before) + 1
    pyplot.close("all")
