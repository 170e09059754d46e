"""Says in words what a class is read off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from holistic.lenses._parts import known
from holistic.lenses.attribution.schemas import ShortcutRow
from holistic.words import named, percent

__all__ = ["NONE", "pasted", "shown", "statements", "where"]

NONE = "No class is read off a small mark, a colour, a texture or a place."

_DOWN, _ACROSS = ("upper", "", "lower"), ("left", "", "right")
_MIDDLES = {
    "": "in the centre",
    "upper": "at the top",
    "lower": "at the bottom",
    "left": "on the left",
    "right": "on the right",
}
_WIDE = 0.4
"""Share of the picture from which on a region has no place in words."""


def where(mask: np.ndarray) -> str:
    """Say where on the picture a mask `[H, W]` lies.

    >>> mask = np.zeros((9, 9))
    >>> mask[7:, 7:] = 1
    >>> where(mask)
    'in the lower right'
    """
    if not mask.any() or mask.mean() > _WIDE:
        return "all over the picture"
    rows, columns = np.nonzero(mask)
    down = int(3 * (rows.mean() + 0.5) / mask.shape[0])
    across = int(3 * (columns.mean() + 0.5) / mask.shape[1])
    side = " ".join(filter(None, (_DOWN[down], _ACROSS[across])))
    return _MIDDLES.get(side, f"in the {side}")


def shown(row: ShortcutRow) -> str:
    """Say what a class is read off, and what masking it costs: one sentence."""
    what = {"mark": "a mark", "colour": "a colour", "texture": "a texture"}
    thing = what.get(row.kind, "where things lie,")
    after = row.before - known(row.drop.value)
    return (
        f"{named(row.class_)} is read off {thing} {row.place}: without it "
        f"{percent(row.before)} right become {percent(after)}."
    )


def pasted(row: ShortcutRow) -> str:
    """Say how many images of other classes become the class: one sentence."""
    return (
        f"Pasted into others, it makes {percent(known(row.pasted.value))} of them "
        f"{named(row.class_)}; elsewhere {percent(known(row.pasted.control))}."
    )


def statements(rows: Sequence[ShortcutRow]) -> Iterator[str]:
    """Say of each shortcut what masking and pasting it do."""
    for row in rows:
        yield shown(row)
        yield pasted(row)
    if not rows:
        yield NONE
