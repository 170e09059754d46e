import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import slow_stats as slow
from holistic.errors import SettingError
from holistic.stats.sketches import QuantilePicks, RandomSample, TopK, splitmix64

# Few distinct values make many ties.
VALUES = st.sampled_from([-1.0, 0.0, 0.0, 0.5, 2.0, math.nan, math.inf])
TARGETS = np.array([[0.0, 0.4], [2.0, math.nan]])


@st.composite
def batches(draw):
    n = draw(st.integers(0, 20))
    values = draw(arrays(np.float64, (n, 2), elements=VALUES))
    ids = np.array(draw(st.lists(st.integers(0, 99), min_size=n, max_size=n, unique=True)), int)
    order = np.array(draw(st.permutations(range(n))), int)
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=4)))
    return values, ids, np.split(order, cuts)


def makers():
    return [
        lambda: TopK.of(3, 2),
        lambda: RandomSample.of(3, 2, seed=5),
        lambda: QuantilePicks.of(TARGETS, k=3, seed=5),
    ]


def listed(picks):
    return [i for i in picks.tolist() if i >= 0]


@pytest.mark.parametrize("make", makers(), ids=["top", "random", "quantile"])
@settings(deadline=None)
@given(data=batches(), cut=st.integers(0, 4))
def test_picks_do_not_depend_on_order_batches_or_merges(make, data, cut):
    values, ids, parts = data
    halves = [make(), make()]
    for i, part in enumerate(parts):
        halves[i < cut].update(values[part], ids[part])
    merged, once = halves[0].merge(halves[1]), make().update(values, ids)
    np.testing.assert_array_equal(merged.ids, once.ids)
    np.testing.assert_array_equal(merged.values, once.values)


@settings(deadline=None)
@given(data=batches())
def test_top_k_equals_sorting(data):
    values, ids, parts = data
    top = TopK.of(3, 2)
    for part in parts:
        top.update(values[part], ids[part])
    for u in range(2):
        wanted = slow.top_k(values[:, u], ids, 3)
        assert listed(top.ids[:, u]) == wanted
        where = {int(i): v for i, v in zip(ids, values[:, u], strict=True)}
        assert [where[i] for i in wanted] == top.values[: len(wanted), u].tolist()
        assert np.isnan(top.values[len(wanted) :, u]).all()


@settings(deadline=None)
@given(data=batches())
def test_random_sample_is_the_smallest_hashes_of_the_finite(data):
    values, ids, _ = data
    sample = RandomSample.of(3, 2, seed=5).update(values, ids)
    for u in range(2):
        outputs = slow.splitmix64(slow.splitmix64(5, u + 1)[u], 100)
        finite = [int(i) for i, v in zip(ids, values[:, u], strict=True) if math.isfinite(v)]
        assert listed(sample.ids[:, u]) == sorted(finite, key=lambda i: outputs[i])[:3]


@settings(deadline=None)
@given(data=batches())
def test_quantile_picks_are_the_nearest(data):
    values, ids, _ = data
    picks = QuantilePicks.of(TARGETS, k=3, seed=5).update(values, ids)
    for q, u in np.ndindex(2, 2):
        known = [v for v in values[:, u] if math.isfinite(v)]
        nearest = sorted(abs(v - TARGETS[q, u]) for v in known)[:3]
        if math.isnan(TARGETS[q, u]):
            nearest = []
        found = picks.values[: len(nearest), q, u]
        assert np.abs(found - TARGETS[q, u]).tolist() == nearest
        assert (picks.ids[len(nearest) :, q, u] == -1).all()


def test_splitmix64_gives_its_published_outputs():
    outputs = splitmix64(np.zeros(2, np.uint64), np.arange(2))
    assert [hex(z) for z in outputs.tolist()] == ["0xe220a8397b1dcdaf", "0x6e789e6aa1b965f4"]
    assert slow.splitmix64(0, 2) == outputs.tolist()


def test_random_sample_is_uniform_and_differs_by_unit_and_seed():
    ids, values = np.arange(40), np.ones((40, 2000))
    sample = RandomSample.of(4, 2000, seed=0).update(values, ids)
    often = np.bincount(sample.ids.ravel(), minlength=40)  # 8000 picks, 200 of each expected
    assert ((often - 200) ** 2 / 200).sum() < 75  # chi-square with 39 degrees of freedom: p 0.0005
    assert len({tuple(c) for c in sample.ids.T.tolist()}) > 1950
    other = RandomSample.of(4, 2000, seed=1).update(values, ids)
    assert (other.ids != sample.ids).mean() > 0.9


def test_quantiles_are_exact_up_to_k_examples_and_near_beyond():
    values = np.random.default_rng(0).normal(size=(3000, 2))
    values[:, 1] = np.nan
    few = RandomSample.of(500, 2, seed=0).update(values[:400], np.arange(400))
    shares = np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(
        few.quantiles(shares)[:, 0], np.quantile(values[:400, 0], shares), rtol=1e-12
    )
    assert np.isnan(few.quantiles(shares)[:, 1]).all()
    many = RandomSample.of(500, 2, seed=0).update(values, np.arange(3000))
    ranks = (values[:, 0] <= many.quantiles(shares)[:, :1]).mean(1)
    np.testing.assert_allclose(ranks, shares, atol=4 * np.sqrt(0.25 / 500))


def test_equally_near_examples_are_not_always_the_first():
    picks = QuantilePicks.of(np.zeros((3, 50)), seed=0).update(np.zeros((30, 50)), np.arange(30))
    assert len(np.unique(picks.ids)) > 20


def test_wrong_settings_are_refused():
    with pytest.raises(SettingError, match="pick 1 or more"):
        TopK.of(0, 2)
    with pytest.raises(SettingError, match="can't be merged"):
        RandomSample.of(3, 2, seed=0).merge(RandomSample.of(3, 2, seed=1))
    with pytest.raises(SettingError, match="can't be merged"):
        QuantilePicks.of(TARGETS, seed=0).merge(QuantilePicks.of(TARGETS + 1, seed=0))
