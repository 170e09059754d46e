"""Does the list of where one lens misleads hold what was built in, and nothing by chance?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from holistic.lenses.agreement.misled import misleading
from holistic.lenses.agreement.misled_statements import case, statements
from holistic.lenses.agreement.schemas import Misled
from holistic.report.briefs import brief
from holistic.report.opening import opening
from holistic.report.saved import Audit
from holistic.results.columns import Estimate
from made import a_row
from small_audit import carried


@pytest.fixture(scope="module")
def audit(carried_audit: Audit) -> Audit:
    return carried_audit


def test_a_unit_that_responds_and_is_not_read_is_where_activation_misleads(audit: Audit) -> None:
    rows = list(audit["agreement.misled"].rows(Misled))
    assert {(row.lens, row.unit, row.kind) for row in rows} == {("activation", 1, "promises")}
    row = rows[0]
    assert (row.loss.value, row.loss.lo, row.loss.hi) == (0, 0, 0)
    assert row.says.value in (0, 1)
    assert row.cases == 1
    assert row.control_cases == 0
    assert row.in_words.startswith("L1·1: activation ranks it high for")
    assert brief(audit.finding("agreement.misled"), audit) == row.in_words
    [panel] = [one for one in opening(audit).panels if one.finding == "agreement.misled"]
    assert panel.lines == (row.in_words,)
    assert panel.strips[0].card is not None
    assert panel.strips[0].card.unit == 1
    [claim] = [one for one in audit.findings() if one.finding == "agreement.misled"]
    assert (claim.about, claim.of_unit) == (row.in_words, 1)


def slow(ratings: list[float], loss: list[float], half: float) -> list[int]:
    """The rule, unit by unit."""
    k = min(10, max(1, round(len(loss) / 10)))
    middle = [float(np.median(side)) for side in (ratings, loss)]
    found = list[int]()
    for a, b in zip(ratings, loss, strict=True):
        first = sum(other > a for other in ratings) < k and a > middle[0]
        most = sum(other > b for other in loss) < k and b > middle[1]
        promises = first and b + half <= middle[1]
        misses = most and b - half > middle[1] and a <= middle[0]
        found.append(int(promises) - int(misses))
    return found


def test_units_are_told_of_where_rank_and_interval_part() -> None:
    rng = np.random.default_rng(0)
    ratings, loss = rng.normal(size=(40, 3)), rng.normal(size=(40, 3))
    half = 0.2
    kind, ranks, losses = misleading((ratings, ratings, ratings), (loss, loss - half, loss + half))
    for c in range(3):
        assert kind[:, c].tolist() == slow(ratings[:, c].tolist(), loss[:, c].tolist(), half)
    assert {1, -1} <= {*kind.ravel().tolist()}
    assert (ranks[kind == 1] > losses[kind == 1]).all()
    assert (ranks[kind == -1] < losses[kind == -1]).all()


def test_what_an_interval_leaves_open_misleads_nobody() -> None:
    ratings = np.arange(20.0)[:, None]
    loss = -ratings
    sure = misleading((ratings,) * 3, (loss, loss - 0.1, loss + 0.1))[0]
    assert (sure != 0).sum() == 4
    wide = misleading((ratings,) * 3, (loss, loss - 30, loss + 30))[0]
    vague = misleading((ratings, ratings - 30, ratings + 30), (loss, loss - 0.1, loss + 0.1))[0]
    assert not wide.any()
    assert not vague.any()
    same = misleading((ratings,) * 3, (ratings, ratings - 0.1, ratings + 0.1))[0]
    assert not same.any()
    constant = np.ones((20, 1))
    assert not misleading((constant,) * 3, (loss, loss, loss))[0].any()


def test_a_lens_whose_cases_are_no_more_than_chance_gives_none() -> None:
    lines = list(statements([], {"tracing": (3, 4.0)}))
    assert lines == [
        "3 units are ranked by tracing otherwise than by removal, beside 4 where removal on other "
        "images stands in for it, so they aren't listed."
    ]
    assert "No unit is ranked" in next(statements([], {"tracing": (0, 0.0)}))


@pytest.mark.parametrize("kind", ["promises", "misses"])
@pytest.mark.parametrize("lens", ["activation", "attribution", "mechanism", "tracing"])
@pytest.mark.parametrize("loss", [-0.2, 1.4])
@pytest.mark.parametrize("says", [0.02, 0.98])
def test_a_case_is_one_short_sentence(kind: str, lens: str, loss: float, says: float) -> None:
    row = a_row(
        Misled, class_="sweet bell pepper", lens=lens, kind=kind, says=Estimate(says),
        loss=Estimate(loss),
    )  # fmt: skip
    words = case(row, "L2·57", "logits")
    assert len(words.split()) <= 25, words
    assert ("gains" in words) is (loss < 0)
    areas = lens in ("activation", "mechanism")
    assert (": silent)" in words) is (areas and kind == "promises" and says < 0.5)


def test_the_same_seed_gives_the_same_list(audit: Audit, tmp_path: Path) -> None:
    again = carried(tmp_path / "again")
    assert again["agreement.misled"].data.equals(audit["agreement.misled"].data)
