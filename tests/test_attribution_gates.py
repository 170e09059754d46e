"""Does a gate pass what it should pass, and nothing else?"""

from __future__ import annotations

import numpy as np

from holistic.lenses.attribution._checks import completeness, judged, removed, resemblance
from holistic.lenses.attribution._failures import failures
from holistic.lenses.attribution.schemas import MethodRow
from holistic.results.columns import Estimate
from holistic.stats.tests import benjamini_hochberg
from made import a_row


def test_a_map_must_resemble_an_untrained_one_less_than_two_of_them_do() -> None:
    rng = np.random.default_rng(0)
    noise = 0.01 * rng.standard_normal(50)

    def passed(metric: str, value: float, control: float) -> bool | None:
        return resemblance("a", metric, value + noise, control + noise[::-1], 0.5).passed

    for metric in ("randomisation", "randomisation_nonzero"):
        assert not passed(metric, 0.4, 0.4)
        assert not passed(metric, 0.4, 0.2)
        assert not passed(metric, 0.4, np.nan)
        assert not passed(metric, 0.6, 0.8)
        assert passed(metric, 0.3, 0.4)
        assert passed(metric, 0.05, 0.0)
    assert passed("edge_similarity", 0.2, 0.2)


def test_a_sum_must_fit_its_own_change_better_than_anothers() -> None:
    changes = 1 + 0.001 * np.arange(30)
    alike = completeness("a", changes * 1.01, changes, tolerance=0.05, seed=0)
    assert alike.value.hi is not None
    assert alike.value.hi < 0.05
    assert not alike.passed
    apart = np.arange(1.0, 31.0)
    assert completeness("a", apart * 1.01, apart, tolerance=0.05, seed=0).passed


def test_removals_pass_by_a_false_discovery_rate() -> None:
    noise = np.linspace(-1, 1, 41)
    error = noise.std(ddof=1) / 41**0.5
    # one method that a test by itself calls better than a random order, and many that aren't
    rows = [
        removed("a", "deletion_auc", noise - errors * error, np.zeros(41))
        for errors in (2.3, *np.linspace(-0.5, 0.5, 30))
    ]
    tested = judged(rows)
    p = [row.difference.p or 0 for row in rows]
    assert [row.difference.q for row in tested] == list(benjamini_hochberg(p))
    assert rows[0].passed
    assert 0.02 < p[0] < 0.05
    for before, after in zip(rows, tested, strict=True):
        assert after.passed == (before.passed and (after.difference.q or 0) < 0.05)
    assert not any(row.passed for row in tested)


def test_two_rows_of_one_test_are_one_failure() -> None:
    def row(method: str, metric: str, passed: bool | None) -> MethodRow:
        return a_row(
            MethodRow,
            method=method,
            metric=metric,
            better="lower",
            value=Estimate(0.5),
            n=9,
            passed=passed,
            method_name=method,
        )

    found = failures(
        [
            row("a", "randomisation", False), row("a", "randomisation_nonzero", False),
            row("a", "completeness", True), row("b", "randomisation_nonzero", False),
            row("b", "deletion_auc", False), row("edge", "deletion_auc", False),
            row("random", "deletion_auc", None),
        ]
    )  # fmt: skip
    assert found == {
        "a": ["randomisation"], "b": ["randomisation", "deletion_auc"], "edge": [], "random": [],
    }  # fmt: skip
