"""Does a page of a table hold its rows, and nothing that wasn't asked for?"""

from __future__ import annotations

from typing import Any

import pytest

from holistic.errors import HolisticError
from holistic.findings import Audit
from holistic.workbench.tables import page_of
from planted_live import HOSTILE
from planted_report import CLASSES
from planted_report import audit as planted_audit


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
    assert len(page_of(audit, {"finding": "ablation.units", "limit": 10**6})["rows"]) <= 500
    down = page_of(audit, {**asked, "descending": True})["rows"]
    back = list(whole.where(class_=CLASSES[1]).sort("effect", descending=True).rows())
    assert down == [list(row.values()) for row in back[2:5]]
    assert page_of(audit, {"finding": "ablation.units", "offset": 10**40})["rows"] == []


def test_an_answer_holds_so_many_rows(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holistic.workbench.tables._MOST", 3)
    told = page_of(audit, {"finding": "ablation.units", "limit": 100})
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
        {"finding": "ablation.units", "limit": -1},
        {"finding": "ablation.units", "offset": "0"},
    ],
)
def test_hostile_queries_are_refused(audit: Audit, asked: Any) -> None:
    with pytest.raises(HolisticError):
        page_of(audit, asked)
