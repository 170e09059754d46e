"""Writes the sentences of `mechanism.paths`: how single images are read on their way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from holistic.lenses.mechanism.paths import Stop

__all__ = ["statements"]

_NAMED = 5
"""Sites that a sentence names at most."""


def statements(stops: Sequence[Stop], labels: np.ndarray, kinds: np.ndarray) -> tuple[str, ...]:
    """Say of each kind of image how many are read right on the way, at a few places."""
    *probes, output = stops
    places = np.unique(np.linspace(0, len(probes) - 1, _NAMED).round().astype(int))
    lines = list[str]()
    for kind in dict.fromkeys(kinds.tolist()):
        own = kinds == kind

        def count(chances: np.ndarray, own: np.ndarray = own) -> int:
            return int((chances.argmax(1) == labels)[own].sum())

        parts = [
            f"{count(stop.chances)} at site '{stop.site}'"
            + (
                ""
                if stop.control is None
                else f" (randomly initialised control: {count(stop.control)})"
            )
            for stop in (probes[i] for i in places)
        ]
        looked_at = f"the one {kind} image" if own.sum() == 1 else f"the {own.sum()} {kind} images"
        lines.append(
            f"Of {looked_at} looked at, linear probes tell right {', '.join(parts)}; the model "
            f"{count(output.chances)}."
        )
    return tuple(lines)
