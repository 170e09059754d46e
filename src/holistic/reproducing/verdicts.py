"""Judges each line of the origin by what several trainings show: the rules, fixed beforehand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from holistic.reproducing.measured import Measured, Role
from holistic.reproducing.origin import Line, in_words, range_in_words
from holistic.stats.trainings import over_trainings
from holistic.words import counted, joined

__all__ = [
    "IN_KIND",
    "NOT",
    "RULES",
    "VERDICTS",
    "YES",
    "Judged",
    "Over",
    "judged",
    "over",
    "summed",
]

YES, IN_KIND, NOT = "reproduced", "in kind", "not reproduced"
VERDICTS = (NOT, IN_KIND, YES)
"""From nothing to all of it."""
_MOST = 0.8
"""Share of the trainings in which something must be so."""
_NEAR = 0.5
"""How far from the origin's number ours may be, in parts of it, however wide its range is."""
_NORMAL = 1.959964
_ENDS = ("mean", "lo", "hi", "next_lo", "next_hi")
_OVER_IT = 1.001
_CLOSE = 0.2
"""Part of how far trainings differ within which a number is near its bound."""
RULES = (
    "A number beats its control in a training where it exceeds 97.5 % of what the control gives, "
    "and on the whole where it does so in at least four of five trainings.",
    "reproduced: everything that the line says beats its control, and the origin's number, where "
    "it gives one, lies where 19 of 20 further trainings on other images would have theirs, and "
    "that range excludes the control, and ours is within half of it; a bound is reached by the "
    "whole 95 % interval, and a count of groups by four of five trainings.",
    "in kind: the main part of the line beats its control, but not every part does, or the number "
    "is another one.",
    "not reproduced: the main part of the line doesn't beat its control.",
    "Where the origin leaves open how something was measured, every way is tried, the line counts "
    "as its best way, and says how many ways there were.",
)


@dataclass(frozen=True)
class Over:
    """One aspect of a line over the trainings.

    Attributes
    ----------
    line, way, aspect, role, unit
        What it is.
    values
        `[n]`, one a training.
    mean, lo, hi
        Over trainings and examples, with the 95 % interval.
    next_lo, next_hi
        What a further training, measured on other examples, would have 19 times of 20.
    control, control_lo, control_hi
        Means over the trainings.
    beats, n
        Trainings in which the control is beaten, and all.
    """

    line: str
    way: str
    aspect: str
    role: Role
    unit: str
    values: np.ndarray
    mean: float
    lo: float
    hi: float
    next_lo: float
    next_hi: float
    control: float
    control_lo: float
    control_hi: float
    beats: int
    n: int

    @property
    def holds(self) -> bool:
        """Whether the control is beaten in enough of the trainings."""
        return self.beats >= _needed(self.n)


@dataclass(frozen=True)
class Judged:
    """What comes out for a line.

    Attributes
    ----------
    verdict
        One of `VERDICTS`.
    why
        What decided it.
    shown
        The main aspect of the way that counts.
    near
        How near its rule's bound it is; empty where it isn't near.
    """

    verdict: str
    why: str
    shown: Over
    near: str = ""


def over(trainings: Sequence[Measured]) -> Over:
    """Estimate one aspect of a line over trainings, which share their examples."""
    first = trainings[0]
    values, errors = (np.array([getattr(m, n) for m in trainings]) for n in ("value", "error"))
    found = over_trainings(values[:, None], errors[:, None], shared=1.0)
    mean, lo, hi = (float(part[0]) for part in (found.mean, found.lo, found.hi))
    known = errors[np.isfinite(errors)]
    sampled = 2 * float((known**2).mean()) if len(known) else 0.0  # of ours, and of the others
    ahead = math.hypot(float(found.next_hi[0]) - mean, _NORMAL * math.sqrt(sampled))
    control = [
        float(np.nanmean(own)) if np.isfinite(own).any() else float("nan")
        for own in (
            np.array([getattr(m, n) for m in trainings])
            for n in ("control", "control_lo", "control_hi")
        )
    ]
    beats = sum(m.beats for m in trainings)
    return Over(
        first.line, first.way, first.aspect, first.role, first.unit, values, mean, lo, hi,
        mean - ahead, mean + ahead, control[0], control[1], control[2], beats, len(trainings),
    )  # fmt: skip


def judged(line: Line, parts: Sequence[Over]) -> Judged:
    """Judge a line by all of its ways: the best one counts, and of equal ones the nearest.

    Parameters
    ----------
    line
        What the origin says.
    parts
        Every aspect of every way.
    """
    ways = [[p for p in parts if p.way == way] for way in dict.fromkeys(p.way for p in parts)]
    levels = [_level(line, way) for way in ways]
    best = max(range(len(ways)), key=lambda i: (levels[i], _near(line, ways[i])))
    why = _why(line, ways[best], levels[best])
    if len(ways) > 1:
        alike = sum(level >= max(levels[best], 1) for level in levels)
        why += f" ({alike or 'none'} of {len(ways)} ways, shown: {ways[best][0].way})"
    near = _nearness(line, ways[best], levels[best])
    return Judged(VERDICTS[levels[best]], why, _main(ways[best])[0], near)


def _needed(n: int) -> int:
    return max(1, math.ceil(_MOST * n))


def _main(way: Sequence[Over]) -> list[Over]:
    return [part for part in way if part.role == "main"]


def _near(line: Line, way: Sequence[Over]) -> float:
    """How near a way comes: to the origin's number, or to beating its control every time."""
    first = _main(way)[0]
    if line.value is None:
        return sum(part.beats for part in way if part.role != "remark")
    return -abs(first.mean - line.value) if math.isfinite(first.mean) else -math.inf


def _level(line: Line, way: Sequence[Over]) -> int:
    """Place in `VERDICTS` of one way to understand a line."""
    if not all(part.holds for part in _main(way)):
        return 0
    also = all(part.holds for part in way if part.role == "also")
    return 2 if also and _met(line, _main(way)[0]) else 1


def _met(line: Line, part: Over) -> bool:
    """Say whether the origin's number is met, if it gives one."""
    if line.value is None:
        return True
    if line.kind == "least":
        return part.lo >= line.value
    if line.kind == "exact":
        return int((part.values == line.value).sum()) >= _needed(part.n)
    inside = part.next_lo - line.rounding <= line.value <= part.next_hi + line.rounding
    near = abs(part.mean - line.value) <= _NEAR * line.value
    return inside and near and part.next_lo > part.control


def _nearness(line: Line, way: Sequence[Over], level: int) -> str:
    """Say how near a way is to a bound beyond which its verdict would be another one."""
    found = list[str]()
    for place, part in enumerate(way):
        for step, words in ((1, "more"), (-1, "fewer")):
            if step < 0 and part.beats == part.n:
                continue  # all of them are beyond it: nothing is near
            other = replace(part, beats=min(max(part.beats + step, 0), part.n))
            if _level(line, [*way[:place], other, *way[place + 1 :]]) != level:
                found.append(f"{part.aspect} with one training {words} beyond its control")
    first = _main(way)[0]
    slack = _slack(line, first)
    if level and slack is not None and abs(slack) <= _CLOSE * (first.next_hi - first.next_lo) / 2:
        moved = replace(first, **{n: getattr(first, n) - slack * _OVER_IT for n in _ENDS})
        if _level(line, [moved if part is first else part for part in way]) != level:
            unit = "points" if line.unit == "share" else line.unit
            found.append(f"{first.aspect} is {in_words(abs(slack), unit)} from it")
    return "; ".join(found)


def _slack(line: Line, part: Over) -> float | None:
    """How much further ours may fall, or must rise, until the origin's number turns its side."""
    if line.value is None or line.kind == "exact":
        return None
    if line.kind == "least":
        return part.lo - line.value
    low = part.next_lo - line.rounding - line.value
    high = part.next_hi + line.rounding - line.value
    return low if abs(low) < abs(high) else high


def _why(line: Line, way: Sequence[Over], level: int) -> str:
    """Say what decided on a way."""
    first = _main(way)[0]
    roles = ("main",) if level == 0 else ("main", "also")
    failing = [part for part in way if part.role in roles and not part.holds]
    if level == 0:
        names = [f"{p.aspect} beats its control in {p.beats} of {p.n}" for p in failing]
        return f"{joined(names)} trainings"
    beaten = f"beats its control in {min(part.beats for part in _main(way))} of {first.n} trainings"
    parts = [] if line.value is None else [_number(line, first)]
    if failing:
        names = [f"{part.aspect} ({part.beats} of {part.n})" for part in failing]
        parts.append(f"all but {joined(names)}")
    return "; ".join([*parts, beaten])


def _number(line: Line, part: Over) -> str:
    """Say how the origin's number stands to ours."""
    theirs, met = in_words(line.value, line.unit, digits=0), _met(line, part)
    if line.kind == "least":
        return f"{theirs} {'is' if met else 'is not'} reached by the whole interval"
    if line.kind == "exact":
        found = ", ".join(f"{value:.0f}" for value in part.values)
        return f"{theirs} {'in most' if met else 'in too few'} of them: {found}"
    if not part.next_lo > part.control:
        return "its range is too wide to tell: it includes the control"
    ends = range_in_words(part.next_lo, part.next_hi, line.unit)
    return f"{theirs} {'is' if met else 'is not'} like ours, {ends}"


def summed(verdicts: Sequence[str]) -> str:
    """Say how many lines came out how.

    >>> summed(["reproduced", "in kind", "in kind"])
    '1 of 3 lines reproduced, 2 in kind, 0 not'
    """
    least, middle, most = (verdicts.count(name) for name in VERDICTS)
    return f"{most} of {counted(len(verdicts), 'line')} reproduced, {middle} in kind, {least} not"
