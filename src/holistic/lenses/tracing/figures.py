"""Draws what the lens `tracing` found: a function a finding, of the finding's own name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.results.drawing import BLUE, GREY, ORANGE, drawn_sites, grid, plain, signed
from holistic.results.findings import Finding
from holistic.results.folder import Folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["directions", "patching"]

_ALL = 0.999
"""Recovery from which on a site is a bottleneck that everything passes: no picture needed."""
_STRIPS = 12
"""Classes whose film strips are drawn."""


def patching(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw how much of the decision whole sites carry, and which units carry most."""
    table = finding.table
    data: Any = table.to_pandas()
    whole = data[data["unit"].isna() & (data["corrupt"] == "all") & (data["clean"] != "all")]
    single = data[data["unit"].notna() & (data["corrupt"] == "all") & (data["clean"] != "all")]
    if len(whole):
        for direction, sense in (("denoise", "sufficient"), ("noise", "necessary")):
            part = whole[whole["direction"] == direction]
            if not len(part) or part["recovery"].min() > _ALL:
                continue
            matrix = part.pivot_table(index="clean", columns="site", values="recovery", sort=False)
            figure, (axis,) = grid(1, 1, 1.8 + 0.75 * matrix.shape[1], 3.2)
            image = signed(axis, matrix.to_numpy(), rows=list(matrix.index),
                           columns=list(matrix.columns), limit=1.0)  # fmt: skip
            axis.tick_params(axis="x", rotation=45)
            figure.colorbar(image, label="recovery")
            yield (
                figure,
                (
                    f"How {sense} each whole site is for each class (direction “{direction}”): 1 = "
                    "the whole decision goes through it."
                ),
            )
    for site in [s for s in drawn_sites(table) if (single["site"] == s).any()]:
        part = single[(single["site"] == site) & (single["direction"] == "noise")]
        matrix = part.pivot_table(index="unit", columns="clean", values="recovery", sort=False)
        order = np.argsort(-np.nanmax(np.abs(matrix.to_numpy()), axis=1))[:24]
        figure, (axis,) = grid(1, 1, 6.2, 1.2 + 0.17 * len(order))
        image = signed(axis, matrix.to_numpy()[order], columns=list(matrix.columns),
                       rows=[str(int(matrix.index[i])) for i in order])  # fmt: skip
        axis.set_xlabel("class")
        axis.set_ylabel("unit")
        figure.colorbar(image).set_label("share", fontsize=8)
        yield (
            figure,
            (
                f"{site}: share of the decision for each class that is lost when one unit "
                f"takes its value from an image of another class; the {len(order)} largest of "
                f"{len(matrix)}."
            ),
        )


def directions(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw how well class directions tell classes apart, and what steering along them does."""
    data: Any = finding.table.to_pandas()
    sites, methods = list(dict.fromkeys(data["site"])), list(dict.fromkeys(data["method"]))
    figure, axes = grid(1, 2, 4.3, 3.0)
    for axis, value, control, label in (
        (axes[0], "auroc", "control_auroc", "AUROC on evaluation examples"),
        (axes[1], "steer_slope", "control_steer_slope", "score change per SD of steering"),
    ):
        for m, method in enumerate(methods):
            rows = data[data["method"] == method]
            places = np.array([sites.index(s) for s in rows["site"]]) + 0.2 * (m - 0.5)
            axis.scatter(places, rows[value], s=14, color=(ORANGE, BLUE)[m % 2], alpha=0.8,
                         label=plain(method.replace("_", " ")))  # fmt: skip
        if control in data:
            means = data.groupby("site", sort=False)[control].mean()
            axis.plot(range(len(sites)), means.to_numpy(), "_", color=GREY, ms=22, mew=2,
                      label="random directions")  # fmt: skip
        axis.set_xticks(range(len(sites)), [plain(s) for s in sites], fontsize=7)
        axis.set_ylabel(label, fontsize=8)
    axes[0].legend(fontsize=7, frameon=False)
    yield (
        figure,
        (
            "Each dot is one class. Left: how well its direction tells it from the rest. Right: "
            "what adding the direction does to its score."
        ),
    )
    if (strips := _strips(finding, audit)) is not None:
        yield (
            strips,
            "Film strips: examples from least to most along each class's direction in the last "
            "site, at equal steps of rank; a blue frame marks examples of the class itself.",
        )


def _strips(finding: Finding, audit: Folder) -> Figure | None:
    """Draw a row of examples for each class that has a strip; None where there are no pictures."""
    own = {n.removeprefix("tracing.strip_"): a for n, a in finding.arrays.items()}
    chosen, looks = finding.arrays.get("tracing.strips"), own.get("images", own.get("inputs"))
    if chosen is None or looks is None:
        return None
    place = {int(i): n for n, i in enumerate(own["ids"])}
    names = [str(name) for name in audit.provenance.get("classes", [])]
    rows = [c for c in range(len(chosen)) if (chosen[c] >= 0).all()][:_STRIPS]
    if not rows:
        return None
    figure, axes = grid(len(rows), chosen.shape[1], 0.72, 0.76)
    for line, c in enumerate(rows):
        for column, example in enumerate(chosen[c].tolist()):
            axis, n = axes[line * chosen.shape[1] + column], place[example]
            if "images" in own:
                axis.imshow(looks[n], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            else:
                axis.plot(looks[n].T, lw=0.8)
            axis.set_xticks([])
            axis.set_yticks([])
            theirs = int(own["labels"][n]) == c
            axis.spines[:].set(visible=theirs, color=BLUE, linewidth=2)
            if column == 0:
                name = plain(names[c] if c < len(names) else c, 12)
                axis.set_ylabel(name, fontsize=7, rotation=0, ha="right", va="center")
    return figure
