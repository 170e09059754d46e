"""Keeps what many units hold on many examples in a temporary file, unit by unit."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Self

import numpy as np

from holistic.lenses.mechanism._columns import Columns
from holistic.lenses.mechanism._correlations import CARRIERS
from holistic.spool import scratch
from holistic.stats.moments import Moments
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["Parts", "UnitFile", "standardised_file"]

_NUMBERS = 1 << 21
"""Numbers of units that are standardised at a time."""


class UnitFile:
    """Values of T units, in chunks of examples, on disk; the file ends with this object.

    Attributes
    ----------
    units
        Number of units T.
    rows
        Examples of each chunk.
    """

    def __init__(self, units: int) -> None:
        self.units = units
        self.rows = list[int]()
        self._file = scratch()

    def __enter__(self) -> Self:
        """Return this file."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove it."""
        self._file.close()

    def append(self, values: np.ndarray) -> None:
        """Write a chunk `[B, T]` behind the others."""
        self.rows.append(len(values))
        self.write(len(self.rows) - 1, slice(0, self.units), values.T)

    def write(self, chunk: int, units: slice, values: np.ndarray) -> None:
        """Write what some units `[K, B]` hold in a chunk."""
        self._seek(chunk, units.start)
        self._file.write(np.ascontiguousarray(values, np.float64).data)

    def read(self, chunk: int, units: slice) -> np.ndarray:
        """Return what some units hold in a chunk, `[K, B]` float64."""
        values = np.empty((units.stop - units.start, self.rows[chunk]))
        self._seek(chunk, units.start)
        self._file.readinto(values.data)  # pyright: ignore[reportAttributeAccessIssue]
        return values

    def read_units(self, units: np.ndarray) -> np.ndarray:
        """Return what units by their index hold in all chunks, `[K, N]` float64."""
        values = np.empty((len(units), sum(self.rows)))
        ends = list(accumulate(self.rows, initial=0))
        for chunk, (start, rows) in enumerate(zip(ends, self.rows, strict=False)):
            for place, unit in enumerate(units.tolist()):
                self._seek(chunk, unit)
                own = values[place, start : start + rows]
                self._file.readinto(own.data)  # pyright: ignore[reportAttributeAccessIssue]
        return values

    def _seek(self, chunk: int, unit: int) -> None:
        before = self.units * sum(self.rows[:chunk])
        self._file.seek(8 * (before + unit * self.rows[chunk]))


@dataclass(frozen=True)
class Parts:
    """What units hold, cut into what varies inside classes and what the class means do.

    A value minus its mean, over the root of the summed squares, is `share` times the file's own
    plus the last chunk's number for its class, over the root of the class's examples.

    Attributes
    ----------
    file
        Chunks `[T, B]`: deviations from the class's mean, over the root of their summed squares.
        The last chunk `[T, C]`: class means minus the mean, times the root of the class's
        examples, over the root of the summed squared deviations from the mean.
    labels
        `[N]`, class of each example.
    counts
        `[C]`, examples of each class.
    share
        `[T]`, root of the share of the summed squares that lies inside classes.
    constant, rare
        `[2, T]`, units left out, raw and within classes: those that never change (or hold values
        that aren't finite), and those whose variance rests on fewer than 10 examples.
    """

    file: UnitFile
    labels: np.ndarray
    counts: np.ndarray
    share: np.ndarray
    constant: np.ndarray
    rare: np.ndarray

    @property
    def kept(self) -> np.ndarray:
        """`[2, T]`: units with correlations, raw and within classes."""
        return ~(self.constant | self.rare)


def standardised_file(
    subject: Subject, columns: Columns, examples: Examples, file: UnitFile
) -> Parts:
    """Read the units of some columns on examples into a file, standardised.

    Parameters
    ----------
    subject
        The model under study.
    columns
        The units.
    examples
        What they are read on.
    file
        An empty file for as many units.
    """
    classes, units = len(subject.classes), file.units
    labels = list[np.ndarray]()
    for values, own in columns.batches(subject, examples, subject.seed):
        file.append(values)
        labels.append(own)
    of = np.concatenate(labels)
    counts = np.bincount(of, minlength=classes)
    file.append(np.zeros((classes, units)))
    share, masks = np.zeros(units), np.zeros((4, units), bool)
    width = max(1, _NUMBERS // len(of))
    for start in range(0, units, width):
        block = slice(start, min(units, start + width))
        share[block], masks[:, block] = _standardise(file, block, of, counts)
    return Parts(file, of, counts, share, masks[:2], masks[2:])


def _standardise(
    file: UnitFile, block: slice, labels: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Standardise some units in the file; return their shares `[K]` and masks `[4, K]`."""
    chunks = range(len(file.rows) - 1)
    values = np.concatenate([file.read(chunk, block) for chunk in chunks], 1).T  # [N, K]
    moments = Moments.of(values, labels, len(counts))
    total = moments.total()
    inner, outer = (np.sqrt(own.m2.sum(0)) for own in (moments, total))
    own = moments.deviations(values, labels) / np.where(inner > 0, inner, 1)
    ends = np.cumsum(file.rows[:-1])[:-1]
    for chunk, part in enumerate(np.split(own, ends)):
        file.write(chunk, block, part.T)
    over = np.where(outer > 0, outer, 1)
    between = np.sqrt(counts)[:, None] * moments.between() / over
    file.write(len(file.rows) - 1, block, between.T)
    odd = moments.non_finite.any(0)
    masks = [moments.constant(within=w) | odd for w in (False, True)]
    for squares, fourth, out in zip(
        (outer, inner), (total.m4.sum(0), moments.m4.sum(0)), masks[:2], strict=True
    ):
        masks.append(~out & (squares**4 < CARRIERS * fourth))
    return inner / over, np.array(masks)
