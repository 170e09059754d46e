"""Are families told what they can't reach, and is a family-wise p exact?"""

from __future__ import annotations

import numpy as np
import pytest

import slow_stats
from holistic.stats.families import draws_needed, familywise, least_q, stuck
from holistic.stats.tests import benjamini_hochberg


def test_one_test_alone_needs_more_draws_than_many_together() -> None:
    p, draws = np.full(60, 0.5), np.full(60, 200)
    assert draws_needed(p, draws) == 0
    p[0] = 1 / 201
    assert stuck(p, draws).tolist() == [True] + [False] * 59
    wanted = draws_needed(p, draws)
    assert wanted == 1500
    # with so many draws the same test would be told
    p[0], draws[0] = 1 / (1 + wanted), wanted
    assert benjamini_hochberg(p)[0] < 0.05
    assert draws_needed(p, draws) == 0
    p, draws = np.full(60, 0.5), np.full(60, 200)
    p[:10] = 1 / 201
    assert draws_needed(p, draws) == 0


def test_tests_at_their_floor_share_what_they_need() -> None:
    p, draws = np.full(60, 0.5), np.full(60, 200)
    p[:2] = 1 / 201
    assert draws_needed(p, draws) == 750  # half of what one alone needs
    p[:2], draws[:2] = 1 / 751, 750
    assert (benjamini_hochberg(p)[:2] < 0.05).all()


def test_a_p_above_its_floor_and_a_missing_one_are_never_stuck() -> None:
    p = np.array([2 / 201, np.nan, 0.5, 0.5])
    assert not stuck(p, np.full(4, 200)).any()
    assert least_q(1 / 201, 60) == pytest.approx(60 / 201)
    assert least_q(0.5, 60) == 1


def test_a_number_is_ranked_among_the_draws_at_its_place_and_at_all_places() -> None:
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(99, 3))
    observed = np.array([40.0, draws[:, 1].mean(), -30.0])
    p, q = familywise(observed, draws)
    assert p[[0, 2]] == pytest.approx([0.01, 0.01])
    assert q[[0, 2]] == pytest.approx([0.01, 0.01])
    assert p[1] > 0.9
    assert (q >= p).all()
    # as far out in another draw, at another place: no longer the furthest of the family
    draws[5, 2] = 1e4
    assert familywise(observed, draws)[1][0] == pytest.approx(0.02)


def test_family_wise_p_equals_plain_loops() -> None:
    rng = np.random.default_rng(1)
    # places far from zero: a number is measured from the others, not from zero
    table = rng.normal(size=(25, 4)) * [1, 5, 0.1, 1] + [0, 20, 300, -3]
    table[0] += [1.5, 7, 0.12, 0]
    expected = slow_stats.familywise(table.tolist())
    np.testing.assert_allclose(familywise(table[0], table[1:]), expected)
    assert len(set(expected[1])) > 2


def test_numbers_that_are_missing_or_constant_are_no_finding() -> None:
    observed = np.array([np.nan, 2.0, 1.0])
    draws = np.stack([np.ones(19), np.full(19, 2.0), np.full(19, np.nan)], 1)
    p, q = familywise(observed, draws)
    assert np.isnan(p[[0, 2]]).all()
    assert np.isnan(q[[0, 2]]).all()
    assert (p[1], q[1]) == (1, 1)
