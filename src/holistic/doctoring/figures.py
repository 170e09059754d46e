"""Draws what a self-test found: a function a finding, of the finding's own name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.results.drawing import grid, plain
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.words import sentence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["verdicts"]

_LETTERS = 30
_CAPTION = "share of planted answers that are named, of decoys that aren't; 95 % intervals."


def verdicts(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw what each verdict finds, and what it names wrongly: a figure for each network."""
    every = [*finding.table.rows()]
    for network in dict.fromkeys(row["network"] for row in every):
        own = [row for row in every if row["network"] == network]
        yield _drawn(own), f"{sentence(network)}: {_CAPTION}"


def _drawn(rows: Sequence[Mapping[str, Any]]) -> Figure:
    figure, axes = grid(1, 2, 6.4, 0.8 + 0.24 * len(rows))
    places = np.arange(len(rows))[::-1]
    sides = (("sensitivity", "planted and found"), ("specificity", "decoys left alone"))
    for axis, (name, words) in zip(axes, sides, strict=True):
        value, lo, hi = (
            np.array([row[part] for row in rows], float)
            for part in (name, f"{name}_lo", f"{name}_hi")
        )
        axis.hlines(places, lo, hi, color="tab:blue", lw=2)
        axis.plot(value, places, "o", color="tab:blue", ms=5)
        axis.set_xlim(-0.02, 1.02)
        axis.set_ylim(-0.6, len(rows) - 0.4)
        axis.set_xlabel(f"{words} (share)")
        axis.set_yticks(places, [])
    axes[0].set_yticks(places, [plain(row["verdict"], _LETTERS) for row in rows], fontsize=8)
    return figure
