import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score, silhouette_samples

import slow_stats as slow
from holistic.errors import SettingError
from holistic.stats import clusters
from holistic.stats.clusters import _chosen, _Cuts, cluster_units, side_by_side, structure


def planted(groups, units, *, examples=300, noise=1.0, seed=0):
    """Units [N, U] that follow one hidden signal per group, and the group of each unit."""
    rng = np.random.default_rng(seed)
    group = np.sort(np.arange(units) % groups)
    signals = rng.normal(size=(examples, groups))
    return signals[:, group] + noise * rng.normal(size=(examples, units)), group


@pytest.mark.parametrize("groups", [2, 4, 7])
def test_planted_clusters_are_found(groups):
    values, group = planted(groups, 35)
    found = cluster_units(values, draws=20)
    assert found.k == groups
    assert adjusted_rand_score(group, found.labels) == 1
    assert found.stability > 0.95
    assert found.p == 1 / 21
    assert found.counts.tolist() == list(range(2, 13))
    assert found.counts[np.nanargmax(found.scores)] == groups
    assert found.score > found.null_scores.max()
    assert np.bincount(found.labels).argmax() == 0


@pytest.mark.parametrize("seed", range(8))
def test_independent_units_are_no_clusters(seed):
    values = np.random.default_rng(seed).normal(size=(200, 30))
    found = cluster_units(values, np.arange(200) % 4, draws=20, seed=seed)
    assert found.k == 1
    assert (found.labels == 0).all()
    assert np.isnan(found.silhouette).all()
    assert found.stability < 0.5


@pytest.mark.parametrize("seed", range(4))
def test_one_signal_in_all_units_is_no_clusters(seed):
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(300, 1)) * rng.uniform(0.5, 1.5, 40)
    assert cluster_units(shared + rng.normal(size=(300, 40)), draws=20).k == 1


def test_class_preference_alone_is_no_cluster_within_classes():
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 4
    values = 3.0 * (labels[:, None] == np.arange(24) % 4) + rng.normal(size=(400, 24))
    plain = cluster_units(values, draws=20)
    assert plain.k == 4
    assert adjusted_rand_score(np.arange(24) % 4, plain.labels) == 1
    assert cluster_units(values, labels, draws=20).k == 1


def test_opposed_units_are_apart():
    values, _ = planted(1, 24)
    side = np.arange(24) % 2
    found = cluster_units(values * np.where(side, 1, -1), draws=20)
    assert found.k == 2
    assert adjusted_rand_score(side, found.labels) == 1


def test_constant_and_broken_units_are_left_out():
    values, group = planted(3, 24)
    values[:, 4], values[7, 9] = 0.3, np.nan
    found = cluster_units(values, draws=20)
    out = np.isin(np.arange(24), [4, 9])
    assert ((found.labels == -1) == out).all()
    assert (np.isnan(found.silhouette) == out).all()
    assert adjusted_rand_score(group[~out], found.labels[~out]) == 1


def test_silhouettes_equal_their_oracles():
    values, _ = planted(3, 20, noise=1.5)
    found = cluster_units(values, draws=20)
    distance = 1 - np.corrcoef(values.T)
    np.fill_diagonal(distance, 0)
    wanted = silhouette_samples(distance, found.labels, metric="precomputed")
    np.testing.assert_allclose(found.silhouette, wanted, atol=1e-10)
    np.testing.assert_allclose(slow.silhouettes(distance, found.labels.tolist()), wanted)
    assert found.score == pytest.approx(wanted.mean())


@pytest.mark.parametrize("k", [2, 5, 9])
def test_cuts_are_average_linkage(k):
    values = np.random.default_rng(k).normal(size=(15, 20))
    distance = clusters._distance(values - values.mean(0))
    np.testing.assert_allclose(distance, 1 - np.corrcoef(values.T), atol=1e-12)
    cut = next(clusters._levels(clusters._tree(distance), k))
    oracle = AgglomerativeClustering(k, metric="precomputed", linkage="average")
    assert adjusted_rand_score(oracle.fit_predict(distance), cut) == 1
    assert (np.diff(np.bincount(cut)) <= 0).all()


def test_data_without_groups_keeps_classes_and_the_common_signal():
    rng = np.random.default_rng(0)
    labels = np.arange(600) % 3
    signal = rng.normal(size=(600, 1))
    values = signal + rng.normal(size=(600, 2))[:, np.arange(20) % 2]  # two groups, one signal
    values -= values.mean(0)
    free = clusters._without_groups(values, labels, rng)
    unit = values / np.linalg.norm(values, axis=0)
    shared = np.outer(unit.mean(1), unit.mean(1)) @ unit / (unit.mean(1) ** 2).sum()
    for c in range(3):
        rows = labels == c
        wanted = np.sort((unit - shared)[rows], 0)
        np.testing.assert_allclose(np.sort((free - shared)[rows], 0), wanted, atol=1e-12)
    before, after = np.corrcoef(values.T), np.corrcoef(free.T)
    assert before[0, 2] > 0.95 > 0.6 > before[0, 1] > 0.4
    assert np.ptp(after[np.triu_indices(20, 1)]) < 0.2  # every pair shares the signal alone
    assert after[0, 1] > 0.4


def test_resamples_stay_in_their_class_and_lose_its_mean():
    rng = np.random.default_rng(0)
    groups = [np.arange(30), np.arange(30, 50)]
    values = np.stack([np.full(50, 0.1), np.where(np.arange(50) < 30, 0.7, 5), rng.normal(size=50)])
    drawn = clusters._resampled(values.T, groups, rng)
    assert (drawn[:, :2] == 0).all()  # rounding would make such units correlate
    for group in groups:
        assert drawn[group, 2].mean() == pytest.approx(0, abs=1e-12)
        gaps = values[2, group, None] - values[2, group]
        steps = drawn[group[1:], 2] - drawn[group[0], 2]
        assert np.abs(steps[:, None] - gaps.ravel()).min(1).max() < 1e-12


def test_the_same_seed_gives_the_same_answer():
    values, _ = planted(3, 12, noise=2)
    first, again = (cluster_units(values, draws=20, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.null_scores, again.null_scores)
    assert first.stability == again.stability


@pytest.mark.parametrize("units", [0, 1, 2])
def test_too_few_units_are_no_clusters(units):
    found = cluster_units(np.random.default_rng(0).normal(size=(20, units)), draws=20)
    assert found.k == 1
    assert len(found.labels) == units


def test_wrong_settings_are_refused():
    values = np.ones((5, 5))
    with pytest.raises(SettingError, match="take 20 or more"):
        cluster_units(values, draws=10)
    with pytest.raises(SettingError, match="range of cluster counts"):
        cluster_units(values, k_range=(1, 3))


def test_alike_units_stand_side_by_side_inside_their_cluster() -> None:
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(200, 4))
    family = np.array([0, 1, 2, 3, 0, 1, 2, 3, 0, 1])  # which hidden value a unit follows
    values = hidden[:, family] + 0.1 * rng.normal(size=(200, 10))
    values[:, 9] = 1.0
    labels = family // 2
    places = side_by_side(values, labels)
    assert places[9] == -1
    order = np.argsort(places)[1:]
    assert sorted(places.tolist()) == list(range(-1, 9))
    assert (np.diff(labels[order]) >= 0).all()
    assert sum(np.diff(family[order]) != 0) == 3  # each family in one run


def test_few_or_dead_units_have_places_too() -> None:
    values = np.random.default_rng(1).normal(size=(20, 2))
    assert side_by_side(values, np.array([1, 0])).tolist() == [1, 0]
    assert side_by_side(np.ones((20, 3)), np.zeros(3, int)).tolist() == [-1, -1, -1]


def test_units_alone_are_in_no_cluster_and_are_not_counted() -> None:
    values, group = planted(3, 18)
    alone = np.random.default_rng(5).normal(size=(300, 9))
    found = cluster_units(np.concatenate([values, alone], 1), draws=20)
    assert found.k == 3
    assert adjusted_rand_score(group, found.labels[:18]) == 1
    assert (found.labels[18:] == -1).all()
    assert not found.left_out.any()
    assert (found.silhouette[18:] == 0).all()
    assert np.bincount(found.labels[:18]).min() > 1


def test_the_smallest_number_within_one_standard_error_of_the_best_is_taken() -> None:
    """Four groups that lie in two pairs: several numbers are about as good."""
    rng = np.random.default_rng(2)
    pair, four = rng.normal(size=(400, 2)), rng.normal(size=(400, 4))
    group = np.arange(32) % 4
    values = 1.02 * pair[:, group // 2] + four[:, group] + 0.9 * rng.normal(size=(400, 32))
    found = cluster_units(values, draws=40)
    best = found.counts[np.nanargmax(found.scores)]
    near = found.counts[found.scores >= np.nanmax(found.scores) - found.error]
    assert best == 4
    assert found.k == near.min() < best
    assert len(set(found.ks)) > 1


def test_rounding_does_not_decide_the_number_of_clusters() -> None:
    values = np.random.default_rng(0).normal(size=(300, 3))[:, np.arange(24) % 3]
    values = values + 0.7 * np.random.default_rng(1).normal(size=values.shape)
    rounded = values + 1e-9 * np.random.default_rng(2).normal(size=values.shape)
    first, other = (cluster_units(v, draws=20) for v in (values, rounded))
    assert first.labels.tolist() == other.labels.tolist()
    assert first.ks.tolist() == other.ks.tolist()


def test_a_structure_is_the_best_score_and_its_number() -> None:
    values, _ = planted(4, 20)
    found = cluster_units(values, draws=20)
    best = structure(values)
    assert (best.k, best.score) == (4, pytest.approx(found.score))
    assert structure(np.ones((20, 5))).k == 1
    assert structure(values[:, :3]).score == 0


def test_no_clusters_keep_what_was_found_of_the_partition() -> None:
    values, _ = planted(3, 12)
    values[:, 5] = 1.0
    found = cluster_units(values, draws=20)
    none = found.none()
    assert none.k == 1
    assert none.labels.tolist() == [-1 if u == 5 else 0 for u in range(12)]
    assert np.isnan(none.silhouette).all()
    assert none.stability == found.stability


def test_no_cut_falls_between_merges_of_one_height() -> None:
    values = np.random.default_rng(0).normal(size=(50, 4))[:, [0, 0, 0, 1, 1, 2, 3]]
    distance = clusters._distance(values - values.mean(0))
    sizes = [np.bincount(cut).tolist() for cut in clusters._levels(clusters._tree(distance), 6)]
    assert sizes[0] == [3, 2, 1, 1]  # copies of a unit are never parted
    assert [len(s) for s in sizes] == [4, 3, 2]


def test_the_error_of_the_best_score_is_the_spread_of_its_number_over_resamples() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 4))
    cut = np.array([[0, 0, 1, 1], [0, 0, 1, 2]])
    found = _Cuts(np.array([2, 3]), np.array([0.50, 0.52]), cut)
    scores = np.array([[0.1, 0.50], [0.9, 0.56], [0.3, 0.47]])
    again = [_Cuts(found.counts, own, cut) for own in scores]
    clusters = _chosen(values, np.ones(4, bool), found, again, [0.0] * 20)
    # three squared deviations over two, of the number of clusters that scored best
    assert clusters.error == pytest.approx(np.sqrt((0.01**2 + 0.05**2 + 0.04**2) / 2))
    assert clusters.k == 2  # within an error of the best
    assert clusters.ks.tolist() == [3, 2, 3]
