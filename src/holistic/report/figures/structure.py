"""How do clusters, flow, patching, directions and agreement look?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from holistic.report.figures.drawing import BLUE, GREY, ORANGE, grid, plain, signed
from holistic.report.figures.effects import drawn_sites, names_of
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.tables import Table

__all__ = ["agreement", "clusters", "correlations", "directions", "flow", "patching", "verdicts"]

_ALL = 0.999
"""Recovery from which on a site is a bottleneck that everything passes: no picture needed."""
_DOTS = {
    "causal and selective": ORANGE,
    "selective, causal for another class": "#cc79a7",
    "causal, not selective": BLUE,
    "selective, not causal": "#009e73",
    "neither": GREY,
    "dead": "#000000",
}


def correlations(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
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
            f"Site “{site}”: correlation of its {len(order)} live units, alike ones side by side"
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
        names = [f"cluster {k}" for k in range(len(profile))]
        image = signed(axis, profile, rows=names, columns=classes[: profile.shape[1]])
        axis.set_xlabel("class")
        figure.colorbar(image).set_label("z-score", fontsize=8)
        yield figure, f"Site “{site}”: mean standardised activation of each cluster on each class."


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
        ("untrained_accuracy", "--", "untrained copy"),
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
                f"Site “{site}”: share of the decision for each class that is lost when one unit "
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


def agreement(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
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


def verdicts(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw selectivity against effect, one dot a unit."""
    data: Any = finding.table.to_pandas()
    sites = list(dict.fromkeys(data["site"]))[:6]
    figure, axes = grid(1, len(sites), 3.4, 3.1)
    for axis, site in zip(axes, sites, strict=True):
        rows = data[data["site"] == site]
        for verdict, colour in _DOTS.items():
            part = rows[rows["verdict"] == verdict]
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
