import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats as oracle
from sklearn.metrics import roc_auc_score

import slow_stats as slow
from holistic.stats import intervals

TIED = st.sampled_from([-1.0, 0.0, 0.25, 3.0])


@st.composite
def flips(draw):
    lost, gained = draw(st.integers(0, 30)), draw(st.integers(0, 30))
    return lost, gained, lost + gained + draw(st.integers(0, 200))


@st.composite
def rated(draw, units=2):
    n = draw(st.integers(2, 14))
    values = draw(arrays(np.float64, (n, units), elements=TIED))
    return values, draw(arrays(np.bool_, n))


@settings(deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20), st.sampled_from([0.8, 0.95]))
def test_mean_interval_is_students(values, level):
    count, mean, m2 = slow.exact_moments(values)
    lo, hi = intervals.mean_interval(count, mean, m2, level=level)
    error = math.sqrt(m2 / (count - 1) / count)
    wanted = oracle.t.interval(level, count - 1, mean, error) if error > 0 else (mean, mean)
    assert (lo, hi) == pytest.approx(wanted, rel=1e-9, abs=1e-9)


def test_mean_interval_is_nan_below_two_and_keeps_shape():
    lo, hi = intervals.mean_interval(np.array([[0, 1, 2]]), 1.0, np.array([[0.0, 0.0, 2.0]]))
    assert lo.shape == (1, 3)
    assert np.isnan(lo[0, :2]).all()
    assert np.isnan(hi[0, :2]).all()
    assert hi[0, 2] == pytest.approx(1 + 12.706, abs=1e-3)


def test_mean_interval_covers():
    values = np.random.default_rng(0).exponential(size=(60, 4000))
    mean, m2 = values.mean(0), values.var(0) * 60
    lo, hi = intervals.mean_interval(60, mean, m2)
    assert 0.92 < ((lo <= 1) & (hi >= 1)).mean() < 0.96


@settings(deadline=None)
@given(st.integers(1, 60), st.data(), st.sampled_from([0.9, 0.95]))
def test_wilson_inverts_the_score_test(n, data, level):
    x = data.draw(st.integers(0, n))
    bounds = intervals.wilson(x, n, level=level)
    assert bounds == pytest.approx(slow.wilson(x, n, level), abs=1e-9)
    known = oracle.binomtest(x, n).proportion_ci(level, "wilson")
    assert bounds == pytest.approx((known.low, known.high), abs=1e-12)


def test_wilson_gives_newcombes_table():
    lo, hi = intervals.wilson([81, 15, 0, 1, 0], [263, 148, 20, 29, 0])
    assert lo[:4].round(4).tolist() == [0.2553, 0.0624, 0.0, 0.0061]
    assert hi[:4].round(4).tolist() == [0.3662, 0.1605, 0.1611, 0.1718]
    assert np.isnan([lo[4], hi[4]]).all()


@settings(deadline=None, max_examples=20)
@given(flips(), st.sampled_from([0.9, 0.95]))
def test_paired_accuracy_interval_inverts_the_score_test(data, level):
    if data[2] == 0:
        return
    wanted = slow.tango(*data, level)
    assert intervals.paired_accuracy_interval(*data, level=level) == pytest.approx(wanted, abs=1e-6)


@settings(deadline=None)
@given(flips())
def test_paired_accuracy_interval_is_wide_bounded_and_antisymmetric(data):
    lost, gained, n = data
    if n == 0:
        return
    lo, hi = intervals.paired_accuracy_interval(lost, gained, n)
    assert -1 <= lo <= (gained - lost) / n <= hi <= 1
    assert lo < hi
    mirrored = intervals.paired_accuracy_interval(gained, lost, n)
    assert (-mirrored[1], -mirrored[0]) == pytest.approx((lo, hi), abs=1e-12)


def test_paired_accuracy_interval_gives_known_values():
    # Airway hyper-responsiveness of 21 patients, 7 lost and 1 gained (Fagerland et al. 2014).
    lo, hi = intervals.paired_accuracy_interval([7, 0, 0], [1, 0, 0], [21, 100, 0])
    assert (lo[0].round(3), hi[0].round(3)) == (-0.517, -0.026)
    z2 = oracle.norm.ppf(0.975) ** 2
    assert (lo[1], hi[1]) == pytest.approx((-z2 / (100 + z2), z2 / (100 + z2)), abs=1e-12)
    assert np.isnan([lo[2], hi[2]]).all()


def test_paired_accuracy_interval_covers():
    draws = np.random.default_rng(0).multinomial(80, [0.08, 0.03, 0.89], size=4000)
    lo, hi = intervals.paired_accuracy_interval(draws[:, 0], draws[:, 1], 80)
    assert 0.93 < ((lo <= -0.05) & (hi >= -0.05)).mean() < 0.97


def test_bootstrap_interval_is_the_percentile_bootstrap():
    values = np.random.default_rng(3).exponential(size=50)
    wanted = oracle.bootstrap(
        (values,), np.median, method="percentile", n_resamples=500, rng=np.random.default_rng(7)
    ).confidence_interval
    bounds = intervals.bootstrap_interval(values, np.median, seed=7, draws=500)
    assert bounds == pytest.approx((wanted.low, wanted.high), rel=1e-12)


def test_bootstrap_interval_of_rows_and_of_too_few():
    pairs = np.random.default_rng(0).normal([0, 1], size=(40, 2))
    lo, hi = intervals.bootstrap_interval(pairs, lambda rows: rows.mean(0), seed=0, draws=200)
    assert lo.shape == (2,)
    assert (lo < pairs.mean(0)).all()
    assert (pairs.mean(0) < hi).all()
    lo, hi = intervals.bootstrap_interval(pairs[:1], lambda rows: rows.mean(0), seed=0)
    assert np.isnan([lo, hi]).all()


@settings(deadline=None)
@given(st.floats(-0.99, 0.99), st.integers(4, 200))
def test_spearman_interval_is_fishers_z(r, n):
    lo, hi = intervals.spearman_interval(r, n)
    half = 1.959963984540054 * math.sqrt((1 + r * r / 2) / (n - 3))
    wanted = math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)
    assert (lo, hi) == pytest.approx(wanted, rel=1e-12, abs=1e-12)
    assert -1 <= lo <= r <= hi <= 1


def test_spearman_interval_of_perfect_and_undefined_ranks():
    lo, hi = intervals.spearman_interval([1.0, -1.0, np.nan, 0.5, 1.0], [10, 10, 10, 3, 3])
    assert hi[0] == 1
    assert 0.9 < lo[0] < 1
    assert lo[1] == -1
    assert hi[1] == -lo[0]
    assert np.isnan([lo[2:], hi[2:]]).all()


def test_spearman_interval_covers():
    rng = np.random.default_rng(0)
    true = 6 / math.pi * math.asin(0.6 / 2)  # Spearman's correlation of a normal pair with r 0.6
    covered = 0
    for _ in range(1000):
        a, noise = rng.normal(size=(2, 40))
        r = oracle.spearmanr(a, 0.6 * a + 0.8 * noise).statistic
        lo, hi = intervals.spearman_interval(r, 40)
        covered += lo <= true <= hi
    assert 0.93 < covered / 1000 < 0.98


@settings(deadline=None)
@given(rated())
def test_midranks_and_auroc_count_pairs(data):
    values, positive = data
    ranks = intervals.midranks(values)
    area = intervals.auroc(values, positive)
    for u in range(2):
        assert ranks[:, u].tolist() == slow.midranks(values[:, u])
        wanted = slow.auroc(values[:, u], positive)
        assert area[u] == pytest.approx(wanted, nan_ok=True, abs=1e-12)


def test_midranks_equal_scipys_on_many_ties():
    values = np.round(np.random.default_rng(0).normal(size=(300, 4)), 1).astype(np.float32)
    np.testing.assert_array_equal(intervals.midranks(values), oracle.rankdata(values, axis=0))
    assert intervals.midranks(np.zeros((0, 3))).shape == (0, 3)


def test_class_auroc_equals_one_class_at_a_time():
    rng = np.random.default_rng(0)
    values, labels = np.maximum(rng.normal(size=(200, 3)), 0), rng.integers(0, 4, 200)
    areas = intervals.class_auroc(values, labels, 6)
    for u in range(3):
        for c in range(4):
            assert areas[u, c] == pytest.approx(roc_auc_score(labels == c, values[:, u]), rel=1e-12)
    assert np.isnan(areas[:, 4:]).all()
    values[3, 1] = np.nan
    assert np.isnan(intervals.class_auroc(values, labels, 4)).all(1).tolist() == [
        False,
        True,
        False,
    ]


@settings(deadline=None)
@given(rated())
def test_delong_interval_uses_the_placements(data):
    values, positive = data
    area, lo, hi = intervals.delong_interval(values, positive)
    for u in range(2):
        if min(positive.sum(), (~positive).sum()) < 2:
            assert np.isnan([lo[u], hi[u]]).all()
            continue
        assert 0 <= lo[u] <= area[u] <= hi[u] <= 1
        assert lo[u] < hi[u]
        variance = slow.delong_variance(values[:, u], positive)
        if variance > 1e-12:
            logit = math.log(area[u] / (1 - area[u]))
            half = 1.959963984540054 * math.sqrt(variance) / (area[u] * (1 - area[u]))
            wanted = [1 / (1 + math.exp(-logit - side * half)) for side in (-1, 1)]
            assert [lo[u], hi[u]] == pytest.approx(wanted, rel=1e-9)


def test_delong_interval_of_perfect_separation_is_wilsons():
    values, positive = np.arange(20.0)[:, None] * [1, -1, 0], np.arange(20) >= 13
    area, lo, hi = intervals.delong_interval(values, positive)
    assert area.tolist() == [1, 0, 0.5]
    assert lo.tolist() == pytest.approx(intervals.wilson([7, 0, 3.5], 7)[0])
    assert hi.tolist() == pytest.approx(intervals.wilson([7, 0, 3.5], 7)[1])


def test_delong_interval_covers():
    rng = np.random.default_rng(0)
    positive = np.arange(90) < 30
    values = rng.normal(size=(90, 3000)) + positive[:, None]
    _, lo, hi = intervals.delong_interval(values, positive)
    true = oracle.norm.cdf(1 / math.sqrt(2))
    assert 0.93 < ((lo <= true) & (true <= hi)).mean() < 0.97
