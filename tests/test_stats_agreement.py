import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats as oracle
from sklearn.metrics import adjusted_rand_score

import slow_stats as slow
from holistic.errors import SettingError
from holistic.stats import agreement
from holistic.stats.tests import permutation_p

TIED = st.sampled_from([-1.0, 0.0, 0.25, 3.0, 3.5, math.nan])


@st.composite
def pairs(draw, elements=TIED, dtype=np.float64):
    n = draw(st.integers(1, 15))
    return [draw(arrays(dtype, n, elements=elements)) for _ in range(2)]


@settings(deadline=None)
@given(pairs())
def test_spearman_correlates_midranks_of_finite_pairs(data):
    finite = np.isfinite(data[0]) & np.isfinite(data[1])
    a, b = data[0][finite], data[1][finite]
    result = agreement.spearman(*data)
    wanted = slow.correlation(slow.midranks(a), slow.midranks(b)) if len(a) > 3 else math.nan
    assert result.n == len(a)
    assert result.r == pytest.approx(wanted, nan_ok=True, abs=1e-12)
    assert math.isnan(result.lo) == math.isnan(result.hi) == math.isnan(wanted)
    if not math.isnan(wanted):
        assert result.r == pytest.approx(oracle.spearmanr(a, b).statistic, abs=1e-12)
        assert result.lo <= result.r <= result.hi


def test_shuffled_rank_correlations_agree_with_all_permutations():
    rng = np.random.default_rng(0)
    a = rng.normal(size=7)
    b = a + rng.normal(size=7)
    exact = oracle.permutation_test(
        (a,), lambda x: oracle.spearmanr(x, b).statistic, permutation_type="pairings"
    ).pvalue
    r, null = agreement.spearman(a, b).r, agreement.Shuffles(0, 4000).spearman(a, b)
    assert permutation_p(r, null, alternative="two-sided") == pytest.approx(exact, abs=0.03)
    again = agreement.Shuffles(0, 4000).spearman(np.append(a, np.nan), np.append(b, 1))
    np.testing.assert_array_equal(null, again)
    assert not np.array_equal(null, agreement.Shuffles(1, 4000).spearman(a, b))
    assert len(agreement.Shuffles(0, 9).spearman(a, np.ones(7))) == 0
    assert len(agreement.Shuffles(0, 9).spearman(a[:3], b[:3])) == 0


@settings(deadline=None)
@given(st.integers(1, 8), st.data())
def test_topk_overlap_counts_choices(n, data):
    k = data.draw(st.integers(1, n))
    a, b = (np.array(data.draw(st.permutations(range(n)))) for _ in range(2))
    result = agreement.topk_overlap(a, b, k)
    shared = len({i for i in range(n) if a[i] >= n - k} & {i for i in range(n) if b[i] >= n - k})
    assert result.share == shared / k
    assert result.expected == k / n
    assert result.p == pytest.approx(slow.hypergeometric(shared, n, k), rel=1e-9)


def test_topk_overlap_breaks_ties_by_place_and_leaves_nan_out():
    a, b = np.array([1.0, 1.0, 1.0, 9.0]), np.array([1.0, 0.0, 0.0, np.nan])
    assert agreement.topk_overlap(a, b, 1).share == 1
    with pytest.raises(SettingError, match="top 4 of 3"):
        agreement.topk_overlap(a, b, 4)


@settings(deadline=None)
@given(pairs(st.integers(0, 3), np.int64))
def test_adjusted_rand_counts_pairs(data):
    a, b = data
    result = agreement.adjusted_rand(a, b)
    assert result == pytest.approx(adjusted_rand_score(a, b), abs=1e-12)
    if len(a) > 1:
        assert result == pytest.approx(slow.adjusted_rand(a.tolist(), b.tolist()), abs=1e-12)
    assert agreement.adjusted_rand(a, a + 7) == 1


@settings(deadline=None, max_examples=40)
@given(st.integers(4, 7), st.integers(1, 9), st.integers(1, 3), st.integers(0, 99))
def test_debiased_cka_is_the_u_statistic_both_ways(n, wide, narrow, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, wide)) + 3, rng.normal(size=(n, narrow))
    norms = slow.hsic(x, x), slow.hsic(y, y)
    wanted = slow.hsic(x, y) / math.sqrt(norms[0] * norms[1])
    assert agreement.debiased_cka(x, y) == pytest.approx(wanted, abs=1e-8)
    assert -1 <= wanted <= 1 + 1e-9
    # Columns of zeros change no kernel, but make the examples the smaller side.
    padded = np.pad(x, ((0, 0), (0, 60))), np.pad(y, ((0, 0), (0, 60)))
    assert agreement.debiased_cka(*padded) == pytest.approx(wanted, abs=1e-8)


def test_debiased_cka_of_unrelated_wide_representations_is_near_zero():
    rng = np.random.default_rng(0)
    found = [
        agreement.debiased_cka(rng.normal(size=(100, 1000)), rng.normal(size=(100, 1000)))
        for _ in range(5)
    ]
    assert np.abs(found).max() < 0.05


def test_debiased_cka_ignores_rotation_scale_and_shift():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 6))
    turned = x @ np.linalg.qr(rng.normal(size=(6, 6)))[0] * 100 + 1e4
    assert agreement.debiased_cka(x, turned) == pytest.approx(1, abs=1e-9)


def test_debiased_cka_is_nan_where_undefined():
    x = np.random.default_rng(0).normal(size=(10, 3))
    assert math.isnan(agreement.debiased_cka(x, np.full((10, 2), 0.1)))
    assert math.isnan(agreement.debiased_cka(x, np.where(x > 1, np.nan, x)))
    assert math.isnan(agreement.debiased_cka(x[:3], x[:3]))


@pytest.mark.parametrize("shape", [(20, 3000), (3000, 3)])
def test_debiased_cka_takes_the_memory_of_the_smaller_side(shape):
    x = np.random.default_rng(0).normal(size=shape)
    tracemalloc.start()
    try:
        agreement.debiased_cka(x, x + 1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10 * x.nbytes  # 3000 × 3000 numbers would take 72 MB


def test_one_is_half_a_swap_of_neighbours_away() -> None:
    """Where rankings are the same in a draw it isn't infinitely unlike the others."""
    swapped = agreement.spearman(np.arange(12.0), np.array([1.0, 0, *range(2, 12)])).r
    assert agreement.fisher(1.0, 12) == pytest.approx(np.arctanh((1 + swapped) / 2))
    assert agreement.fisher(-1.0, 12) == -agreement.fisher(1.0, 12)
    np.testing.assert_allclose(agreement.fisher([0.3, swapped], 12), np.arctanh([0.3, swapped]))
