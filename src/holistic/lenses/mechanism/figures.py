"""Draws what the lens `mechanism` found: a function a finding, of the finding's own name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from holistic.results.drawing import BLUE, GREY, ORANGE, drawn_sites, grid, names_of, plain, signed
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.tables import Table
from holistic.words import letter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["clusters", "edges", "flow", "pairs"]

_LAYERS, _INTO = 4, 2
"""Layers that the flow of evidence is drawn through, and links into a unit for each class."""


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


def edges(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw the flow of evidence: for each class the unit that it needs, and what moves that one."""
    links = list(_links(finding.table, audit))
    if not links:
        return
    columns = list(dict.fromkeys(end[0] for link in links for end in link[:2]))
    columns.sort(key=_order(finding.table))
    places = _placed(links, columns, [str(c) for c in audit.provenance.get("classes", [])])
    figure, (axis,) = grid(1, 1, 2.0 + 1.4 * len(columns), 4.2)
    most = {kind: max(abs(link[2]) for link in links if link[3] == kind) for kind in (True, False)
            if any(link[3] == kind for link in links)}  # fmt: skip
    for start, end, effect, to_class in links:
        (x, y), (u, v) = places[start], places[end]
        colour, dashes = (ORANGE, "--") if effect < 0 else (BLUE, "-")
        wide = 0.5 + 3 * abs(effect) / (most[to_class] or 1.0)
        axis.plot([x, u], [y, v], color=colour, ls=dashes, lw=wide, alpha=0.6, zorder=1)
    for (_, name), (x, y) in places.items():
        axis.text(x, y, plain(name, 12), ha="center", va="center", fontsize=7, zorder=2,
                  bbox={"fc": "white", "ec": GREY, "lw": 0.5, "pad": 1.5})  # fmt: skip
    axis.set_xticks(range(len(columns)), [plain(c, 16) for c in columns], fontsize=7)
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
    yield (
        figure,
        "For each class the unit of the last layer that it needs most, as the selection split "
        "says, and the strongest links into it. Orange, dashed: without the left end the right one "
        "holds less; blue: more; width: how far, in standard deviations of a unit and in the score "
        "of a class. Intervals and random pairs stand in the tables.",
    )


_Node = tuple[str, str]


def _links(table: Table, audit: Folder) -> Iterator[tuple[_Node, _Node, float, bool]]:
    """Links between two ends, with the effect and whether it is one on a class."""
    if "ablation.units" not in audit or not len(table):
        return
    if not all("rank" in own.names for own in (table, audit["ablation.units"])):
        return  # of a version that chose by nothing
    chosen = [row for row in table.rows() if row["rank"] is not None and row["class"] != "all"]
    sites = list(dict.fromkeys(s for row in chosen for s in (row["site_a"], row["site_b"])))
    units = [row for row in audit["ablation.units"].rows() if row["rank"] is not None]
    for name in audit.provenance.get("classes", []):
        of = [row for row in units if row["class"] == name and row["site"] == sites[-1]]
        if not of:
            continue
        first = min(of, key=lambda row: row["rank"])
        ends = {(first["site"], first["unit"])}
        yield (first["site"], str(first["unit"])), ("class", str(name)), first["effect"], True
        for site in sites[-2 : -_LAYERS - 1 : -1]:
            into = [row for row in chosen if row["class"] == name and row["site_a"] == site
                    and (row["site_b"], row["unit_b"]) in ends]  # fmt: skip
            into = sorted(into, key=lambda row: row["rank"])[:_INTO]
            for row in into:
                start, end = ((row[f"site_{e}"], str(row[f"unit_{e}"])) for e in "ab")
                yield start, end, row["effect"] / (row["spread"] or 1.0), False
            ends = {(row["site_a"], row["unit_a"]) for row in into}


def _order(table: Table) -> Callable[[str], int]:
    """Place of a column: sites as links follow one another, classes last."""
    sites = list(dict.fromkeys([*names_of(table, "site_a"), *names_of(table, "site_b")]))
    return lambda name: sites.index(name) if name in sites else len(sites)


def _placed(
    links: Sequence[tuple[_Node, _Node, float, bool]], columns: list[str], classes: list[str]
) -> dict[_Node, tuple[float, float]]:
    """Where the ends stand: classes in their order, units near to what they lead to."""
    nodes = list(dict.fromkeys(end for link in links for end in link[:2]))
    heights = {node: -float(classes.index(node[1])) for node in nodes if node[0] == "class"}
    found: dict[_Node, tuple[float, float]] = {}
    for x in range(len(columns) - 1, -1, -1):
        own = [node for node in nodes if node[0] == columns[x]]
        after = {n: [heights[end] for start, end, *_ in links if start == n] for n in own}
        own.sort(key=lambda node: -float(np.mean(after[node] or [heights.get(node, 0.0)])))
        for place, node in enumerate(own):
            heights[node] = -(place + 0.5) * len(classes) / len(own)
            found[node] = (float(x), heights[node])
    return found
