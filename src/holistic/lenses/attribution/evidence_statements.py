"""Says in words where the evidence for the classes lies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from holistic.lenses._parts import known, significant
from holistic.lenses.attribution.schemas import EvidenceRow

__all__ = ["region", "statements"]

_MOST_CLASSES = 10
"""Classes that a sentence names."""
_DOWN, _ACROSS = ("upper", "", "lower"), ("left", "", "right")


def statements(rows: Sequence[EvidenceRow], height: int, width: int) -> Iterator[str]:
    """Say where erasing costs each class, and how often it does in a randomly initialised network.

    Parameters
    ----------
    rows
        The table's rows.
    height, width
        Of the plane that the windows lie on; a row of features has no places in words.
    """
    erased = [row for row in rows if row.kind == "erase"]
    hurt: dict[str, list[EvidenceRow]] = {}
    for row in erased:
        if significant(row.effect) and known(row.effect.value) < 0:
            hurt.setdefault(row.class_, []).append(row)
    if hurt and min(height, width) >= 4:
        places = [f"{name} {region(own, height, width)}" for name, own in hurt.items()]
        yield f"Erasing costs each class most here: {', '.join(places[:_MOST_CLASSES])}."
    ours = sum(known(row.effect.hi) < 0 for row in erased)
    control = sum(known(row.effect.control_hi) < 0 for row in erased)
    named = [row for row in erased if row.part and significant(row.effect)]
    if named:
        worst: dict[str, EvidenceRow] = {}
        for row in sorted(named, key=lambda row: known(row.effect.value)):
            worst.setdefault(row.class_, row)
        costly = ", ".join(f"{name} {row.part}" for name, row in worst.items())
        yield f"On these examples erasing costs each class most at: {costly}."
    what = "inputs" if any(row.part and row.width == 1 for row in erased) else "windows"
    yield (
        f"Erasing costs the class in {ours:,} of {len(erased):,} {what} (interval below 0); in a "
        f"randomly initialised network in {control:,}."
    )


def region(rows: Sequence[EvidenceRow], height: int, width: int) -> str:
    """Name the ninth of the plane in which erasing costs most in sum.

    >>> from holistic.results.columns import Estimate
    >>> row = EvidenceRow("6", "erase", 20, 2, 5, 5, "", Estimate(-3.0), 50)
    >>> region([row], 28, 28)
    'lower left'
    """
    cost = np.zeros((3, 3))
    for row in rows:
        down, across = row.top + row.height / 2, row.left + row.width / 2
        cost[int(3 * down / height), int(3 * across / width)] -= known(row.effect.value)
    down, across = np.unravel_index(cost.argmax(), cost.shape)
    return " ".join(filter(None, (_DOWN[down], _ACROSS[across]))) or "centre"
