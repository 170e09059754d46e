"""How much of a unit's effect is its own, and how much is the answer of what follows?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.examples import Examples
from holistic.graph.engine import Change, Given
from holistic.lenses.ablation.pairs import site_stages
from holistic.sites import Site
from holistic.subject import Subject
from holistic.sweeps import replacing

__all__ = ["Paths", "follow_paths"]

_SAME = 1e-6


@dataclass(frozen=True)
class Paths:
    """Effects of T units on each example, in the subject's score.

    Attributes
    ----------
    path
        `frozen`: every later hidden site is held at its unedited value, so that only what passes
        them by (a residual stream, or nothing in between) reaches the logits. `gates`: no change
        gets past them, and the network behind the site is replaced by its tangent at the unedited
        run, so that every later unit answers by the slope that it has there and none opens,
        closes or saturates.
    total, direct
        `[T, B]`.
    """

    path: str
    total: np.ndarray
    direct: np.ndarray


def follow_paths(
    subject: Subject, site: Site, units: Sequence[int], examples: Examples, edit: str
) -> Paths | None:
    """Replace units one at a time with everything behind free, and with it frozen.

    None where nothing passes what is frozen by, and there are no gradients for the tangent.
    """
    later = [other.name for other in subject.hidden_sites if other.depth > site.depth]
    total, direct, frozen = list[np.ndarray](), list[np.ndarray](), None
    masks = torch.zeros(len(units), site.units, dtype=torch.bool)
    masks[torch.arange(len(units)), torch.tensor(units)] = True
    start = 0
    for stage, labels, new in site_stages(subject, site, examples, edit):
        images = examples.images[start : start + len(labels)]
        start += len(labels)
        before = subject.score_of(stage.base, labels).double()
        free = torch.cat([logits for _, logits in stage.sets(masks)])  # [T, B, C]
        held = {name: Given(value) for name, value in subject.capture(later, images).items()}
        if frozen is None:
            frozen = _passes(subject, site, images, new, held)
            if not frozen and subject.gradients.at(site.name):
                return None
        carried = (
            _held_logits(subject, site, units, images, (new, held))
            if frozen
            else _tangent_logits(subject, site, units, images, new)
        )
        for logits, into in ((free, total), (carried, direct)):
            after = subject.score_of(logits.flatten(0, 1), labels.repeat(len(units))).double()
            into.append((after.view(len(units), -1) - before).cpu().numpy())
    path = "frozen" if frozen else "gates"
    return Paths(path, np.concatenate(total, 1), np.concatenate(direct, 1))


def _run(
    subject: Subject, site: Site, images: Tensor, change: Change, held: Mapping[str, Change]
) -> Tensor:
    with torch.no_grad():
        return subject.engine.run(images, (), {**held, site.name: change})[0]


def _passes(
    subject: Subject, site: Site, images: Tensor, new: Tensor, held: Mapping[str, Change]
) -> bool:
    """Whether replacing the whole site reaches the logits with all later sites held."""
    moved = _run(subject, site, images, replacing(None, new), held)
    still = _run(subject, site, images, lambda value: value, held)
    return float((moved - still).abs().max()) > _SAME * max(1.0, float(still.abs().max()))


def _held_logits(
    subject: Subject,
    site: Site,
    units: Sequence[int],
    images: Tensor,
    replaced: tuple[Tensor, Mapping[str, Change]],
) -> Tensor:
    new, held = replaced
    return torch.stack([_run(subject, site, images, replacing([u], new), held) for u in units])


def _tangent_logits(
    subject: Subject, site: Site, units: Sequence[int], images: Tensor, new: Tensor
) -> Tensor:
    """Logits `[T, B, C]` of the tangent: a product with the Jacobian for each unit.

    The pull-back of w is linear in w, and its derivative by w is the push-forward.
    """
    value = subject.capture([site.name], images)[site.name]
    with torch.enable_grad():
        point = value.clone().requires_grad_()
        logits = subject.logits_from(images, {site.name: point})
        weight = torch.zeros_like(logits, requires_grad=True)
        (pulled,) = torch.autograd.grad(logits, point, weight, create_graph=True)
        moved = list[Tensor]()
        for unit in units:
            difference = replacing([unit], new)(value) - value
            (pushed,) = torch.autograd.grad((pulled * difference).sum(), weight, retain_graph=True)
            moved.append((logits + pushed).detach())
    return torch.stack(moved)
