"""Groups neighbouring rows of a replay so that they fit into the cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Run", "runs_of", "tiles"]


@dataclass(frozen=True)
class Run:
    """Rows `part` in which the same unit is replaced; `source` if they are examples in a row."""

    unit: int
    part: slice
    source: slice | None


def runs_of(units: Tensor, rows: Tensor) -> list[Run]:
    """Stretches of equal units."""
    values, counts = torch.unique_consecutive(units, return_counts=True)
    stops = counts.cumsum(0)
    starts = stops - counts
    first = rows[starts]
    # rows of one unit are distinct and in order
    neighbours = rows[stops - 1] - first == counts - 1
    listed = (t.tolist() for t in (values, starts, stops, first, neighbours))
    return [
        Run(unit, slice(a, z), slice(row, row + z - a) if whole else None)
        for unit, a, z, row, whole in zip(*listed, strict=True)
    ]


def tiles(runs: Sequence[Run], size: int) -> list[list[Run]]:
    """Cut stretches into tiles of `size` rows, each counted from the start of its tile."""
    found: list[list[Run]] = []
    for run in runs:
        start, stop = run.part.start, run.part.stop
        while start < stop:
            number, first = divmod(start, size)
            end = min(stop, (number + 1) * size)
            done = start - run.part.start
            source = run.source and slice(
                run.source.start + done, run.source.start + done + end - start
            )
            if number == len(found):
                found.append([])
            found[number].append(Run(run.unit, slice(first, first + end - start), source))
            start = end
    return found
