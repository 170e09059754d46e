"""Does the sweep find what a plain hook loop over every unit finds?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import binomtest, t

import holistic
from holistic.errors import ModelError, SettingError, SiteError
from holistic.replacing.sweep import Pass, effects_by_example, tallies
from holistic.stats.means import Means
from slow import ablated_logits, unit_effects
from slow_stats import hall_bounds, tango
from zoo import ZOO, make


def subject_of(name: str, count: int = 60, score: str = "margin") -> holistic.Subject:
    case = ZOO[name]
    labels = torch.arange(count) % 4
    return holistic.Subject(make(case), (case.images(count), labels), score=score)


@pytest.fixture(scope="module")
def subject() -> holistic.Subject:
    return subject_of("mlp")


def test_every_row_equals_the_hook_loop(subject: holistic.Subject) -> None:
    table = holistic.sweep(subject, ["2"], "mean")
    examples = subject.evaluation
    values = subject.mean("2").tolist()
    slow = unit_effects(
        subject.model,
        examples.images,
        examples.labels.tolist(),
        site="2",
        units=12,
        values=values,
    )
    assert len(table) == 12 * 5
    for row in table.rows():
        by_class = slow[row["unit"]]
        if row["class"] == "all":
            effects = [e for group in by_class.values() for e in group]
        else:
            effects = by_class[int(row["class"])]
        mean, n = np.mean(effects), len(effects)
        assert row["n"] == n
        np.testing.assert_allclose(row["effect"], mean, rtol=1e-4, atol=1e-6)
        if bool(Means.of(np.array(effects)).rare):
            assert row["lo"] is row["hi"] is None
            continue
        student = t.interval(0.95, n - 1, mean, np.std(effects, ddof=1) / np.sqrt(n))
        lo, hi = zip(student, hall_bounds(effects, 0.95), strict=True)
        np.testing.assert_allclose([row["lo"], row["hi"]], [min(lo), max(hi)], atol=1e-5)


def test_flips_and_mcnemar_equal_counting(subject: holistic.Subject) -> None:
    table = holistic.sweep(subject, ["2"], "zero").where(class_="all")
    images, labels = subject.evaluation.images, subject.evaluation.labels
    before = subject.predict().argmax(1) == labels
    flips = 0
    for row in table.rows():
        after = ablated_logits(subject.model, images, "2", [row["unit"]], 0.0, 1).argmax(1)
        lost = int((before & (after != labels)).sum())
        gained = int((~before & (after == labels)).sum())
        assert (row["lost"], row["gained"]) == (lost, gained)
        np.testing.assert_allclose(row["accuracy_drop"], (lost - gained) / len(labels))
        least, most = tango(lost, gained, len(labels))
        np.testing.assert_allclose(
            [row["accuracy_lo"], row["accuracy_hi"]], [-most, -least], atol=1e-4
        )
        expected = binomtest(lost, lost + gained).pvalue if lost + gained else 1.0
        np.testing.assert_allclose(row["p"], expected)
        flips += lost + gained
    assert flips >= 3


def test_splits_differ_and_resample_repeats(subject: holistic.Subject) -> None:
    chosen = holistic.sweep(subject, ["4"], "mean", split="selection")
    reported = holistic.sweep(subject, ["4"], "mean")
    assert not np.allclose(chosen.column("effect"), reported.column("effect"))
    first, second = (holistic.sweep(subject, ["4"], "resample", draws=3) for _ in "ab")
    assert first.data.equals(second.data)
    assert not first.data.equals(holistic.sweep(subject, ["4"], "resample", draws=4).data)


def test_resample_averages_over_its_draws(subject: holistic.Subject) -> None:
    """One unit's effect is the mean over draws of the effect of patching the drawn values in."""
    draws, count = 3, len(subject.evaluation)
    table = holistic.sweep(subject, ["4"], "resample", draws=draws).where(class_="all")
    labels = subject.evaluation.labels
    before = subject.score_of(subject.predict(), labels)
    total = 0.0
    for draw in range(draws):
        source = subject.draw("4", torch.arange(count), subject.seed + 1_000_003 * (draw + 1))
        logits = subject.predict(edits=[holistic.Patch("4", units=[3], source=source)])
        total += float((subject.score_of(logits, labels) - before).mean())
    np.testing.assert_allclose(table.column("effect")[3], total / draws, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("score", ["logit", "log_prob", "accuracy"])
def test_the_effect_is_in_the_subject_s_score(score: str) -> None:
    subject = subject_of("cnn", score=score)
    table = holistic.sweep(subject, ["1"], "zero").where(class_="all", unit=2)
    labels = subject.evaluation.labels
    after = subject.predict(edits=[holistic.Zero("1", units=[2])])
    change = subject.score_of(after, labels) - subject.score_of(subject.predict(), labels)
    np.testing.assert_allclose(table.column("effect")[0], float(change.mean()), atol=1e-5)
    if score == "accuracy":
        np.testing.assert_allclose(table.column("effect"), -table.column("accuracy_drop"))


def test_the_fallback_gives_the_same_table() -> None:
    """A model that can't be traced is swept with hooks, and tells so."""
    subject = subject_of("data-dependent")
    assert not subject.traced
    assert "falling back to hooks" in subject.backend_note
    table = holistic.sweep(subject, ["act"], "zero").where(class_="all")
    labels = subject.evaluation.labels
    before = subject.score_of(subject.predict(), labels)
    for row in table.rows():
        logits = ablated_logits(
            subject.model, subject.evaluation.images, "act", [row["unit"]], 0.0, 1
        )
        expected = float((subject.score_of(logits, labels) - before).mean())
        np.testing.assert_allclose(row["effect"], expected, atol=1e-5)


def test_order_of_sites_and_batches_changes_nothing(
    subject: holistic.Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = holistic.sweep(subject, ["2", "4"]).to_pandas()
    backward = holistic.sweep(subject, ["4", "2"]).to_pandas()
    keys = ["site", "unit", "class"]
    forward, backward = (f.sort_values(keys).reset_index(drop=True) for f in (forward, backward))
    assert forward.equals(backward)
    monkeypatch.setattr("holistic.graph.traced.BATCH_ROWS", 17)
    small = holistic.sweep(subject, ["2", "4"]).to_pandas().sort_values(keys)
    np.testing.assert_allclose(small["effect"], forward["effect"], rtol=1e-5, atol=1e-7)


def test_beside_each_unit_stands_the_ordinary_one_of_its_site(subject: holistic.Subject) -> None:
    table = holistic.sweep(subject)
    for site in dict.fromkeys(table.column("site").tolist()):
        for name in [*subject.classes, "all"]:
            rows = table.where(site=site, class_=name)
            effects = sorted(rows.column("effect").tolist())
            for column, share in (
                ("control_effect", 0.5),
                ("control_lo", 0.025),
                ("control_hi", 0.975),
            ):
                place = share * (len(effects) - 1)
                low, part = int(place), place - int(place)
                high = effects[min(low + 1, len(effects) - 1)]
                wanted = effects[low] * (1 - part) + high * part
                assert rows.column(column) == pytest.approx(np.full(len(rows), wanted), abs=1e-12)


def test_unknown_names_are_refused(subject: holistic.Subject) -> None:
    with pytest.raises(SiteError, match="no site '7'"):
        holistic.sweep(subject, ["7"])
    with pytest.raises(SettingError, match="no edit 'maen'"):
        holistic.sweep(subject, ["2"], "maen")
    with pytest.raises(SettingError, match="no split 'train'"):
        holistic.sweep(subject, ["2"], split="train")


def test_tallies_merge_like_one(subject: holistic.Subject) -> None:
    (whole,) = tallies(subject, Pass([subject.site("2")]))
    halves = [
        tallies(
            subject, Pass([subject.site("2")], rows=torch.arange(len(subject.evaluation))[i::2])
        )
        for i in range(2)
    ]
    merged = halves[0][0].merge(halves[1][0])
    for name in ("count", "mean", "m2", "m3", "m4"):
        together, whole_part = getattr(merged.effects, name), getattr(whole.effects, name)
        np.testing.assert_allclose(together, whole_part, rtol=1e-4, atol=1e-6)
    assert np.array_equal(merged.lost, whole.lost)


def test_a_tally_holds_the_moments_of_the_effects(subject: holistic.Subject) -> None:
    run = Pass([subject.site("2")], "zero")
    (tally,) = tallies(subject, run)
    parts = [(places, effects) for _, places, effects in effects_by_example(subject, run)]
    effects = torch.cat([e for _, e in parts], 1).numpy()  # [U, B]
    labels = subject.evaluation.labels.numpy()
    expected = Means.by_class(effects, labels, len(subject.classes))
    for name in ("count", "mean", "m2", "m3", "m4"):
        found = getattr(tally.with_all().effects, name)[0]
        np.testing.assert_allclose(found, getattr(expected, name), rtol=1e-4, atol=1e-9)


def test_several_scores_come_from_one_pass() -> None:
    subject = subject_of("cnn")
    names = ("margin", "logit", "log_prob", "accuracy")
    (tally,) = tallies(subject, Pass([subject.site("5")], "zero", scores=names))
    for s, name in enumerate(names):
        own = holistic.sweep(subject_of("cnn", score=name), ["5"], "zero").where(class_="2")
        np.testing.assert_allclose(tally.effects.mean[s, :, 2], own.column("effect"), atol=1e-7)


def test_some_units_on_some_examples(subject: holistic.Subject) -> None:
    rows, units = torch.tensor([3, 4, 9, 20]), torch.tensor([7, 2])
    site = subject.site("2")
    (tally,) = tallies(subject, Pass([site], "zero", rows=rows, units={"2": units}))
    images, labels = subject.evaluation.images[rows], subject.evaluation.labels[rows]
    before = subject.score_of(subject.predict(images), labels)
    for i, unit in enumerate(units.tolist()):
        logits = subject.predict(images, [holistic.Zero("2", units=[unit])])
        change = subject.score_of(logits, labels) - before
        for c in labels.unique().tolist():
            expected = float(change[labels == c].mean())
            np.testing.assert_allclose(tally.effects.mean[0, i, c], expected, atol=1e-5)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_no_other_constant_costs_less_than_the_optimal_one(name: str) -> None:
    """Against a fine grid of constants, on the examples that the search used."""
    subject = subject_of(name, 200)
    site = subject.site("2" if name == "mlp" else "1")
    found = subject.optimal(site.name)
    images, labels = subject.selection.images, subject.selection.labels
    values = subject.capture([site.name], images)[site.name]

    edited = subject.capture([site.name], images)[site.name].clone()
    edited[..., 1] = found[..., 1]
    patched = subject.predict(images, [holistic.Patch(site.name, source=edited)])
    assert torch.equal(subject.predict(images, [holistic.Optimal(site.name, units=[1])]), patched)

    def loss(unit: int, value: torch.Tensor) -> float:
        edit = holistic.Constant(site.name, units=[unit], value=value)
        logits = subject.predict(images, [edit])
        return float(torch.nn.functional.cross_entropy(logits, labels))

    mean = subject.mean(site.name)
    for unit in range(3):
        best = loss(unit, found)
        assert best <= loss(unit, mean) + 1e-6
        deviations = (values - mean)[..., unit]
        shifts = torch.linspace(float(deviations.min()), float(deviations.max()), 41)
        grid = min(loss(unit, mean + shift) for shift in shifts)
        span = abs(loss(unit, mean) - grid)
        assert best <= grid + 0.1 * span + 1e-5


def test_overflow_stops_with_the_name_of_the_site() -> None:
    model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 4), torch.nn.ReLU(), torch.nn.Linear(4, 4)
    ).eval()
    subject = holistic.Subject(model, (torch.randn(40, 1, 8, 8), torch.arange(40) % 4))
    replaced = torch.full((4,), torch.inf)
    subject.references.means["2"] = replaced
    with pytest.raises(ModelError, match=r"site '2' gives .* NaN or infinite"):
        holistic.sweep(subject, ["2"])
