"""Each line of the origin is judged by rules: tables with planted answers get theirs."""

from dataclasses import replace

import numpy as np
import pytest

from holistic.reproducing.measured import Measured, against, jackknife_error
from holistic.reproducing.origin import LINES, Line
from holistic.reproducing.verdicts import IN_KIND, NOT, YES, judged, over, summed

NUMBER = Line("n", "ablation", "lost", "falls by 12 points", "number", 0.12, "points", 0.005)
LEAST = replace(NUMBER, kind="least", value=0.97, unit="share")
EXACT = replace(NUMBER, kind="exact", value=6, unit="clusters")
CLAIM = replace(NUMBER, kind="claim", value=None)
RNG = np.random.default_rng(0)


def measured(values, *, way="", aspect="main", role="main", beats=True, error=0.001, control=0.01):
    beats = [beats] * len(values) if isinstance(beats, bool) else beats
    return [
        Measured("n", way, aspect, role, "points", v, error, 500, control, 0.0, 0.02, b)
        for v, b in zip(values, beats, strict=True)
    ]


@pytest.mark.parametrize(
    ("line", "values", "beats", "verdict", "why"),
    [
        (NUMBER, [0.11, 0.12, 0.13, 0.12, 0.115], True, YES, "12 points is like ours"),
        # the control is beaten, the number is another one
        (NUMBER, [0.30, 0.31, 0.32, 0.30, 0.31], True, IN_KIND, "12 points is not like ours"),
        # the origin's number lies in a range that tells nothing
        (NUMBER, [0.02, 0.25, 0.05, 0.20, 0.08], True, IN_KIND, "too wide to tell"),
        # it lies in the range, which excludes the control, but ours is far from it
        (NUMBER, [0.15, 0.22, 0.25, 0.23, 0.22], True, IN_KIND, "is not like ours"),
        (NUMBER, [0.11, 0.12, 0.13, 0.12, 0.115], False, NOT, "in 0 of 5 trainings"),
        (NUMBER, [0.11, 0.12, 0.13, 0.12, 0.115], [True] * 3 + [False] * 2, NOT, "in 3 of 5"),
        (NUMBER, [0.11, 0.12, 0.13, 0.12, 0.115], [True] * 4 + [False], YES, "in 4 of 5"),
        (LEAST, [0.975, 0.976, 0.977, 0.975, 0.976], True, YES, "97 % is reached"),
        (LEAST, [0.965, 0.976, 0.977, 0.975, 0.966], True, IN_KIND, "97 % is not reached"),
        (EXACT, [6, 6, 6, 6, 9], True, YES, "6 clusters in most of them: 6, 6, 6, 6, 9"),
        (EXACT, [6, 10, 6, 6, 9], True, IN_KIND, "in too few of them"),
        (CLAIM, [1.0, 2.0, 1.5, 1.2, 1.1], True, YES, "in 5 of 5 trainings"),
        (CLAIM, [1.0, 2.0, 1.5, 1.2, 1.1], False, NOT, "in 0 of 5 trainings"),
    ],
)  # fmt: skip
def test_planted_numbers_get_their_verdict(line, values, beats, verdict, why) -> None:
    found = judged(line, [over(measured(values, beats=beats))])
    assert found.verdict == verdict
    assert why in found.why


def test_a_missing_part_leaves_a_line_in_kind_and_a_missing_main_part_nothing() -> None:
    fine = over(measured([1.0] * 5, aspect="first"))
    weak = over(measured([1.0] * 5, aspect="second", role="also", beats=False))
    found = judged(CLAIM, [fine, weak])
    assert found.verdict == IN_KIND
    assert "all but second (0 of 5)" in found.why
    assert judged(CLAIM, [fine, replace(weak, role="main")]).verdict == NOT
    assert judged(CLAIM, [fine, replace(weak, role="remark")]).verdict == YES


def test_the_best_way_counts_and_how_many_there_were_is_told() -> None:
    far = over(measured([0.5, 0.51, 0.52], way="a"))
    near = over(measured([0.12, 0.121, 0.122], way="b"))
    none = over(measured([0.12, 0.121, 0.122], way="c", beats=False))
    found = judged(NUMBER, [far, near, none])
    assert (found.verdict, found.shown.way) == (YES, "b")
    assert found.why.endswith("(1 of 3 ways, shown: b)")
    found = judged(NUMBER, [far, none])
    assert (found.verdict, found.shown.way) == (IN_KIND, "a")
    assert judged(NUMBER, [none, replace(none, way="d")]).why.endswith("(none of 2 ways, shown: c)")


def test_the_range_of_a_further_training_holds_it_as_often_as_it_says() -> None:
    """Trainings share their examples; a further one is measured on others, with their error."""
    hits, trials, spread, error = 0, 2000, 0.02, 0.03
    for _ in range(trials):
        shared = RNG.normal(0, error)
        ours = RNG.normal(0.12, spread, 5) + shared
        found = over(measured(ours.tolist(), error=error))
        hits += found.next_lo <= RNG.normal(0.12, np.hypot(spread, error)) <= found.next_hi
    assert hits / trials > 0.94


def test_a_number_beats_what_it_exceeds_and_no_more() -> None:
    draws = np.linspace(0, 1, 101)
    assert against(("l", "", ""), (0.99, 0, 1), draws).beats
    assert not against(("l", "", ""), (0.97, 0, 1), draws).beats
    assert not against(("l", "", ""), (0.99, 0, 1), draws, only=False).beats
    assert not against(("l", "", ""), (float("nan"), 0, 1), draws).beats


def test_left_out_tenths_give_the_standard_error_of_a_mean() -> None:
    values = RNG.normal(size=2000)

    def mean_without(gone: np.ndarray) -> float:
        return float(np.delete(values, gone).mean())

    runs = [jackknife_error(mean_without, 2000, seed) for seed in range(30)]
    np.testing.assert_allclose(np.mean(runs), values.std() / np.sqrt(2000), rtol=0.15)


def test_titles_fit_their_column_and_verdicts_add_up() -> None:
    assert all(len(line.title) <= 27 and len(line.origin) <= 12 for line in LINES)
    assert len({line.key for line in LINES}) == len(LINES)
    assert summed([YES, NOT]) == "1 of 2 lines reproduced, 0 in kind, 1 not"


@pytest.mark.parametrize(
    ("line", "values", "beats", "near"),
    [
        (CLAIM, [1.0] * 5, [True] * 4 + [False], "main with one training fewer beyond"),
        (CLAIM, [1.0] * 5, [True] * 3 + [False] * 2, "main with one training more beyond"),
        (CLAIM, [1.0] * 5, True, ""),
        (CLAIM, [1.0] * 5, False, ""),
        (CLAIM, [1.0, 1.1], True, ""),
        (LEAST, [0.975, 0.976, 0.977, 0.975, 0.976], True, ""),
        (LEAST, [0.9712, 0.9722, 0.9732, 0.9702, 0.9712], True, "main is 0.1 points from it"),
        (NUMBER, [0.11, 0.12, 0.13, 0.12, 0.115], True, ""),
        (NUMBER, [0.133, 0.144, 0.139, 0.141, 0.138], True, "points from it"),
    ],
)  # fmt: skip
def test_a_verdict_says_how_near_its_bound_it_is(line, values, beats, near) -> None:
    found = judged(line, [over(measured(values, beats=beats))]).near
    assert near in found
    assert bool(near) == bool(found), found
