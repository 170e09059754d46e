"""Does what controls give equal its definition?"""

from __future__ import annotations

import numpy as np
import pytest

from holistic.stats.control import Control, band, finite_control, middle
from holistic.stats.tests import p_of_count


def percentile(values: list[float], share: float) -> float:
    """Linear interpolation between the two nearest ranks, by hand."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


@pytest.mark.parametrize("axis", [0, 1])
def test_a_control_is_mean_band_and_p(axis: int) -> None:
    draws = np.random.default_rng(0).normal(size=(39, 3))
    observed = np.array([2.5, 0.0, -2.5])
    found = Control.of(draws if axis == 0 else draws.T, observed, axis=axis)
    for i, own in enumerate(draws.T.tolist()):
        assert found.mean[i] == pytest.approx(sum(own) / 39)
        assert found.lo[i] == pytest.approx(percentile(own, 0.025))
        assert found.hi[i] == pytest.approx(percentile(own, 0.975))
        assert found.p[i] == pytest.approx((1 + sum(d >= observed[i] for d in own)) / 40)
    less = Control.of(draws, observed, alternative="less")
    assert less.p[0] == pytest.approx((1 + sum(d <= 2.5 for d in draws[:, 0])) / 40)


def test_of_no_draws_nothing_is_known() -> None:
    found = Control.of(np.empty(0), 0.5)
    assert all(np.isnan(float(x)) for x in (found.mean, found.lo, found.hi, found.p))
    assert np.isnan(band(np.empty((0, 2)))).all()
    assert np.isnan(middle(np.empty((4, 0)), 1)).shape == (3, 4)


def test_counts_have_bounds_that_are_counts() -> None:
    counts = np.array([2] * 3 + [3] * 36 + [7])
    assert band(counts, method="inverted_cdf").tolist() == [2, 3]
    assert middle(counts)[0] == 3


def test_draws_that_are_not_finite_are_left_out() -> None:
    draws = np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]])
    mean, lo, hi = finite_control(draws)
    assert (mean[0], lo[0], hi[0]) == (2.0, pytest.approx(1.05), pytest.approx(2.95))
    assert np.isnan([mean[1], lo[1], hi[1]]).all()


def test_the_p_of_a_count_never_reaches_zero() -> None:
    assert p_of_count([0, 19], 19).tolist() == [0.05, 1.0]
