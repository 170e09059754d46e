"""Draws what a comparison found: a function a finding, of the finding's own name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from holistic.comparing.schemas import KindOfStatement, Similar
from holistic.lenses._parts import known
from holistic.results.drawing import grid, plain, signed
from holistic.results.findings import Finding
from holistic.results.folder import Folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["kinds", "similarity"]

_ROWS = 26
"""Kinds of statements that a figure has room for."""
_LETTERS = 78
_DARK = 0.6
"""Share from which on a square is too dark for black letters."""
_NAME = 12


def kinds(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw which audits bear out which kinds of statements: a square for each."""
    rows = list(finding.table.rows(KindOfStatement))
    names = list(dict.fromkeys(row.audit for row in rows))
    every = list(dict.fromkeys(row.kind for row in rows))
    some = [every[i] for i in _spread(len(every))]
    shares = {(row.kind, row.audit): known(row.share) for row in rows}
    values = np.array([[shares[kind, name] for name in names] for kind in some])
    figure, (axis,) = grid(1, 1, 8.2, 0.6 + 0.24 * len(some))
    axis.imshow(np.ma.masked_invalid(values), cmap="Blues", vmin=0, vmax=1.15, aspect="auto")
    axis.set_xticks(range(len(names)), [plain(name, _NAME) for name in names], fontsize=8)
    axis.xaxis.tick_top()
    axis.set_yticks(range(len(some)), [plain(kind, _LETTERS) for kind in some], fontsize=8)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    for (i, j), value in np.ndenumerate(values):
        if 0 < value < 1:
            colour = "white" if value > _DARK else "black"
            axis.text(j, i, f"{value:.0%}", ha="center", va="center", fontsize=7, color=colour)
    edges = np.arange(-0.5, max(len(some), len(names)))
    axis.vlines(edges[: len(names) + 1], -0.5, len(some) - 0.5, color="white", lw=2)
    axis.hlines(edges[: len(some) + 1], -0.5, len(names) - 0.5, color="white", lw=2)
    left = f" {len(every) - len(some)} more kinds aren't drawn." if len(some) < len(every) else ""
    yield (
        figure,
        "Which audit bears out which statements: dark, all of the kind; white, none; a share, some "
        f"of its classes and layers.{left}",
    )


def _spread(count: int) -> np.ndarray:
    """Places of the kinds that are drawn: all, or some from the most to the least agreed on."""
    return np.linspace(0, count - 1, min(_ROWS, count)).round().astype(int)


def similarity(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw how alike every two layers are, mean over every two audits."""
    rows = [row for row in finding.table.rows(Similar) if row.cka.value is not None]
    first, second = (list(dict.fromkeys(getattr(r, n) for r in rows)) for n in ("site_a", "site_b"))
    if not rows:
        return
    total, count = np.zeros((2, len(first), len(second)))
    for row in rows:
        at = first.index(row.site_a), second.index(row.site_b)
        total[at] += known(row.cka.value)
        count[at] += 1
    size = 1.6 + 0.42 * max(len(first), len(second))
    figure, (axis,) = grid(1, 1, size + 1.2, size)
    image = signed(axis, total / np.maximum(count, 1), rows=first, columns=second, limit=1.0)
    figure.colorbar(image, ax=axis, label="similarity (CKA)", shrink=0.8)
    yield (
        figure,
        "How alike layers lay out the same examples, mean over every two audits: 1, alike.",
    )
