import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_samples

import planted_mechanism as planted
import slow_mechanism as slow
import slow_stats
from holistic.lenses.mechanism import Mechanism
from holistic.lenses.mechanism.clusters import clusters, silhouettes
from holistic.lenses.mechanism.specialisation import specialisation
from holistic.lenses.mechanism.values import (
    Activations,
)
from runs_mechanism import convolutional, evaluated, found


@pytest.fixture(scope="module")
def small():
    return convolutional()


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


def test_sites_are_read_in_groups_that_fit(small, monkeypatch):
    together = found(small, clusters)
    monkeypatch.setattr("holistic.lenses.mechanism.clusters._READ_UNITS", 5)
    assert found(small, clusters).table.data.equals(together.table.data)


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
