"""Finds images on which a model computes NaN or infinity, and where first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from holistic.errors import ModelError

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = ["check_finite"]

_NAMED = 5


def check_finite(subject: Subject) -> None:
    """Read the hidden sites on every example of both splits.

    Raises
    ------
    ModelError
        If one holds NaN or infinite values: the first such site, and on which images where others
        are fine.
    """
    names = [site.name for site in subject.hidden_sites]
    counts, rows = dict.fromkeys(names, 0), list[Tensor]()
    for part, values in subject.capture_batches(names, subject.studied):
        bad = torch.zeros(part.stop - part.start, dtype=torch.bool)
        for name in names:
            broken = ~values[name].isfinite().cpu()
            counts[name] += int(broken.sum())
            bad |= broken.flatten(1).any(1)
        rows.append(bad)
    whole = torch.cat(rows)
    if not bool(whole.any()):
        return
    first = next(name for name in names if counts[name])
    others = sum(count > 0 for count in counts.values()) - 1
    after = f", and {others} sites after it hold some" if others else ""
    raise ModelError(
        f"site '{first}' holds {counts[first]:,} NaN or infinite values{after}"
        f"{_blamed(subject, whole)}"
    )


def _blamed(subject: Subject, bad: Tensor) -> str:
    """Say what to check: the weights where every image is bad, else the bad images."""
    if bool(bad.all()):
        return "; check the range of the images and the weights before it, or name other sites"
    places = torch.arange(len(subject.images))
    if subject.given_splits:
        both = torch.cat([torch.from_numpy(side) for side in subject.given_splits])
        places = both.sort().values
    found = places[bad].tolist()
    named = ", ".join(map(str, found[:_NAMED]))
    more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    return (
        f", all on {len(found):,} of {len(bad):,} images (at {named}{more}); "
        "check these images and leave them out, or name other sites"
    )
