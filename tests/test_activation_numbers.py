"""Are the numbers of the lens `activation` those of their definitions?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

import slow_activation as slow
import slow_stats
from holistic.lenses.activation._bounds import (
    Sides,
    selectivity_bounds,
    separation_bounds,
    share_bounds,
)
from holistic.lenses.activation._detection import detect
from holistic.lenses.activation._matching import (
    PROPERTIES,
    best_thresholds,
    correlations,
    match,
    properties,
)
from holistic.lenses.activation._profiles import selectivity, separation
from holistic.lenses.activation._stimuli import Stimuli
from holistic.lenses.activation._values import Reading
from holistic.lenses.activation.tuning import tuned
from holistic.lenses.activation.visualisations import alike
from holistic.stats.intervals import wilson
from holistic.stats.moments import Moments


def test_tuning_equals_its_definition_in_loops() -> None:
    rng = np.random.default_rng(0)
    degrees = np.arange(6) * 30.0
    shown = Stimuli("grating", degrees, np.array([2.0, 4.0]), 4, torch.zeros(48, 1))
    responses = rng.random((48, 5)) + 0.2
    measured = tuned(responses, shown, np.zeros(5))
    by = responses.reshape(6, 2, 4, 5)
    for unit in range(5):
        chosen = max(range(2), key=lambda f: by[:, f, :2, unit].mean(1).max())
        curve = [slow.mean(list(by[o, chosen, 2:, unit])) for o in range(6)]
        sharpness, angle = slow.circular(curve, list(degrees))
        np.testing.assert_allclose(measured.tuning[unit], sharpness)
        np.testing.assert_allclose(measured.orientation[unit], angle)
        best = int(by[:, chosen, :2, unit].mean(1).argmax())
        ends = curve[best], curve[(best + 3) % 6]
        np.testing.assert_allclose(measured.index[unit], (ends[0] - ends[1]) / sum(ends))
        assert measured.frequency[unit] == (2.0, 4.0)[chosen]
    assert (measured.tuning_lo <= measured.tuning_hi).all()
    assert (measured.tuning_lo < measured.tuning).any()


def test_bounds_of_tuning_hold_what_is_planted() -> None:
    """Units whose curves are known, seen through noise: 95 % of the bounds hold the truth."""
    rng, degrees, repeats = np.random.default_rng(3), np.arange(8) * 22.5, 60
    shown = Stimuli("bar", degrees, np.array([np.nan]), repeats, torch.zeros(8 * repeats, 1))
    curve = 2 + np.cos(2 * np.deg2rad(degrees - 40))
    noise = rng.normal(scale=0.5, size=(8, repeats, 400))
    measured = tuned((curve[:, None, None] + noise).reshape(-1, 400), shown, np.zeros(400))
    truth, _ = slow.circular(list(curve), list(degrees))
    held = (measured.tuning_lo <= truth) & (truth <= measured.tuning_hi)
    assert 0.9 < held.mean() < 0.99


def test_a_trace_of_a_response_is_not_tuning() -> None:
    shown = Stimuli("bar", np.arange(4) * 45.0, np.array([np.nan]), 2, torch.zeros(8, 1))
    responses = np.zeros((8, 2))
    responses[:2] = 0.01
    measured = tuned(responses, shown, np.array([1.0, 0.01]))
    assert np.isnan(measured.tuning[0])
    np.testing.assert_allclose(measured.tuning[1], 1.0)


def test_shapes_are_measured() -> None:
    picture = np.zeros((20, 20), np.float32)
    picture[3:15, 5:13] = 1
    picture[6:9, 7:10] = 0
    picture[17:19, 17:19] = 1
    measured = properties(torch.from_numpy(picture)[None, None])
    assert measured is not None
    by = dict(zip(PROPERTIES, measured[0], strict=True))
    assert (by["loops"], by["pieces"], by["height"], by["width"]) == (1, 2, 16, 14)
    np.testing.assert_allclose(by["ink"], picture.mean())
    inverse = properties(torch.from_numpy(1 - picture)[None, None])
    assert inverse is not None
    np.testing.assert_allclose(inverse, measured)
    # red on a blue of the same brightness, of which an average would leave nothing
    coloured = np.stack([picture, 0 * picture, 1 - picture])[None]
    for images in (coloured, 1 - coloured):
        seen = properties(torch.from_numpy(images))
        assert seen is not None
        np.testing.assert_allclose(seen, measured, atol=1e-6)
    bar = np.zeros((20, 20), np.float32)
    for row in range(4, 16):
        bar[row, 10 + (10 - row) // 2 : 13 + (10 - row) // 2] = 1  # leans to the right
    leaning = properties(torch.from_numpy(bar)[None, None])
    assert leaning is not None
    assert 15 < leaning[0][PROPERTIES.index("slant")] < 40
    assert 2 <= leaning[0][PROPERTIES.index("stroke width")] <= 5


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=25)
def test_matches_equal_plain_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = [rng.integers(0, 5, (20, 3)).astype(np.float64) for _ in range(2)]
    present = [rng.random((20, 4)) < 0.4 for _ in range(2)]
    for p in present:
        p[0], p[1] = True, False
    for side in values:
        side[0], side[1] = 0.0, 1.0
    with np.errstate(all="raise"):
        one = match((values[0], present[0]), (values[1], present[1]))
    for unit in range(3):
        x, y = list(values[0][:, unit]), list(values[1][:, unit])
        r = [slow.correlation(x, [float(b) for b in present[0][:, k]]) for k in range(4)]
        k = int(one.concept[unit])
        assert r[k] == pytest.approx(max(r))
        best = max(slow.f1_iou(x, list(present[0][:, k]), t)[0] for t in set(x))
        assert slow.f1_iou(x, list(present[0][:, k]), one.threshold[unit])[0] == pytest.approx(best)
        truth = list(present[1][:, k])
        f1, iou = slow.f1_iou(y, truth, one.threshold[unit])
        assert (one.f1[unit], one.iou[unit]) == pytest.approx((f1, iou))
        said = [v >= one.threshold[unit] for v in y]
        union = sum(a or b for a, b in zip(said, truth, strict=True))
        shares = slow_stats.wilson(sum(a and b for a, b in zip(said, truth, strict=True)), union)
        bounds = one.f1_lo[unit], one.f1_hi[unit]
        assert bounds == pytest.approx([2 * share / (1 + share) for share in shares])
        assert one.precision[unit] == pytest.approx(slow.average_precision(y, truth))


def test_shuffled_words_are_not_found() -> None:
    """Units of noise: the p of the chosen label is uniform or larger."""
    rng = np.random.default_rng(0)
    sides = [(rng.normal(size=(200, 300)), rng.random((200, 6)) < 0.3) for _ in range(2)]
    p = match(sides[0], sides[1]).p
    assert 0.01 < (p <= 0.05).mean() < 0.1


def test_correlations_of_constant_units_are_missing() -> None:
    present = np.array([[True], [False], [True]])
    assert np.isnan(correlations(np.full((3, 1), 7.0), present)).all()
    assert best_thresholds(np.array([[2.0], [1.0], [2.0]]), present[:, 0]) == 2.0


def test_alike_is_the_mean_correlation() -> None:
    rng = np.random.default_rng(0)
    pixels, units = rng.normal(size=(5, 8)), np.array([1, 1, 2, 2, 2])
    own, others = alike(pixels, units)
    r = np.corrcoef(pixels)
    np.testing.assert_allclose(
        own,
        [r[0, 1], r[1, 0], *((r[i, [j for j in (2, 3, 4) if j != i]].mean()) for i in (2, 3, 4))],
    )
    np.testing.assert_allclose(others[0], r[0, 2:].mean())


def test_precision_separation_and_margin_equal_plain_loops() -> None:
    rng = np.random.default_rng(1)
    values, labels = rng.integers(0, 6, (40, 3)).astype(np.float64), np.arange(40) % 3
    moments, precision = Moments.of(values, labels, 3), detect(values, labels, 3).precision
    for c in range(3):
        for unit in range(3):
            inside = list(values[labels == c, unit])
            outside = list(values[labels != c, unit])
            expected = slow.average_precision(list(values[:, unit]), list(labels == c))
            np.testing.assert_allclose(precision[c, unit], expected)
            gap = slow.d_prime(inside, outside)
            np.testing.assert_allclose(separation(moments)[c, unit], gap)


@given(st.integers(0, 10_000), st.integers(1, 6), st.sampled_from(["mean", "max"]))
@settings(deadline=None, max_examples=40)
def test_batches_order_and_merging_change_nothing(seed: int, parts: int, reduction: str) -> None:
    rng = np.random.default_rng(seed)
    value = torch.from_numpy(rng.normal(1e3, 1, (23, 2, 2, 3)))
    labels, ids = torch.from_numpy(rng.integers(0, 3, 23)), np.arange(23) * 2
    how = {"reduction": reduction, "keep": True}
    whole = Reading.empty(3, 3, (999.0, 1001.0)).update(value, labels, ids, **how)
    joined = Reading.empty(3, 3, (999.0, 1001.0))
    for rows in np.array_split(rng.permutation(23), parts):
        other = Reading.empty(3, 3, (999.0, 1001.0))
        for batch in np.array_split(rows, 2):
            if len(batch):
                other.update(value[batch], labels[batch], ids[batch], **how)
        joined.merge(other)
    for name in ("mean", "std"):
        np.testing.assert_allclose(
            getattr(joined.moments, name), getattr(whole.moments, name), rtol=1e-10
        )
    np.testing.assert_allclose(joined.above, whole.above, rtol=1e-10)
    np.testing.assert_allclose(joined.saturated, whole.saturated, rtol=1e-10, atol=1e-12)
    rounding = 4 * np.finfo(np.float64).eps  # of a mean over 4 positions, in another batch
    np.testing.assert_allclose(joined.lowest, whole.lowest, rtol=rounding)
    np.testing.assert_allclose(joined.rows().values, whole.rows().values, rtol=rounding)
    for name in ("ids", "labels", "peaks"):
        assert np.array_equal(getattr(joined.rows(), name), getattr(whole.rows(), name))


def test_the_chance_of_a_word_is_exact() -> None:
    """Of a shuffled label the hits are hypergeometric: no number of shuffles is a floor."""
    rng = np.random.default_rng(0)
    there = np.arange(300) % 3 == 0
    values = np.stack([there + 0.3 * rng.normal(size=300), rng.normal(size=300)], 1)
    found = match((values, there[:, None]), (values, there[:, None]))
    assert found.p[0] < 1e-20
    said = values[:, 1] >= found.threshold[1]
    hits = int((said & there).sum())
    assert found.p[1] == pytest.approx(hypergeom.sf(hits - 1, 300, 100, said.sum()))
    wanted = 2 * hypergeom.mean(300, 100, said.sum()) / (said.sum() + 100)
    assert found.control_f1[1] == pytest.approx(wanted)
    most = hypergeom.ppf(0.95, 300, 100, said.sum())
    assert found.control_f1_hi[1] == pytest.approx(2 * most / (said.sum() + 100))


def test_numbers_of_units_lie_between_bounds_that_have_a_width() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 4
    values = np.maximum(rng.normal(size=(400, 5)) + (labels == 1)[:, None], 0)
    values[:, 3] = 0
    values[:, 4] = np.arange(400) == 9
    sides, moments = Sides.of(values, labels, 4), Moments.of(values, labels, 4)
    for value, (lo, hi) in (
        (separation(moments), separation_bounds(sides)),
        (
            selectivity(moments.mean, np.zeros(5, bool)),
            selectivity_bounds(sides, np.zeros(5, bool)),
        ),
    ):
        assert (lo < value)[:, :3].all()
        assert (value < hi)[:, :3].all()
        # a unit that never fires, or on one example alone, has none
        assert np.isnan(lo[:, 3:]).all()
    lo, hi = share_bounds(np.array(400), np.array([0.0, 1.0, 0.4]), np.array([0.0, 1.0, 0.4]))
    assert (hi - lo > 0).all()
    assert (lo[2], hi[2]) == pytest.approx(tuple(map(float, wilson(160, 400))))


def test_repeats_that_say_the_same_have_no_bounds() -> None:
    shown = Stimuli("bar", np.arange(4) * 45.0, np.array([np.nan]), 8, torch.zeros(8, 1))
    measured = tuned(np.repeat([1.0, 0.0, 0.0, 0.0], 8)[:, None], shown, np.zeros(1))
    assert measured.tuning == 1
    for ends in (measured.lo, measured.hi, measured.tuning_lo, measured.tuning_hi):
        assert np.isnan(ends).all()
