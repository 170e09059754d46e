"""What units hold on examples, one number a unit and example, read batch by batch for every lens.

What is read of a whole split is kept, as far as it fits into some hundred megabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from torch import Tensor

from holistic.graph.engine import position_mean
from holistic.graph.loops import batches
from holistic.study.captured import split_batches, split_of

if TYPE_CHECKING:
    from holistic.study.references import References
    from holistic.study.subject import Subject

__all__ = ["Reduce", "exact_mean", "unit_batches", "unit_values"]

Reduce = Callable[[Tensor], Tensor]
"""Makes one number a unit, `[B, U]`, of a site's value `[B, P…, U]`."""

_KEPT_BYTES = 2**28
_Key = tuple[str, tuple[str, ...]]
"""A split and the sites that were read in one pass."""
# what a subject's weights decide goes with its references when they are drawn anew
_KEPT: WeakKeyDictionary[References, dict[_Key, dict[str, np.ndarray]]] = WeakKeyDictionary()


def exact_mean(value: Tensor) -> Tensor:
    """Average a site's value `[B, P…, U]` over its positions in float64: `[B, U]`."""
    return position_mean(value.double())


def unit_batches(
    subject: Subject,
    sites: Sequence[str],
    images: Tensor,
    *,
    rows: np.ndarray | None = None,
    batch: int | None = None,
    reduce: Reduce = exact_mean,
) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
    """Read units a batch at a time, so that memory doesn't grow with the data.

    Parameters
    ----------
    subject, sites
        Whose units, by the names of their sites.
    images
        What they are read on, `[N, …]`.
    rows
        Which of them, `[R]`, in this order; all by default.
    batch
        How many at a time; as many as the sites' values allow by default.
    reduce
        What makes one number of a unit's values over its positions.

    Yields
    ------
    part, values
        Places among the rows, and by site `[B, U]` float64.
    """
    if rows is None:
        read = split_batches(subject, sites, images, batch)
    else:
        parts = batches(len(rows), batch or len(rows))
        read = ((part, subject.capture(sites, images[rows[part]])) for part in parts)
    for part, values in read:
        yield part, {name: reduce(values[name]).cpu().double().numpy() for name in sites}


def unit_values(
    subject: Subject,
    sites: Sequence[str],
    images: Tensor,
    *,
    rows: np.ndarray | None = None,
    batch: int | None = None,
    reduce: Reduce = exact_mean,
    progress: Callable[[int], None] | None = None,
) -> dict[str, np.ndarray]:
    """Read units on all rows of the images, by site `[R, U]` float64 (see `unit_batches`).

    `progress` is called with the number of rows done.
    """
    usual = rows is None and batch is None and reduce is exact_mean
    split = split_of(subject, images) if usual else ""
    key, kept = (split, tuple(sites)), _KEPT.setdefault(subject.references, {})
    if key not in kept:
        parts: dict[str, list[np.ndarray]] = {name: [] for name in sites}
        read = unit_batches(subject, sites, images, rows=rows, batch=batch, reduce=reduce)
        for part, values in read:
            for name in sites:
                parts[name].append(values[name])
            if progress:
                progress(part.stop)
        found = {name: np.concatenate(own) for name, own in parts.items()}
        if split:
            _keep(kept, key, found)
        return found
    kept[key] = kept.pop(key)  # the latest used is the last to go
    return kept[key]


def _keep(kept: dict[_Key, dict[str, np.ndarray]], key: _Key, found: dict[str, np.ndarray]) -> None:
    """Keep what was read, and drop what was used longest ago where there is no room."""
    for values in found.values():
        values.flags.writeable = False
    kept[key] = found
    while sum(v.nbytes for one in kept.values() for v in one.values()) > _KEPT_BYTES:
        del kept[next(iter(kept))]
