"""Integrates gradients of piecewise linear models exactly, between the points where they bend."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from holistic.attributing.integrated import ROUNDING, Path, Walk
from holistic.graph.loops import batches

__all__ = ["exact"]

_NARROW = 2.0**-22
"""Share of the line below which two points are one."""
_ROUNDS = 200
_INNER = (0.14, 0.86)
"""Where to begin: at the ends themselves a model without biases bends."""


@dataclass(eq=False)
class _Points:
    """Points of lines at which score and slope are known, by number.

    Attributes
    ----------
    place, share, score, slope, weight
        `[P]`: image, share of the way, score, slope along the line, and how much of the line is
        straight through the point.
    """

    place: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))
    share: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.float64))
    score: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.float64))
    slope: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.float64))
    weight: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.float64))

    def run(self, walk: Walk, place: Tensor, share: Tensor) -> Tensor:
        """Add points, and return their numbers."""
        scores, slopes = list[Tensor](), list[Tensor]()
        for part in batches(len(place), walk.path.rows):
            _, score, slope = walk.slopes(place[part], share[part])
            scores.append(score)
            slopes.append(slope)
        first = len(self.place)
        self.place = torch.cat([self.place, place])
        self.share = torch.cat([self.share, share])
        self.score = torch.cat([self.score, *scores])
        self.slope = torch.cat([self.slope, *slopes])
        self.weight = torch.cat([self.weight, torch.zeros(len(place), dtype=torch.float64)])
        return torch.arange(first, len(self.place))

    def line(self, number: Tensor, share: Tensor) -> Tensor:
        """Scores on the straight lines through points, at shares of the way."""
        return self.score[number] + self.slope[number] * (share - self.share[number])

    def weigh(self, number: Tensor, width: Tensor) -> None:
        """Let points stand for that much more of their line."""
        self.weight.index_add_(0, number, width)


def exact(path: Path) -> tuple[Tensor, Tensor]:
    """Integrate gradients exactly, but for rounding, where the model is piecewise linear.

    Straight lines through two points of a line meet where the model bends once between them; if it
    bends elsewhere, the score there isn't on them, and the search goes on from there.

    Returns
    -------
    attributions, errors
        `[B, …]`, and by how much each map's sum misses the change of the score, `[B]`, as a share
        of how far the score moves between the points.
    """
    walk, count = Walk.of(path), len(path.points)
    everyone, points = torch.arange(count), _Points()
    ends = walk.values(everyone.repeat(2), torch.tensor([0.0, 1.0]).repeat_interleave(count))
    ends = ends.unflatten(0, (2, count))  # [2, B]
    bound = ROUNDING * ends.abs().amax(0) + 1e-12
    low, high = (points.run(walk, everyone, torch.full((count,), s).double()) for s in _INNER)
    left, right = low, high
    pairs = [(left, right)]
    for end, inner in ((0, low), (1, high)):
        pairs += _outward(walk, points, ends[end], float(end), inner, bound)
    _between(walk, points, pairs, bound)
    for part in batches(len(points.place), path.rows):
        gradients, _, _ = walk.slopes(points.place[part], points.share[part])
        walk.add(gradients, points.place[part], points.weight[part])
    sums = torch.zeros(count, dtype=torch.float64)
    sums.index_add_(0, points.place, points.slope * points.weight)
    moved = torch.zeros(count, dtype=torch.float64)
    moved.index_add_(0, points.place, (points.slope * points.weight).abs())
    errors = (sums - (ends[1] - ends[0])).abs() / (moved + bound)
    return path.pulled(walk.means), errors


def _outward(
    walk: Walk, points: _Points, scores: Tensor, end: float, inner: Tensor, bound: Tensor
) -> list[tuple[Tensor, Tensor]]:
    """Go from points towards an end until the line is straight; returns pairs of neighbours."""
    pairs = list[tuple[Tensor, Tensor]]()
    for _ in range(_ROUNDS):
        place, share = points.place[inner], points.share[inner]
        off = (points.line(inner, torch.full_like(share, end)) - scores[place]).abs()
        done = (off <= bound[place]) | ((share - end).abs() < _NARROW)
        points.weigh(inner[done], (share[done] - end).abs())
        inner, place, share = inner[~done], place[~done], share[~done]
        if not len(inner):
            break
        middle = points.run(walk, place, (share + end) / 2)
        pairs.append((middle, inner) if end < 0.5 else (inner, middle))
        inner = middle
    return pairs


def _between(
    walk: Walk, points: _Points, pairs: list[tuple[Tensor, Tensor]], bound: Tensor
) -> None:
    """Find where the model bends between neighbouring points, and weigh them accordingly."""
    left, right = (torch.cat(side) for side in zip(*pairs, strict=True))
    for _ in range(_ROUNDS):
        low, high = points.share[left], points.share[right]
        limit = bound[points.place[left]]
        straight = (points.line(left, high) - points.score[right]).abs() <= limit
        straight &= (points.line(right, low) - points.score[left]).abs() <= limit
        straight |= high - low < _NARROW
        half = (high - low)[straight] / 2
        points.weigh(left[straight], half)
        points.weigh(right[straight], half)
        left, right = left[~straight], right[~straight]
        if not len(left):
            return
        left, right = _bent(walk, points, left, right, bound)


def _bent(
    walk: Walk, points: _Points, left: Tensor, right: Tensor, bound: Tensor
) -> tuple[Tensor, Tensor]:
    """Try where the lines through two points meet; returns the pairs that are still open."""
    low, high = points.share[left], points.share[right]
    turn = points.slope[left] - points.slope[right]
    gap = points.score[right] - points.line(left, high)
    safe = torch.where(turn == 0, 1.0, turn)
    met = high + gap / safe  # from the right end back to where both lines meet
    inside = (turn != 0) & (met > low) & (met < high)
    met = torch.where(inside, met, (low + high) / 2)
    new = points.run(walk, points.place[left], met)
    on = (points.line(left, met) - points.score[new]).abs() <= bound[points.place[left]]
    once = inside & on
    points.weigh(left[once], (met - low)[once])
    points.weigh(right[once], (high - met)[once])
    more = ~once
    return torch.cat([left[more], new[more]]), torch.cat([new[more], right[more]])
