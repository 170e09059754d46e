"""How do depth, tuning, words and synthetic inputs of units look?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

from holistic.report.figures.drawing import BLUE, GREY, ORANGE, grid, plain
from holistic.report.figures.effects import drawn_sites, names_of
from holistic.results.findings import Finding
from holistic.results.folder import Folder

__all__ = ["concepts", "depth", "synthetic", "tuning"]

_UNITS = 12


def depth(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw the median unit's class specificity at each site, beside untrained copies."""
    measures = names_of(finding.table, "measure")
    figure, axes = grid(1, len(measures), 2.7, 2.9)
    for axis, measure in zip(axes, measures, strict=True):
        rows = finding.table.where(measure=measure)
        sites = [site for site in names_of(rows) if site != "all"]
        columns = ("value", "lo", "hi", "lower_quartile", "upper_quartile", "control",
                   "control_lo", "control_hi")  # fmt: skip
        kept = rows.column("site") != "all"
        value, lo, hi, first, third, control, least, most = (
            rows.column(name).astype(float)[kept] for name in columns
        )
        places = np.arange(len(sites))
        axis.fill_between(places, first, third, color=BLUE, alpha=0.15, lw=0)
        spread = np.clip(np.stack([value - lo, hi - value]), 0, None)
        axis.errorbar(places, value, spread, color=BLUE, marker="o", capsize=2, label="trained")
        axis.plot(places, control, "--", color=GREY, label="untrained copies")
        axis.fill_between(places, least, most, color=GREY, alpha=0.3, lw=0)
        axis.set_xticks(places, [plain(s) for s in sites], rotation=45, ha="right", fontsize=7)
        axis.set_title(plain(measure), fontsize=9)
    axes[0].legend(fontsize=7, frameon=False)
    yield (
        figure,
        (
            "The median unit of each site with its 95 % interval (bars) and the middle half of the "
            "units (band): how specific it is to its preferred class, and how well it follows an "
            "image property. Grey: the median of untrained copies and 95 % of them."
        ),
    )


def concepts(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw which words fit the units of each site, and how many beat their controls."""
    sites = drawn_sites(finding.table)
    figure, axes = grid(1, len(sites), 3.0, 3.4)
    for axis, site in zip(axes, sites, strict=True):
        rows = finding.table.where(site=site)
        words, learned = rows.column("concept"), rows.column("learned_q").astype(float)
        names, counts = np.unique([w for w in words if w is not None], return_counts=True)
        order = np.argsort(-counts, kind="stable")[:_UNITS][::-1]
        beyond = [int(((words == names[i]) & (learned < 0.05)).sum()) for i in order]
        axis.barh(range(len(order)), counts[order], color=GREY, label="best of the words")
        axis.barh(range(len(order)), beyond, color=ORANGE, label="fits better than untrained units")
        axis.set_yticks(range(len(order)), [plain(names[i]) for i in order], fontsize=7)
        axis.set_title(plain(site), fontsize=9)
        axis.set_xlabel("units", fontsize=8)
    axes[0].legend(fontsize=6, frameon=False)
    yield figure, "How many units each word fits best, and how many of them at q < 0.05 (orange)."


def tuning(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw tuning curves of the first site, and the weights of the first layer."""
    site = names_of(finding.table)[0]
    kinds = names_of(finding.table, "stimulus")
    figure, axes = grid(1, len(kinds), 2.9, 2.6)
    for axis, kind in zip(axes, kinds, strict=True):
        curves = finding.arrays[f"activation.tuning.0.{kind}"]
        sharp = finding.table.where(site=site, stimulus=kind).column("tuning").astype(float)
        # Sharpness alone would pick units that respond to one picture, and hardly.
        depth_of_curve = np.nan_to_num(sharp, nan=-1) * curves.mean(1)
        order = np.argsort(-depth_of_curve, kind="stable")[:4]
        degrees = np.arange(curves.shape[1]) * 180 / curves.shape[1]
        for unit in order[np.isfinite(sharp[order])]:
            axis.plot(degrees, curves[unit], marker=".", lw=1, label=f"unit {unit}")
        axis.set_title(kind, fontsize=9)
        axis.set_xlabel("orientation (degrees)", fontsize=8)
        axis.set_xticks([0, 45, 90, 135])
        axis.legend(fontsize=6, frameon=False)
    axes[0].set_ylabel("value", fontsize=8)
    yield (
        figure,
        (
            f"Site “{plain(site)}”: response to stimuli of every orientation, of the four units "
            "whose response changes most with the orientation of each kind."
        ),
    )
    weights = finding.arrays.get("activation.weights")
    if weights is not None:
        yield (
            _wall(weights[: 4 * _UNITS]),
            "Weights of the first layer, one picture a unit; several channels of the input stand "
            "side by side.",
        )


def _wall(weights: np.ndarray) -> Figure:
    """Draw weights `[U, H, W]` side by side, zero in the middle of the greys."""
    rows = -(-len(weights) // _UNITS)
    figure, axes = grid(rows, _UNITS, 0.62, 0.62)
    for unit, axis in enumerate(axes):
        axis.set_axis_off()
        if unit < len(weights):
            bound = float(np.abs(weights[unit]).max()) or 1.0
            axis.imshow(weights[unit], cmap="gray", vmin=-bound, vmax=bound)
    return figure


def synthetic(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw the synthetic inputs of each site: a row a unit, a column a start."""
    images = finding.arrays.get("activation.synthetic")
    if images is None:
        return
    sites = drawn_sites(finding.table)
    units = {site: names_of(finding.table.where(site=site), "unit") for site in sites}
    starts = int(finding.table.column("start").max())
    most = max(map(len, units.values()))
    figure, axes = grid(most, starts * len(sites), 0.85, 0.95)
    for axis in axes:
        axis.set_axis_off()
    for place, site in enumerate(sites):
        rows = finding.table.where(site=site)
        for row in rows.rows():
            line = units[site].index(row["unit"])
            axis = axes[line * starts * len(sites) + place * starts + row["start"] - 1]
            axis.imshow(images[row["picture"]], cmap="gray", vmin=0, vmax=255)
            if row["start"] == 1:
                axis.set_title(f"{plain(site, 10)} · {row['unit']}", fontsize=6)
    yield (
        figure,
        (
            "Synthetic inputs, made by gradient ascent and shown to nobody in training: what "
            f"drives the most class-specific units of each site, from {starts} random starts each "
            "(site · unit)."
        ),
    )
