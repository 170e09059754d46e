import numpy as np
import pytest
from sklearn.metrics import silhouette_samples

import slow_stats as slow
from holistic.stats.silhouettes import measured_silhouettes, silhouettes


def distance_of(values):
    distance = 1 - np.corrcoef(values.T)
    np.fill_diagonal(distance, 0)
    return distance


def test_silhouettes_equal_their_oracles():
    values = np.random.default_rng(0).normal(size=(50, 7))
    members = np.array([0, 0, 1, 1, 2, 1, 0])
    wanted = silhouette_samples(distance_of(values), members, metric="precomputed")
    np.testing.assert_allclose(silhouettes(distance_of(values), members), wanted, atol=1e-12)
    assert silhouettes(distance_of(values), members).tolist() == pytest.approx(
        slow.silhouettes(distance_of(values), members.tolist())
    )
    measured = measured_silhouettes(values, members, seed=0)
    np.testing.assert_allclose(measured.value, wanted, atol=1e-12)
    assert measured.mean[0] == pytest.approx(wanted.mean())
    assert ((measured.lo < measured.hi) == (members != 2)).all()  # one is alone


def test_a_unit_alone_in_its_cluster_has_silhouette_zero():
    distance = np.array([[0.0, 0.1, 1.0], [0.1, 0.0, 1.0], [1.0, 1.0, 0.0]])
    labels = np.array([0, 0, 1])
    assert silhouettes(distance, labels).tolist() == slow.silhouettes(distance, [0, 0, 1])
    assert silhouettes(distance, np.zeros(3, int)).tolist() == [0, 0, 0]


def test_units_in_no_cluster_and_units_that_do_not_vary_have_none():
    values = np.random.default_rng(0).normal(size=(50, 5))
    members = np.array([0, 0, 1, 1, -1])
    found = measured_silhouettes(values, members, seed=0)
    wanted = silhouette_samples(distance_of(values[:, :4]), members[:4], metric="precomputed")
    np.testing.assert_allclose(found.value[:4], wanted, atol=1e-12)
    assert np.isnan([found.value[4], found.lo[4], found.hi[4]]).all()
    values[:, 2:4] = 1
    none = measured_silhouettes(values, members, seed=0)
    assert np.isnan(none.value).all()
    assert np.isnan(none.mean).all()


def test_the_interval_is_the_jackknife_over_groups_of_examples():
    values = np.random.default_rng(1).normal(size=(40, 3))[:, [0, 0, 1, 1, 2, 2]]
    values = values + np.random.default_rng(2).normal(size=(40, 6))
    members = np.array([0, 0, 1, 1, 2, 2])
    found = measured_silhouettes(values, members, seed=3)
    order = np.random.default_rng(3).permutation(40)
    whole = silhouettes(distance_of(values), members)
    parts = np.array(
        [silhouettes(distance_of(np.delete(values, order[g::20], 0)), members) for g in range(20)]
    )
    half = 2.0930240544 * np.sqrt(19 / 20 * ((parts - parts.mean(0)) ** 2).sum(0))
    np.testing.assert_allclose(found.hi - found.lo, 2 * half, rtol=1e-6)
    np.testing.assert_allclose((found.hi + found.lo) / 2, 20 * whole - 19 * parts.mean(0))


def test_two_examples_give_no_interval():
    found = measured_silhouettes(
        np.array([[0.0, 1, 2, 5], [1, 3, 1, 2]]), np.arange(4) // 2, seed=0
    )
    assert np.isfinite(found.value).all()
    assert np.isnan(found.lo).all()
