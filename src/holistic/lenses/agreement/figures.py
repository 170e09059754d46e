"""Draws what the lens `agreement` found: a function a finding, of the finding's own name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.results.drawing import BLUE, GREY, ORANGE, grid, plain, signed
from holistic.results.findings import Finding
from holistic.results.folder import Folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["lenses", "units"]

_DOTS = {
    "carries its class": "#009e73",
    "carries another class": "#cc79a7",
    "vetoes a class": ORANGE,
    "suppressor": "#e69f00",
    "needed but not selective": "#8a5200",
    "redundant": "#56b4e9",
    "fires but isn't needed": BLUE,
    "not needed": GREY,
    "not settled": "#b8a96a",
    "dead": "#000000",
}


def lenses(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw the rank correlation of every two lenses, averaged over classes, per site."""
    data: Any = finding.table.to_pandas()
    lenses = list(dict.fromkeys([*data["lens_a"], *data["lens_b"]]))
    sites = list(dict.fromkeys(data["site"]))[:6]
    figure, axes = grid(1, len(sites), 3.2, 3.0)
    image: Any = None
    for axis, site in zip(axes, sites, strict=True):
        matrix = np.full((len(lenses), len(lenses)), np.nan)
        means: Any = data[data["site"] == site].groupby(["lens_a", "lens_b"])["spearman"].mean()
        for (a, b), value in means.items():
            i, j = lenses.index(a), lenses.index(b)
            matrix[i, j] = matrix[j, i] = value
        np.fill_diagonal(matrix, 1)
        image = signed(axis, matrix, rows=lenses, columns=lenses, limit=1.0)
        axis.tick_params(axis="x", rotation=60)
        for (i, j), value in np.ndenumerate(matrix):
            if np.isfinite(value):
                axis.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=7)
        axis.set_title(plain(site), fontsize=9)
    figure.colorbar(image, ax=axes, label="Spearman", shrink=0.8)
    yield figure, "Rank correlation of the lenses' unit scores, averaged over classes, per site."


def units(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw selectivity against effect, one dot a unit."""
    data: Any = finding.table.to_pandas()
    sites = list(dict.fromkeys(data["site"]))[:6]
    column = "plays" if "plays" in data else "verdict"  # an older audit has no more
    figure, axes = grid(1, len(sites), 3.4, 3.1)
    for axis, site in zip(axes, sites, strict=True):
        rows = data[data["site"] == site]
        kinds = rows[column]
        for verdict in [*_DOTS, *sorted({*kinds} - {*_DOTS})]:
            part, colour = rows[kinds == verdict], _DOTS.get(verdict, GREY)
            if len(part):
                axis.scatter(part["activation"], part["ablation"], s=12, color=colour, alpha=0.75,
                             label=f"{verdict} ({len(part)})")  # fmt: skip
        axis.axhline(0, color=GREY, lw=0.8)
        axis.set_title(plain(site), fontsize=9)
        axis.set_xlabel("selectivity (AUROC)", fontsize=8)
        axis.legend(fontsize=6, frameon=False)
    axes[0].set_ylabel("score lost without the unit", fontsize=8)
    yield (
        figure,
        (
            "Each dot is a unit: how selective it is for its class against what its removal costs "
            "that class. Selective units at zero are read by nobody."
        ),
    )
