"""Intervals over trainings cover, and what is expected of the next training comes true."""

from __future__ import annotations

import numpy as np
import pytest

from holistic.stats.trainings import chance_of_next, chance_of_unanimous, limits, over_trainings


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("noise", [0.0, 0.5, 2.0])
def test_intervals_hold_the_mean_over_trainings_and_examples(
    n: int, shared: float, noise: float
) -> None:
    rng = np.random.default_rng(0)
    draws = 4000
    truth = rng.normal(size=draws)
    # what trainings share of their examples moves all of them together
    together = noise * np.sqrt(shared) * rng.normal(size=draws)
    apart = noise * np.sqrt(1 - shared) * rng.normal(size=(n, draws))
    values = truth + rng.normal(size=(n, draws)) + together + apart
    over = over_trainings(values, np.full((n, draws), noise), shared=shared)
    rate = np.mean((over.lo <= truth) & (truth <= over.hi))
    assert 0.935 <= rate <= 0.99  # wider than need be where both parts weigh alike
    ahead = (
        truth
        + rng.normal(size=draws)
        + together
        + noise * np.sqrt(1 - shared) * rng.normal(size=draws)
    )
    assert 0.935 <= np.mean((over.next_lo <= ahead) & (ahead <= over.next_hi)) <= 0.965


def test_an_interval_that_forgot_the_shared_examples_would_not_cover() -> None:
    rng = np.random.default_rng(1)
    together = rng.normal(size=2000)
    values = 0.1 * rng.normal(size=(5, 2000)) + together
    for shared, covers in ((1.0, True), (0.0, False)):
        over = over_trainings(values, np.ones_like(values), shared=shared)
        assert bool(np.mean((over.lo <= 0) & (over.hi >= 0)) > 0.93) is covers


def test_numbers_that_few_trainings_have() -> None:
    values = np.array([[1.0, np.nan, 3.0], [2.0, 5.0, np.nan], [3.0, np.nan, np.nan]])
    over = over_trainings(values, np.full((3, 3), np.nan), shared=1.0)
    assert over.n.tolist() == [3, 1, 1]
    assert over.mean.tolist() == [2, 5, 3]
    assert np.isfinite(over.lo).tolist() == [True, False, False]
    assert over.within(*limits("share", values)).lo[0] == over.lo[0]  # no share: beyond 1
    cut = over_trainings(np.array([[0.0], [1.0]]), np.zeros((2, 1)), shared=0.0)
    assert (cut.within(0.0, 1.0).lo[0], cut.within(0.0, 1.0).next_hi[0]) == (0.0, 1.0)


@pytest.mark.parametrize("n", [3, 5, 8])
def test_the_chance_of_the_next_training_is_the_rate_that_comes_true(n: int) -> None:
    rng = np.random.default_rng(2)
    means = rng.normal(scale=2.0, size=20_000)
    margins = means + rng.normal(size=(n, len(means)))
    chance = chance_of_next(margins, np.zeros(len(means)))
    borne_out = means + rng.normal(size=len(means)) > 0
    for low, high in ((0.5, 0.7), (0.7, 0.9), (0.9, 0.95), (0.95, 1.01)):
        some = (chance >= low) & (chance < high)
        assert chance[some].mean() - 0.05 <= borne_out[some].mean() <= chance[some].mean() + 0.1
    assert borne_out[chance >= 0.95].mean() >= 0.95


def test_a_margin_that_never_moves_is_sure_and_one_training_says_nothing() -> None:
    margins = np.array([[1.0, -1.0, 0.5], [1.0, -1.0, np.nan], [1.0, -1.0, np.nan]])
    assert chance_of_next(margins, np.zeros(3))[:2].tolist() == [1, 0]
    assert np.isnan(chance_of_next(margins, np.zeros(3))[2])


def test_statements_that_all_agree_on_are_judged_by_their_kind() -> None:
    rng = np.random.default_rng(3)
    steady = np.zeros((5, 200), int)
    assert chance_of_unanimous(steady) > 0.99
    fickle = (rng.random((5, 4000)) < 0.8).astype(int)
    # what four agree on is mostly the commoner answer, which the fifth gives 4 of 5 times
    assert chance_of_unanimous(fickle) == pytest.approx(0.8, abs=0.02)
    assert np.isnan(chance_of_unanimous(steady[:2]))
    assert np.isnan(chance_of_unanimous(np.full((3, 4), -1)))
