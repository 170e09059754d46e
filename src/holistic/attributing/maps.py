"""Makes maps by one method, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from holistic.attributing.baselines import baselines_of
from holistic.attributing.method import Batch, Method, Setup
from holistic.attributing.points import Points
from holistic.graph.loops import batches
from holistic.graph.memory import budget
from holistic.study.subject import Subject

__all__ = ["Question", "maps_by", "maps_in_parts", "seeded", "setup_of"]

_BYTES = 8 << 20
"""Bytes of inputs in one forward and backward run."""
_ROWS = 1024
"""Most inputs in one forward and backward run."""
_PARTS = 4
"""Images go together in so many times fewer than inputs: methods run several inputs of each."""


@dataclass(frozen=True)
class Question:
    """What is attributed, and from where.

    Attributes
    ----------
    objective
        `logit`, `margin` or `log_prob` of a class; of pairs it is the difference of logits.
    baseline
        See `holistic.attributing.baselines`.
    settings
        The method's settings, checked and complete.
    """

    objective: str = "logit"
    baseline: Any = "zero"
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])


def setup_of(subject: Subject, method: Method, question: Question) -> Setup:
    """Prepare a method for a model."""
    image = subject.images[0]
    room = budget(torch.device(subject.device), _BYTES, share=64)
    rows = int(max(1, min(_ROWS, room // max(1, image.numel() * image.element_size()))))
    return Setup(subject, Points.of(subject, question.objective), question.settings, rows)


def maps_by(
    subject: Subject,
    method: Method,
    images: Tensor,
    targets: Tensor,
    question: Question,
    finished: Callable[[int], None] = lambda _: None,
) -> Tensor:
    """Attribute each image's score to its pixels: float32 `[B, …]` on the processor."""
    parts = [torch.zeros((0, *images.shape[1:]))]
    for values in maps_in_parts(subject, method, images, targets, question):
        parts.append(values)
        finished(len(values))
    return torch.cat(parts)


def maps_in_parts(
    subject: Subject, method: Method, images: Tensor, targets: Tensor, question: Question
) -> Iterator[Tensor]:
    """The same, some images after others."""
    given = setup_of(subject, method, question)
    attribute = method.set_up(given)
    size = max(1, given.rows // _PARTS)
    for batch in _batches(given, images, targets, question.baseline, size):
        with seeded(subject.seed + batch.start, batch.images.device):
            values = attribute(batch).detach().float().cpu()
        yield _plain(given.points.placed(values, batch.images))


def _plain(values: Tensor) -> Tensor:
    return values.as_subclass(Tensor)


def _batches(
    given: Setup, images: Tensor, targets: Tensor, baseline: Any, size: int
) -> Iterator[Batch]:
    subject = given.subject
    for part in batches(len(images), size):
        some, wanted = images[part].to(subject.device), targets[part].to(subject.device)
        origin = baselines_of(subject, some, wanted, baseline, part.start)
        points = given.points.values(some).clone()
        origins = given.points.values(origin)
        if points.is_floating_point():
            points.requires_grad_()
        yield Batch(some, points, wanted, origin, origins.to(points), part.start)


@contextmanager
def seeded(seed: int, device: torch.device) -> Generator[None]:
    """Seed the global generators that Captum draws from, and put them back afterwards."""
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(seed)
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
