import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student
from torch import nn

import planted_mechanism as planted
import slow_mechanism as slow
import zoo
from holistic.lenses.mechanism import Mechanism
from holistic.lenses.mechanism import _features as reading
from holistic.lenses.mechanism._geometry import (
    alignment,
    axes,
    collapse,
    gram,
    participation_ratio,
    without_each,
)
from holistic.lenses.mechanism._probes import probe
from holistic.lenses.mechanism.flow import flow
from holistic.stats.agreement import debiased_cka
from holistic.stats.jackknife import jackknifed
from holistic.study.subject import Subject
from runs_mechanism import found


def test_planted_flow():
    finding = found(planted.telling(), flow)
    pixels, hidden = finding.table.rows()
    assert (pixels["site"], hidden["site"]) == ("input", "2")
    assert hidden["probe_accuracy"] == 1
    assert abs(pixels["probe_accuracy"] - 0.5) < 0.1
    assert hidden["change_lo"] > 0.35
    for row in (pixels, hidden):
        assert abs(row["control_accuracy"] - 0.5) < 0.12
        beyond = row["probe_accuracy"] - row["control_accuracy"]
        assert row["selectivity"] == pytest.approx(beyond, abs=1e-12)
        assert row["selectivity_lo"] < beyond < row["selectivity_hi"]
        assert row["n_fit"] == 300
        assert row["lo"] <= row["probe_accuracy"] <= row["hi"]
        assert (row["n"], row["n_geometry"]) == (300, 300)
    assert pixels["untrained_accuracy"] is pixels["trained_gain"] is hidden["cka_to_next"] is None
    assert hidden["nc1"] < 1 < pixels["nc1"]
    assert (pixels["features"], hidden["features"], hidden["positions"]) == (2, 4, 1)


def test_what_planted_flow_says():
    reads, controls, geometry, alike = found(planted.telling(), flow).statements
    assert "from site '2' in 100.0 % [98.7, 100.0]" in reads
    assert "It rises in 1 of the 1 steps from site to site and falls in 0" in reads
    assert "the model itself: 100.0 %" in reads
    assert controls.startswith("Controls: trained on shuffled labels")
    assert "(NC1) changes by -" in geometry
    assert "between site 'input' and site '2'" in alike


def test_flow_of_noise_is_at_chance():
    for row in found(planted.noise(), flow).table.rows():
        assert abs(row["probe_accuracy"] - 0.25) < 0.12
        assert row["control_fit"] > row["control_accuracy"]


def test_every_site_is_read_once_in_order():
    subject = planted.chained()[0]
    assert found(subject, flow).table.column("site").tolist() == ["input", "2", "4"]
    model = zoo.make(zoo.ZOO["transformer"])
    images = torch.randn(60, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    blocks = Subject(model, (images, torch.arange(60) % zoo.CLASSES))
    finding = found(blocks, flow, Mechanism(probe_features=20))
    sites = finding.table.column("site").tolist()
    assert sites[0] == "input"
    assert {"blocks.0", "blocks.1", "blocks.0.mlp.1"} <= set(sites)
    kept = dict(zip(sites, finding.table.column("positions"), strict=True))
    assert kept["blocks.0.mlp.1"] == 1
    assert any("site 'blocks.0.mlp.1' (5 to 1)" in c for c in finding.caveats)


def test_input_and_alike_site():
    """The hidden units hold the pixels, so they are alike and the probe gains nothing."""
    pixels, hidden = found(planted.noise(), flow).table.rows()
    assert pixels["cka_to_next"] == pytest.approx(1, abs=1e-6)
    assert pixels["cka_shuffled"] < 0.2
    assert hidden["change"] == 0
    assert hidden["change_lo"] < 0 < hidden["change_hi"]
    assert hidden["nc1"] == pytest.approx(pixels["nc1"], rel=1e-3)


@given(
    n=st.integers(4, 30),
    left=st.integers(1, 40),
    right=st.integers(1, 40),
    seed=st.integers(0, 10_000),
)
@settings(deadline=None, max_examples=40)
def test_alignment_is_debiased_cka(n, left, right, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, left)) + 5, rng.normal(size=(n, right))
    np.testing.assert_allclose(
        alignment(gram(x), gram(y)), debiased_cka(x, y), rtol=1e-7, atol=1e-9
    )


def test_alignment_of_subsets_is_that_of_their_features():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 6)), rng.normal(size=(30, 4))
    rows = np.arange(5, 25)
    chosen = np.ix_(rows, rows)
    assert alignment(gram(x)[chosen], gram(y)[chosen]) == pytest.approx(
        debiased_cka(x[rows], y[rows])
    )
    assert np.isnan(alignment(gram(x[:3]), gram(y[:3])))
    assert np.isnan(alignment(gram(np.ones((9, 2))), gram(y[:9])))


@given(seed=st.integers(0, 10_000), features=st.integers(1, 12), uneven=st.booleans())
@settings(deadline=None, max_examples=25)
def test_collapse_equals_its_twin(seed, features, uneven):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(24) % 4, np.zeros(9 * uneven, int)])
    x = rng.normal(size=(len(labels), features)) + 2 * rng.normal(size=(4, features))[labels]
    assert collapse(x, labels) == pytest.approx(slow.nc1(x, labels.tolist()), rel=1e-6)


def test_collapse_of_collapsed_and_equal_classes():
    labels = np.arange(12) % 3
    corners = np.eye(3)[labels]
    assert collapse(corners, labels) == 0
    assert np.isnan(collapse(np.ones((12, 4)), labels))


@given(seed=st.integers(0, 10_000), n=st.integers(3, 30), features=st.integers(1, 40))
@settings(deadline=None, max_examples=25)
def test_participation_ratio_equals_its_twin(seed, n, features):
    x = np.random.default_rng(seed).normal(size=(n, features)) * np.arange(1, features + 1)
    assert participation_ratio(x) == pytest.approx(slow.participation_ratio(x))


def test_participation_ratio_counts_axes():
    signs = np.array([[i >> b & 1 for b in range(3)] for i in range(8)]) * 2.0 - 1
    assert participation_ratio(signs) == pytest.approx(3)
    assert participation_ratio(signs[:, :1]) == 1
    assert np.isnan(participation_ratio(np.ones((5, 2))))


def test_jackknife_takes_away_bias_and_bounds_the_rest():
    """The divisor n makes a variance too small by 1 / n, which the jackknife corrects."""
    values = np.random.default_rng(0).normal(size=200)
    results = [
        jackknifed(lambda r: float(values[r].var()), 200, limits=(0, np.inf), seed=s)
        for s in range(40)
    ]
    mean = np.mean([r.value for r in results])
    assert mean == pytest.approx(values.var(ddof=1), abs=0.1 * values.var() / 200)
    assert results[0].lo < 1 < results[0].hi
    assert results[0].minus(results[0]).value == 0
    mean = jackknifed(lambda r: float(values[r].mean()), 200, limits=(-1, 1), seed=0)
    error = values.std(ddof=1) / 200**0.5
    assert mean.hi - mean.value == pytest.approx(2.26 * error, rel=0.5)


def test_pseudo_values_of_a_mean_are_the_means_of_the_groups():
    """Tukey 1958: so the interval is Student's over ten group means."""
    values = np.random.default_rng(0).normal(size=200)
    order = np.random.default_rng(5).permutation(200)
    means = np.array([values[order[g::10]].mean() for g in range(10)])
    found = jackknifed(lambda r: float(values[r].mean()), 200, limits=(-1, 1), seed=5)
    np.testing.assert_allclose(found.pseudo, means)
    ends = student.interval(0.95, 9, means.mean(), means.std(ddof=1) / 10**0.5)
    assert (found.lo, found.hi) == pytest.approx(ends)


def test_jackknife_stays_in_its_limits():
    x = np.random.default_rng(0).normal(size=40)
    result = jackknifed(lambda r: min(1.0, 0.9 + abs(x[r].mean())), 40, limits=(0, 1), seed=0)
    assert 0 <= result.lo <= result.value <= result.hi <= 1


def test_probe_equals_plain_gradient_descent():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, size=150)
    x = rng.normal(size=(150, 4)) * [1, 10, 0.1, 1] + labels[:, None]
    x_test, y_test = x[100:], labels[100:]
    x, y = x[:100], labels[:100]
    result = probe((x, y), (x_test, y_test), penalty=0.01)
    mean, spread = x.mean(0), x.std(0)
    weights, biases = slow.probe_weights((x - mean) / spread, y.tolist(), 0.01)
    told = ((x_test - mean) / spread @ weights.T + biases).argmax(1)
    assert ((told == y_test) == result.right).mean() > 0.97
    again = ((x - mean) / spread @ weights.T + biases).argmax(1)
    assert result.fit == pytest.approx((again == y).mean(), abs=0.02)


def test_the_penalty_of_a_probe_means_the_same_for_any_number_of_examples():
    rng = np.random.default_rng(0)
    labels = np.array([0, 0, 0, 1, 2])[np.arange(300) % 5]
    x = rng.normal(size=(300, 2)) + 2 * labels[:, None]
    for penalty in (0.01, 3.0):
        result = probe((x, labels), (x, labels), penalty=penalty)
        z = (x - x.mean(0)) / x.std(0)
        weights, biases = slow.probe_weights(z, labels.tolist(), penalty)
        told = (z @ weights.T + biases).argmax(1)
        assert ((told == labels) != result.right).sum() <= 2
    assert (told == 0).all()


def test_a_probe_s_answer_to_an_example_has_nothing_to_do_with_the_others():
    labels = np.arange(200) % 2
    x = (2.0 * labels - 1 + 0.1 * np.random.default_rng(0).normal(size=200))[:, None]
    for c in (0, 1):
        own = x[labels == c], labels[labels == c]
        assert probe((x, labels), own, penalty=0.1).right.all()


def test_a_probe_reads_features_of_any_scale():
    labels = np.arange(200) % 2
    x = 1e3 + 1e-3 * np.stack([labels, np.random.default_rng(0).normal(size=200)], 1)
    assert probe((x, labels), (x, labels), penalty=0.1).accuracy == 1


def test_a_probe_of_one_class_says_it():
    x = np.random.default_rng(0).normal(size=(6, 2))
    result = probe((x, np.ones(6, int)), (x, np.array([1, 1, 1, 0, 0, 1])), penalty=0.1)
    assert result.accuracy == pytest.approx(4 / 6)


@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    units=st.integers(1, 5),
    most=st.integers(1, 200),
)
@settings(deadline=None, max_examples=50)
def test_pooling_keeps_what_fits(height, width, units, most):
    value = torch.randn(2, height, width, units, dtype=torch.float64)
    sizes = reading.grid((height, width), units, most)
    kept = reading.pooled(value, most)
    assert kept.shape[1] == units * sizes[0] * sizes[1]
    assert kept.shape[1] <= most or sizes == (1, 1)
    if sizes == (height, width):
        np.testing.assert_allclose(kept, value.flatten(1), rtol=1e-6)
    if height * width * units <= most:
        assert sizes == (height, width)
    for example in range(2):
        wanted = slow.averaged(value[example].numpy(), sizes)
        np.testing.assert_allclose(kept[example], wanted.ravel(), rtol=1e-5, atol=1e-6)


def test_the_longest_axis_is_halved_until_the_features_fit():
    assert reading.grid((14, 14), units=32, most=1024) == (4, 7)
    assert reading.grid((5, 3), units=1, most=9) == (3, 3)
    assert reading.grid((17, 16), units=4, most=1024) == (9, 16)
    assert reading.grid((2, 2), units=50, most=10) == (1, 1)


def test_images_are_read_with_channels_as_units():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2))
    images = torch.randn(20, 3, 4, 4)
    subject = Subject(model.eval(), (images, torch.arange(20) % 2))
    whole = reading.site_features(subject, reading.INPUT, subject.evaluation, most=48)
    assert (whole.positions, whole.whole) == (16, 16)
    np.testing.assert_array_equal(
        whole.values, subject.evaluation.images.movedim(1, -1).flatten(1).numpy()
    )
    mean = reading.site_features(subject, reading.INPUT, subject.evaluation, most=3)
    np.testing.assert_allclose(mean.values, subject.evaluation.images.mean((2, 3)), atol=1e-6)


@pytest.mark.parametrize(("n", "features"), [(60, 5), (20, 50), (3, 2)])
def test_axes_are_jackknifed_one_by_one_on_the_log_scale(n: int, features: int):
    x = np.random.default_rng(0).normal(size=(n, features)) * np.arange(1, features + 1)
    left = np.array([participation_ratio(np.delete(x, i, 0)) for i in range(n)])
    np.testing.assert_allclose(without_each(x), left)
    pseudo = n * np.log(participation_ratio(x)) - (n - 1) * np.log(left)
    found = axes(x)
    assert found.value == pytest.approx(np.clip(np.exp(pseudo.mean()), 1, features))
    half = (
        student.ppf(0.975, n - 1) * pseudo.std(ddof=1) / np.sqrt(n)
    )  # the bounds are these or wider
    assert found.lo <= np.exp(pseudo.mean() - half) * (1 + 1e-9)
    assert found.hi >= min(features, np.exp(pseudo.mean() + half)) * (1 - 1e-9)


def test_axes_without_scatter_and_with_one_far_example():
    assert np.isnan(axes(np.ones((20, 3))).value)
    x = np.random.default_rng(0).normal(size=(30, 4))
    x[0] = 1e9  # without it nothing of its scatter may be left
    left = [participation_ratio(np.delete(x, i, 0)) for i in range(30)]
    np.testing.assert_allclose(without_each(x), left)
    assert 1 <= axes(x).lo <= axes(x).value <= axes(x).hi <= 4
    assert axes(np.arange(9.0)[:, None]).hi == 1
