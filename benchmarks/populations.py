"""Small trained networks with so many images that what an audit estimates is known."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

import holistic
from holistic.study.divided import Divided
from holistic.study.identity import Identity
from holistic.study.references import References

__all__ = ["CLASSES", "drawn", "population", "redrawn", "relabelled", "shuffled"]

CLASSES = 4
_IMAGES, _SELECTED = 12_000, 2_000
_PIXELS = 6


@cache
def population(
    units: int = 8, *, trained: bool = True, seed: int = 0, layers: int = 1
) -> holistic.Subject:
    """Hidden layers on overlapping clouds of points; all images but 2,000 are evaluation."""
    generator = torch.Generator().manual_seed(seed)
    centres = 1.2 * torch.randn(CLASSES, _PIXELS, generator=generator)
    labels = torch.arange(_IMAGES) % CLASSES
    images = centres[labels] + torch.randn(_IMAGES, _PIXELS, generator=generator)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        widths = [_PIXELS, *[units] * layers]
        hidden = [m for a, b in pairwise(widths) for m in (nn.Linear(a, b), nn.ReLU())]
        model = nn.Sequential(*hidden, nn.Linear(units, CLASSES))
        if trained:
            fresh = centres[labels] + torch.randn(_IMAGES, _PIXELS, generator=generator)
            optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
            for _ in range(80):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(fresh[:2000]), labels[:2000]).backward()
                optimizer.step()
    subject = holistic.Subject(model.eval(), (images, labels), seed=seed)
    return _parted(subject, np.arange(_SELECTED), np.arange(_SELECTED, _IMAGES), seed)


def drawn(subject: holistic.Subject, n: int, seed: int) -> holistic.Subject:
    """Return the same subject with n images of the population as its evaluation split."""
    rows = np.random.default_rng([seed, n]).permutation(subject.evaluation_indices)[:n]
    return _parted(subject, subject.selection_indices, np.sort(rows), seed)


def shuffled(subject: holistic.Subject, n: int, seed: int) -> holistic.Subject:
    """Return n images to select and n to evaluate, whose labels are dealt out at random."""
    rng = np.random.default_rng([seed, n, 1])
    rows = rng.permutation(len(subject.labels))[: 2 * n]
    labels = subject.labels[torch.from_numpy(rng.permutation(len(subject.labels)))]
    return _parted(subject, rows[:n], rows[n:], seed, labels)


def redrawn(subject: holistic.Subject, seed: int) -> nn.Module:
    """Draw a subject's weights anew, in place: what is traced once serves many networks."""
    model = subject.wrapped.model
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for part in model.modules():
            if isinstance(part, nn.Linear):
                part.reset_parameters()
    return model


def relabelled(
    subject: holistic.Subject, images: Tensor, labels: Tensor, seed: int
) -> holistic.Subject:
    """Return the same subject with other images and labels, halved at random by the seed."""
    return _with(subject, Divided(images, labels, seed))


def _parted(
    subject: holistic.Subject,
    selection: np.ndarray,
    evaluation: np.ndarray,
    seed: int,
    labels: Tensor | None = None,
) -> holistic.Subject:
    """Return the same subject with other splits, and with other labels if given."""
    labels = subject.labels if labels is None else labels
    return _with(subject, Divided(subject.images, labels, seed, (selection, evaluation)))


def _with(subject: holistic.Subject, data: Divided) -> holistic.Subject:
    """Copy a subject, its engine included, with other data."""
    part = copy.copy(subject)
    vars(part).update(data=data, choices=replace(subject.choices, seed=data.seed))
    part.references, part.identity = References(part), Identity(part, part.runner)
    return part
