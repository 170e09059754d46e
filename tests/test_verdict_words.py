"""The verdict in words names what was built in, and says what would settle the rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t as student

import holistic
import planted_verdicts as planted
import slow_agreement as slow
from holistic.lenses.ablation.schemas import Interaction
from holistic.lenses.agreement._partners import stand_in
from holistic.lenses.agreement._settling import negligible, settling
from holistic.lenses.agreement._verdict import in_words, plays, selective
from holistic.lenses.agreement.schemas import PLAYS, VERDICTS, UnitVerdict
from holistic.report.saved import Audit
from holistic.results.columns import Estimate
from made import a_row
from small_audit import LENSES


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    out: Path = tmp_path_factory.mktemp("verdicts") / "audit"
    return holistic.audit(planted.every_verdict(), out=out, lenses=list(LENSES))


def of(audit: Audit, unit: int) -> UnitVerdict:
    site = audit["sites"].where(layer="L1").cells("site")[0]
    [row] = audit["agreement.units"].where(site=site, unit=unit).rows(UnitVerdict)
    return row


@pytest.mark.parametrize(
    ("unit", "words", "kind"),
    [
        (planted.CARRIER, 'carries class "0"', PLAYS[0]),
        (planted.HELPED, 'carries class "2"', PLAYS[0]),
        (planted.VETO, 'vetoes "3"', PLAYS[2]),
        (planted.SUPPRESSOR, 'suppressor of "2"', PLAYS[3]),
        (planted.TWINS[0], "redundant with L1·2", PLAYS[5]),
        (planted.TWINS[1], "redundant with L1·1", PLAYS[5]),
        (planted.UNREAD, 'fires on "4" but isn\'t needed', PLAYS[6]),
        (planted.DEAD, "dead", PLAYS[9]),
    ],
)
def test_each_verdict_is_found_where_it_was_built_in(
    audit: Audit, unit: int, words: str, kind: str
) -> None:
    row = of(audit, unit)
    assert (row.in_words, row.plays) == (words, kind)
    assert row.settling_images is None or kind == PLAYS[5]


def test_a_class_of_few_examples_is_not_settled_and_says_how_many_would_do(audit: Audit) -> None:
    for unit in planted.RARE:
        row = of(audit, unit)
        assert row.plays == PLAYS[8]
        assert row.causal_images is not None
        assert row.settling_images is not None
        assert row.settling_images > row.causal_images
        assert row.in_words == f'not settled ({row.settling_images:,} examples of "5" would tell)'
        assert row.causal_share.hi is not None
        assert row.causal_share.hi > row.causal_share.control  # what counts isn't excluded
    short = {line.words for line in audit.ask(f"unit L1·{planted.RARE[0]}").lines}
    assert any("More examples of" in words for words in short)


def test_the_rule_is_one_and_rests_on_the_other_columns(audit: Audit) -> None:
    layers = dict(zip(*(audit["sites"].cells(n) for n in ("site", "layer")), strict=True))
    for row in audit["agreement.units"].rows(UnitVerdict):
        bare = replace(row, plays="", in_words="")
        assert (plays(bare), in_words(bare, layers[row.site])) == (row.plays, row.in_words)
        first = audit.ask(f"unit {layers[row.site]}·{row.unit}").lines[0]
        assert first.words == f"Verdict of all lenses: {row.in_words}."


def test_the_older_verdict_keeps_its_values(audit: Audit) -> None:
    assert {*audit["agreement.units"].cells("verdict")} <= {*VERDICTS}
    assert of(audit, planted.UNREAD).verdict == "selective, not causal"
    assert of(audit, planted.TWINS[0]).verdict == "selective, not causal"


def a_verdict(**changes: object) -> UnitVerdict:
    cells = {
        "site": "1", "unit": 3, "preferred_class": "6", "selective": True, "causal": False,
        "selective_by": "AUROC", "cause_class": "6", "verdict": VERDICTS[2], "causal_images": 40,
        "activation": Estimate(0.97, 0.95, 0.99, control=0.9), "idle": True,
        "causal_share": Estimate(0.01, 0.0, 0.02, control=0.03, q=0.6),
    }  # fmt: skip
    return a_row(UnitVerdict, **(cells | changes))


BOTH = {"causal": True, "idle": False, "causal_class": "6", "needs_it": "firing"}


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({}, 'fires on "6" but isn\'t needed'),
        (BOTH, 'carries class "6"'),
        (BOTH | {"causal_class": "9"}, 'fires on "6" but carries "9"'),
        (BOTH | {"causal_class": "9", "needs_it": "silent"}, 'vetoes "9"'),
        (BOTH | {"needs_it": "harmed"}, 'suppressor of "6"'),
        (BOTH | {"partner": 12}, 'carries class "6", redundant with L2·12'),
        ({"partner": 12}, "redundant with L2·12"),
        ({"idle": False, "settling_images": 900},
         'not settled (fires on "6"; 900 examples of "6" would tell)'),
        ({"idle": False}, 'not settled (fires on "6"; 40 examples of "6" leave it open)'),
        ({"idle": False, "causal_share": Estimate(None)},
         'not settled (fires on "6"; no pair of examples could be used)'),
        ({"verdict": "dead"}, "dead"),
    ],
)  # fmt: skip
def test_words_follow_from_the_columns(cells: dict[str, object], words: str) -> None:
    assert in_words(a_verdict(**cells), "L2") == words


def test_where_a_response_is_open_nothing_is_claimed_of_it() -> None:
    """An AUROC whose interval holds the bound is neither selective nor not."""
    open_ = {"activation": Estimate(0.91, 0.85, 0.96, control=0.9)}
    low = {"activation": Estimate(0.7, 0.6, 0.8, control=0.9), "selective": False}
    assert selective(a_verdict(**open_)) is None
    assert selective(a_verdict(**low)) is False
    assert in_words(a_verdict(**open_), "L2") == "not needed; selective or not is open"
    assert in_words(a_verdict(**low), "L2") == "neither selective nor needed"
    assert in_words(a_verdict(**BOTH, **low), "L2") == 'needed by "6" but not selective'
    other = BOTH | {"causal_class": "9"}
    assert in_words(a_verdict(**other, **open_), "L2") == 'carries class "9"'
    exact = {"activation": Estimate(1.0, control=0.9)}
    assert selective(a_verdict(**exact)) is True


def a_pair(**changes: object) -> Interaction:
    cells = {
        "verdict": "redundant", "effect_ab": Estimate(-2.0, -2.2, -1.8),
        "interaction": Estimate(-1.8, -2.0, -1.6, control_lo=-0.1, q=0.001),
    }  # fmt: skip
    return a_row(Interaction, **(cells | changes))


def test_units_that_share_a_little_are_no_pair() -> None:
    assert stand_in(a_pair())
    assert not stand_in(a_pair(verdict="none"))
    small = Estimate(-0.5, -0.6, -0.4, control_lo=-0.1, q=0.001)
    assert not stand_in(a_pair(interaction=small))  # what each costs alone says most of it
    usual = Estimate(-1.8, -2.0, -1.6, control_lo=-1.9, q=0.001)
    assert not stand_in(a_pair(interaction=usual))  # random pairs are no less redundant
    assert not stand_in(a_pair(effect_ab=Estimate(-2.0, -4.1, 0.1)))


def test_negligible_is_what_lies_within_the_bound_as_a_whole() -> None:
    lo, hi = np.array([-0.1, -0.3, 0.0, np.nan]), np.array([0.15, 0.1, 0.0, 0.1])
    assert negligible(lo, hi, 0.2).tolist() == [True, False, True, False]
    assert negligible(np.array([0.0]), np.array([0.0]), 0.0).tolist() == [True]


def measured(
    truths: np.ndarray, n: np.ndarray, bound: float, level: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares of which one image's error is 3 %, half their widths, and what is open."""
    error = 0.03 / np.sqrt(n)
    value = truths + error * rng.standard_normal(len(truths))
    error = error * np.sqrt(rng.chisquare(n - 1) / (n - 1))
    half = student.ppf(0.975, n - 1) * error
    p = 2 * student.sf(np.abs(value) / error, n - 1)
    inside = np.abs(value) + half <= bound
    return value, half, ~inside & ~((p < level) & (np.abs(value) > bound))


@pytest.mark.parametrize("level", [0.05, 0.002])
@pytest.mark.parametrize("n", [4, 8, 40])
@pytest.mark.parametrize("spread", [0.0, 0.01, 0.05])
def test_as_many_examples_as_are_named_settle_most(n: int, level: float, spread: float) -> None:
    rng, bound = np.random.default_rng(n), 0.01
    truths = spread * rng.laplace(size=400)
    counts = np.full(len(truths), float(n))
    value, half, left = measured(truths, counts, bound, level, rng)
    more = settling(value, half, counts, np.full(len(truths), bound), level)
    some = left & np.isfinite(more)
    assert some.sum() > 20
    assert (more[some] > n).all()
    *_, still = measured(truths[some], more[some], bound, level, rng)
    assert (~still).mean() > 0.55


def test_settling_equals_its_slow_twin() -> None:
    shares = np.array([0.0, 0.004, 0.012, 0.03])
    half, n, bound = np.full(4, 0.02), np.array([5.0, 8, 20, 50]), np.full(4, 0.01)
    found = settling(shares, half, n, bound, 0.01)
    for size, *cells in zip(found, shares, half, n, bound, strict=True):
        assert slow.assurance(*cells, size, 0.01) == pytest.approx(0.8, abs=0.08)
        assert slow.assurance(*cells, 2 * size, 0.01) > 0.8


def test_nothing_is_promised_where_nothing_is_known() -> None:
    nothing = settling(
        np.array([np.nan, 0.0, 0.1, 0.1]), np.array([0.1, np.nan, 0.1, 0.1]),
        np.array([5.0, 5, 1, 5]), np.array([0.1, 0.1, 0.1, 0.0]),
    )  # fmt: skip
    assert np.isnan(nothing).all()
