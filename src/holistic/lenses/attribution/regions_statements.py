"""Says in words which regions classes rest on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from holistic.lenses._parts import known, significant
from holistic.lenses.attribution.schemas import RegionRow
from holistic.words import named, number

__all__ = ["NONE", "its", "places", "rests", "statements", "strongest"]

NONE = "No class rests on one part of its images more than on as much elsewhere."

_MOST = 5
"""Classes that are told of."""
_DOWN, _ACROSS = ("upper", "", "lower"), ("left", "", "right")
_LONG = 2.0
"""Times that a region is longer than wide from which on it's a bar or a stem."""
_SHAPES = ("part", "centre", "stem", "bar", "slant")
_STEEP, _FLAT = 0.87, 0.5
"""Sines of 60 and 30 degrees."""


def places(masks: Sequence[np.ndarray], among: np.ndarray) -> list[str]:
    """Name where each of a class's regions lies, in words that tell them apart where they can.

    Parameters
    ----------
    masks
        `[H, W]` bool each.
    among
        `[H, W]` bool, what of the plane the class's images fill: its rectangle is cut in ninths.
    """
    plain = [_place(mask, among) for mask in masks]
    found = list(plain)
    for k, name in enumerate(plain):
        others = [masks[i] for i, other in enumerate(plain) if other == name and i != k]
        if others:
            off = _middle(masks[k]) - np.mean([_middle(mask) for mask in others], 0)
            found[k] = f"{name}, further {_further(off)}"
    return found


def _place(mask: np.ndarray, among: np.ndarray) -> str:
    """Name the ninth that a region has its middle in, and its shape.

    >>> mask, everywhere = np.zeros((12, 12)), np.ones((12, 12))
    >>> mask[1:3, 2:11] = 1
    >>> [_place(m, everywhere) for m in (mask, mask.T, np.eye(12), everywhere)]
    ['upper bar', 'left stem', 'middle slant', 'centre']
    """
    ends = [np.flatnonzero(among.any(axis))[[0, -1]] for axis in (1, 0)]
    down, across = (
        int(np.clip(3 * (at - low) / (high + 1 - low), 0, 2))
        for at, (low, high) in zip(_middle(mask) + 0.5, ends, strict=True)
    )
    side = " ".join(filter(None, (_DOWN[down], _ACROSS[across])))
    # the spread of a square pixel, so that one pixel is as long as wide
    spread = np.cov(np.stack(np.nonzero(mask)), bias=True) + np.eye(2) / 12
    (less, more), axes = np.linalg.eigh(spread)
    if more < _LONG**2 * less:
        return f"{side} part" if side else "centre"
    steep = abs(axes[0, -1])
    shape = "stem" if steep > _STEEP else "bar" if steep < _FLAT else "slant"
    return f"{side or 'middle'} {shape}"


def _middle(mask: np.ndarray) -> np.ndarray:
    return np.argwhere(mask).mean(0)


def _further(off: np.ndarray) -> str:
    """Say in which direction something lies.

    >>> _further(np.array([-3.0, 1.0]))
    'up'
    """
    if abs(off[0]) >= abs(off[1]):
        return "up" if off[0] < 0 else "down"
    return "left" if off[1] < 0 else "right"


def strongest(rows: Sequence[RegionRow]) -> list[RegionRow]:
    """Of each class that rests on a region, the one that counts most beyond as much elsewhere."""
    found = dict[str, RegionRow]()
    sure = [row for row in rows if significant(row.difference) and known(row.difference.value) < 0]
    sure = [row for row in sure if known(row.effect.hi) < 0]
    for row in sorted(sure, key=lambda row: known(row.difference.value)):
        found.setdefault(row.class_, row)
    return list(found.values())


def rests(row: RegionRow) -> str:
    """Say what erasing a region costs its class, and as much elsewhere: one sentence."""
    return (
        f"{named(row.class_)} rests on {its(row)}: erasing it changes the score by "
        f"{_signed(row.effect.value)}, as much elsewhere by {_signed(row.effect.control)}."
    )


def _rather(row: RegionRow, other: RegionRow) -> str:
    """Say on which of two of its regions a class rests more: one sentence."""
    if known(row.beyond_next.value) > 0:
        row, other = other, row
    return f"{named(row.class_)} rests on {its(row)} more than on {its(other)}."


def statements(rows: Sequence[RegionRow]) -> Iterator[str]:
    """Say on which region classes rest, and on which of two more."""
    found = strongest(rows)
    for row in found[:_MOST]:
        yield rests(row)
    by_key = {(row.class_, row.region): row for row in rows}
    sure = [row for row in rows if row.region == 0 and significant(row.beyond_next)]
    for row in sorted(sure, key=lambda row: known(row.beyond_next.q))[:_MOST]:
        yield _rather(row, by_key[row.class_, row.next_region or 0])
    if rows and not found:
        yield NONE


def its(row: RegionRow) -> str:
    """Name a region as a part of what its class rests on.

    >>> from holistic.results.columns import Estimate
    >>> nothing = Estimate(None)
    >>> its(RegionRow("7", 0, "upper bar", 0.2, nothing, 9, nothing, None, nothing))
    'its upper bar'
    >>> its(RegionRow("rich", 0, "age", 0.2, nothing, 9, nothing, None, nothing))
    'age'
    """
    pictured = row.place.split(",")[0].split(" ")[-1] in _SHAPES
    return f"its {row.place}" if pictured else row.place


def _signed(value: float | None) -> str:
    return number(known(value), "+z.2f")
