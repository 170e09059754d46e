import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import stats as oracle

import slow_stats as slow
from holistic.errors import SettingError
from holistic.stats import tests
from holistic.stats.means import Means


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_is_the_exact_binomial_test(lost, gained):
    p = tests.mcnemar(lost, gained)
    assert p == pytest.approx(slow.mcnemar(lost, gained), rel=1e-10)
    if lost + gained:
        known = oracle.binomtest(lost, lost + gained, 0.5).pvalue
        assert p == pytest.approx(known, rel=1e-10)


def test_mcnemar_takes_arrays():
    p = tests.mcnemar(np.array([[0, 10, 5]]), np.array([0, 0, 5]))
    assert p.tolist() == [[1.0, pytest.approx(2 / 1024), 1.0]]


@settings(deadline=None)
@given(
    arrays(
        np.float64,
        array_shapes(min_side=0, max_dims=3, max_side=5),
        elements=st.sampled_from([0.0, 0.001, 0.01, 0.01, 0.04, 0.3, 1.0, math.nan]),
    )
)
def test_benjamini_hochberg_steps_up(p):
    q = tests.benjamini_hochberg(p)
    assert q.shape == p.shape
    np.testing.assert_allclose(q.ravel(), slow.benjamini_hochberg(p.ravel()), rtol=1e-12)
    known = p[~np.isnan(p)]
    if len(known):
        np.testing.assert_allclose(
            q[~np.isnan(p)], oracle.false_discovery_control(known), rtol=1e-12
        )


def test_benjamini_hochberg_rejects_four_in_the_paper():
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262]
    p += [0.5719, 0.6528, 0.7590, 1.0]
    assert (tests.benjamini_hochberg(p) <= 0.05).tolist() == [True] * 4 + [False] * 11


@settings(deadline=None)
@given(st.floats(-3, 3), st.lists(st.floats(-3, 3), min_size=1, max_size=30))
def test_permutation_p_counts_controls(observed, null):
    larger = (1 + sum(v >= observed - 1e-12 * abs(observed) for v in null)) / (1 + len(null))
    smaller = (1 + sum(v <= observed + 1e-12 * abs(observed) for v in null)) / (1 + len(null))
    assert tests.permutation_p(observed, null) == larger
    assert tests.permutation_p(observed, null, alternative="less") == smaller
    both = tests.permutation_p(observed, null, alternative="two-sided")
    assert both == pytest.approx(min(1, 2 * min(larger, smaller)))


def test_permutation_p_broadcasts_and_leaves_nan_draws_out():
    null = np.array([[0.0, 1.0], [np.nan, 2.0], [0.5, 3.0]])
    assert tests.permutation_p([1.0, 2.0], null).tolist() == [1 / 3, 3 / 4]
    assert tests.permutation_p([1.0, 2.0], [0.0, 1.5, 2.5]).tolist() == [3 / 4, 2 / 4]
    assert np.isnan(tests.permutation_p([np.nan], null[:, :1])).all()
    assert np.isnan(tests.permutation_p(1.0, [np.nan]))


def test_permutation_p_takes_rounding_for_a_tie():
    assert tests.permutation_p(0.1 + 0.2, [0.3] * 9) == 1


def test_permutation_p_refuses_an_unknown_alternative():
    with pytest.raises(SettingError, match="no alternative 'more'"):
        tests.permutation_p(1.0, [0.0], alternative="more")


def test_p_are_no_smaller_than_chance_where_nothing_is_there():
    values = np.random.default_rng(0).normal(size=(20, 4000))
    p = Means.of(values.T).p()
    for level in (0.01, 0.05, 0.2, 0.5):
        assert (p < level).mean() <= level + 3 * math.sqrt(level * (1 - level) / len(p))
