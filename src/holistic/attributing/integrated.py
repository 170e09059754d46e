"""Integrates gradients along lines: in as many steps as each image needs, or exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.graph.accompanied import apart
from holistic.graph.lines import Lines, mixed
from holistic.graph.loops import batches

__all__ = ["ROUNDING", "Path", "Walk", "adaptive", "fixed"]

_FIRST = 4
"""Equal parts of the line that every image begins with."""
_DEEPEST = 18
"""Halvings of a part at most."""
ROUNDING = 2e-6
"""Share of the largest score up to which a difference is rounding."""
_TRIES = 4


@dataclass(frozen=True, eq=False)
class Path:
    """Lines from origins to images, and the scores along them.

    Attributes
    ----------
    lines
        What runs the model from where it stops being affine; None: from the points themselves.
    score
        Scores `[R]` of logits `[R, C]`, or of points where there are no `lines`, for the images of
        these places `[R]`.
    images, points, origins
        `[B, …]`.
    rows
        Most points in one run.
    """

    lines: Lines | None
    score: Callable[[Tensor, Tensor], Tensor]
    images: Tensor
    points: Tensor
    origins: Tensor
    rows: int

    def ends(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Values at the cut of origins and of images."""
        with torch.no_grad():
            if self.lines is None:
                return (apart(self.origins)[0],), (apart(self.points.detach())[0],)
            return self.lines.heads(self.origins), self.lines.heads(self.points.detach())

    def scores(self, heads: tuple[Tensor, ...], places: Tensor) -> Tensor:
        """Scores `[R]` of values at the cut that belong to the images of these places."""
        if self.lines is None:
            return self.score(heads[0], places)
        return self.score(self.lines.logits(heads, self.images[places]), places)

    def pulled(self, means: tuple[Tensor, ...]) -> Tensor:
        """Attributions `[B, …]` of mean gradients at the cut."""
        change = apart(self.points)[0].detach() - apart(self.origins)[0]
        if self.lines is None:
            return change * means[0]
        with torch.enable_grad():
            free = self.points.detach().clone().requires_grad_()
            heads = self.lines.heads(free)
            total = sum((h * m).sum() for h, m in zip(heads, means, strict=True))
            (slope,) = torch.autograd.grad(total, free)  # pyright: ignore[reportArgumentType]
        return change * apart(slope)[0]


@dataclass(eq=False)
class Walk:
    """Runs points of lines and adds up their gradients; holds no more than `rows` at once."""

    path: Path
    start: tuple[Tensor, ...]
    end: tuple[Tensor, ...]
    means: tuple[Tensor, ...]

    @classmethod
    def of(cls, path: Path) -> Walk:
        """Begin with nothing added up."""
        start, end = path.ends()
        return cls(path, start, end, tuple(torch.zeros_like(value) for value in end))

    def values(self, places: Tensor, shares: Tensor) -> Tensor:
        """Scores `[R]` float64 without gradients."""
        found = list[Tensor]()
        for part in batches(len(places), self.path.rows):
            with torch.no_grad():
                found.append(self.path.scores(self._at(places[part], shares[part]), places[part]))
        return torch.cat(found).double()

    def _at(self, places: Tensor, shares: Tensor) -> tuple[Tensor, ...]:
        return tuple(
            mixed(a[places], b[places], shares) for a, b in zip(self.start, self.end, strict=True)
        )

    def slopes(self, places: Tensor, shares: Tensor) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
        """Gradients at the cut, scores and slopes along the line, `[R]` float64, of one run."""
        with torch.enable_grad():
            heads = tuple(h.requires_grad_() for h in self._at(places, shares))
            scores = self.path.scores(heads, places)
            found = torch.autograd.grad(scores.sum(), heads, materialize_grads=True)
        along = sum(
            torch.linalg.vecdot(g.flatten(1), (b[places] - a[places]).flatten(1))
            for g, a, b in zip(found, self.start, self.end, strict=True)
        )
        return found, scores.detach().double(), along.double()  # pyright: ignore[reportAttributeAccessIssue]

    def add(self, gradients: tuple[Tensor, ...], places: Tensor, weights: Tensor) -> None:
        """Add gradients `[R, …]` to the means of their images, with weights `[R]`."""
        for mean, one in zip(self.means, gradients, strict=True):
            weighted = one * weights.to(one.dtype).reshape(-1, *[1] * (one.dim() - 1))
            mean.index_add_(0, places, weighted)

    def clear(self, places: Tensor) -> None:
        """Forget what was added for some images."""
        for mean in self.means:
            mean[places] = 0


def fixed(path: Path, steps: int) -> Tensor:
    """Integrate by the quadrature of Gauss and Legendre with so many points: `[B, …]`."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    walk, count = Walk.of(path), len(path.points)
    shares = torch.from_numpy((nodes + 1) / 2).repeat_interleave(count)
    weight = torch.from_numpy(weights / 2).repeat_interleave(count)
    places = torch.arange(count).repeat(steps)
    for part in batches(len(places), path.rows):
        gradients, _, _ = walk.slopes(places[part], shares[part])
        walk.add(gradients, places[part], weight[part])
    return path.pulled(walk.means)


def adaptive(path: Path, tolerance: float) -> tuple[Tensor, Tensor]:
    """Integrate in as many steps as each image needs.

    A part of a line is halved until its slope in the middle, times its length, is the change of the
    score over it. Images whose map still misses the change of their score go on with finer parts.

    Parameters
    ----------
    path
        The lines.
    tolerance
        Most that a map's sum may miss, as a share of how far the score moves along the line.

    Returns
    -------
    attributions, errors
        `[B, …]`, and by how much each map's sum misses the change of the score, `[B]`, in the same
        terms.
    """
    walk, count = Walk.of(path), len(path.points)
    everyone = torch.arange(count)
    grid = torch.linspace(0, 1, _FIRST + 1, dtype=torch.float64)
    scores = walk.values(everyone.repeat(_FIRST + 1), grid.repeat_interleave(count))
    scores = scores.unflatten(0, (_FIRST + 1, count))
    moved = scores.diff(dim=0).abs().sum(0) + ROUNDING * scores.abs().amax(0) + 1e-300  # [B]
    change, total = scores[-1] - scores[0], torch.zeros(count, dtype=torch.float64)
    left, errors = everyone, torch.zeros(count, dtype=torch.float64)
    for attempt in range(_TRIES):
        walk.clear(left)
        total[left] = 0
        finest = torch.full((count,), tolerance / 2.0**attempt, dtype=torch.float64) * moved
        _halved(walk, left, grid, scores, finest, total)
        errors = (total - change).abs() / moved
        left = (errors > tolerance).nonzero()[:, 0]
        if not len(left):
            break
    return path.pulled(walk.means), errors


def _halved(
    walk: Walk, places: Tensor, grid: Tensor, scores: Tensor, finest: Tensor, total: Tensor
) -> None:
    """Halve the parts of some images' lines, round by round; adds what each part holds."""
    parts = len(grid) - 1
    own = places.repeat(parts)
    low = grid[:-1].repeat_interleave(len(places))
    length = torch.full_like(low, 1.0 / parts)
    before, after = scores[:-1][:, places].flatten(), scores[1:][:, places].flatten()
    for depth in range(_DEEPEST):
        again = list[tuple[Tensor, ...]]()
        for part in batches(len(own), walk.path.rows):
            at, wide = own[part], length[part]
            middle = low[part] + wide / 2
            gradients, here, along = walk.slopes(at, middle)
            missed = (along * wide - (after[part] - before[part])).abs()
            # parts are allowed more where they are long, and fewer are long than short
            good = missed <= finest[at] * (wide * parts).sqrt() / parts
            good |= torch.full_like(good, depth == _DEEPEST - 1)
            weights = torch.where(good, wide, 0.0)
            walk.add(gradients, at, weights)
            total.index_add_(0, at, along * weights)
            bad = ~good
            half = wide[bad] / 2
            again.append((at[bad], low[part][bad], half, before[part][bad], here[bad]))
            again.append((at[bad], middle[bad], half, here[bad], after[part][bad]))
        own, low, length, before, after = (torch.cat(c) for c in zip(*again, strict=True))
        if not len(own):
            return
