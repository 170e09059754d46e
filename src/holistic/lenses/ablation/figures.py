"""Draws what the lens `ablation` found: a function a finding, of the finding's own name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from holistic.results.drawing import BLUE, GREY, ORANGE, drawn_sites, grid, names_of, plain, signed
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.tables import Table
from holistic.words import percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["curves", "direct", "interactions", "off_target", "shapley", "topk", "units"]

_SHOWN = 24
_SHARES = 16
_CLASSES = 20
_KINDS = (
    ("remove_top", "the first k removed", ORANGE, "-"),
    ("remove_bottom", "the last k removed", BLUE, "--"),
    ("keep_top", "only the first k kept", BLUE, "-"),
)


def units(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw unit × class effects of each site, its strongest units first."""
    for site in drawn_sites(finding.table):
        rows = finding.table.where(site=site)
        classes = [c for c in names_of(rows, "class") if c != "all"]
        units = len(rows) // (len(classes) + 1)
        effects = rows.column("effect").reshape(units, -1)[:, : len(classes)]  # [U, C]
        order = np.argsort(-np.nanmax(np.abs(effects), axis=1), kind="stable")[:_SHOWN]
        figure, (axis,) = grid(1, 1, 6.2, 1.4 + 0.17 * len(order))
        image = signed(axis, effects[order], rows=[str(u) for u in order], columns=classes)
        axis.set_xlabel("class")
        axis.set_ylabel("unit")
        figure.colorbar(image).set_label("score change", fontsize=8)
        yield (
            figure,
            (
                f"{site}: change of each class's score when one unit is removed; the "
                f"{len(order)} units of {units} with the largest effects. Orange (negative): the "
                "class needs it."
            ),
        )


def topk(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw each class's accuracy as its units go, beside random sets."""
    for site in drawn_sites(finding.table):
        rows = finding.table.where(site=site)
        classes = names_of(rows, "class")[:_CLASSES]
        across = min(5, len(classes))
        down = -(-len(classes) // across)
        figure, axes = grid(down, across, 2.1, 1.75)
        for axis, name in zip(axes, classes, strict=False):
            own = rows.where(class_=name)
            for ranking, colour, style in (
                ("effect", ORANGE, "-"),
                ("class_minus_rest", BLUE, "--"),
                ("class_activation", BLUE, ":"),
            ):
                curve = own.where(ranking=ranking).sort("k")
                k = curve.column("k")
                axis.plot(k, curve.column("class_accuracy_after"), style, color=colour, lw=1.4,
                          label=ranking.replace("_", " "))  # fmt: skip
            before = curve.column("class_accuracy_before")
            axis.fill_between(k, before - curve.column("class_control_hi"),
                              before - curve.column("class_control_lo"), color=GREY, alpha=0.35,
                              lw=0, label="95 % of random sets")  # fmt: skip
            axis.set_title(plain(name), fontsize=9)
            axis.set_ylim(-0.03, 1.03)
        for axis in axes[len(classes) :]:
            axis.set_visible(False)
        for axis in axes[(down - 1) * across :]:
            axis.set_xlabel("units removed", fontsize=8)
        for axis in axes[::across]:
            axis.set_ylabel("accuracy", fontsize=8)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside upper center", ncols=4, fontsize=8, frameon=False
        )
        yield (
            figure,
            (
                f"{site}: accuracy of each class as its units are removed, in three orders "
                "chosen on the selection split; grey: random sets of the same size."
            ),
        )


def interactions(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw the interaction of every pair of strong units."""
    table = finding.table.where(class_="all", kind="top")
    for site in drawn_sites(table):
        rows = table.where(site=site)
        units = sorted({*rows.column("unit_a").tolist(), *rows.column("unit_b").tolist()})
        place = {unit: i for i, unit in enumerate(units)}
        matrix = np.full((len(units), len(units)), np.nan)
        for row in rows.rows():
            a, b = place[row["unit_a"]], place[row["unit_b"]]
            matrix[a, b] = matrix[b, a] = row["interaction"]
        figure, (axis,) = grid(1, 1, 4.6, 3.8)
        names = [str(u) for u in units]
        figure.colorbar(signed(axis, matrix, rows=names, columns=names), label="interaction")
        axis.set_xlabel("unit")
        axis.set_ylabel("unit")
        yield (
            figure,
            (
                f"{site}: what removing two units does beyond the sum of the two, over all "
                "examples. Of units that help, orange (negative): they stand in for each other; "
                "blue (positive): they work only together. Of units that harm, the reverse."
            ),
        )


def curves(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
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
                f"{site}: accuracy of each class over all numbers of units, ranked on the "
                f"selection split; grey: random sets. n = {_extent(rows)} examples a class."
            ),
        )


def off_target(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
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
                f"{site}: change of each class's accuracy (columns) without the top {k} "
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
                f"{site}: what removing a unit does along its direct path and in all, with "
                f"95 % intervals; n = {_extent(rows)}. Above the dotted line the rest of the "
                "network makes up for a part."
            ),
        )


def shapley(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw the largest Shapley values of each site with their intervals."""
    for site in drawn_sites(finding.table):
        rows = finding.table.where(site=site, class_="all")
        value = rows.column("shapley")
        order = np.argsort(-np.abs(value), kind="stable")[:_SHARES][::-1]
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
                f"{site}: the {len(order)} largest of {len(value)} Shapley values on these "
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
