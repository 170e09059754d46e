import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

import planted_mechanism as planted
import slow_mechanism as slow
import slow_stats
from holistic.lenses.mechanism import Mechanism
from holistic.lenses.mechanism._specialisation import specialisation
from holistic.lenses.mechanism._values import Activations
from holistic.lenses.mechanism.clusters import clusters
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
    assert (table.column("shuffled_specialisation")[group >= 0] < 0.2).all()
    for name in ("null_p", "untrained_p"):
        assert table.column(name) == pytest.approx(1 / 21)
    assert set(table.column("k_lo")) == set(table.column("k_hi")) == {3}
    assert set(table.column("controls")) == {20}
    assert (table.column("untrained_silhouette_hi") < table.column("few_silhouette")).all()


def test_what_planted_clusters_say():
    subject, group = planted.clustered()
    finding = found(subject, clusters)
    formed, preferred = finding.statements
    assert formed.startswith(
        "24 units of site '2' form 3 clusters (3 over resamples): mean silhouette"
    )
    assert "20 randomly initialised controls (mean 0." in formed
    assert preferred.startswith(
        "3 of the 3 clusters are specialised in a class (q < 0.05, labels shuffled), 3 of them"
    )
    dead = int(np.flatnonzero(group < 0)[0])
    assert any(
        f"never changing on the selection split: {dead} of site '2'" in c for c in finding.caveats
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
    row = next(iter(table.rows()))
    assert row["site_silhouette"] == pytest.approx(np.mean(wanted))
    assert row["site_silhouette_lo"] < row["site_silhouette"] < row["site_silhouette_hi"]
    assert (table.column("silhouette_lo")[kept] < table.column("silhouette")[kept]).all()
    assert set(table.column("n_silhouette")) == {300}


@pytest.mark.parametrize("seed", range(3))
def test_independent_units_are_no_clusters(seed):
    finding = found(planted.noise(seed=seed), clusters)
    assert set(finding.table.column("k")) == {1}
    for name in ("cluster", "preferred_class", "n", "cluster_within"):
        assert finding.table.data[name].null_count == 24
    assert np.isnan(finding.table.column("q")).all()
    assert finding.statements[0].startswith("No clusters: the best partition of site '2'")
    assert finding.arrays == {}


def test_clusters_by_class_preference_vanish_within_classes():
    labels = planted.balanced(600, 3)
    values = np.random.default_rng(0).normal(size=(600, 18))
    values += 4 * (labels[:, None] == np.arange(18) % 3)
    finding = found(planted.holding(values, labels, classes=3), clusters)
    assert set(finding.table.column("k")) == {3}
    assert finding.table.data["cluster_within"].null_count == 18
    assert "With class means removed there are no clusters" in finding.statements[0]


def test_there_are_no_clusters_where_untrained_copies_have_as_much():
    """The copies are the model itself, with its clusters."""
    subject, _ = planted.clustered()
    finding = found(subject, clusters, made=[subject] * 20)
    assert set(finding.table.column("k")) == {1}
    assert set(finding.table.column("untrained_k")) == {3}
    assert set(finding.table.column("untrained_p")) == {1}
    assert finding.table.data["cluster"].null_count == 25
    assert "isn't better than those of 20 randomly initialised controls" in finding.statements[0]
    assert finding.table.column("null_p")[0] < 0.05


def test_one_copy_in_twenty_that_beats_the_model_is_enough_to_say_nothing():
    subject, _ = planted.clustered()
    blind = planted.reweighted(subject, np.full((25, 25), 1 / 25))
    for strong, k in ((0, 3), (1, 1)):
        made = [subject] * strong + [blind] * (20 - strong)
        assert set(found(subject, clusters, made=made).table.column("k")) == {k}


def test_a_unit_alone_is_in_no_cluster():
    rng, labels = np.random.default_rng(0), planted.balanced(600, 3)
    signals = rng.normal(size=(600, 3))[:, np.repeat(np.arange(3), 6)]
    values = np.concatenate(
        [signals + 0.5 * rng.normal(size=(600, 18)), rng.normal(size=(600, 2))], 1
    )
    finding = found(planted.holding(values, labels, classes=3), clusters)
    table = finding.table
    assert set(table.column("k")) == {3}
    assert table.data["cluster"].to_pylist()[18:] == [None, None]
    assert np.isnan(table.column("silhouette")[18:]).all()
    assert any(c == "In no cluster, each alone: 18, 19 of site '2'." for c in finding.caveats)


@pytest.mark.parametrize("units", [1, 2, 3])
def test_sites_of_few_units_have_no_clusters(units):
    values = np.random.default_rng(0).normal(size=(120, units))
    finding = found(planted.holding(values, planted.balanced(120, 3), classes=3), clusters)
    assert set(finding.table.column("k")) == {1}
    assert finding.table.data["k_lo"].null_count == units
    assert finding.statements == ("No clusters: site '2' has too few units that vary.",)


def test_a_site_whose_units_never_change_has_no_clusters():
    values = np.ones((120, 6))
    finding = found(planted.holding(values, planted.balanced(120, 3), classes=3), clusters)
    assert set(finding.table.column("k")) == {1}
    assert finding.table.data["order"].null_count == 6
    assert "too few units that vary" in finding.statements[0]


def test_only_units_that_vary_most_are_clustered():
    subject, _ = planted.clustered()
    finding = found(subject, clusters, Mechanism(draws=20, clustered_units=12))
    assert finding.table.data["cluster"].null_count == 13
    assert any("12 of 25 of site '2'" in c for c in finding.caveats)


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
    special = specialisation(*sides, members, classes=3, seed=0, draws=20)
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


def test_groups_that_vary_together_prefer_no_shuffled_class():
    """Beside random groups, whose units don't vary together, 16 % would have p < 0.05."""
    ps = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        members = np.arange(20) % 4
        sides = [
            Activations(
                rng.normal(size=(120, 4))[:, members] + rng.normal(size=(120, 20)),
                rng.permutation(np.arange(120) % 4),
            )
            for _ in range(2)
        ]
        ps += specialisation(*sides, members, classes=4, seed=seed, draws=100).p.tolist()
    assert np.mean(np.array(ps) < 0.05) < 0.1
    assert 0.4 < np.mean(ps) < 0.6


def test_p_of_a_preference_is_among_shuffles_of_both_splits():
    rng, labels = np.random.default_rng(0), np.arange(60) % 3
    sides = [
        Activations(rng.normal(size=(60, 6)) + 0.35 * (labels[:, None] == 0), labels)
        for _ in range(2)
    ]
    members = np.array([0, 0, 0, 1, 1, 1])
    special = specialisation(*sides, members, classes=3, seed=0, draws=2000)
    z = [(s.values - s.values.mean(0)) / s.values.std(0) for s in sides]
    null = list[list[float]]()
    for _ in range(2000):
        mixed = [rng.permutation(labels) for _ in sides]
        chosen, told = (
            [[own[y == c][:, members == k].mean() for c in range(3)] for k in range(2)]
            for own, y in zip(z, mixed, strict=True)
        )
        null.append([told[k][int(np.argmax(chosen[k]))] for k in range(2)])
    for k in range(2):
        wanted = np.mean([draw[k] >= special.value[k] for draw in null])
        assert special.p[k] == pytest.approx(wanted, abs=0.03)
        assert special.shuffled[k] == pytest.approx(np.mean([d[k] for d in null]), abs=0.02)


def test_what_all_units_prefer_is_special_to_no_group():
    rng, labels = np.random.default_rng(0), np.arange(200) % 4
    sides = [
        Activations(rng.normal(size=(200, 12)) + 2 * (labels[:, None] == 1), labels)
        for _ in range(2)
    ]
    special = specialisation(*sides, np.arange(12) % 3, classes=4, seed=0)
    assert special.preferred.tolist() == [1, 1, 1]
    assert (special.lo > 0.9).all()
    assert (special.random_lo < special.value).all()
    assert (special.value < special.random_hi).all()
    assert (special.p < 0.01).all()
    np.testing.assert_allclose(special.random, special.value, atol=0.15)


def test_a_class_that_is_missing_is_never_preferred():
    rng = np.random.default_rng(0)
    sides = [Activations(rng.normal(size=(40, 6)) - 3, np.arange(40) % 2) for _ in range(2)]
    special = specialisation(*sides, np.array([0, 0, 0, 1, 1, 1]), classes=3, seed=0)
    assert set(special.preferred) <= {0, 1}
    assert np.isnan(special.profile[:, 2]).all()
