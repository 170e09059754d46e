"""Keeps what the studied sites hold on a split, where it is small: many measurements read it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

if TYPE_CHECKING:
    from holistic.study.references import References
    from holistic.study.subject import Subject

__all__ = ["split_batches", "split_of"]

_BYTES = 64 << 20
"""Bytes of the values of one split: larger ones are read again each time."""
_KEPT: WeakKeyDictionary[References, dict[str, dict[str, Tensor]]] = WeakKeyDictionary()


def split_of(subject: Subject, images: Tensor) -> str:
    """Say which split the images are all of, or nothing."""
    if images is subject.selection.images:
        return "selection"
    return "evaluation" if images is subject.evaluation.images else ""


def split_batches(
    subject: Subject, sites: Sequence[str], images: Tensor, batch: int | None = None
) -> Iterator[tuple[slice, dict[str, Tensor]]]:
    """Read sites' values a batch at a time, as `Subject.capture_batches` does.

    On a whole split the values of all studied sites are read at once and kept with the subject's
    references, where they are small.

    Parameters
    ----------
    subject, sites
        Whose values, by names of sites.
    images
        What they are read on, `[N, …]`.
    batch
        How many at a time; as many as the sites' values allow by default.

    Yields
    ------
    part, values
        Places among the images, and by site `[B, P…, U]`.
    """
    split = split_of(subject, images)
    hidden = subject.hidden_sites if split else ()
    size = 4 * len(images) * sum(math.prod(site.shape) for site in hidden)
    if not split or size > _BYTES or not {*sites} <= {site.name for site in hidden}:
        yield from subject.capture_batches(sites, images, batch)
        return
    known = _KEPT.setdefault(subject.references, {})
    if split not in known:
        parts = [v for _, v in subject.capture_batches([s.name for s in hidden], images)]
        known[split] = {s.name: torch.cat([v[s.name] for v in parts]) for s in hidden}
    for part in subject.runner.batches(images, sites, batch):
        yield part, {name: known[split][name][part].clone() for name in sites}
