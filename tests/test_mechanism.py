import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, silhouette_samples
from torch import nn

import planted_mechanism as planted
import slow_mechanism as slow
import slow_stats
import zoo
from holistic.errors import SettingError
from holistic.lens import Context, lens_class
from holistic.lenses.mechanism import Mechanism
from holistic.lenses.mechanism import features as reading
from holistic.lenses.mechanism.clusters import clusters, silhouettes
from holistic.lenses.mechanism.columns import columns_of
from holistic.lenses.mechanism.correlations import (
    Correlations,
    Powers,
    shuffled_in_class,
    standardised,
)
from holistic.lenses.mechanism.edges import edges
from holistic.lenses.mechanism.flow import flow
from holistic.lenses.mechanism.geometry import (
    alignment,
    collapse,
    gram,
    jackknifed,
    participation_ratio,
)
from holistic.lenses.mechanism.pairs import pairs
from holistic.lenses.mechanism.probes import probe
from holistic.lenses.mechanism.specialisation import specialisation
from holistic.lenses.mechanism.values import (
    Activations,
    activations,
    class_indices,
    most_varying,
    sampled,
)
from holistic.progress import silent
from holistic.stats.agreement import debiased_cka
from holistic.stats.moments import CrossMoments, Moments
from holistic.subject import Subject

QUICK = Mechanism(shuffles=2, draws=20)


def found(subject, find, lens=QUICK):
    """A finding of the lens, with the untrained copy where it is needed."""
    if find is edges:
        return edges(subject, lens, silent)
    return find(subject, subject.untrained(1), lens, silent)


def evaluated(subject, site):
    """Position means `[N, U]` on the evaluation split by plain means, and the classes."""
    value = subject.capture([site])[site].double()
    means = value.reshape(len(value), -1, value.shape[-1]).mean(1).numpy()
    return means, class_indices(subject.evaluation)


def drawn(values, labels):
    """Correlations of `[N, U]`, raw and within classes, as the lens makes them."""
    labels, classes = np.asarray(labels), int(max(labels)) + 1
    cross = CrossMoments.empty(values.shape[1], values.shape[1], classes)
    cross.update(values, values, labels)
    raw = Powers.empty(values.shape[1]).update(standardised(cross.left.total(), values))
    inner = Powers.empty(values.shape[1]).update(standardised(cross.left, values, labels))
    return Correlations.of(cross, raw, within=False), Correlations.of(cross, inner, within=True)


@pytest.fixture(scope="module")
def small():
    """A convolutional subject over noise, with positions, batch norm and a dead channel."""
    model = zoo.make(zoo.ZOO["cnn"])
    with torch.no_grad():
        model[0].weight[2] = 0
        model[0].bias[2] = -1
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.normal(size=(300, 1, 8, 8))).float()
    return Subject(model, (images, torch.arange(300) % zoo.CLASSES))


# pairs


def test_planted_pairs():
    finding = found(planted.paired(), pairs)
    rows = {(r["unit_a"], r["unit_b"]): r for r in finding.table.rows()}
    assert set(rows) == {(0, 1), (0, 4), (1, 4), (2, 3)}
    assert rows[0, 1]["r"] == pytest.approx(1, abs=1e-12)
    assert rows[0, 1]["lo"] == pytest.approx(1, abs=1e-6)
    assert rows[0, 1]["r_within"] == pytest.approx(1, abs=1e-12)
    assert rows[2, 3]["r"] > 0.9
    assert abs(rows[2, 3]["r_within"]) < 0.15
    assert rows[2, 3]["q"] < 1e-6 < 0.05 < rows[2, 3]["q_within"]
    assert rows[0, 4]["hi"] < -0.5
    assert rows[0, 4]["r"] == pytest.approx(-(0.5**0.5), abs=0.1)
    assert {r["n"] for r in rows.values()} == {400}


def test_pairs_are_told_on_the_selection_split_too():
    subject = planted.paired()
    other = subject.capture(["2"], subject.selection.images)["2"].double().numpy()
    for row in found(subject, pairs).table.rows():
        wanted = slow_stats.correlation(other[:, row["unit_a"]], other[:, row["unit_b"]])
        assert row["r_selection"] == pytest.approx(wanted, abs=1e-6)


def test_the_control_is_the_untrained_copy():
    """Given a copy with a known answer, that answer is told as the control."""
    subject, _ = planted.clustered()
    equal = planted.reweighted(subject, np.full((25, 25), 1 / 25))
    assert "copy has 300 and 300;" in pairs(subject, equal, QUICK, silent).statements[0]
    two = planted.reweighted(subject, np.eye(25) * (np.arange(25) < 2))
    for copy, k in ((subject, 3), (two, 1)):
        table = clusters(subject, copy, QUICK, silent).table
        assert set(table.column("k")) == {3}
        assert set(table.column("untrained_k")) == {k}
        if k == 3:
            silhouette = table.column("site_silhouette")
            np.testing.assert_array_equal(table.column("untrained_silhouette"), silhouette)
    telling = planted.telling()
    for copy, accuracy in ((telling, 1), (planted.telling(blind=True), 0.5)):
        _, hidden = flow(telling, copy, QUICK, silent).table.rows()
        assert hidden["untrained_accuracy"] == pytest.approx(accuracy, abs=0.1)
        assert hidden["trained_gain"] == 1 - hidden["untrained_accuracy"]
        assert hidden["trained_gain_lo"] <= hidden["trained_gain"] <= hidden["trained_gain_hi"]


def test_what_planted_pairs_say():
    finding = found(planted.paired(), pairs)
    counted, beyond, again = finding.statements
    assert counted.startswith("2 pairs of units within one site correlate above r = 0.5")
    assert "2 counting pairs of different sites, of 10 (n = 400); 2 lie below -0.5" in counted
    assert counted.endswith("over the examples leaves 0.0.")
    assert beyond.startswith("With class means removed 1 pairs lie above 0.5 (shuffled within")
    assert "within classes: 0.0)" in beyond
    assert beyond.endswith("gives 1.0.")
    assert "2 have their whole 95 % interval above 0.5 and 2 exceed it on the selection" in again
    assert any(
        "1 units left out for being dead" in c and ": 5 of '2'" in c for c in finding.caveats
    )
    assert any("rests on fewer than 10" in c and ": 6 of '2'" in c for c in finding.caveats)


def test_pairs_equal_their_twin(small):
    finding = found(small, pairs, Mechanism(threshold=0.2))
    columns = [evaluated(small, s.name)[0] for s in small.hidden_sites]
    values, labels = np.concatenate(columns, 1), evaluated(small, "1")[1]
    wanted = slow.pairs(values[:, np.arange(11) != 2], labels.tolist(), 0.2)
    place = {("1", u): u - (u > 2) for u in range(5)} | {("5", u): 4 + u for u in range(6)}
    listed = {}
    for r in finding.table.rows():
        a, b = place[r["site_a"], r["unit_a"]], place[r["site_b"], r["unit_b"]]
        listed[a, b] = r["r"], r["r_within"]
    assert listed.keys() == wanted.keys()
    assert len(wanted) > 5
    for pair, both in wanted.items():
        given_both = [np.nan if r is None else r for r in listed[pair]]
        assert given_both == pytest.approx(both, abs=1e-6, nan_ok=True)


def test_pairs_matrices(small):
    finding = found(small, pairs)
    for i, site in enumerate(("1", "5")):
        values, _ = evaluated(small, site)
        kept = [v.std() > 0 and slow.carriers(v.tolist()) >= 10 for v in values.T]
        wanted = np.full((len(kept), len(kept)), np.nan)
        wanted[np.ix_(kept, kept)] = np.corrcoef(values[:, kept].T)
        np.testing.assert_allclose(finding.arrays[f"mechanism.correlation.{i}"], wanted, atol=1e-5)
    assert set(finding.arrays) == {
        f"mechanism.{kind}.{i}" for kind in ("correlation", "correlation_within") for i in (0, 1)
    }


def test_independent_units_are_no_pairs():
    finding = found(planted.noise(units=40), pairs, Mechanism(threshold=0.001))
    assert len(finding.table) > 770
    for name in ("q", "q_within"):
        assert np.mean(finding.table.column(name) < 0.05) < 0.01
    for name in ("p", "p_within"):
        assert 0.03 < np.mean(finding.table.column(name) < 0.05) < 0.07
    assert found(planted.noise(), pairs).statements[0].startswith("0 pairs")


def test_q_counts_pairs_that_are_not_listed():
    subject = planted.noise(units=12)
    few, many = (found(subject, pairs, Mechanism(threshold=t)).table for t in (0.15, 0.001))
    assert 0 < len(few) < len(many)
    everything = {(r["unit_a"], r["unit_b"]): r for r in many.rows()}
    assert len(everything) == 66
    p = [r["p"] for r in many.rows()]
    np.testing.assert_allclose([r["q"] for r in many.rows()], slow_stats.benjamini_hochberg(p))
    for r in few.rows():
        assert r["q"] == everything[r["unit_a"], r["unit_b"]]["q"]


def test_too_many_units_are_cut_by_their_spread():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(200, 10)) * np.arange(1, 11)
    subject = planted.holding(values, planted.balanced(200, 2), classes=2)
    columns = columns_of(subject, 4)
    assert columns.unit.tolist() == [6, 7, 8, 9]
    finding = found(subject, pairs, Mechanism(most_units=4, threshold=0.01))
    assert set(finding.table.column("unit_a")) <= {6, 7, 8}
    assert finding.arrays == {}
    assert any("4 of 10 units were correlated" in c for c in finding.caveats)


def test_cut_units_share_the_room_among_sites(small):
    columns = columns_of(small, 8)
    assert [len(u) for u in columns.units] == [4, 4]
    assert 2 not in columns.units[0]
    assert columns.block(1) == slice(4, 8)
    assert columns.named(np.arange(8) >= 6) == f"{columns.unit[6]}, {columns.unit[7]} of '5'"


def test_sorted_labels_leave_no_pairs_when_shuffled():
    labels = np.sort(planted.balanced(4000, 4))
    values = 5.0 * labels[:, None] + np.random.default_rng(0).normal(size=(4000, 6))
    finding = found(planted.holding(values, labels, classes=4), pairs)
    assert finding.statements[0].startswith("15 pairs")
    assert "leaves 0.0." in finding.statements[0]
    assert finding.statements[1].startswith("With class means removed 0 pairs")
    assert finding.statements[1].endswith("gives 15.0.")


@given(seed=st.integers(0, 10_000), skew=st.booleans())
@settings(deadline=None, max_examples=25)
def test_intervals_of_r_equal_their_twin(seed, skew):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(60, 2)) @ np.array([[1, 0.6], [0, 0.8]])
    values = np.exp(values) if skew else values
    labels = np.arange(60) % 3
    for pair, columns in zip(
        drawn(values, labels),
        (values.T, [slow_stats.without_class_means(c, labels.tolist()) for c in values.T]),
        strict=True,
    ):
        wanted = slow.correlation_interval(*[list(c) for c in columns])
        bounds = pair.interval(np.array([0]), np.array([1]))
        if pair.left_out.any():
            assert min(slow.carriers(list(c)) for c in columns) < 10
            assert np.isnan(bounds).all()
        else:
            np.testing.assert_allclose(np.ravel(bounds), wanted, rtol=1e-9)
            assert wanted[0] < pair.r[0, 1] < wanted[1]


def test_intervals_of_r_hold_for_units_that_are_not_normal():
    rng, hits, normal_hits = np.random.default_rng(0), 0, 0
    true = 0.5**0.5  # of a and a + b with equal variances
    for _ in range(300):
        a, b = rng.exponential(size=(2, 600)) ** 1.5
        pair, _ = drawn(np.stack([a, a + b], 1), np.zeros(600, int))
        lo, hi = pair.interval(np.array([0]), np.array([1]))
        hits += lo[0] <= true <= hi[0]
        z = np.arctanh(pair.r[0, 1])
        normal_hits += abs(z - np.arctanh(true)) <= 1.96 / np.sqrt(597)
    assert hits / 300 > 0.9
    assert normal_hits < hits


def test_shuffles_in_class_move_values_inside_their_class_only():
    values = np.random.default_rng(0).normal(size=(40, 3))
    labels = np.arange(40) % 4
    mixed = shuffled_in_class(values, labels, np.random.default_rng(1))
    for c in range(4):
        np.testing.assert_array_equal(
            np.sort(mixed[labels == c], 0), np.sort(values[labels == c], 0)
        )
    assert not (mixed == values).all()


# clusters


def test_planted_clusters():
    subject, group = planted.clustered()
    finding = found(subject, clusters)
    table = finding.table
    member = np.array([-1 if c is None else c for c in table.data["cluster"].to_pylist()])
    assert ((member < 0) == (group < 0)).all()
    assert adjusted_rand_score(group[group >= 0], member[group >= 0]) == 1
    assert set(table.column("k")) == {3}
    assert (table.column("stability") > 0.95).all()
    preferred = np.array(table.data["preferred_class"].to_pylist(), dtype=object)
    for g in range(3):
        assert set(preferred[group == g]) == {f"class {'ABC'[2 - g]}"}
    assert (table.column("q")[group >= 0] < 0.01).all()
    assert (
        table.column("lo")[group >= 0] > table.column("random_specialisation")[group >= 0]
    ).all()
    assert np.isnan(table.column("silhouette")[group < 0]).all()
    assert np.isnan(table.column("specialisation")[group < 0]).all()


def test_what_planted_clusters_say():
    subject, group = planted.clustered()
    finding = found(subject, clusters)
    assert finding.statements[0].startswith("The 24 units of '2' form 3 clusters: mean silhouette")
    assert "3 of the 3 are more specialised" in finding.statements[0]
    dead = int(np.flatnonzero(group < 0)[0])
    assert any(
        f"never changing on the selection split: {dead} of '2'" in c for c in finding.caveats
    )
    profile = finding.arrays["mechanism.profile.0"]
    assert profile.shape == (3, 3)
    assert sorted(profile.argmax(1)) == [0, 1, 2]


def test_silhouettes_are_those_of_the_evaluation_split():
    subject, group = planted.clustered()
    table = found(subject, clusters).table
    kept = np.flatnonzero(group >= 0)
    values = evaluated(subject, "2")[0][:, kept]
    distance = 1 - np.corrcoef(values.T)
    np.fill_diagonal(distance, 0)
    wanted = slow_stats.silhouettes(distance, group[kept].tolist())
    np.testing.assert_allclose(table.column("silhouette")[kept], wanted, atol=1e-9)
    assert table.column("site_silhouette")[0] == pytest.approx(np.mean(wanted))


@pytest.mark.parametrize("seed", range(3))
def test_independent_units_are_no_clusters(seed):
    finding = found(planted.noise(seed=seed), clusters)
    assert set(finding.table.column("k")) == {1}
    for name in ("cluster", "preferred_class", "n", "cluster_within"):
        assert finding.table.data[name].null_count == 24
    assert np.isnan(finding.table.column("q")).all()
    assert finding.statements[0].startswith("No clusters: the best partition of '2'")
    assert finding.arrays == {}


def test_clusters_by_class_preference_vanish_within_classes():
    labels = planted.balanced(600, 3)
    values = np.random.default_rng(0).normal(size=(600, 18))
    values += 2 * (labels[:, None] == np.arange(18) % 3)
    finding = found(planted.holding(values, labels, classes=3), clusters)
    assert set(finding.table.column("k")) == {3}
    assert finding.table.data["cluster_within"].null_count == 18
    assert "with class means removed there are no clusters" in finding.statements[0]


def test_only_units_that_vary_most_are_clustered():
    subject, _ = planted.clustered()
    finding = found(subject, clusters, Mechanism(draws=20, clustered_units=12))
    assert finding.table.data["cluster"].null_count == 13
    assert any("12 of 25 of '2'" in c for c in finding.caveats)


@pytest.mark.parametrize("strength", [0, 0.5])
def test_specialisation_equals_its_twin(strength):
    rng = np.random.default_rng(0)
    sides = [
        Activations(
            rng.normal(size=(90, 9)) + strength * (labels[:, None] == np.arange(9) % 3), labels
        )
        for labels in (np.arange(90) % 3, rng.permutation(np.arange(90) % 3))
    ]
    members = np.array([0, 1, 2, 0, 1, 2, 0, -1, 1])
    special = specialisation(*sides, members, classes=3, seed=0, draws=50)
    for k in range(3):
        wanted = slow.specialisation(
            sides[0].values.tolist(),
            sides[0].labels.tolist(),
            sides[1].values.tolist(),
            sides[1].labels.tolist(),
            np.flatnonzero(members == k).tolist(),
        )
        assert (special.preferred[k], special.value[k]) == pytest.approx(wanted)
        assert special.lo[k] < special.value[k] < special.hi[k]
        assert special.profile[k, special.preferred[k]] == special.value[k]
    assert special.n.tolist() == [30, 30, 30]


def test_random_groups_are_not_specialised():
    ps = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        labels = np.arange(120) % 4
        sides = [Activations(rng.normal(size=(120, 20)), labels) for _ in range(2)]
        members = rng.permutation(np.arange(20) % 4)
        ps += specialisation(*sides, members, classes=4, seed=seed, draws=100).p.tolist()
    assert np.mean(np.array(ps) < 0.05) < 0.12
    assert 0.35 < np.mean(ps) < 0.65


def test_what_all_units_prefer_is_special_to_no_group():
    rng, labels = np.random.default_rng(0), np.arange(200) % 4
    sides = [
        Activations(rng.normal(size=(200, 12)) + 2 * (labels[:, None] == 1), labels)
        for _ in range(2)
    ]
    special = specialisation(*sides, np.arange(12) % 3, classes=4, seed=0)
    assert special.preferred.tolist() == [1, 1, 1]
    assert (special.lo > 1).all()
    assert 0.2 < special.p.mean() < 0.8
    np.testing.assert_allclose(special.random, special.value, atol=0.15)


def test_a_class_that_is_missing_is_never_preferred():
    rng = np.random.default_rng(0)
    sides = [Activations(rng.normal(size=(40, 6)) - 3, np.arange(40) % 2) for _ in range(2)]
    special = specialisation(*sides, np.array([0, 0, 0, 1, 1, 1]), classes=3, seed=0)
    assert set(special.preferred) <= {0, 1}
    assert np.isnan(special.profile[:, 2]).all()


def test_silhouettes_need_two_clusters_of_units_that_vary():
    values = np.random.default_rng(0).normal(size=(50, 5))
    members = np.array([0, 0, 1, 1, -1])
    result = silhouettes(values, members)
    distance = 1 - np.corrcoef(values[:, :4].T)
    np.fill_diagonal(distance, 0)
    np.testing.assert_allclose(
        result[:4], silhouette_samples(distance, members[:4], metric="precomputed")
    )
    assert np.isnan(result[4])
    values[:, 2:4] = 1
    assert np.isnan(silhouettes(values, members)).all()


# flow


def test_planted_flow():
    finding = found(planted.telling(), flow)
    pixels, hidden = finding.table.rows()
    assert (pixels["site"], hidden["site"]) == ("input", "2")
    assert hidden["probe_accuracy"] == 1
    assert abs(pixels["probe_accuracy"] - 0.5) < 0.1
    assert hidden["change_lo"] > 0.35
    for row in (pixels, hidden):
        assert abs(row["control_accuracy"] - 0.5) < 0.12
        assert row["selectivity"] == row["probe_accuracy"] - row["control_accuracy"]
        assert row["lo"] <= row["probe_accuracy"] <= row["hi"]
        assert (row["n"], row["n_geometry"]) == (300, 300)
    assert pixels["untrained_accuracy"] is pixels["trained_gain"] is hidden["cka_to_next"] is None
    assert hidden["nc1"] < 1 < pixels["nc1"]
    assert (pixels["features"], hidden["features"], hidden["positions"]) == (2, 4, 1)


def test_what_planted_flow_says():
    reads, controls, geometry, alike = found(planted.telling(), flow).statements
    assert "from '2' in 100.0 % [98.7, 100.0]" in reads
    assert "It rises in 1 of the 1 steps from site to site and falls in 0" in reads
    assert "the model itself: 100.0 %" in reads
    assert controls.startswith("Controls: trained on shuffled labels")
    assert "(NC1) changes by -" in geometry
    assert "between 'input' and '2'" in alike


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
    assert any("'blocks.0.mlp.1' (5 to 1)" in c for c in finding.caveats)


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
    whole = reading.site_features(subject, reading.INPUT, subject.evaluation, 48)
    assert (whole.positions, whole.whole) == (16, 16)
    np.testing.assert_array_equal(
        whole.values, subject.evaluation.images.movedim(1, -1).flatten(1).numpy()
    )
    mean = reading.site_features(subject, reading.INPUT, subject.evaluation, 3)
    np.testing.assert_allclose(mean.values, subject.evaluation.images.mean((2, 3)), atol=1e-6)


# edges


def test_planted_edge():
    weight = -0.75
    subject, values, labels = planted.chained(weight=weight)
    finding = found(subject, edges)
    top = finding.table.where(kind="top")
    ends = set(zip(top.column("unit_a"), top.column("unit_b"), strict=True))
    assert ends == {(3, 1)}
    selection, evaluation = subject.selection_indices, subject.evaluation_indices
    mean = slow.class_balanced_mean(values[selection, None], labels[selection].tolist())[0]
    for row in top.rows():
        own = [
            weight * (mean - values[i])
            for i in evaluation
            if row["class"] in ("all", subject.classes[labels[i]])
        ]
        assert row["n"] == len(own)
        assert row["effect"] == pytest.approx(np.mean(own), abs=1e-4)
        assert row["size"] == pytest.approx(np.mean(np.square(own)) ** 0.5, rel=1e-4)
        assert row["lo"] < row["effect"] < row["hi"]
        assert row["spread"] == pytest.approx(0.75 * values[evaluation].std(ddof=1), rel=1e-4)
    assert abs(top.where(class_="all").column("effect")[0]) < 0.5
    assert top.where(class_="class D").column("effect")[0] > 0.75 * 3


def test_edges_that_are_not_there_are_zero():
    """With one unit in place of the top ones, the random edges are measured, and are nothing."""
    subject, values, _ = planted.chained()
    assert most_varying(values[:, None], 1).tolist() == [0]
    finding = found(subject, edges, Mechanism(edge_units=2))
    random = finding.table.where(kind="random")
    assert len(random) > 0
    assert 3 not in random.column("unit_a")
    assert (random.column("effect") == 0).all()
    assert (random.column("lo") == 0).all()
    assert (random.column("q") == 1).all()
    assert "in the mean of some class for 0 of them" in finding.statements[1]


def test_what_planted_edges_say():
    subject, _, _ = planted.chained()
    first, ranked = found(subject, edges).statements
    assert first.startswith("1 edges, the largest on the selection split")
    assert "for 1 of them (q < 0.05, n = 100)" in first
    assert ranked.startswith("From '2' to '4' the edge that ranks first on the selection split is")
    assert "unit 3 to unit 1: without the one the other changes by +" in ranked


def test_edges_equal_plain_layers():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(9, 7), nn.ReLU(), nn.Linear(7, 6), nn.Tanh(), nn.Linear(6, 3)
    ).eval()
    images, labels = torch.randn(120, 1, 3, 3), torch.arange(120) % 3
    subject = Subject(model, (images, labels))
    finding = found(subject, edges, Mechanism(edge_units=3, edges=10))
    table, chosen = finding.table, subject.selection
    held = model[:3](chosen.images).detach().double().numpy()
    reference = torch.from_numpy(slow.class_balanced_mean(held, chosen.labels.tolist())).float()
    own = class_indices(subject.evaluation)
    kinds = set()
    for row in table.rows():
        kinds.add(row["kind"])
        changes = slow.edge_changes(
            model, (2, 4), row["unit_a"], reference, subject.evaluation.images
        )[:, row["unit_b"]]
        rows = np.ones(len(own), bool) if row["class"] == "all" else own == int(row["class"])
        assert row["effect"] == pytest.approx(changes[rows].mean(), abs=1e-6)
        error = changes[rows].std(ddof=1) / rows.sum() ** 0.5
        assert row["hi"] - row["effect"] == pytest.approx(2 * error, rel=0.1, abs=1e-7)
    assert kinds == {"top", "random"}
    assert len(table) == 2 * 10 * 4
    top = {(r["unit_a"]) for r in table.where(kind="top").rows()}
    assert top <= set(most_varying(held, 3).tolist())
    assert top.isdisjoint(table.where(kind="random").column("unit_a"))
    watched = model[:5](chosen.images).detach().double().numpy()
    strongest = {}
    for unit in most_varying(held, 3).tolist():
        changes = slow.edge_changes(model, (2, 4), unit, reference, chosen.images)
        for c in range(3):
            means = changes[chosen.labels.numpy() == c].mean(0) / watched.std(0, ddof=1)
            for other, mean in enumerate(means):
                strongest[unit, other, c] = abs(mean)
    unit, other, c = max(strongest, key=lambda edge: strongest[edge])
    assert f"is unit {unit} to unit {other}: without" in finding.statements[2]
    assert f"on class {c} (n = 20;" in finding.statements[2]
    largest = sorted(
        {e[:2]: 0 for e in strongest}, key=lambda e: -max(strongest[*e, c] for c in range(3))
    )
    listed = table.where(kind="top")
    assert set(largest[:10]) == set(
        zip(listed.column("unit_a"), listed.column("unit_b"), strict=True)
    )


def test_q_of_edges_is_over_the_rows_of_a_kind(small):
    table = found(small, edges, Mechanism(edge_units=2, edges=5)).table
    for kind in ("top", "random"):
        rows = list(table.where(kind=kind).rows())
        wanted = slow_stats.benjamini_hochberg([r["p"] for r in rows])
        np.testing.assert_allclose([r["q"] for r in rows], wanted, rtol=1e-9)


def test_a_single_hidden_site_has_no_edges():
    finding = found(planted.noise(), edges)
    assert len(finding.table) == 0
    assert "class" in finding.table.names
    assert finding.statements == ()
    assert any("single hidden site" in c for c in finding.caveats)


def test_sites_out_of_reach_have_no_edges():
    class Apart(nn.Module):
        """Two branches side by side."""

        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 3), nn.Linear(4, 3)

        def forward(self, x):
            x = x.flatten(1)
            return torch.relu(self.a(x)) + torch.tanh(self.b(x))

    torch.manual_seed(0)
    subject = Subject(Apart().eval(), (torch.randn(60, 1, 2, 2), torch.arange(60) % 3))
    finding = found(subject, edges)
    assert len(finding.table) == 0
    assert any("doesn't reach the second: 'relu' to 'tanh'" in c for c in finding.caveats)


# the lens


def test_samples_keep_every_class_in_its_share():
    labels = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)
    subject = planted.holding(np.ones((100, 2)), labels.numpy(), classes=3)
    sample = sampled(subject.evaluation, 20, 0)
    assert np.bincount(class_indices(sample)).tolist() == [12, 6, 2]
    assert (np.diff(sample.indices) > 0).all()
    np.testing.assert_array_equal(class_indices(sample), labels.numpy()[sample.indices])
    assert sampled(subject.evaluation, 50, 0) is subject.evaluation


def test_units_are_means_over_positions(small):
    read = activations(small, "1", small.evaluation)
    values, labels = evaluated(small, "1")
    np.testing.assert_allclose(read.values, values, atol=1e-6)
    np.testing.assert_array_equal(read.labels, labels)
    assert Moments.of(read.values).constant().tolist() == [u == 2 for u in range(5)]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"threshold": 1.0}, "threshold 1.0"),
        ({"draws": 19}, "draws 19 must be 20 or more"),
        ({"probe_penalty": 0.0}, "probe_penalty 0.0 must be above 0"),
        ({"edge_units": 0}, "edge_units 0 must be 1 or more"),
    ],
)
def test_wrong_settings_are_refused(changed, says):
    with pytest.raises(SettingError, match=says):
        Mechanism(**changed)


def test_every_setting_is_explained_and_checked():
    assert lens_class("mechanism") is Mechanism
    for field in dataclasses.fields(Mechanism):
        with pytest.raises(SettingError, match=field.name):
            Mechanism(**{field.name: -1})


@pytest.mark.parametrize("name", ["transformer", "residual in-place", "data-dependent"])
def test_the_lens_runs_on_the_zoo(name):
    case = zoo.ZOO[name]
    subject = Subject(zoo.make(case), (case.images(64), torch.arange(64) % zoo.CLASSES))
    told = []
    context = Context(progress=lambda task, done, total: told.append((task, done, total)))
    findings = list(QUICK.run(subject, context))
    assert [f.name for f in findings] == [
        f"mechanism.{n}" for n in ("pairs", "clusters", "flow", "edges")
    ]
    assert all(0 <= done <= total for _, done, total in told)
    assert len({task for task, _, _ in told}) == 4
    assert all(array.dtype == np.float32 for f in findings for array in f.arrays.values())
    assert all(s.endswith(".") for f in findings for s in f.statements + f.caveats)


def test_the_same_seed_gives_the_same_bytes(small):
    first, again = (list(QUICK.run(small, Context())) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert one.table.data.equals(other.table.data)
        assert (one.statements, one.caveats) == (other.statements, other.caveats)
        assert one.arrays.keys() == other.arrays.keys()
        for array in one.arrays:
            assert one.arrays[array].tobytes() == other.arrays[array].tobytes()


def test_importing_the_lens_is_cheap():
    code = "import sys, holistic.lenses.mechanism; print({'torch', 'sklearn'} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"
