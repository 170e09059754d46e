"""How do whole curves, collateral damage, direct effects and shares of units look?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

from holistic.report.figures.drawing import BLUE, GREY, ORANGE, grid, plain, signed
from holistic.report.figures.effects import drawn_sites, names_of
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.tables import Table
from holistic.words import percent

__all__ = ["collateral", "direct", "shares", "whole_curves"]

_SHOWN = 16
_CLASSES = 20
_KINDS = (
    ("remove_top", "the first k removed", ORANGE, "-"),
    ("remove_bottom", "the last k removed", BLUE, "--"),
    ("keep_top", "only the first k kept", BLUE, "-"),
)


def whole_curves(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw each class's accuracy from no unit removed to all of them."""
    for site in drawn_sites(finding.table):
        rows = finding.table.where(site=site)
        classes = names_of(rows, "class")[:_CLASSES]
        across = min(5, len(classes))
        figure, axes = grid(-(-len(classes) // across), across, 2.1, 1.75)
        for axis, name in zip(axes, classes, strict=False):
            for kind, label, colour, style in _KINDS:
                curve = rows.where(class_=name, kind=kind).sort("k")
                k = curve.column("k")
                axis.plot(k, curve.column("accuracy"), style, color=colour, lw=1.4, label=label)
                low, high = (curve.column(f"random_{end}").astype(float) for end in ("lo", "hi"))
                seen = np.isfinite(low)
                axis.fill_between(k[seen], low[seen], high[seen], color=GREY, alpha=0.3, lw=0,
                                  label="95 % of random sets")  # fmt: skip
            axis.set_title(plain(name), fontsize=9)
            axis.set_ylim(-0.03, 1.03)
        for axis in axes[len(classes) :]:
            axis.set_visible(False)
        for axis in axes[-across:]:
            axis.set_xlabel("k, units", fontsize=8)
        for axis in axes[::across]:
            axis.set_ylabel("accuracy", fontsize=8)
        handles, labels = axes[0].get_legend_handles_labels()
        once = dict(zip(labels, handles, strict=True))
        figure.legend(
            once.values(), once, loc="outside upper center", ncols=4, fontsize=8, frameon=False
        )
        yield (
            figure,
            (
                f"Site “{site}”: accuracy of each class over all numbers of units, ranked on the "
                f"selection split; grey: random sets. n = {_extent(rows)} examples a class."
            ),
        )


def collateral(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw what each class loses when the top units of each class go."""
    for site in drawn_sites(finding.table):
        rows = finding.table.where(site=site)
        removed, classes = names_of(rows, "removed_for"), names_of(rows, "class")
        place = {name: i for i, name in enumerate(classes)}
        drops = np.full((len(removed), len(classes)), np.nan)
        for row in rows.rows():
            drops[removed.index(row["removed_for"]), place[row["class"]]] = row["drop"]
        side = 1.8 + 0.24 * min(len(classes), 40)
        figure, (axis,) = grid(1, 1, side + 1.2, side)
        image = signed(axis, -drops, rows=removed, columns=classes)
        axis.set_xlabel("class of the examples")
        axis.set_ylabel("class whose units go")
        figure.colorbar(image).set_label("change of accuracy", fontsize=8)
        k = int(rows.column("k").max())
        random = float(np.nanmean(rows.column("control_drop").astype(float)))
        yield (
            figure,
            (
                f"Site “{site}”: change of each class's accuracy (columns) without the top {k} "
                f"units of another (rows). Orange: it loses. Random sets of {k} cost "
                f"{percent(random)} on average; n = {_extent(rows)} examples a class."
            ),
        )


def direct(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw each unit's direct effect against its total effect."""
    for site in drawn_sites(finding.table):
        rows = finding.table.where(site=site)
        figure, (axis,) = grid(1, 1, 4.2, 3.6)
        for kind, colour, mark in (("random", GREY, "o"), ("top", ORANGE, "s")):
            own = rows.where(kind=kind)
            if len(own) == 0:
                continue
            total, straight = own.column("total"), own.column("direct")
            axis.errorbar(
                straight,
                total,
                xerr=_halves(own, "direct", straight),
                yerr=_halves(own, "total", total),
                fmt=mark, ms=4, lw=0.8, color=colour, label=f"{kind} units",
            )  # fmt: skip
        both = np.concatenate([rows.column("direct"), rows.column("total")])
        ends = [float(np.nanmin(both)), float(np.nanmax(both))]
        axis.plot(ends, ends, ":", color=GREY, lw=1)
        axis.set_xlabel("direct effect, score")
        axis.set_ylabel("total effect, score")
        axis.legend(fontsize=8, frameon=False)
        yield (
            figure,
            (
                f"Site “{site}”: what removing a unit does along its direct path and in all, with "
                f"95 % intervals; n = {_extent(rows)}. Above the dotted line the rest of the "
                "network makes up for a part."
            ),
        )


def shares(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw the largest Shapley values of each site with their intervals."""
    for site in drawn_sites(finding.table):
        rows = finding.table.where(site=site, class_="all")
        value = rows.column("shapley")
        order = np.argsort(-np.abs(value), kind="stable")[:_SHOWN][::-1]
        names = [str(unit) for unit in rows.column("unit")[order]]
        figure, (axis,) = grid(1, 1, 5.2, 1.0 + 0.19 * len(order))
        places = np.arange(len(order))
        colours = [ORANGE if v > 0 else BLUE for v in value[order]]
        axis.barh(places, value[order], color=colours, height=0.6, label="Shapley value")
        axis.errorbar(value[order], places, xerr=1.96 * rows.column("se")[order], fmt="none",
                      ecolor=GREY, lw=1)  # fmt: skip
        alone = -rows.column("effect").astype(float)[order]
        axis.plot(alone, places, "k|", ms=9, mew=2, label="loss when removed alone")
        axis.set_yticks(places, names)
        axis.set_ylabel("unit")
        axis.set_xlabel("score, over all classes")
        axis.legend(fontsize=8, frameon=False, loc="best")
        yield (
            figure,
            (
                f"Site “{site}”: the {len(order)} largest of {len(value)} Shapley values on these "
                f"examples (orange: the classes lose without the unit), with 95 % intervals over "
                f"{int(rows.column('orders').max())} random orders; an equal "
                f"share would be {float(np.nansum(value)) / len(value):.3g}."
            ),
        )


def _extent(rows: Table) -> str:
    low, high = int(rows.column("n").min()), int(rows.column("n").max())
    return str(low) if low == high else f"{low} to {high}"


def _halves(rows: Table, name: str, value: np.ndarray) -> np.ndarray:
    """Lengths of error bars below and above, `[2, N]`."""
    low, high = rows.column(f"{name}_lo"), rows.column(f"{name}_hi")
    return np.maximum(np.stack([value - low, high - value]).astype(float), 0)
