"""Attributes a class's score to the units of a site along the line from a baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.attributing.points import target_scores
from holistic.errors import SettingError, listed, nearest
from holistic.graph.sites import Site
from holistic.study.subject import Subject

__all__ = ["UNIT_METHODS", "attribute_site"]

Slopes = tuple[Tensor, Tensor]
"""Values of a site `[S, B, P…, U]` at points of the lines, and the score's slopes there."""


@dataclass(frozen=True, eq=False)
class _Line:
    """Lines from origins to images, `[B, …]` each, and the classes that are scored, `[B]`."""

    subject: Subject
    site: Site
    images: Tensor
    origins: Tensor
    targets: Tensor
    objective: str

    @property
    def change(self) -> Tensor:
        """The way from the origins to the images."""
        return self.images - self.origins

    def at(self, shares: np.ndarray) -> Slopes:
        """Values and slopes at shares of the way."""
        values, slopes = list[Tensor](), list[Tensor]()
        for share in shares:
            # of tokens there is no line, only its end
            point = self.images if share == 1 else self.origins + float(share) * self.change
            value, slope = self._one(point)
            values.append(value)
            slopes.append(slope)
        return torch.stack(values), torch.stack(slopes)

    def _one(self, images: Tensor) -> tuple[Tensor, Tensor]:
        name = self.site.name
        value = self.subject.downstream(images, (), [name])[1][name].detach().requires_grad_()
        with torch.enable_grad():
            logits = self.subject.logits_from(images, {name: value})
            total = target_scores(logits, self.targets, self.objective).sum()
            if not total.requires_grad:
                return value.detach(), torch.zeros_like(value)
            found = torch.autograd.grad(total, value, materialize_grads=True, allow_unused=True)
        return value.detach(), found[0]


def _conductance(line: _Line, steps: int) -> Tensor:
    values, slopes = line.at(_points(steps + 1)[0])
    return (slopes[:-1] * values.diff(dim=0)).sum(0)


def _internal_gradient(line: _Line, steps: int) -> Tensor:
    shares, weights = _points(steps)
    _, slopes = line.at(shares)
    return torch.tensordot(torch.from_numpy(weights).to(slopes), slopes, 1)


def _gradient_x_activation(line: _Line, steps: int) -> Tensor:
    values, slopes = line.at(np.ones(1))
    return values[0] * slopes[0]


def _points(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of Gauss and Legendre from 0 to 1, and their weights."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) / 2, weights / 2


UNIT_METHODS: dict[str, Callable[[_Line, int], Tensor]] = {
    "conductance": _conductance,
    "internal_gradient": _internal_gradient,
    "gradient_x_activation": _gradient_x_activation,
}


def attribute_site(
    subject: Subject,
    site: str,
    images: Tensor,
    targets: Tensor,
    method: str = "conductance",
    steps: int = 50,
) -> Tensor:
    """Attribute the score of a class to what each unit of a site holds.

    Parameters
    ----------
    subject, site
        The model, and the name of a site.
    images, targets
        `[B, …]`, and classes `[B]`, or pairs of them `[B, 2]`.
    method
        `conductance` (slopes times changes of the unit, added up on the line from zeros to the
        image), `internal_gradient` (the mean slope on that line), `gradient_x_activation`.
    steps
        Points on the line.

    Returns
    -------
    Tensor
        `[B, P…, U]`, signed, in logits (of `internal_gradient`: logits per unit of activation).

    Raises
    ------
    SettingError
        If there is no such method, the site has no gradient, or inputs have no line between them.

    References
    ----------
    Dhamdhere et al. 2018, section 2 (conductance); Leino et al. 2018, definition 3 (internal
    influence).
    """
    if method not in UNIT_METHODS:
        close = nearest(method, UNIT_METHODS)
        raise SettingError(f"no attribution of units '{method}'{close}; use {listed(UNIT_METHODS)}")
    found = subject.site(site)
    if why := subject.gradients.at(found.name):
        raise SettingError(f"site '{found.name}' has no gradient: {why}; name another site")
    if method != "gradient_x_activation" and not images.is_floating_point():
        raise SettingError(
            f"there is no line between inputs of type {images.dtype}; use 'gradient_x_activation'"
        )
    name = "margin" if subject.score == "accuracy" else subject.score
    line = _Line(subject, found, images, torch.zeros_like(images), targets, name)
    return UNIT_METHODS[method](line, steps)
