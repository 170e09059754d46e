"""What the removal of units says first: a loss that is sure, none, or that the run can't tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import planted_report
from holistic.lenses._contract import declared_schema
from holistic.lenses.ablation import briefs, reach
from holistic.lenses.ablation import opening as of_ablation
from holistic.lenses.ablation.highlights import removed_sets
from holistic.lenses.ablation.schemas import CurveArea, CurvePoint, OffTarget
from holistic.report import summary
from holistic.report.addresses import addresses
from holistic.report.opening import page_of
from holistic.report.saved import Audit
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.families import least_q
from made import a_row
from test_briefs import changed, check, with_column

CLASSES: list[str] = [*planted_report.CLASSES]
NONE = "No class surely loses more without its most needed units than without as many random ones."


def with_topk(
    path: Path, change: Callable[[Table], Table] = lambda table: table, *, units: int = 100
) -> Audit:
    """The planted audit with other sets removed: the third class loses 18 points, random 0.3."""

    def other(table: Table, name: str) -> Table:
        if name == "sites":
            return with_column(table, "units", [units] * len(table))
        return change(table) if name == "ablation.topk" else table

    return changed(planted_report.audit(path / "a"), path / "b", other)


def without_sure(table: Table, sets: int = 30) -> Table:
    """Every class has the least p that so many sets allow, and too large a q."""
    floor, rows = 1 / (1 + sets), len(table)
    q = least_q(floor, 6)
    for name, value in (("class_p", floor), ("class_q", q), ("least_p", floor)):
        table = with_column(table, name, [value] * rows)
    return table


def headline(audit: Audit) -> str:
    found = of_ablation.opening(audit).headline
    assert found is not None
    return found.words


def both(audit: Audit) -> set[str]:
    """The sentence on top and that of the finding, which must agree where nothing is found."""
    words = briefs.topk(audit.finding("ablation.topk"), audit)
    check(words, "ablation.topk", CLASSES)
    return {headline(audit), words}


def test_a_run_that_could_find_nothing_says_that_it_cannot_tell(tmp_path: Path) -> None:
    """Six tests need 120 sets: with 30 q can't be below 0.19, whatever is lost."""
    audit = with_topk(tmp_path, without_sure)
    assert both(audit) == {
        f"Too few sets to tell: {CLASSES[2]} loses 18.0 points without its top units, 0.3 without "
        "random ones; more `sets` help."
    }


def test_fewer_sites_help_where_one_alone_would_do(tmp_path: Path) -> None:
    """With 80 sets q is at least 0.074 of six tests, and 0.037 of three."""
    audit = with_topk(tmp_path, lambda table: without_sure(table, 80))
    [words] = both(audit)
    assert words.endswith("; more `sets` or fewer sites help.")


def test_all_sets_of_a_small_site_are_told_from_few_random_ones(tmp_path: Path) -> None:
    """Of six units 20 sets of three exist: no more can be tried."""
    audit = with_topk(tmp_path, lambda table: without_sure(table, 19), units=6)
    assert both(audit) == {
        f"Too few sets of units exist to tell: {CLASSES[2]} loses 18.0 points without its top "
        "units, 0.3 without random ones."
    }


@pytest.mark.parametrize(
    ("column", "value"), [("class_control_drop", 0.9), ("class_drop", 0.0), ("class_p", 0.3)]
)
def test_more_sets_are_not_asked_for_where_random_units_cost_as_much(
    tmp_path: Path, column: str, value: float
) -> None:
    """Nine of thirty sets that lose as much are too many, however many more were tried."""

    def equal(table: Table) -> Table:
        return with_column(without_sure(table), column, [value] * len(table))

    assert both(with_topk(tmp_path, equal)) == {NONE}


def test_a_p_near_its_least_may_get_smaller_with_more_sets(tmp_path: Path) -> None:
    """Two of thirty sets lose as much."""
    audit = with_topk(
        tmp_path, lambda t: with_column(without_sure(t), "class_p", [3 / 31] * len(t))
    )
    [words] = both(audit)
    assert words.startswith(f"Too few sets to tell: {CLASSES[2]} loses 18.0 points")


@pytest.mark.parametrize("p", [0.02, 0.5])
def test_a_run_that_could_have_found_a_loss_says_that_none_is_sure(
    tmp_path: Path, p: float
) -> None:
    def unsure(table: Table) -> Table:
        table = with_column(without_sure(table, 200), "class_p", [p] * len(table))
        return with_column(table, "class_q", [0.5] * len(table))

    assert both(with_topk(tmp_path, unsure)) == {NONE}


@pytest.mark.parametrize("lo", [-0.02, 0.0])
def test_a_fall_is_told_only_where_its_interval_is_above_nothing(tmp_path: Path, lo: float) -> None:
    """More than random sets cost, and yet none on other images: as with shuffled labels."""
    audit = with_topk(tmp_path, lambda t: with_column(t, "class_lo", [lo] * len(t)))
    assert all(row.q < 0.05 for row in removed_sets(audit))
    assert both(audit) == {NONE}


@pytest.mark.parametrize(
    ("k", "cost", "words"),
    [
        (3, 0.009, "three random ones cost next to nothing"),
        (3, 0.09, "three random ones cost 9.0 points"),  # though units cost 90
        (1, 0.09, "a random one costs 9.0 points"),
        (3, -0.03, "three random ones gain it 3.0 points"),
    ],
)
def test_what_random_units_cost_is_told_from_a_point_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, k: int, cost: float, words: str
) -> None:
    audit = with_topk(tmp_path)
    rows = [
        replace(row, k=k, before=0.95, after=0.05, drop=0.9, lo=0.8, random_after=0.95 - cost)
        for row in removed_sets(audit)
    ]
    monkeypatch.setattr(of_ablation, "removed_sets", lambda _: rows)
    assert headline(audit).endswith(f"from 95.0 % to 5.0 %; {words}.")
    assert len(headline(audit).split()) <= 25


def printed(audit: Audit) -> list[str]:
    console = Console(width=120, record=True, file=StringIO())
    console.print(summary(audit))
    return console.export_text().splitlines()


def test_a_part_of_the_examples_is_named_above_the_rows(tmp_path: Path) -> None:
    """The planted evaluation split has 59 examples."""
    assert reach.measured_on(with_topk(tmp_path / "all")) == ""
    audit = with_topk(tmp_path / "some", lambda t: with_column(t, "n", [40] * len(t)))
    [head] = [
        head["words"]
        for head in page_of(audit, addresses(audit))["heads"]
        if head["finding"] == "ablation.topk"
    ]
    assert head == "accuracy without its 3 most needed units, on 40 of 59 examples"
    [line] = [line for line in printed(audit) if line.startswith("WITHOUT")]
    assert line.startswith("WITHOUT ITS 3 UNITS, on 40 of 59 examples ")
    assert line.endswith(" points lost  random")


def test_a_long_count_has_a_line_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = with_topk(tmp_path)
    sample = "on 1,200 to 2,400 of 10,000 examples"
    monkeypatch.setattr(of_ablation, "measured_on", lambda _: sample)
    lines = printed(audit)
    place = next(i for i, line in enumerate(lines) if line.startswith("WITHOUT ITS 3 UNITS  "))
    assert lines[place + 1] == f"  {sample}"
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80


def of_rows(name: str, rows: Sequence[Any], sets: int) -> str:
    table = Table.from_rows(type(rows[0]), rows)
    schema = declared_schema(name)
    assert schema is not None
    audit: Any = SimpleNamespace(provenance={"settings": {"ablation": {"sets": sets}}})
    return getattr(briefs, name.split(".")[1])(Finding(schema, table), audit)


@pytest.fixture
def layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(briefs, "layer_names", lambda _: {"1": "L1"})


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (50, "Too few orders to tell: c0 is halved by losing its best 3 units, at random by 9; "
             "more `sets` help."),
        (500, "No class surely falls faster without its best units than in random order."),
    ],
)  # fmt: skip
def test_few_orders_are_named_where_no_curve_can_be_told(
    layers: None, sets: int, words: str
) -> None:
    floor = 1 / (1 + sets)
    area = Estimate(0.3, 0.2, 0.4, p=floor, q=0.2)
    rows = [
        a_row(
            CurveArea,
            site="1",
            class_=f"c{i}",
            kind="remove_top",
            ranking="effect",
            area=area,
            half=Estimate(3, control=9),
            n=9,
        )
        for i in range(10)
    ]
    assert of_rows("ablation.areas", rows, sets) == words
    check(words, "ablation.areas", [f"c{i}" for i in range(10)])


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (50, "Too few orders to tell: best units of L1 alone give 60.0 % accuracy, random ones "
             "20.0 %; more `sets` help."),
        (500, "No class surely keeps more with its best units alone than with random ones."),
    ],
)  # fmt: skip
def test_few_orders_are_named_where_nothing_kept_can_be_told(
    layers: None, sets: int, words: str
) -> None:
    kept = Estimate(0.6, 0.5, 0.7, n=9, control=0.2, p=1 / (1 + sets), q=0.2)
    rows = [
        a_row(CurvePoint, site="1", class_=f"c{i}", kind="keep_top", ranking="effect", k=5,
              accuracy=kept)
        for i in range(10)
    ]  # fmt: skip
    assert of_rows("ablation.curves", rows, sets) == words
    check(words, "ablation.curves", [])


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (30, "; too few random sets to tell whether it hurts others more than chance."),
        (300, ", and no other class surely more than random units do."),
    ],
)
def test_harm_to_others_is_not_denied_where_it_could_not_be_found(
    tmp_path: Path, sets: int, words: str
) -> None:
    """Nine pairs of a site need 180 sets."""
    audit = with_topk(tmp_path, lambda table: without_sure(table, sets))
    lost = Estimate(0.3, 0.1, 0.5, n=20, control=0.1, p=0.001, q=0.009)
    pairs = [(a, b) for a in CLASSES for b in CLASSES]
    site = planted_report.SITES[0]
    rows = [
        a_row(OffTarget, site=site, removed_for=a, class_=b, k=3, drop=lost, lost=6, gained=0,
              control_p=1 / (1 + sets), control_q=0.3)
        for a, b in pairs
    ]  # fmt: skip
    schema = declared_schema("ablation.off_target")
    assert schema is not None
    found = briefs.off_target(Finding(schema, Table.from_rows(OffTarget, rows)), audit)
    check(found, schema.name, CLASSES)
    assert found == f"Removing a class's units surely hurts it in 3 of 3 trials{words}"


@pytest.mark.parametrize(
    ("n", "words"),
    [
        (5, "Too few examples to tell: plain loses 90.0 points without its own top units; a larger "
            "`budget` measures more."),
        (20, "No class surely loses accuracy without its own top units, nor without another's."),
    ],
)  # fmt: skip
def test_few_examples_are_named_where_no_harm_can_be_told(
    tmp_path: Path, n: int, words: str
) -> None:
    """Nine tests need 9 examples of a class: with 5 p is at least 0.06 each."""
    audit = with_topk(tmp_path, lambda t: with_column(t, "n", [40] * len(t)))
    rows = [
        a_row(OffTarget, site="s", removed_for=a, class_=b, k=3, lost=1, gained=0,
              drop=Estimate(0.9 if a == b == "plain" else 0.3, n=n, p=0.1, q=0.5))
        for a in CLASSES for b in CLASSES
    ]  # fmt: skip
    schema = declared_schema("ablation.off_target")
    assert schema is not None
    found = briefs.off_target(Finding(schema, Table.from_rows(OffTarget, rows)), audit)
    check(found, schema.name, CLASSES)
    assert found == words


def test_removed_classes_without_a_number_are_left_out(tmp_path: Path) -> None:
    audit = with_topk(tmp_path, without_sure)
    rows = [replace(row, p=np.nan, q=np.nan) for row in removed_sets(audit)]
    assert reach.cannot_tell(audit, rows) == ""
