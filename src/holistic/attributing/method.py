"""Declares what an attribution method is, and what it is set up with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from holistic.attributing.points import Points
from holistic.study.subject import Subject

__all__ = ["Attribute", "Batch", "Method", "Need", "Option", "Setup", "no_gradients", "no_graph"]


_REFUSALS: WeakKeyDictionary[Subject, dict[str, str]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Option:
    """A setting of a method.

    Attributes
    ----------
    default
        What it is unless told otherwise; None leaves it to the method.
    low, high
        Smallest and largest number; a whole number where the default or `low` is one.
    allowed
        The words that it may be, where it is a word.
    meaning
        What it decides.
    """

    default: Any
    low: float = 0
    high: float = 1_000_000
    allowed: tuple[str, ...] = ()
    meaning: str = ""


@dataclass(frozen=True)
class Batch:
    """Images that are attributed together.

    Attributes
    ----------
    images
        `[B, …]`, as the model is given them.
    points
        What attributions belong to, `[B, …]`, with a gradient: the images, or tokens' embeddings.
    targets
        `[B]` classes, or `[B, 2]`: of the first class's logit minus the second's.
    baselines
        Images that stand for nothing, `[B, …]`.
    origins
        Their points.
    start
        Place of the first image among all.
    """

    images: Tensor
    points: Tensor
    targets: Tensor
    baselines: Tensor
    origins: Tensor
    start: int = 0


Attribute = Callable[[Batch], Tensor]
"""Returns signed attributions, `[B, …]` like the points or like the images."""


@dataclass(frozen=True)
class Setup:
    """What a method is set up with, for one model.

    Attributes
    ----------
    subject
        Model and data.
    points
        What attributions belong to, and how scores follow from it.
    settings
        The method's settings by name.
    rows
        Most inputs in one forward and backward run.
    """

    subject: Subject
    points: Points
    settings: Mapping[str, Any]
    rows: int

    def total(self, points: Tensor, targets: Tensor, images: Tensor | None = None) -> Tensor:
        """The scores of a batch added up, `[1]`: its gradient holds each example's own."""
        return self.points.scores(points, targets, images).sum()[None]

    def further(self, batch: Batch) -> tuple[Any, ...]:
        """What `total` is given beside the points."""
        return batch.targets, batch.images if self.points.site else None

    @torch.enable_grad()
    def gradient(self, batch: Batch, points: Tensor | None = None) -> Tensor:
        """Gradient of each example's score in its points, `[B, …]`."""
        point = (batch.points if points is None else points).detach().requires_grad_()
        total = self.total(point, *self.further(batch))
        return torch.autograd.grad(total.sum(), point)[0]


class Need(Protocol):
    """Says why a method can't be used on a model; nothing where it can."""

    def __call__(self, subject: Subject) -> str:
        """Return one line without a full stop, or an empty text."""
        ...


@dataclass(frozen=True)
class Method:
    """A method of attribution, declared in its own module and nowhere else.

    Attributes
    ----------
    name
        What arguments and tables call it; sentences write it as `display_name` does.
    set_up
        Prepares it for one model.
    formula, source, misleads
        What it computes, whose it is, and when it leads readers astray: in the docs' table.
    options
        Its settings by name.
    needs
        What a model must have, each a function that says why not.
    complete
        Whether a map adds up to the change of the score from the baseline.
    slope
        Whether a map is a slope: what it foresees of a change is its product with the change.
    baseline
        Where it starts from unless told otherwise; empty where it has no baseline.
    audit_options
        Its settings in audits, where they differ.
    random
        Whether a map depends on draws.
    runs
        Runs of the model that a map takes, by the settings: a backward run counts as one.
    audited
        Whether audits make its maps unless told otherwise.
    """

    name: str
    set_up: Callable[[Setup], Attribute]
    formula: str = ""
    source: str = ""
    misleads: str = ""
    options: Mapping[str, Option] = field(default_factory=dict[str, Option])
    needs: tuple[Need, ...] = ()
    complete: bool = False
    slope: bool = False
    baseline: str = ""
    audit_options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    random: bool = False
    runs: Callable[[Mapping[str, Any]], int] = lambda _: 1
    audited: bool = False

    def refusal(self, subject: Subject) -> str:
        """Why it can't be used on a model, in one line; empty where it can."""
        known = _REFUSALS.setdefault(subject, {})
        if self.name not in known:
            known[self.name] = next((why for need in self.needs if (why := need(subject))), "")
        return known[self.name]


def no_gradients(subject: Subject) -> str:
    """Say why the scores of a model have no gradient in what it is given."""
    if subject.input_kind.name == "tokens":
        return Points.of(subject, "logit").note
    return subject.gradients.note


def no_graph(subject: Subject) -> str:
    """Say why the operations of a model can't be given rules of their own."""
    return subject.backend_note.split(";")[0]
