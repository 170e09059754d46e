"""Units are found again in another network where they are there, and not where they aren't."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from holistic.comparing._partners import partners

LABELS = np.repeat(np.arange(5), [40, 60, 80, 50, 70])


def units(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    classes = rng.normal(scale=3.0, size=(5, count))
    return classes[LABELS] + rng.normal(size=(len(LABELS), count))


@pytest.mark.parametrize("extra", [-5, 0, 7])
def test_units_that_were_shuffled_and_scaled_are_found(extra: int) -> None:
    rng = np.random.default_rng(1)
    one = units(30, 0)
    order = rng.permutation(30)
    two = 4.0 * one[:, order] + 1.0 + 0.5 * rng.normal(size=one.shape)
    two = two[:, :extra] if extra < 0 else np.concatenate([two, units(extra, 9)], 1)
    found = partners(one, two, LABELS, seed=0)
    assert found is not None
    there = found.others < 30
    assert (order[found.others[there]] == found.units[there]).mean() == 1
    assert found.sure[there].all()
    assert found.chance < 0.05
    lo, hi = found.interval()
    truth = 4 / np.sqrt(16 + 0.25)  # 4 units of signal to half a one of noise
    assert np.mean((lo[there] <= truth) & (truth <= hi[there])) > 0.8


def test_units_that_share_only_what_they_say_of_classes_are_no_partners() -> None:
    shares = list[float]()
    for seed in range(20):
        one, two = units(20, 2 * seed), units(20, 2 * seed + 1)
        two += one[LABELS.searchsorted(LABELS)]  # nothing of single examples: the class's first one
        found = partners(one, two, LABELS, seed=seed)
        assert found is not None
        shares.append(float(found.sure.mean()))
    assert np.mean(shares) < 0.05  # any q below 0.05 is rare under the null
    assert np.mean([share > 0 for share in shares]) <= 0.15


def test_it_is_the_assignment_with_the_largest_sum_on_the_half_that_chooses() -> None:
    one, two = units(12, 3), units(12, 3) + 2 * units(12, 4)
    found = partners(one, two, LABELS, seed=5)
    assert found is not None
    rng = np.random.default_rng(5)
    chosen = list[int]()
    for label in range(5):
        own = rng.permutation(np.flatnonzero(label == LABELS))
        chosen += own[: len(own) // 2].tolist()

    def within(x: np.ndarray, rows: list[int]) -> np.ndarray:
        means = {c: x[[r for r in rows if LABELS[r] == c]].mean(0) for c in range(5)}
        return np.array([x[r] - means[LABELS[r]] for r in rows])

    a, b = within(one, sorted(chosen)), within(two, sorted(chosen))
    r = np.array([[np.corrcoef(a[:, i], b[:, j])[0, 1] for j in range(12)] for i in range(12)])
    # centred values of one length: the class means are taken off before
    rows, columns = linear_sum_assignment(-r)
    assert (found.others[np.argsort(found.units)] == columns[np.argsort(rows)]).all()
    rest = sorted(set(range(len(LABELS))) - set(chosen))
    a, b = within(one, rest), within(two, rest)
    i, j = found.units[3], found.others[3]
    assert found.r[3] == pytest.approx(
        (a[:, i] @ b[:, j]) / np.sqrt((a[:, i] ** 2).sum() * (b[:, j] ** 2).sum())
    )


def test_dead_units_and_few_examples() -> None:
    one = units(6, 0)
    one[:, 2] = 0.0
    found = partners(one, one, LABELS, seed=0)
    assert found is not None
    assert 2 not in found.units
    assert partners(one[:8], one[:8], LABELS[:8], seed=0) is None
    assert partners(one[:, 2:3], one[:, 2:3], LABELS, seed=0) is None
