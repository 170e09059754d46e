"""How do effects of units and sets of units look?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

from holistic.report.figures.drawing import BLUE, GREY, ORANGE, grid, plain, signed
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.tables import Table

__all__ = ["interactions", "removal_curves", "selectivity", "unit_effects"]

_SHOWN = 24
_CLASSES = 20
_SITES = 6
"""Sites with pictures of their own: a page stays readable however deep the model is."""


def names_of(table: Table, column: str = "site") -> list[str]:
    """Return the different values of a column in order of appearance."""
    return list(dict.fromkeys(table.column(column).tolist()))


def drawn_sites(table: Table) -> list[str]:
    """Return the sites that get a picture of their own: all, or some over the whole depth."""
    sites = names_of(table)
    places = np.linspace(0, len(sites) - 1, min(_SITES, len(sites))).round().astype(int)
    return [sites[place] for place in places]


def unit_effects(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
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
                f"Site “{site}”: change of each class's score when one unit is removed; the "
                f"{len(order)} units of {units} with the largest effects. Orange (negative): the "
                "class needs it."
            ),
        )


def removal_curves(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
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
                f"Site “{site}”: accuracy of each class as its units are removed, in three orders "
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
                f"Site “{site}”: what removing two units does beyond the sum of the two, over all "
                "examples. Of units that help, orange (negative): they stand in for each other; "
                "blue (positive): they work only together. Of units that harm, the reverse."
            ),
        )


def selectivity(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw the distribution over units of the AUROC for the unit's best class, per site."""
    sites = names_of(finding.table)
    figure, (axis,) = grid(1, 1, 1.6 + 1.1 * len(sites), 3.0)
    values, bounds = list[np.ndarray](), list[float]()
    for site in sites:
        rows = finding.table.where(site=site)
        auroc = rows.column("auroc").reshape(-1, len(names_of(rows, "class")))[:, :-1]
        kept = auroc[np.isfinite(auroc).all(1)]
        values.append(kept.max(1) if len(kept) else np.array([0.5]))
        bounds.append(float(np.nanmax(rows.column("control_auroc_hi").astype(float))))
    axis.violinplot(values, showmedians=True)
    for place, bound in enumerate(bounds, 1):
        axis.plot([place - 0.35, place + 0.35], [bound, bound], color=GREY, lw=2)
    axis.set_xticks(range(1, len(sites) + 1), [plain(s) for s in sites])
    axis.set_ylabel("AUROC of the unit's best class")
    axis.set_xlabel("site, from input to logits")
    yield (
        figure,
        (
            "How well single units tell their best class apart, over the units of each site; grey: "
            "what shuffled labels reach."
        ),
    )
