"""Do means merge exactly, and are their bounds those of the papers?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from holistic.stats.means import CARRIERS, Means
from holistic.stats.moments import Moments
from slow_stats import hall_bounds

NUMBERS = st.lists(st.floats(-50, 50), min_size=0, max_size=30)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_parts_merge_like_one(a: list[float], b: list[float], c: list[float]) -> None:
    first, second, third = (Means.of(np.array(part)) for part in (a, b, c))
    merged, values = first.merge(second).merge(third), np.array([*a, *b, *c])
    assert merged.count == len(values)
    if not len(values):
        assert np.isnan(merged.mean)
        return
    away = values - math.fsum(values) / len(values)
    assert merged.mean == pytest.approx(values.mean(), abs=1e-12)
    for name, power in (("m2", 2), ("m3", 3), ("m4", 4)):
        slack = 1e-9 * max(1.0, float((np.abs(away) ** power).sum()))
        assert getattr(merged, name) == pytest.approx(float((away**power).sum()), abs=slack)


def test_streamed_moments_are_those_of_all_values() -> None:
    rng = np.random.default_rng(0)
    values, labels = rng.lognormal(size=(60, 3)), rng.integers(0, 3, 60)
    moments = Moments.empty(3, 3)
    for rows in np.array_split(np.arange(60), 7):
        moments.update(values[rows], labels[rows])
    whole = Means.by_class(values.T, labels, 3)
    for name in ("count", "mean", "m2", "m3", "m4"):
        np.testing.assert_allclose(getattr(moments.means, name).T, getattr(whole, name)[:, :3])
        np.testing.assert_allclose(
            getattr(moments.total().means, name)[0], getattr(whole, name)[:, 3]
        )


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_bounds_are_the_outer_ones_of_student_and_hall(level: float) -> None:
    for seed, n in enumerate((20, 40, 300)):
        values = np.random.default_rng(seed).exponential(size=n)
        lo, hi = Means.of(values).interval(level=level)
        student = stats.t.interval(level, n - 1, values.mean(), stats.sem(values))
        hall = hall_bounds(values.tolist(), level)
        assert lo == pytest.approx(min(student[0], hall[0]))
        assert hi == pytest.approx(max(student[1], hall[1]))


def test_bounds_of_symmetric_numbers_are_students() -> None:
    values = np.array([-3.0, -1.0, -1.0, 0.5, -0.5, 1.0, 1.0, 3.0])
    expected = stats.t.interval(0.95, 7, 0, stats.sem(values))
    np.testing.assert_allclose(Means.of(values).interval(), expected, rtol=1e-9)
    assert Means.of(values + 1).p() == pytest.approx(stats.ttest_1samp(values + 1, 0).pvalue)


def test_p_falls_slowly_far_out_where_few_examples_carry_the_spread() -> None:
    values = np.concatenate([np.full(90, 1.0), -np.ones(90), np.full(10, 9.0), np.full(10, -9.0)])
    means, n = Means.of(values + 1.0), len(values)
    freedom = n / (1 + 2 * stats.kurtosis(values))
    assert freedom < 20
    t = 1 / stats.sem(values)
    wider = stats.t.ppf(0.975, freedom) / stats.t.ppf(0.975, n - 1)
    assert means.p() == pytest.approx(2 * stats.t.sf(t * wider, freedom))
    assert means.p() > 1.2 * stats.ttest_1samp(values + 1.0, 0).pvalue
    apart = Means.of(values + 3.0).minus(Means.of(-values)).p()  # twice the variance and freedom
    wider = stats.t.ppf(0.975, 2 * freedom) / stats.t.ppf(0.975, 2 * (n - 1))
    assert apart == pytest.approx(2 * stats.t.sf(3 * t / np.sqrt(2) * wider, 2 * freedom))


@given(st.integers(0, 2**32 - 1), st.floats(-2, 2))
def test_p_is_below_five_per_cent_where_zero_is_outside(seed: int, shift: float) -> None:
    values = np.random.default_rng(seed).lognormal(size=(20, 30)) - 1 + shift
    means = Means.of(values)
    lo, hi = means.interval()
    p = means.p()
    clear = ~means.rare & (np.abs(p - 0.05) > 1e-9)
    assert ((p < 0.05) == ((lo > 0) | (hi < 0)))[clear].all()
    assert np.isnan(p[means.rare]).all()


def test_difference_of_symmetric_samples_is_welchs() -> None:
    first, second = np.array([-3.0, -1, 1, 3, 0.5, -0.5]), np.array([-1.0, 1, -2, 2, 0, 0]) + 2
    difference = Means.of(first).minus(Means.of(second))
    expected = stats.ttest_ind(first, second, equal_var=False)
    assert difference.p() == pytest.approx(expected.pvalue)
    ends = expected.confidence_interval()
    np.testing.assert_allclose(difference.interval(), [ends.low, ends.high], rtol=1e-9)


def test_skewness_of_both_samples_has_opposite_sides_in_their_difference() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.exponential(size=25), 3 * rng.exponential(size=40) ** 2
    found = Means.of(first).minus(Means.of(second))
    errors = np.array([stats.sem(first), stats.sem(second)])
    skews = np.array([stats.skew(first) / 25**0.5, stats.skew(second) / 40**0.5])
    cubes = skews * errors**3
    assert found.skew == pytest.approx((cubes[0] - cubes[1]) / (errors**2).sum() ** 1.5)
    other = Means.of(second).minus(Means.of(first)).interval()
    np.testing.assert_allclose(found.interval(), [-other[1], -other[0]])
    # the same numbers twice: one side's tail makes up for the other's
    lo, hi = Means.of(second).minus(Means.of(second)).interval()
    assert lo == pytest.approx(-hi)


def test_variances_are_those_of_samples() -> None:
    values = np.random.default_rng(0).normal(size=(3, 7))
    np.testing.assert_allclose(Means.of(values).variance, values.var(-1, ddof=1))
    assert np.isnan(Means.of(values[:, :1]).variance).all()


@pytest.mark.parametrize(
    ("values", "carriers"),
    [([0.0] * 50, 0), ([7.0] * 50, 0), ([0.0] * 49 + [1.0], 1), ([0.0] * 48 + [1.0, 1.0], 2)],
)
def test_few_carriers_have_no_bounds(values: list[float], carriers: int) -> None:
    means = Means.of(np.array(values))
    assert means.carriers == pytest.approx(carriers, rel=0.1)
    assert means.rare
    assert np.isnan([*means.interval(), means.p()]).all()


def test_enough_carriers_have_bounds() -> None:
    means = Means.of(np.array([0.0] * 46 + [1.0] * 4))
    assert means.carriers > CARRIERS
    assert not np.isnan([*means.interval(), means.p()]).any()


def test_equal_large_numbers_have_no_spread() -> None:
    assert Means.of(np.full(37, 0.1) * 1e6).m2 == 0
