"""Draws what the lens `mechanism` found: a function a finding, of the finding's own name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from holistic.results.drawing import BLUE, GREY, ORANGE, drawn_sites, grid, names_of, plain, signed
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.tables import Table
from holistic.words import letter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["clusters", "flow", "pairs"]


def pairs(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw the correlation matrix of each site, units ordered by cluster."""
    if "mechanism.clusters" not in audit:
        return
    found = audit["mechanism.clusters"]
    drawn = drawn_sites(found)
    for n, site in enumerate(names_of(found)):
        matrix = finding.arrays.get(f"mechanism.correlation.{n}")
        if matrix is None or site not in drawn:
            continue
        rows = found.where(site=site)
        cluster = np.nan_to_num(rows.column("cluster").astype(float), nan=-1)
        place = dict(zip(rows.column("unit").tolist(), cluster, strict=True))
        order = _side_by_side(rows)
        figure, (axis,) = grid(1, 1, 4.8, 4.1)
        image = signed(axis, matrix[np.ix_(order, order)], rows=[], columns=[], limit=1.0)
        for edge in np.flatnonzero(np.diff([place.get(u, -1) for u in order])):
            axis.axhline(edge + 0.5, color="black", lw=0.8)
            axis.axvline(edge + 0.5, color="black", lw=0.8)
        figure.colorbar(image, label="correlation over evaluation examples")
        yield (
            figure,
            f"{site}: correlation of its {len(order)} live units, alike ones side by side"
            f"{', lines between clusters' if len(set(place.values()) - {-1}) > 1 else ''}.",
        )


def _side_by_side(rows: Table) -> list[int]:
    """Units of a site in the order that the lens gave them; those that don't vary have none."""
    places = zip(rows.column("order").tolist(), rows.column("unit").tolist(), strict=True)
    return [int(unit) for _, unit in sorted(p for p in places if np.isfinite(p[0]))]


def clusters(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw what each cluster responds to."""
    classes = [str(c) for c in audit.provenance.get("classes", [])]
    drawn = drawn_sites(finding.table)
    for n, site in enumerate(names_of(finding.table)):
        profile = finding.arrays.get(f"mechanism.profile.{n}")
        if profile is None or not len(profile) or site not in drawn:
            continue
        figure, (axis,) = grid(1, 1, 5.6, 1.3 + 0.28 * len(profile))
        names = [f"cluster {letter(k)}" for k in range(len(profile))]
        image = signed(axis, profile, rows=names, columns=classes[: profile.shape[1]])
        axis.set_xlabel("class")
        figure.colorbar(image).set_label("z-score", fontsize=8)
        yield figure, f"{site}: mean standardised activation of each cluster on each class."


def flow(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw what can be read off each site, beside the controls."""
    table = finding.table
    places = np.arange(len(table))
    figure, axes = grid(1, 2, 4.2, 3.0)
    values = table.column("probe_accuracy")
    spread = np.abs(np.stack([table.column("lo"), table.column("hi")]) - values)
    axes[0].errorbar(places, values, spread, color=ORANGE, marker="o", lw=1.5, capsize=2,
                     label="trained")  # fmt: skip
    for column, style, label in (
        ("untrained_accuracy", "--", "randomly initialised control"),
        ("control_accuracy", ":", "control task"),
    ):
        if column in table.names:
            axes[0].plot(places, table.column(column), style, color=GREY, marker=".", label=label)
    axes[0].set_ylabel("accuracy of a linear probe")
    axes[0].legend(fontsize=7, frameon=False)
    axes[1].plot(places, table.column("nc1"), color=BLUE, marker="o")
    axes[1].set_yscale("log")
    axes[1].set_ylabel("NC1: spread within over between")
    for axis in axes:
        axis.set_xticks(places, [plain(s) for s in table.column("site")], rotation=45, ha="right",
                        fontsize=7)  # fmt: skip
    yield (
        figure,
        (
            "Left: how well the class can be read off each site by a linear probe, with controls. "
            "Right: how tightly the classes are packed (lower = tighter)."
        ),
    )
