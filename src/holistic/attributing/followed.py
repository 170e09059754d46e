"""Integrates gradients along lines in as many points as each image needs, up to exactly."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from holistic.attributing.integrated import ROUNDING, Path, Walk
from holistic.graph.loops import batches

__all__ = ["followed"]

_NARROW = 2.0**-22
"""Share of the line below which two points are one."""
_ROUNDS = 200
_SLACK = 1e-3
_NEAR = 8.0
_TRIES = 8
_INNER = tuple((n + 0.5) / 12 for n in range(12))
"""Where to begin: enough points that gradients are averaged well wherever the score bends little.
At the ends themselves a model without biases, or a maximum of equals, bends."""


def _none() -> Tensor:
    return torch.zeros(0, dtype=torch.float64)


@dataclass(eq=False)
class _Points:
    """Points of lines at which score and slope are known, by number.

    Attributes
    ----------
    walk
        What runs them.
    keep
        Whether gradients are kept until it is known how much of the line a point stands for; else
        they are computed again.
    place, share, score, slope, weight
        `[P]`: image, share of the way, score, slope along the line, and how much of the line the
        point stands for.
    """

    walk: Walk
    keep: bool
    place: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))
    share: Tensor = field(default_factory=_none)
    score: Tensor = field(default_factory=_none)
    slope: Tensor = field(default_factory=_none)
    weight: Tensor = field(default_factory=_none)
    kept: list[tuple[Tensor, ...]] = field(default_factory=list[tuple[Tensor, ...]])

    def run(self, place: Tensor, share: Tensor) -> Tensor:
        """Add points, and return their numbers."""
        scores, slopes = [self.score], [self.slope]
        for part in batches(len(place), self.walk.path.rows):
            gradients, score, slope = self.walk.slopes(place[part], share[part])
            scores.append(score.cpu())
            slopes.append(slope.cpu())
            if self.keep:
                self.kept.append(gradients)
        first = len(self.place)
        self.place = torch.cat([self.place, place])
        self.share = torch.cat([self.share, share])
        self.score, self.slope = torch.cat(scores), torch.cat(slopes)
        self.weight = torch.cat([self.weight, torch.zeros(len(place), dtype=torch.float64)])
        return torch.arange(first, len(self.place))

    def line(self, number: Tensor, share: Tensor) -> Tensor:
        """Scores on the straight lines through points, at shares of the way."""
        return self.score[number] + self.slope[number] * (share - self.share[number])

    def weigh(self, number: Tensor, width: Tensor) -> None:
        """Let points stand for that much more of their line."""
        self.weight.index_add_(0, number, width)

    def meet(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        """Where the lines through two points meet, and whether that is between them."""
        low, high = self.share[left], self.share[right]
        turn = self.slope[left] - self.slope[right]
        gap = self.score[right] - self.line(left, high)
        met = high + gap / torch.where(turn == 0, 1.0, turn)
        slack = _SLACK * (high - low)  # one of the points may be where the score bends
        inside = (turn != 0) & (met > low - slack) & (met < high + slack)
        met = torch.minimum(torch.maximum(met, low), high)
        return torch.where(inside, met, (low + high) / 2), inside

    def settle(self, left: Tensor, right: Tensor) -> None:
        """Let two neighbours stand for what is between them, each up to where their lines meet."""
        met, _ = self.meet(left, right)
        self.weigh(left, met - self.share[left])
        self.weigh(right, self.share[right] - met)

    def sums(self, count: int) -> Tensor:
        """What the maps of so many images add up to, `[B]`."""
        found = torch.zeros(count, dtype=torch.float64)
        return found.index_add_(0, self.place, self.slope * self.weight)

    def neighbours(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Pairs of neighbouring points of some images, of a mask `[B]`."""
        order = torch.from_numpy(np.lexsort((self.share.numpy(), self.place.numpy())))
        left, right = order[:-1], order[1:]
        own = (self.place[left] == self.place[right]) & images[self.place[left]]
        return left[own], right[own]

    def reset(self, images: Tensor) -> None:
        """Let the points of some images, of a mask `[B]`, stand for what is outside of them all."""
        self.weight[images[self.place]] = 0
        order = torch.from_numpy(np.lexsort((self.share.numpy(), self.place.numpy())))
        order = order[images[self.place[order]]]
        own = self.place[order]
        first = torch.ones(len(own), dtype=torch.bool)
        first[1:] = own[1:] != own[:-1]
        last = first.roll(-1)
        self.weigh(order[first], self.share[order[first]])
        self.weigh(order[last], 1 - self.share[order[last]])

    def add_up(self) -> None:
        """Add every point's gradient, times what it stands for, to its image's mean."""
        start = 0
        for gradients in self.kept:
            part = slice(start, start + len(gradients[0]))
            self.walk.add(gradients, self.place[part], self.weight[part])
            start = part.stop
        rows = self.walk.path.rows
        for part in [] if self.keep else batches(len(self.place), rows):
            gradients, _, _ = self.walk.slopes(self.place[part], self.share[part])
            self.walk.add(gradients, self.place[part], self.weight[part])


def followed(path: Path, tolerance: float) -> tuple[Tensor, Tensor]:
    """Integrate gradients along lines.

    The straight lines through two neighbouring points of a line, by their scores and slopes, meet
    where the score bends if it bends once between them. There, and on either side, the score is
    computed: if it is on both lines, each point stands for its side. Else the search goes on
    between them. So a model that is linear between changes of an activation's sign is integrated
    exactly by a tolerance of 0, but for rounding.

    Parameters
    ----------
    path
        The lines.
    tolerance
        How far the score may be from the straight lines, as a share of how far it moves.

    Returns
    -------
    attributions, errors
        `[B, …]`, and by how much each map's sum misses the change of the score, `[B]`, as a share
        of how far the score moves.
    """
    walk, count = Walk.of(path), len(path.points)
    points, everyone = _Points(walk, keep=tolerance > 0), torch.arange(count)
    ends = walk.values(everyone.repeat(2), torch.tensor([0.0, 1.0]).repeat_interleave(count))
    ends = ends.cpu().unflatten(0, (2, count))  # [2, B]
    share = torch.tensor(_INNER, dtype=torch.float64).repeat_interleave(count)
    inner = points.run(everyone.repeat(len(_INNER)), share).unflatten(0, (len(_INNER), count))
    passed = torch.cat([ends[:1], points.score[inner], ends[1:]])  # [2 + 12, B]
    moved = passed.diff(dim=0).abs().sum(0)
    bound = tolerance * moved + ROUNDING * passed.abs().amax(0) + 1e-12
    pairs = list(pairwise(inner))
    pairs += _outward(points, ends[0], 0.0, inner[0], bound / 2)
    pairs += _outward(points, ends[1], 1.0, inner[-1], bound / 2)
    left, right = (torch.cat(side) for side in zip(*pairs, strict=True))
    change = ends[1] - ends[0]
    for _ in range(_TRIES):
        _between(points, left, right, bound)
        missed = (points.sums(count) - change).abs() / (moved + 1e-12)
        bound = bound / 4
        left, right = points.neighbours(missed > tolerance)
        if tolerance == 0 or not len(left):
            break
        points.reset(missed > tolerance)
    points.add_up()
    return path.pulled(walk.means), (points.sums(count) - change).abs() / (moved + 1e-12)


def _outward(
    points: _Points, scores: Tensor, end: float, inner: Tensor, bound: Tensor
) -> list[tuple[Tensor, Tensor]]:
    """Go from points towards an end until the score is straight; returns pairs of neighbours."""
    pairs = list[tuple[Tensor, Tensor]]()
    for _ in range(_ROUNDS):
        place, share = points.place[inner], points.share[inner]
        off = (points.line(inner, torch.full_like(share, end)) - scores[place]).abs()
        done = (off <= bound[place]) | ((share - end).abs() < _NARROW)
        points.weigh(inner[done], (share[done] - end).abs())
        inner, place, share = inner[~done], place[~done], share[~done]
        if not len(inner):
            break
        middle = points.run(place, (share + end) / 2)
        pairs.append((middle, inner) if end < 0.5 else (inner, middle))
        inner = middle
    return pairs


def _between(points: _Points, left: Tensor, right: Tensor, bound: Tensor) -> None:
    """Go on between neighbouring points until the score is on their straight lines."""
    for _ in range(_ROUNDS):
        low, high = points.share[left], points.share[right]
        limit = bound[points.place[left]]
        straight = (points.line(left, high) - points.score[right]).abs() <= limit
        straight &= (points.line(right, low) - points.score[left]).abs() <= limit
        straight |= high - low < _NARROW
        points.settle(left[straight], right[straight])
        left, right = left[~straight], right[~straight]
        if not len(left):
            return
        left, right = _bent(points, left, right, bound)


def _bent(points: _Points, left: Tensor, right: Tensor, bound: Tensor) -> tuple[Tensor, Tensor]:
    """Try where the lines through two points meet; returns the pairs that are still open.

    There, and close by on either side, the score must be on the lines: where the model bends more
    than once, they may meet at a point of one of them that is behind all bends.
    """
    low, high = points.share[left], points.share[right]
    place, limit = points.place[left], bound[points.place[left]]
    met, inside = points.meet(left, right)
    inside &= (met > low) & (met < high)
    met = torch.where(inside, met, (low + high) / 2)
    scores = points.walk.values(place, met).cpu()
    on = inside & ((points.line(left, met) - scores).abs() <= limit)
    off = torch.zeros(2, len(left), dtype=torch.float64)
    turn = (points.slope[left] - points.slope[right]).abs().clamp(min=1e-300)
    near = _NEAR * limit / turn  # as close as a wrong line would still be seen to be off
    sides = torch.stack([met - near.minimum((met - low) / 2), met + near.minimum((high - met) / 2)])
    for side, own in enumerate((left, right)):
        found = points.walk.values(place[on], sides[side][on]).cpu()
        off[side, on] = (points.line(own[on], sides[side][on]) - found).abs()
    once = on & (off.amax(0) <= limit)
    points.settle(left[once], right[once])
    worse = torch.where(off[0] > off[1], (low + met) / 2, (met + high) / 2)
    more = ~once
    new = points.run(place[more], torch.where(on, worse, met)[more])
    return torch.cat([left[more], new]), torch.cat([new, right[more]])
