"""Is what comes first decided by the numbers, and between equals by their places?"""

from __future__ import annotations

import numpy as np
import pytest

from holistic.stats.order import ordered


def plainly(values: np.ndarray) -> list[int]:
    """One place after another: the smallest, or the first of those that are equal to it."""
    left = [i for i, value in enumerate(values.tolist()) if value == value]
    room = 1e-6 * max((abs(values[i]) for i in left if np.isfinite(values[i])), default=0.0)
    order = list[int]()
    while left:
        least = min(values[i] for i in left)
        order += [i for i in left if values[i] <= max(least + room, least)]
        left = [i for i in left if i not in order]
    return order + [i for i, value in enumerate(values.tolist()) if value != value]


@pytest.mark.parametrize(
    "values",
    [
        [],
        [1.0],
        [3.0, 1.0, 2.0],
        [0.0, 0.0, -1.0, 0.0],
        [float("nan")] * 3,
        [float("nan"), 2.0, float("inf"), 2.0, float("-inf"), float("inf"), float("nan")],
        [1.0, 1.0 + 0.9e-6, 1.0 + 1.8e-6, 1.0 + 2.7e-6],
        [1.0 + 2.7e-6, 1.0 + 1.8e-6, 1.0 + 0.9e-6, 1.0],
    ],
)
def test_the_order_is_the_plain_one(values: list[float]) -> None:
    assert ordered(np.array(values)).tolist() == plainly(np.array(values))


def test_rows_are_ordered_by_themselves() -> None:
    rng = np.random.default_rng(0)
    values = np.round(rng.normal(size=(4, 3, 200)), 2) + 1e-8 * rng.normal(size=(4, 3, 200))
    got = ordered(values)
    for i, j in np.ndindex(4, 3):
        assert got[i, j].tolist() == plainly(values[i, j])


def test_rounding_changes_no_order() -> None:
    """Copies of a unit, whose sums were taken in another order."""
    rng = np.random.default_rng(1)
    effects = np.repeat(rng.normal(size=300), 3)[rng.permutation(900)]
    first = ordered(effects)
    for _ in range(20):
        again = effects * (1 + 2e-7 * rng.uniform(-1, 1, 900))
        assert np.array_equal(ordered(again), first)
    assert not np.array_equal(np.argsort(again, kind="stable"), first)
