import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import pearsonr

import slow_stats as slow
from holistic.errors import DataError
from holistic.stats.moments import CrossMoments, Moments

FLOATS = st.floats(-1e6, 1e6, width=32) | st.sampled_from([0.0, 1e6, 1e6 + 1, math.nan, math.inf])


@st.composite
def batches(draw, elements=FLOATS, units=3, classes=3):
    """Values [N, U], labels [N], and the examples of each batch in some order."""
    n = draw(st.integers(1, 24))
    values = draw(arrays(np.float64, (n, units), elements=elements))
    labels = draw(arrays(np.int64, n, elements=st.integers(0, classes - 1)))
    order = np.array(draw(st.permutations(range(n))))
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=4)))
    return values, labels, np.split(order, cuts)


def streamed(values, labels, parts, classes=3):
    moments = Moments.empty(values.shape[1], classes)
    for part in parts:
        moments.update(values[part], labels[part])
    return moments


def close(actual, expected, scale, relative=1e-10):
    return abs(actual - expected) <= relative * scale


@settings(deadline=None)
@given(batches())
def test_moments_equal_exact_arithmetic_in_any_batches_and_order(data):
    values, labels, parts = data
    moments = streamed(values, labels, parts)
    for c in range(3):
        for u in range(values.shape[1]):
            own = values[labels == c, u]
            count, mean, m2 = slow.exact_moments(own)
            finite = own[np.isfinite(own)]
            assert moments.count[c, u] == count
            assert moments.active[c, u] == (finite > 0).sum()
            assert moments.non_finite[c, u] == len(own) - count
            if count:
                assert close(moments.mean[c, u], mean, np.abs(finite).max())
            else:
                assert np.isnan(moments.mean[c, u])
            assert close(moments.m2[c, u], m2, m2)


@settings(deadline=None)
@given(batches())
def test_total_equals_moments_without_classes(data):
    values, labels, parts = data
    total = streamed(values, labels, parts).total()
    for u in range(values.shape[1]):
        count, mean, m2 = slow.exact_moments(values[:, u])
        assert total.count[0, u] == count
        assert total.non_finite[0, u] == len(values) - count
        if count:
            assert close(total.mean[0, u], mean, np.nanmax(np.abs(values[:, u])))
        assert close(total.m2[0, u], m2, m2)


@settings(deadline=None)
@given(batches(), st.integers(0, 4))
def test_merge_of_parts_in_any_tree_equals_one_pass(data, cut):
    values, labels, parts = data
    halves = [streamed(values, labels, p) for p in (parts[:cut], parts[cut:])]
    merged, once = halves[1].merge(halves[0]), Moments.of(values, labels, 3)
    np.testing.assert_array_equal(merged.count, once.count)
    np.testing.assert_allclose(merged.m2, once.m2, rtol=1e-10)
    np.testing.assert_allclose(
        merged.mean, once.mean, rtol=1e-10, atol=1e-10 * np.abs(np.nan_to_num(once.mean)).max()
    )


@pytest.mark.parametrize("offset", [0.0, 1e6, 1e9, -1e12])
def test_a_large_mean_leaves_a_small_spread_intact(offset):
    values = np.round(np.random.default_rng(0).normal(size=(1000, 1)), 3) + offset
    moments = streamed(values, np.zeros(1000, int), np.split(np.arange(1000), 7 * np.arange(99)))
    _, _, m2 = slow.exact_moments(values[:, 0])
    assert close(moments.m2[0, 0], m2, m2, 1e-12)


def test_constant_and_dead_units_have_exactly_no_spread():
    labels = np.arange(90) % 3
    values = np.stack([np.full(90, 0.1), np.zeros(90), 0.1 * labels, np.arange(90)], 1)
    moments = streamed(values, labels, np.split(np.arange(90), [7, 50, 51]))
    assert moments.constant().tolist() == [True, True, False, False]
    assert moments.constant(within=True).tolist() == [True, True, True, False]


def test_few_examples_give_nan_not_zero():
    moments = Moments.of(np.array([[2.0]]), np.array([1]), 2)
    assert np.isnan(moments.mean).tolist() == [[True], [False]]
    assert np.isnan(moments.variance).all()
    assert np.isnan(moments.std).all()
    assert np.isnan(moments.active_fraction).tolist() == [[True], [False]]
    assert np.isnan(Moments.empty(2).balanced_mean()).all()


def test_balanced_mean_gives_each_class_the_same_weight():
    values = np.array([[0.0]] * 8 + [[6.0]] * 2)
    moments = Moments.of(values, np.array([0] * 8 + [2] * 2), 4)
    assert moments.balanced_mean() == pytest.approx([3.0])
    assert moments.total().mean[0] == pytest.approx([1.2])
    assert moments.active_fraction[:, 0].tolist()[::2] == [0.0, 1.0]


def test_active_counts_tiny_values_beside_large_ones():
    assert Moments.of(np.array([[1e9], [1e-30], [0.0], [-1e-30]])).active.item() == 2


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_tensors_are_taken_as_their_float64_values(dtype):
    values = torch.randn(20, 3, generator=torch.Generator().manual_seed(0)).to(dtype)
    labels = torch.arange(20) % 2
    moments = Moments.of(values.requires_grad_(), labels, 2)
    wanted = Moments.of(values.detach().double().numpy(), labels.numpy(), 2)
    np.testing.assert_array_equal(moments.mean, wanted.mean)
    assert isinstance(moments.m2, np.ndarray)
    assert moments.m2.dtype == np.float64


def test_state_does_not_grow_with_the_examples():
    def size(count):
        cross = CrossMoments.empty(4, 3, 2)
        for _ in range(count):
            cross.update(np.ones((5, 4)), np.ones((5, 3)), np.zeros(5, int))
        states = vars(cross.left), vars(cross.right), {"w": cross.within, "r": cross.rows}
        return sum(a.nbytes for state in states for a in state.values())

    assert size(1) == size(50)


@pytest.mark.parametrize("bad", [-1, 3])
def test_labels_out_of_range_are_refused(bad):
    with pytest.raises(DataError, match="3 classes allow 0 to 2"):
        Moments.of(np.ones((2, 1)), np.array([0, bad]), 3)


TAME = st.floats(-100, 100, width=16)


@settings(deadline=None)
@given(batches(TAME, units=4))
def test_correlations_equal_their_definition_in_any_batches(data):
    values, labels, parts = data
    cross = CrossMoments.empty(2, 2, 3)
    for part in parts:
        cross.update(values[part, :2], values[part, 2:], labels[part])
    for within in (False, True):
        result = cross.correlation(within=within)
        for u in range(2):
            for v in range(2):
                a, b = values[:, u].tolist(), values[:, 2 + v].tolist()
                if within:
                    a, b = (slow.without_class_means(z, labels.tolist()) for z in (a, b))
                if result.left_out[u] or result.right_out[v]:
                    assert np.isnan(result.r[u, v])
                    assert np.isnan(result.p[u, v])
                else:
                    assert result.r[u, v] == pytest.approx(slow.correlation(a, b), abs=1e-9)
        assert result.left_out.tolist() == [cross.left.constant(within=within)[u] for u in range(2)]


@settings(deadline=None)
@given(batches(TAME, units=4), st.integers(0, 4))
def test_merged_products_equal_one_pass(data, cut):
    values, labels, parts = data
    halves = []
    for chosen in (parts[:cut], parts[cut:]):
        half = CrossMoments.empty(2, 2, 3)
        for part in chosen:
            half.update(values[part, :2], values[part, 2:], labels[part])
        halves.append(half)
    merged = halves[1].merge(halves[0])
    once = CrossMoments.empty(2, 2, 3).update(values[:, :2], values[:, 2:], labels)
    np.testing.assert_allclose(merged.within, once.within, rtol=1e-10, atol=1e-7)
    np.testing.assert_array_equal(merged.rows, once.rows)


def test_p_of_r_is_the_t_test_and_classes_cost_degrees_of_freedom():
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 4
    a, b = rng.normal(size=(40, 2)), rng.normal(size=(40, 2))
    cross = CrossMoments.empty(2, 2, 6).update(a, b, labels)
    total, within = cross.correlation(), cross.correlation(within=True)
    for u in range(2):
        for v in range(2):
            oracle = pearsonr(a[:, u], b[:, v])
            assert total.r[u, v] == pytest.approx(oracle.statistic, rel=1e-12)
            assert total.p[u, v] == pytest.approx(oracle.pvalue, rel=1e-9)
    assert (total.n, total.df, within.df) == (40, 38, 35)
    # Regressing on the class means and one unit leaves n - C - 1 degrees of freedom.
    design = np.column_stack([np.eye(4)[labels], a[:, 0]])
    weights, residue, *_ = np.linalg.lstsq(design, b[:, 0])
    error = np.sqrt(residue[0] / 35 * np.linalg.inv(design.T @ design)[-1, -1])
    from scipy.stats import t

    assert within.p[0, 0] == pytest.approx(2 * t.sf(abs(weights[-1] / error), 35), rel=1e-9)


def test_within_class_correlation_removes_what_class_means_make():
    rng = np.random.default_rng(1)
    labels = np.arange(3000) % 10
    preferred = rng.normal(size=10) * 5
    a, b = (preferred[labels] + rng.normal(size=3000) for _ in range(2))
    cross = CrossMoments.empty(1, 1, 10).update(a[:, None], b[:, None], labels)
    assert cross.correlation().r.item() > 0.9
    assert abs(cross.correlation(within=True).r.item()) < 0.06
    assert cross.correlation(within=True).p.item() > 0.01


def test_dead_and_non_finite_units_are_named_and_left_out():
    values = np.random.default_rng(0).normal(size=(30, 4))
    values[:, 1], values[4, 2] = 0.7, np.nan
    result = CrossMoments.empty(4, 4).update(values, values).correlation()
    assert result.left_out.tolist() == [False, True, True, False]
    assert np.isnan(result.r[1:3]).all()
    assert np.isnan(result.r[:, 1:3]).all()
    assert result.r[0, 0] == pytest.approx(1, abs=1e-12)
    assert result.p[0, 0] < 1e-12
    assert np.isfinite(result.r[0, 3])


def test_too_few_examples_have_no_p():
    cross = CrossMoments.empty(1, 1).update(np.array([[1.0], [2.0]]), np.array([[3.0], [1.0]]))
    assert cross.correlation().df == 0
    assert np.isnan(cross.correlation().p).all()
