"""Does a page of a table hold its rows, and nothing that wasn't asked for?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from holistic.errors import HolisticError, SettingError
from holistic.report.saved import Audit
from holistic.results.columns import col
from holistic.results.tables import Table
from holistic.workbench.tables import page_of
from made import a_finding
from planted_live import HOSTILE
from planted_report import CLASSES
from planted_report import audit as planted_audit


@dataclass(frozen=True)
class Row:
    name: str = col("name")
    value: float = col("value")


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    return planted_audit(tmp_path_factory.mktemp("served"))


def test_pages_of_a_table_are_its_rows(audit: Audit) -> None:
    whole = audit["ablation.units"]
    asked = {"finding": "ablation.units", "equal": {"class": CLASSES[1]}, "sort": "effect",
             "offset": 2, "limit": 3}  # fmt: skip
    told = page_of(audit, asked)
    wanted = list(whole.where(class_=CLASSES[1]).sort("effect").rows())
    assert told["total"] == len(wanted)
    assert told["rows"] == [list(row.values()) for row in wanted[2:5]]
    assert len(page_of(audit, {"finding": "ablation.units", "limit": 500})["rows"]) <= 500
    with pytest.raises(SettingError, match="up to 500 rows, got 1000000"):
        page_of(audit, {"finding": "ablation.units", "limit": 10**6})
    down = page_of(audit, {**asked, "descending": True})["rows"]
    back = list(whole.where(class_=CLASSES[1]).sort("effect", descending=True).rows())
    assert down == [list(row.values()) for row in back[2:5]]
    assert page_of(audit, {"finding": "ablation.units", "offset": 10**40})["rows"] == []


def test_truth_may_be_typed(audit: Audit) -> None:
    whole = audit["activation.units"]
    for dead in (True, False):
        for written in (dead, str(dead).lower()):
            told = page_of(audit, {"finding": "activation.units", "equal": {"dead": written}})
            assert told["total"] == len(whole.where(dead=dead))


def test_what_is_no_number_is_null(tmp_path: Path) -> None:
    held = Audit.create(tmp_path / "audit", {"key": "0"})
    table = Table.build(Row, {"name": ["a", "b", "c"], "value": [math.nan, 0.5, math.inf]})
    told = page_of(held.add("own", [a_finding("own.rows", table)], 0.0), {"finding": "own.rows"})
    assert told["rows"] == [["a", None], ["b", 0.5], ["c", None]]


def test_an_answer_holds_so_many_rows(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holistic.workbench.tables._MOST", 3)
    told = page_of(audit, {"finding": "ablation.units", "limit": 3})
    assert len(told["rows"]) == 3 < told["total"]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"finding": "../audit"},
        {"finding": "ablation.units", "sort": 'effect"; drop table x; --'},
        {"finding": "ablation.units", "equal": {'unit" or 1=1 --': 1}},
        {"finding": "ablation.units", "equal": {"unit": [1]}},
        {"finding": "ablation.units", "equal": {"unit": HOSTILE}},
        {"finding": "ablation.units", "equal": {"unit": True}},
        {"finding": "ablation.units", "equal": {"unit": None}},
        {"finding": "ablation.units", "equal": {"site": 1}},
        {"finding": "activation.units", "equal": {"dead": 1}},
        {"finding": "activation.units", "equal": {"dead": "perhaps"}},
        {"finding": "ablation.units", "limit": -1},
        {"finding": "ablation.units", "offset": "0"},
    ],
)
def test_hostile_queries_are_refused(audit: Audit, asked: Any) -> None:
    with pytest.raises(HolisticError):
        page_of(audit, asked)
