"""The loops that measurements go through: batches, draws of an edit, and replays of single units.

What a replay can skip is decided here alone (`single_edits`); sets and orders of units are followed
by the stage itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from holistic.graph.edits import EditKind, edits_at
from holistic.graph.engine import Change, Engine, Given, Stage
from holistic.graph.sites import Site
from holistic.pieces import once
from holistic.spool import release

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = [
    "Batch",
    "ablation_value",
    "ablation_values",
    "batches",
    "order_groups",
    "replacing",
    "replays",
    "run_from",
    "single_edits",
]

_BATCH = 1024
_GROUPS = 16
"""Groups of orders at most: each is a piece of work."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Some neighbouring examples, ready for replays of one site's units.

    Attributes
    ----------
    rows
        Their places among the examples.
    images
        `[B, …]`.
    stage
        What replays them.
    new
        What removed units hold; broadcasts to the site's value `[B, P…, U]`.
    """

    rows: slice
    images: Tensor
    stage: Stage
    new: Tensor


def batches(count: int, size: int) -> Iterator[slice]:
    """Cut so many examples into batches of a size.

    >>> list(batches(5, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
        release()


def replays(
    subject: Subject, site: Site, images: Tensor, edit: EditKind, *, most: int = _BATCH
) -> Iterator[Batch]:
    """Yield the images `[N, …]` a batch at a time, ready for one draw of an edit.

    Parameters
    ----------
    subject, site
        Whose units are replaced.
    images
        What is replayed.
    edit
        What replaced units hold.
    most
        Largest number of examples in a batch; fewer where a stage would need too much memory.
    """
    for rows in batches(len(images), min(most, subject.engine.batch_rows([site]))):
        some = images[rows]
        new = ablation_value(subject, site, edit, some, rows.start)
        yield Batch(rows, some, subject.stage(site.name, some, new), new)


def single_edits(
    stage: Stage, chosen: Tensor | None = None
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Replace units, one at a time, on every example on which that changes something.

    Parameters
    ----------
    stage
        The batch of B examples.
    chosen
        Which units, `[K]`; all by default.

    Yields
    ------
    places, rows, logits
        Places `[R]` in a flattened table `[K, B]` of units and examples, the examples among them
        `[R]`, and what follows, `[R, C]`. Whatever isn't among the places keeps its outcome.
    """
    changed = stage.changed.T.cpu()  # [U, B]
    changed = changed if chosen is None else changed[chosen]  # [K, B]
    places = torch.from_numpy(np.flatnonzero(changed))  # several times faster than PyTorch's
    for part in batches(len(places), stage.chunk):
        some = places[part]
        units = some.div(changed.shape[1], rounding_mode="trunc")
        rows = some - units * changed.shape[1]
        own = units if chosen is None else chosen[units]
        key = ("single edits", stage, chosen, part.start)
        logits = once(key, lambda own=own, rows=rows: stage.units(own, rows))
        yield some.to(logits.device), rows.to(logits.device), logits


def order_groups(stage: Stage, count: int) -> Iterator[slice]:
    """Cut so many orders of units into groups that a stage follows at once, several at a time."""
    yield from batches(count, stage.copies * max(1, -(-count // (stage.copies * _GROUPS))))


def ablation_values(
    subject: Subject, site: Site, edit: EditKind, examples: tuple[Tensor, Tensor], draws: int
) -> Iterator[Tensor]:
    """Make what removed units hold on one batch, once per draw.

    Parameters
    ----------
    subject, site
        Whose selection split the values come from.
    edit
        What removed units hold.
    examples
        Images `[B, …]`, and their places in their split `[B]`, which decide random draws.
    draws
        How often a random edit draws; others have one.

    Yields
    ------
    Tensor
        `[P…, U]` or `[B, P…, U]`.
    """
    images, places = examples
    for one in edits_at(edit, site.name, subject.seed, draws):
        new = one.values(subject.references, places)
        if new is None:
            value = subject.downstream(images, (), [site.name])[1][site.name]
            with torch.no_grad():
                checked = one.checked(site, len(images))
                new = checked.new_value(value, subject.references)
        yield new


def ablation_value(
    subject: Subject, site: Site, edit: EditKind, images: Tensor, start: int
) -> Tensor:
    """Make what removed units hold on neighbouring examples from `start` on: one draw of it."""
    places = torch.arange(start, start + len(images))
    return next(ablation_values(subject, site, edit, (images, places), 1))


def run_from(
    engine: Engine, images: Tensor, known: tuple[str, Tensor], changes: Mapping[str, Change]
) -> Tensor:
    """Run under changes from the first changed site on, whose value is known: logits `[B, C]`.

    Parameters
    ----------
    engine, images
        What is run on which batch.
    known
        Name of the first of the changed sites, and what it holds without any change.
    changes
        By name of a site, what is made of its value.
    """
    name, value = known
    given: dict[str, Change] = {**changes, name: Given(changes[name](value))}
    return engine.run(images, (), given)[0]


def replacing(units: Sequence[int] | None, new: Tensor) -> Change:
    """Return the change that puts `new` in place of some units of a site, or of all of them."""

    def change(value: Tensor) -> Tensor:
        whole = new.to(value).expand_as(value)
        if units is None:
            return whole
        edited, places = value.clone(), list(units)
        edited[..., places] = whole[..., places]
        return edited

    return change
