"""Runs models along lines from origins to images, and integrates gradients at given points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.graph.accompanied import apart
from holistic.graph.lines import Lines, along
from holistic.graph.loops import batches

__all__ = ["ROUNDING", "Path", "Walk", "fixed"]

ROUNDING = 2e-6
"""Share of the largest score up to which a difference is rounding."""


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
            total = torch.stack([(h * m).sum() for h, m in zip(heads, means, strict=True)]).sum()
            (slope,) = torch.autograd.grad(total, free)
        return change * apart(slope)[0]


@dataclass(eq=False)
class Walk:
    """Runs points of lines and adds up their gradients; no more than `rows` are run at once."""

    path: Path
    start: tuple[Tensor, ...]
    change: tuple[Tensor, ...]
    means: tuple[Tensor, ...]

    @classmethod
    def of(cls, path: Path) -> Walk:
        """Begin with nothing added up."""
        start, end = path.ends()
        change = tuple(b - a for a, b in zip(start, end, strict=True))
        return cls(path, start, change, tuple(v.new_zeros(v.shape, dtype=_summed(v)) for v in end))

    def values(self, places: Tensor, shares: Tensor) -> Tensor:
        """Scores `[R]` float64 without gradients."""
        found = [torch.zeros(0)]
        for part in batches(len(places), self.path.rows):
            with torch.no_grad():
                scores = self.path.scores(self._at(places[part], shares[part]), places[part])
            found.append(scores.cpu())
        return torch.cat(found).double()

    def _at(self, places: Tensor, shares: Tensor) -> tuple[Tensor, ...]:
        with torch.no_grad():
            return tuple(
                torch.addcmul(a[places], b[places], along(b, shares))
                for a, b in zip(self.start, self.change, strict=True)
            )

    def slopes(self, places: Tensor, shares: Tensor) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
        """Gradients at the cut, scores and slopes along the line, `[R]` float64, of one run."""
        with torch.enable_grad():
            heads = tuple(h.requires_grad_() for h in self._at(places, shares))
            scores = self.path.scores(heads, places)
            found = torch.autograd.grad(scores.sum(), heads, materialize_grads=True)
        slopes = torch.zeros(len(places), dtype=torch.float64, device=scores.device)
        for gradient, change in zip(found, self.change, strict=True):
            slopes += _dots(gradient, change[places])
        return found, scores.detach().double(), slopes

    def add(self, gradients: tuple[Tensor, ...], places: Tensor, weights: Tensor) -> None:
        """Add gradients `[R, …]` to the means of their images, with weights `[R]`."""
        for mean, one in zip(self.means, gradients, strict=True):
            own = one.to(mean.dtype)
            mean.index_add_(0, places.to(own.device), own * along(own, weights))


def _dots(a: Tensor, b: Tensor) -> Tensor:
    """Products of `[R, …]` added up for each example, `[R]`."""
    return torch.linalg.vecdot(a.reshape(len(a), -1), b.reshape(len(b), -1))


def _summed(value: Tensor) -> torch.dtype:
    """The precision in which gradients are added up: single at least."""
    return torch.promote_types(value.dtype, torch.float32)


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
