"""Are directions found, and do steering and erasing along them do what they say?"""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch import nn

import planted_tracing as planted
import slow_tracing as slow
import zoo
from holistic.lenses._contract import Context
from holistic.lenses.tracing import Tracing
from holistic.lenses.tracing._fitted_directions import (
    Features,
    collect,
    fit,
    orientations,
)
from holistic.lenses.tracing._steering import erase, steer, stratified
from holistic.lenses.tracing._trials import try_site
from holistic.lenses.tracing.directions import find_directions
from holistic.stats.directions import random_directions
from holistic.study.subject import Subject
from test_tracing import ZOO, rows_of, subject_of


def test_planted_direction_is_found_steers_and_is_needed():
    vector = planted.diagonal(24)
    subject = planted.lying_along(vector, count=4000)
    finding = find_directions(subject, Tracing(controls=200, examples=200), collect(subject))
    vectors = finding.arrays["tracing.directions.0"]
    assert vectors.dtype == np.float32
    assert vectors.shape == (2, 2, 24)
    for c, sign in ((0, -1), (1, 1)):
        assert sign * vectors[c, 0] @ vector > 0.99
        for row in rows_of(finding, class_=str(c)):
            assert row["auroc"] == 1
            assert row["lo"] > 0.95
            assert row["control_auroc"] < 0.65
            # The margin is twice the component along the vector, so it grows at twice the cosine.
            place = 0 if row["method"] == "class_mean_difference" else 1
            slope = 2 * sign * float(vectors[c, place] @ vector) * row["spread"]
            assert row["steer_slope"] == pytest.approx(slope, rel=1e-4)
            assert row["steer_lo"] == pytest.approx(slope, rel=1e-3)
            assert row["steer_p"] == pytest.approx(1 / 201)
            assert abs(row["control_steer_slope"]) < 0.2 * row["steer_slope"]
            assert abs(row["control_erase_drop"]) < 0.01
            assert (row["n"], row["steer_n"], row["erase_n"]) == (2000, 200, 800)
    # Without the direction every margin is zero but for rounding: which class a tie goes to is
    # chance, what both lose together is not.
    for method in ("class_mean_difference", "logistic"):
        drops = [row["erase_drop"] for row in rows_of(finding, method=method)]
        assert sum(drops) == pytest.approx(1, abs=0.2)
        assert min(row["p"] for row in rows_of(finding, method=method)) < 0.05


def test_a_direction_that_nothing_reads_neither_steers_nor_is_needed():
    subject = planted.unread_signal()
    finding = find_directions(subject, Tracing(controls=100, examples=120), collect(subject))
    for row in rows_of(finding, method="class_mean_difference"):
        assert row["auroc"] > 0.9
        assert abs(row["steer_slope"]) < 1e-2
        assert row["steer_p"] > 0.01
        assert row["erase_drop"] == 0
        assert row["p"] > 0.01


def test_directions_are_fit_on_the_selection_split_alone():
    subject = planted.lying_along(planted.diagonal(12))
    one = fit(collect(subject)[planted.SITE], 2)
    images = subject.images.clone()
    changed = torch.from_numpy(subject.evaluation_indices)
    images[changed] += torch.randn(images[changed].shape)
    other = fit(collect(Subject(subject.model, (images, subject.labels)))[planted.SITE], 2)
    np.testing.assert_array_equal(one.vectors, other.vectors)


def test_features_are_position_means():
    subject = subject_of("transformer")
    found = collect(subject)
    for site in subject.hidden_sites:
        for split, values in (
            (subject.selection, found[site.name].selection),
            (subject.evaluation, found[site.name].evaluation),
        ):
            value = subject.capture([site.name], split.images)[site.name].double()
            wanted = value.reshape(len(value), -1, site.units).mean(1).numpy()
            np.testing.assert_allclose(values, wanted, atol=1e-9)


def test_directions_equal_their_twin():
    subject = subject_of("cnn", count=160)
    known = collect(subject)["5"]
    found = fit(known, zoo.CLASSES)
    centred = known.selection - known.selection.mean(0)
    scale = np.sqrt(centred.var(0).mean())
    for c in range(zoo.CLASSES):
        wanted = slow.mean_difference(known.selection, known.labels.tolist(), c)
        np.testing.assert_allclose(found.vectors[c, 0], wanted, atol=1e-9)
        model = LogisticRegression(C=1 / (1e-3 * len(centred)), tol=1e-8, max_iter=10_000)
        weights = model.fit(centred / scale, known.labels == c).coef_[0]
        assert found.vectors[c, 1] @ weights / np.linalg.norm(weights) > 0.999
        for m in range(2):
            projected = known.selection @ found.vectors[c, m]
            assert found.spread[c, m] == pytest.approx(projected.std(ddof=1))


@pytest.mark.parametrize("name", ZOO)
def test_steering_and_erasing_equal_their_twins(name):
    subject = subject_of(name)
    known = collect(subject)
    rows = np.arange(0, len(subject.evaluation), 2)
    for site in subject.hidden_sites:
        fitted = fit(known[site.name], zoo.CLASSES)
        # Controls that are the directions themselves must answer as the directions do.
        controls = fitted.vectors[:, 0]
        steered = steer(subject, site, fitted, controls, rows)
        erased = erase(subject, site, fitted, controls, rows)
        for c in range(zoo.CLASSES):
            own = {"c": c, "rows": rows}
            for m in range(2):
                vector, spread = fitted.vectors[c, m], float(fitted.spread[c, m])
                slopes = slow.steering_slopes(subject, site.name, vector, spread=spread, **own)
                np.testing.assert_allclose(steered.slopes[:, c, m], slopes, atol=1e-4)
                flips = slow.erase_flips(subject, site.name, vector, **own)
                assert (erased.lost[c, m], erased.gained[c, m]) == flips
            worse, better = erased.lost[c, 0], erased.gained[c, 0]
            assert erased.controls[c, c] == pytest.approx((worse - better) / erased.count[c])


def test_control_slopes_are_those_of_equal_lengths():
    # Everything after the site is affine, so interpolating between lengths is exact.
    subject = planted.carried()
    model = subject.model
    with torch.no_grad():
        model[3].weight.copy_(torch.tensor([[1.0, 2, 0, 0, 0, 0], [0, -1, 1, 0, 0, 0]]))
    fitted = fit(collect(subject)[planted.SITE], 2)
    controls = np.eye(6)
    steered = steer(subject, subject.site(planted.SITE), fitted, controls, np.arange(50))
    margin = np.array([1.0, 3, -1, 0, 0, 0])  # of class 0, per unit
    for b in range(6):
        for c, m in np.ndindex(2, 2):
            wanted = (1 - 2 * c) * margin[b] * fitted.spread[c, m]
            assert steered.controls[b, c, m] == pytest.approx(wanted, abs=1e-4)


def test_random_directions_are_signed_by_the_rule_that_signs_a_class_s_own():
    subject = planted.lying_along(planted.diagonal(12), noise=0.5)
    site, known = subject.site(planted.SITE), collect(subject)[planted.SITE]
    trial, drawn = try_site(subject, site, 0, known, lens=Tracing(controls=20, examples=40))
    both = set()
    for b, c in np.ndindex(20, 2):
        along, own = known.selection @ drawn[b], known.labels == c
        sign = 1 if along[own].mean() > along[~own].mean() else -1
        both.add(sign)
        spread = float(trial.fitted.spread[c, 0])
        slopes = slow.steering_slopes(
            subject, site.name, sign * drawn[b], spread=spread, c=c, rows=trial.steer_rows
        )
        # everything after the site is affine, so interpolating between lengths is exact
        assert trial.steered.controls[b, c, 0] == pytest.approx(np.mean(slopes), abs=1e-3)
        assert orientations(known, drawn, 2)[b, c] == sign
    assert both == {-1, 1}
    # along a direction that leads to the class the class's margin grows
    assert np.median(trial.steered.controls[..., 0]) > 0


def test_random_directions_read_a_class_on_the_side_that_the_selection_split_says():
    subject = planted.own_labels(seed=1)
    known = collect(subject)[planted.SITE]
    table = find_directions(subject, Tracing(controls=20, examples=40), collect(subject)).table
    drawn = random_directions(known.selection, 20, subject.seed)
    for c in range(4):
        areas = []
        for direction in drawn:
            along, own = known.selection @ direction, known.labels == c
            sign = 1 if along[own].mean() > along[~own].mean() else -1
            areas.append(
                roc_auc_score(known.evaluation_labels == c, sign * known.evaluation @ direction)
            )
        for row in table.where(class_=str(c)).rows():
            assert row["control_auroc"] == pytest.approx(np.mean(areas))
            assert row["control_auroc_hi"] == pytest.approx(np.quantile(areas, 0.975))


def test_more_random_directions_are_drawn_where_none_of_the_first_does_as_much():
    """Of many classes' directions one is needed: twenty random ones can't tell that."""
    vector = planted.diagonal(24)
    subject = planted.lying_along(vector, count=400)
    few = find_directions(subject, Tracing(controls=20, examples=40), collect(subject))
    needed = [row for row in few.table.rows() if row["erase_drop"] > 0.5]
    assert needed
    for row in needed:
        assert row["erase_controls"] > 20
        assert row["p"] == pytest.approx(1 / (1 + row["erase_controls"]))
        assert row["q"] < 0.05
    # what random directions come up to at once needs no more of them
    steered = [row for row in few.table.rows() if row["steer_p"] > 2 / 21]
    assert all(row["steer_controls"] == 20 for row in steered)


def test_classes_that_need_no_more_random_directions_get_none():
    subject = planted.own_labels(count=400, seed=1)
    table = find_directions(subject, Tracing(controls=20, examples=40), collect(subject)).table
    settled = {row["class"] for row in table.rows() if row["p"] > 1 / 21}
    unsettled = {row["class"] for row in table.rows() if row["p"] < 1 / 21}
    assert (settled, unsettled) == ({"2"}, {"0", "1", "3"})
    for row in table.rows():
        assert (row["erase_controls"] == 20) == (row["class"] in settled)


def test_further_random_directions_are_none_that_were_drawn_before(monkeypatch):
    drawn = []

    def noted(*arguments):
        drawn.append(random_directions(*arguments))
        return drawn[-1]

    monkeypatch.setattr("holistic.lenses.tracing._trials.random_directions", noted)
    subject = planted.lying_along(planted.diagonal(24), count=400)
    find_directions(subject, Tracing(controls=20, examples=40), collect(subject))
    assert len(drawn) > 1
    every = np.concatenate(drawn)
    assert len(np.unique(every.round(6), axis=0)) == len(every)


def test_directions_that_stay_unsettled_are_counted():
    subject = planted.lying_along(planted.diagonal(24), count=400)
    lens = Tracing(controls=20, examples=20, operations=1.0)
    finding = find_directions(subject, lens, collect(subject))
    stuck = [row for row in finding.table.rows() if row["p"] == 1 / 21 and row["q"] >= 0.05]
    assert stuck
    [note] = [note for note in finding.caveats if note.startswith("Erasing")]
    assert f"{len(stuck)} directions do more than all of up to 20 random ones" in note
    assert "at least 0.19" in note  # four tests, each of which may be 1/21


def test_control_directions_have_the_values_covariance():
    rng = np.random.default_rng(0)
    shape = np.diag([3.0, 1.0, 0.1, 0.0])
    values = rng.normal(size=(400, 4)) @ shape
    known = Features(values, values, np.arange(400) % 2, np.arange(400) % 2)
    drawn = random_directions(known.selection, 4000, seed=1)
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 1)
    assert abs(drawn[:, 0]).mean() > 5 * abs(drawn[:, 2]).mean() > 0
    assert (drawn[:, 3] == 0).all()
    assert abs(drawn.mean(0)).max() < 0.05
    np.testing.assert_array_equal(drawn, random_directions(known.selection, 4000, seed=1))


def test_a_site_that_never_varies_has_no_directions():
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    with torch.no_grad():
        model[1].bias.fill_(-100)
        model[3].bias.copy_(torch.tensor([1.0, 0.0]))
    subject = Subject(model, (torch.randn(40, 4), torch.arange(40) % 2))
    findings = list(Tracing(pairs=2, controls=20, examples=20).run(subject, Context()))
    _, places, directions = findings
    for row in directions.table.rows():
        for name in ("auroc", "steer_slope", "control_steer_slope", "erase_drop", "p", "q"):
            assert row[name] is None
    assert directions.statements == ("No class has a direction: the hidden sites don't vary.",)
    assert all(row["share"] is row["p"] is None for row in places.table.rows())
    assert places.statements[0].startswith("No site's class means differ")


def test_stratified_rows():
    labels = np.repeat([0, 1, 2], [50, 30, 3])
    rows = stratified(labels, 30, seed=0)
    assert (np.bincount(labels[rows]) == [10, 10, 3]).all()
    assert (np.diff(rows) > 0).all()
    assert (stratified(labels, 83, seed=0) == np.arange(83)).all()
