"""Contradictions between findings are said, each with both sides."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from holistic.lenses.activation import conflicts as activation
from holistic.lenses.activation.schemas import DepthRow
from holistic.lenses.agreement import conflicts as agreement
from holistic.lenses.agreement.schemas import OverClasses
from holistic.lenses.attribution import conflicts as attribution
from holistic.lenses.attribution.schemas import MethodRow
from holistic.report import claims as gathered
from holistic.report.opening import opening
from holistic.report.saved import Audit
from holistic.results.claims import Claim
from holistic.results.columns import Estimate
from holistic.results.tables import Table
from made import a_row


class Fake(dict[str, Table]):
    """Tables by name, as far as conflicts read an audit."""


def trend(measure: str, value: float, half: float = 0.1) -> DepthRow:
    of = Estimate(value, value - half, value + half)
    return a_row(DepthRow, measure=measure, site="all", value=of)


def found(module: Any, name: str, rows: list[Any]) -> list[Claim]:
    audit: Any = Fake({name: Table.from_rows(type(rows[0]), rows)})
    return list(module.conflicts(audit))


def test_trends_of_opposite_sign_are_a_conflict() -> None:
    [claim] = found(
        activation, "activation.depth", [trend("auroc", 0.59), trend("selectivity", -0.2)]
    )
    assert claim.about == (
        "With depth the AUROC of units rises (+0.59), while their selectivity falls (-0.20): ranks "
        "and sizes of responses differ."
    )
    assert claim.against is not None
    assert (claim.value.value, claim.against.value.value) == (0.59, -0.2)
    assert claim.record["against"]["where"] == {"measure": "selectivity", "site": "all"}


@pytest.mark.parametrize("other", [0.2, -0.05])
def test_trends_that_agree_or_are_open_are_none(other: float) -> None:
    rows = [trend("auroc", 0.59), trend("selectivity", other)]
    assert not found(activation, "activation.depth", rows)


def method(name: str, metric: str, value: float, passed: bool) -> MethodRow:
    return a_row(
        MethodRow, method=name, metric=metric, value=Estimate(value), passed=passed, n=50,
        method_name=name,
    )  # fmt: skip


def test_a_method_that_fails_a_test_and_is_right_about_pixels_is_a_conflict() -> None:
    rows = [
        method("a", "deletion_auc", 0.2, True), method("a", "randomisation", 0.9, False),
        method("b", "deletion_auc", 0.4, True), method("b", "randomisation", 0.0, True),
    ]  # fmt: skip
    [claim] = found(attribution, "attribution.methods", rows)
    assert claim.about.startswith("Maps of a name best what removal confirms, yet")
    assert len(claim.about.split()) <= 25
    assert claim.against is not None
    assert claim.against.where == {"method": "a", "metric": "randomisation"}
    rows[0] = method("a", "deletion_auc", 0.6, True)
    assert not found(attribution, "attribution.methods", rows)
    rows[0] = method("a", "deletion_auc", 0.2, False)  # no better than random parts
    assert not found(attribution, "attribution.methods", rows)


def test_lenses_that_rank_units_in_opposite_order_are_a_conflict() -> None:
    def pair(value: float, q: float) -> OverClasses:
        median = Estimate(value, value - 0.1, value + 0.1, q=q)
        return a_row(OverClasses, site="1", lens_a="ablation", lens_b="tracing", median=median)

    audit: Any = Fake({"agreement.pairs": Table.from_rows(OverClasses, [pair(-0.4, 0.01)])})
    [claim] = agreement.conflicts(audit)
    assert claim.about == (
        "Ablation and tracing rank units of 1 in opposite order (-0.40): don't take one for the "
        "other."
    )
    for row in (pair(-0.4, 0.2), pair(-0.05, 0.01), pair(0.4, 0.01)):
        assert not found(agreement, "agreement.pairs", [row])


def test_a_first_screen_says_contradictions_and_findings_hold_them(
    small_audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Claim(
        "One rises, another falls.", "activation.depth", True, against=Claim("x", "y", True)
    )
    made = SimpleNamespace(conflicts=lambda audit: iter([one]))
    real = gathered.brought

    def brought(lens: str, module: str, function: str) -> Any:
        if module == "conflicts":
            return made.conflicts if lens == "activation" else None
        return real(lens, module, function)

    monkeypatch.setattr(gathered, "brought", brought)
    [panel] = [panel for panel in opening(small_audit).panels if panel.name == "conflict"]
    assert panel.lines == (one.about,)
    assert one in small_audit.findings(lens="activation")
