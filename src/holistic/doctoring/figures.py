"""Draws what a self-test found: a function a finding, of the finding's own name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from holistic.results.drawing import grid, plain
from holistic.results.findings import Finding
from holistic.results.folder import Folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["verdicts"]

_LETTERS = 30


def verdicts(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw what each verdict finds of what is planted, and of the decoys that it names."""
    rows = [*finding.table.rows()]
    figure, axes = grid(1, 2, 8.2, 0.8 + 0.24 * len(rows))
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
    yield figure, "Share of planted answers that are named, of decoys that aren't; 95 % intervals."
