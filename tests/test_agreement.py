"""Does the sixth lens find where lenses part, and say nothing where nothing was measured?"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from scipy.stats import t as student
from torch import nn

import holistic
import planted_tracing as planted
from holistic.lenses._contract import Context
from holistic.lenses.ablation.schemas import RemovedUnit
from holistic.lenses.agreement._causes import Evidence, _bounds, gather, settle
from holistic.lenses.agreement._resampled_images import class_weights, redrawn_areas, redrawn_means
from holistic.lenses.agreement._scores import SiteScores
from holistic.lenses.agreement._untrained_bounds import class_separation, untrained_bounds
from holistic.lenses.agreement.opening import idle, together
from holistic.lenses.agreement.pairs import _without_noise, over_images
from holistic.lenses.agreement.removed import remove_together
from holistic.lenses.agreement.schemas import RemovedTogether
from holistic.lenses.agreement.units import _word
from holistic.lenses.tracing._chosen import Carried
from holistic.lenses.tracing.schemas import Patched
from holistic.report.briefs import brief
from holistic.report.saved import Audit
from holistic.results.columns import Estimate, col
from holistic.results.tables import Table
from holistic.stats.intervals import class_auroc
from holistic.stats.means import Means
from made import a_finding, a_row
from small_audit import PLAIN


@pytest.fixture(scope="module")
def audit(carried_audit: Audit) -> Audit:
    return carried_audit


def unit(audit: Audit, number: int) -> dict[str, Any]:
    [row] = audit["agreement.units"].where(unit=number).rows()
    return row


def test_what_responds_and_is_not_read_is_told_from_what_decides(audit: Audit) -> None:
    assert unit(audit, 0)["verdict"] == "causal and selective"
    assert unit(audit, 1)["verdict"] == "selective, not causal"
    assert {unit(audit, n)["verdict"] for n in (3, 4, 5)} == {"neither"}
    deciding, idle = unit(audit, 0), unit(audit, 1)
    assert deciding["causal_share"] > 0.9
    assert abs(idle["causal_share"]) < 0.01
    assert idle["activation"] == 1
    assert (deciding["preferred_class"], deciding["causal_class"]) == ("0", "0")
    assert idle["causal_class"] is None
    counts, misleading = audit.finding("agreement.units").statements
    assert "1 causal and selective; 1 selective, not causal" in counts
    assert "aren't causal the most selective is 1 of L1 (relu 2)" in misleading


def test_the_short_sentences_tell_what_responds_from_what_decides(audit: Audit) -> None:
    short = {name: brief(audit.finding(name), audit) for name in audit.names}
    assert short["agreement.units"] == "2 units of the model tell a class apart; 1 decides it too."
    assert re.fullmatch(
        r"One place carries much: copying L1·0 alone moves \S+ % of a decision\.",
        short["tracing.patching"],
    )
    assert "L1·0" in short["ablation.units"]


def test_words_tell_what_the_picture_shows_first_and_why_a_lens_is_silent(audit: Audit) -> None:
    """The picture opens on class 'all'; a site without clusters has no ranks of mechanism."""
    *told, silent = audit.finding("agreement.lenses").statements
    [row] = (
        audit["agreement.lenses"].where(class_="all", lens_a="ablation", lens_b="activation").rows()
    )
    assert f"for class 'all' {row['spearman']:.3f} [" in told[-1]
    [whole] = audit["agreement.pairs"].where(lens_a="ablation", lens_b="activation").rows()
    assert f"median rank correlation of {whole['median']:.3f} [" in told[-1]
    assert told[-1].startswith(
        "Ablation and activation at L1 (relu 2) have a median rank correlation"
    )
    assert silent.startswith(
        "At L1 (relu 2) mechanism ranks no units (the site has no stable clusters)"
    )


def test_scores_and_their_agreement_equal_what_the_tables_say(audit: Audit) -> None:
    effects, told = audit["ablation.units"], audit["activation.units"]
    for name in audit.provenance["classes"]:
        loss = -effects.where(class_=name).column("effect")
        area = np.abs(2 * told.where(class_=name).column("auroc") - 1)
        [row] = (
            audit["agreement.lenses"]
            .where(class_=name, lens_a="ablation", lens_b="activation")
            .rows()
        )
        assert row["spearman"] == pytest.approx(spearmanr(loss, area).statistic)
        assert row["n"] == 6
        assert row["control_lo"] <= 0 <= row["control_hi"]
    own = audit["agreement.units"]
    for row in own.rows():
        effect = next(effects.where(unit=row["unit"], class_=row["preferred_class"]).rows())
        assert row["ablation"] == pytest.approx(-effect["effect"])
        assert row["ablation_lo"] == pytest.approx(none_or(effect["hi"], -1))
        named = next(effects.where(unit=row["unit"], class_=row["cause_class"]).rows())
        assert row["accuracy_drop"] == named["accuracy_drop"]
        assert row["accuracy_lo"] == named["accuracy_lo"]
        swapped = next(
            audit["tracing.patching"]
            .where(unit=row["unit"], clean=row["cause_class"], corrupt="all", direction="noise")
            .rows()
        )
        assert row["causal_share"] == swapped["recovery"]


def none_or(value: float | None, sign: int) -> float | None:
    return None if value is None else sign * value


def test_units_called_neither_are_removed_together_beside_random_sets() -> None:
    """Unit 0 alone decides: whoever called it 'neither' is told what the set costs."""
    subject = planted.carried(count=400)
    words = ["neither", "selective, not causal", "neither", "neither", "neither", "dead"]
    finding = remove_together(subject, verdicts_of(words), Context())
    rows = {row["units_that"]: row for row in finding.table.rows()}
    assert {kind: row["removed"] for kind, row in rows.items()} == {
        "neither": 4, "selective, not causal": 1, "dead": 1, "not causal": 6,
    }  # fmt: skip
    edits = [holistic.Mean(planted.SITE, units=[0, 2, 3, 4])]
    examples = subject.selection
    right = [
        (subject.predict(examples.images, e).argmax(1) == examples.labels).float().mean().item()
        for e in ([], edits)
    ]
    row = rows["neither"]
    assert (row["accuracy_before"], row["accuracy_after"]) == pytest.approx(tuple(right))
    assert row["drop"] == pytest.approx(right[0] - right[1])
    assert row["lo"] > 0.3
    assert row["n"] == len(examples)
    # of the 15 sets of four, 10 hold unit 0 and cost as much: all are tried, this one aside
    assert (row["sets"], row["every_set"]) == (14, True)
    assert row["control_drop"] == pytest.approx(row["drop"] * 9 / 14, abs=0.02)
    assert row["p"] == pytest.approx(1)
    assert (rows["dead"]["sets"], rows["dead"]["p"]) == (5, pytest.approx(5 / 6))
    assert (rows["not causal"]["sets"], rows["not causal"]["p"]) == (0, None)
    assert "the whole layer, so no other set can be compared" in finding.statements[0]
    assert f"on {len(examples)} examples of the selection split)" in finding.statements[0]
    assert any("the accuracy before differs" in caveat for caveat in finding.caveats)
    assert rows["dead"]["drop"] == 0
    row = idle(finding.table)
    assert row is not None
    assert together(row, {planted.SITE: "L2"}) == (
        "No class needs any one unit of L2; all together they are the whole layer, so there is no "
        "other set to compare."
    )


def test_units_that_are_needed_together_stand_in_for_each_other_only_beside_others() -> None:
    subject = planted.carried(count=400)
    words = ["neither"] * 5 + ["causal"]
    finding = remove_together(subject, verdicts_of(words), Context())
    assert "together they are needed" in finding.statements[0]
    row = idle(finding.table)
    assert row is not None
    assert together(row, {planted.SITE: "L2"}).endswith(": they stand in for each other.")
    # of two layers the one that keeps some of its units is told of, though it loses less
    rows = [replace(row, site="a", sets=0, drop=Estimate(0.9, 0.8, 1.0)), row]
    assert idle(Table.from_rows(RemovedTogether, rows)) == row


def verdicts_of(words: list[str]) -> Table:
    @dataclass(frozen=True)
    class Told:
        site: str = col("")
        unit: int = col("")
        verdict: str = col("")

    columns = {"site": [planted.SITE] * len(words), "unit": range(len(words)), "verdict": words}
    return Table.build(Told, columns)


def test_classes_are_chosen_on_one_split_and_measured_on_the_other() -> None:
    """By the selection split class 1 depends on each unit, by the evaluation split class 0."""
    subject = planted.carried(count=60)
    site, classes = subject.site(planted.SITE), subject.classes
    rows = [(unit, name) for unit in range(site.units) for name in classes]
    patched = [
        a_row(
            Patched, site=site.name, unit=unit, clean=name, corrupt="all", direction="noise",
            recovery=Estimate(0.9 if name == classes[0] else 0.1, p=0.001), images=30,
        )
        for unit, name in rows
    ]  # fmt: skip
    removed = [a_row(RemovedUnit, site=site.name, unit=unit, class_=name) for unit, name in rows]
    findings = {
        "tracing.patching": a_finding("tracing.patching", Table.from_rows(Patched, patched)),
        "ablation.units": a_finding("ablation.units", Table.from_rows(RemovedUnit, removed)),
    }
    blank, none = np.full((site.units, 2), np.nan), np.zeros(site.units, bool)
    here = SiteScores(site, {}, blank, blank, none, Means.of(blank.T), {}, np.stack([blank] * 2))
    found = gather(
        here,
        classes,
        preferred=np.full(site.units, -1),
        selective=none,
        chosen=Carried(np.tile([0.1, 0.9], (site.units, 1)), np.zeros((site.units, 2))),
        flips=np.ones((site.units, 2)),
        context=Context(findings),
    )
    np.testing.assert_array_equal(found.asked, np.tile([-1, 1, -1], (site.units, 1)))
    np.testing.assert_array_equal(found.share, np.tile([0.9, 0.1], (site.units, 1)))


def test_a_verdict_names_the_class_that_depends_on_a_unit() -> None:
    """Units prefer class 0; classes are asked about in the order of the selection split."""
    asked = np.tile([0, 1, 2], (5, 1))
    share = np.array([[0.5, 0.9, 0], [0.01, 0.9, 0], [0.01, 0.01, 0], [0, 0, 0], [np.nan] * 3])
    share_p = np.array([[0, 0, 1], [0, 0, 1], [0, 0, 1], [1, 1, 1], [np.nan] * 3])
    accuracy_p = np.array([[1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 0], [1, 1, 1.0]])
    carried = np.tile([0.2, 0.8, 0.1], (5, 1))
    told, none = np.ones(5, bool), [np.full((5, 3), np.nan)] * 3
    bound = np.full(5, 0.1)
    found = settle([Evidence(asked, share, share_p, accuracy_p, bound, carried, told, *none)])[0]
    # the preferred class counts where it depends on the unit too, however little beside another
    np.testing.assert_array_equal(found.place, [0, 1, -1, 2, -1])
    np.testing.assert_array_equal(found.known, [True, True, True, True, False])
    # and the one that depends most is named beside it
    np.testing.assert_array_equal(found.strongest, [1, 1, -1, 2, -1])
    # a unit that doesn't tell the class that it prefers is spoken of by the latter
    unlike = settle([Evidence(asked, share, share_p, accuracy_p, bound, carried, ~told, *none)])[0]
    np.testing.assert_array_equal(unlike.place, found.strongest)
    same = found.place == 0
    words = [
        _word(False, bool(known), True, bool(place >= 0), bool(own))
        for known, place, own in zip(found.known, found.place, same, strict=True)
    ]
    assert words == [
        "causal and selective", "selective, causal for another class", "selective, not causal",
        "selective, causal for another class", "not measured",
    ]  # fmt: skip
    assert found.shown[2] == 0  # the larger share of those that weren't enough


def test_a_share_counts_beyond_that_of_the_same_class_and_if_it_is_more_than_hardly_any() -> None:
    within = np.array([[0.1, -0.3], [0.0, 0.0], [np.nan, np.nan], [0.9, 0.9]])
    sizes = np.array([[0.5, 0.2], [0.001, 0.0], [0.1, 0.1], [0.9, 0.9]])
    dead = np.array([False, False, False, True])
    np.testing.assert_allclose(_bounds(within, sizes, dead), [0.3, 0.01, np.nan, 0.9])


def test_units_of_all_sites_are_one_family_of_tests() -> None:
    def of(share_p: float, units: int) -> Evidence:
        every = np.ones((units, 2))
        asked = np.tile([0, -1, -1], (units, 1))
        bound, told = np.full(units, 0.1), every[:, 0] == 1
        return Evidence(
            asked, every, share_p * every, every, bound, every, told, every, every, every
        )

    [alone] = settle([of(0.02, 1)])
    assert (alone.place[0], alone.share_q[0]) == (0, pytest.approx(2 * 0.02))
    beside, _ = settle([of(0.02, 1), of(1.0, 2)])
    assert (beside.place[0], beside.share_q[0]) == (-1, pytest.approx(6 * 0.02))


def test_a_unit_is_asked_about_few_classes_and_each_counts_once() -> None:
    asked = np.array([[0, 1, -1], [2, -1, -1]])
    ones = np.ones((2, 3))
    known = np.ones(2, bool)
    tests = Evidence(
        asked, ones, 0.5 * ones, 0.25 * ones, np.full(len(ones), 0.1), ones, known, ones, ones, ones
    ).tests()
    assert np.isnan(tests).sum() == 2 * 3
    np.testing.assert_array_equal(tests[0, 0], [0.5, 0.25])


def far_apart(count: int = 300) -> holistic.Subject:
    """Classes so far apart that any unit tells them; unit 0 reads what tells them best."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 2
    images = 1 + torch.randn(count, 12, generator=generator)
    images[:, 0] = 20 * labels + 0.1 * torch.randn(count, generator=generator)
    images[:, 1:] += 12 * labels[:, None]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = nn.Sequential(nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 2)).eval()
    with torch.no_grad():
        model[0].weight[0], model[0].bias[0] = 0, 0
        model[0].weight[0, 0] = 1
    return holistic.Subject(model, (images, labels))


def test_where_untrained_units_reach_the_ceiling_another_number_decides() -> None:
    subject = far_apart()
    bounds = untrained_bounds(subject, 3)
    [site] = subject.hidden_sites
    assert bounds.auroc[site.name] == 1
    assert bounds.saturated(site.name)
    values = subject.capture([site.name])[site.name].double().numpy()
    apart = class_separation(values, subject.evaluation.labels.numpy(), 2).max(1)
    assert apart[0] > bounds.separation[site.name] > np.nanmedian(apart[1:])


def test_separation_is_that_of_two_samples() -> None:
    rng = np.random.default_rng(0)
    values, labels = rng.normal(size=(90, 3)), np.arange(90) % 3
    values[:, 2] = labels == 1
    found = class_separation(values, labels, 3)
    own, rest = values[labels == 0, 0], values[labels != 0, 0]
    pooled = (own.var(ddof=1) + rest.var(ddof=1)) / 2
    assert found[0, 0] == pytest.approx((own.mean() - rest.mean()) / pooled**0.5)
    assert found[2, 1] == np.inf
    assert np.isnan(class_separation(np.ones((9, 1)), np.arange(9) % 3, 3)).all()


def test_bounds_come_from_the_selection_split() -> None:
    subject = planted.carried(count=200)
    bounds = untrained_bounds(subject, 1)
    images = subject.images.clone()
    images[torch.from_numpy(subject.evaluation_indices)] += 5
    other = untrained_bounds(holistic.Subject(subject.model, (images, subject.labels)), 1)
    assert bounds == other
    images[torch.from_numpy(subject.selection_indices)] *= torch.rand(images.shape[-1])
    images[torch.from_numpy(subject.selection_indices)] += torch.randn(images.shape[-1])
    assert untrained_bounds(holistic.Subject(subject.model, (images, subject.labels)), 1) != bounds


def test_images_drawn_again_count_as_often_as_they_are_drawn() -> None:
    rng = np.random.default_rng(0)
    values, labels = rng.integers(0, 6, (4, 40)).astype(float), np.arange(40) % 3
    member = (labels[:, None] == np.arange(3)).astype(float)
    weights = class_weights(labels, 3, seed=1)
    assert (weights @ member == member.sum(0)).all()
    areas, means = redrawn_areas(values, member, weights), redrawn_means(values, member, weights)
    for draw in (0, 7):
        rows = np.repeat(np.arange(40), weights[draw].astype(int))
        wanted = class_auroc(values.T[rows], labels[rows], 3)
        np.testing.assert_allclose(areas[draw], wanted, atol=1e-12)
        own = np.stack([values[:, rows[labels[rows] == c]].mean(1) for c in range(3)], 1)
        np.testing.assert_allclose(means[draw], own)
    plain = redrawn_areas(values, member, np.ones((1, 40)))[0]
    np.testing.assert_allclose(plain, class_auroc(values.T, labels, 3))


def test_bounds_over_images_are_students_on_fishers_scale_with_the_bias_given_back() -> None:
    value, drawn = 0.6, np.array([0.4, 0.55, 0.5, 0.45, 0.52])
    z, own = np.arctanh(drawn), np.arctanh(value)
    reach = student.ppf(0.975, 4) * z.std(ddof=1)
    # drawn again, with twice the noise, they lie lower, so the true one lies higher
    given_back = np.arctanh(1 / (2 / value - 1 / np.tanh(z.mean())))
    assert given_back > own
    expected = np.tanh([own - reach, given_back + reach])
    one = np.array([value])
    np.testing.assert_allclose(over_images(one, drawn[None], units=60), expected)
    np.testing.assert_allclose(over_images(-one, -drawn[None], units=60), -expected[::-1])
    assert np.isnan(over_images(one, np.full((1, 5), 0.5), units=60)).all()
    assert np.isnan(over_images(one, np.full((1, 5), np.nan), units=60)).all()
    assert np.isnan(over_images(one, np.empty((1, 0)), units=60)).all()


def test_each_class_of_a_median_is_given_its_own_loss_back() -> None:
    """The class that lies in the middle loses least, and the median is of all as they would be."""
    values = np.array([0.2, 0.5, 0.6])
    spread = np.array([-0.02, -0.01, 0.0, 0.01, 0.02])
    lost = np.array([0.05, 0.02, 0.1])  # drawn again, on Fisher's scale
    means = np.arctanh(values) - lost
    reach = student.ppf(0.975, 4) * spread.std(ddof=1)
    middle = np.arctanh([0.5, 1 / (2 / 0.5 - 1 / np.tanh(means[1]))])
    expected = np.tanh([middle[0] - reach, middle[1] + reach])
    np.testing.assert_allclose(
        over_images(values, np.tanh(means[:, None] + spread), units=60), expected
    )


def test_noise_is_taken_out_of_correlations_as_spearman_does() -> None:
    """Two ratings of many units, each with as much noise as signal: half of the correlation."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(40, 3000))
    first = truth + 0.5 * rng.normal(size=truth.shape)

    def seen(noise: float) -> float:
        a, b = (x + noise**0.5 * rng.normal(size=x.shape) for x in (truth, first))
        return float(np.mean([np.corrcoef(*pair)[0, 1] for pair in zip(a, b, strict=True)]))

    once, twice = np.array([seen(0.3)]), np.array([seen(0.6)])
    true = np.mean([np.corrcoef(*pair)[0, 1] for pair in zip(truth, first, strict=True)])
    assert once[0] < 0.9 * true
    np.testing.assert_allclose(_without_noise(once, twice), true, rtol=0.03)
    assert _without_noise(np.array([0.02]), np.array([0.0])) == 0.02
    assert abs(_without_noise(np.array([0.02]), np.array([-0.03]))[0]) <= 0.04


def test_an_interval_says_what_it_is_over(audit: Audit) -> None:
    rows = list(audit["agreement.lenses"].rows())
    assert {row["interval_over"] for row in rows} <= {"images", "units"}
    for row in rows:
        if "tracing" in (row["lens_a"], row["lens_b"]):
            assert row["interval_over"] == "units"
        if row["lo"] is not None:
            assert row["lo"] <= row["spearman"] <= row["hi"]


def test_no_verdict_where_nothing_could_be_patched(tmp_path: Path) -> None:
    """A model that is always wrong has no pair of images that it tells apart."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        images = torch.randn(120, 1, 2, 3)
        model = nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)).eval()
        labels = 1 - model(images).argmax(1)
    audit = holistic.audit(
        holistic.Subject(model, (images, labels)), out=tmp_path / "wrong", lenses=list(PLAIN)
    )
    rows = list(audit["agreement.units"].rows())
    assert {row["verdict"] for row in rows} <= {"not measured", "dead"}
    assert {row["causal_share"] for row in rows} == {None}
    assert "no pair of images could be patched" in audit.finding("agreement.units").statements[0]
    assert "no more than always saying" in audit.provenance["caveats"][1]


def test_few_sets_are_said_to_allow_no_small_p() -> None:
    subject = planted.carried(count=400)
    words = ["causal"] + ["dead"] + ["causal"] * 4
    (line,) = remove_together(subject, verdicts_of(words), Context()).statements
    assert "(q = 0.83): 6 such sets exist, so p is at least 0.17." in line
