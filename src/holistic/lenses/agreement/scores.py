"""What does each lens say a unit is worth to a class?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holistic.lens import Context
from holistic.lenses.agreement.attribution import attribute_units
from holistic.sites import Site
from holistic.subject import Subject
from holistic.tables import Table

if TYPE_CHECKING:
    from holistic.lenses.agreement import Agreement

__all__ = ["LENSES", "SiteScores", "by_class", "by_unit", "company", "unit_scores"]

LENSES = ("ablation", "activation", "attribution", "mechanism", "tracing")


@dataclass(frozen=True, eq=False)
class SiteScores:
    """What every lens says of one site's units; larger always means more for the class.

    Attributes
    ----------
    site
        The site.
    scores
        By lens `[U, C]` float64, NaN where the lens says nothing:

        - ablation: score that the class loses when the unit is replaced, `-effect`;
        - activation: how far the unit's AUROC for the class lies from chance, `|2 AUROC - 1|`. A
          unit that falls silent for a class tells as much of it as one that fires, and the other
          lenses credit both;
        - attribution: gradient × (activation - mean), the first-order estimate of the loss;
        - mechanism: the same as activation for the mean AUROC of the *other* units of the unit's
          cluster: what the company that it keeps says of it;
        - tracing: share of the class's decision that the unit takes away when it gets the value
          of an image of another class (`noise`).
    auroc
        `[U, C]`, AUROC of the unit's activation for the class.
    company
        `[U, C]`, mean AUROC of the other units of its cluster.
    dead
        `[U]` bool, units that never change; they take no part in rankings.
    """

    site: Site
    scores: dict[str, np.ndarray]
    auroc: np.ndarray
    company: np.ndarray
    dead: np.ndarray


def unit_scores(subject: Subject, lens: Agreement, context: Context) -> list[SiteScores]:
    """Read the earlier findings' tables, and attribute the score to units.

    Parameters
    ----------
    subject
        The model under study.
    lens
        The settings: `examples`.
    context
        Holds `ablation.units`, `activation.units`, `mechanism.clusters`, `tracing.patching`.
    """
    rows = _spread_rows(len(subject.evaluation), lens.examples)
    found = list[SiteScores]()
    for done, site in enumerate(subject.hidden_sites, 1):
        found.append(_read(subject, site, rows, context))
        context.progress("reading the lenses", done, len(subject.hidden_sites))
    return found


def _read(subject: Subject, site: Site, rows: np.ndarray, context: Context) -> SiteScores:
    """Read one site's rows of all lenses."""
    ablated, active, clusters, patched = (
        context.findings[name].table.where(site=site.name)
        for name in ("ablation.units", "activation.units", "mechanism.clusters", "tracing.patching")
    )
    patched = patched.where(corrupt="all", direction="noise")
    auroc = by_class(active, "auroc", site, subject.classes)
    others = company(auroc, by_unit(clusters, "cluster", site))
    scores = {
        "ablation": -by_class(ablated, "effect", site, subject.classes),
        "activation": np.abs(2 * auroc - 1),
        "attribution": attribute_units(subject, site, rows),
        "mechanism": np.abs(2 * others - 1),
        "tracing": by_class(patched, "recovery", site, subject.classes, name="clean"),
    }
    return SiteScores(site, scores, auroc, others, by_unit(active, "dead", site) == 1)


def _spread_rows(total: int, most: int) -> np.ndarray:
    """Places of at most `most` examples, evenly spread."""
    return np.unique(np.linspace(0, total - 1, min(total, most)).round().astype(np.int64))


def by_class(
    table: Table, column: str, site: Site, classes: Sequence[str], *, name: str = "class"
) -> np.ndarray:
    """Arrange one column of a site's rows as `[U, C]`; NaN where there is no row.

    Parameters
    ----------
    table
        Rows of the site with the columns `unit` and `name`.
    column
        Name of a numeric column.
    site, classes
        The site, and the names of the C classes.
    name
        Column that holds the class.
    """
    places = {c: i for i, c in enumerate(classes)}
    unit = table.column("unit").astype(np.float64)
    place = np.array([places.get(c, -1) for c in table.column(name)], np.int64)
    use = np.isfinite(unit) & (place >= 0)
    found = np.full((site.units, len(classes)), np.nan)
    found[unit[use].astype(np.int64), place[use]] = table.column(column).astype(np.float64)[use]
    return found


def by_unit(table: Table, column: str, site: Site) -> np.ndarray:
    """Arrange one numeric column of a site's rows as `[U]`, the first row of each unit."""
    unit = table.column("unit").astype(np.int64)
    names, first = np.unique(unit, return_index=True)
    found = np.full(site.units, np.nan)
    found[names] = table.column(column).astype(np.float64)[first]
    return found


def company(auroc: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """Average over the other units of each unit's cluster.

    Leaving the unit itself out keeps this apart from what its own activation says.

    Parameters
    ----------
    auroc
        `[U, C]`, NaN for units that have none.
    cluster
        `[U]`, NaN for units in no cluster.

    Returns
    -------
    np.ndarray
        `[U, C]`; NaN for units in no cluster, alone in theirs, or where all are in one.
    """
    found = np.full_like(auroc, np.nan)
    known = np.isfinite(cluster) & np.isfinite(auroc).all(1)
    names = np.unique(cluster[known])
    if len(names) < 2:
        return found
    for name in names:
        members = np.flatnonzero(known & (cluster == name))
        if len(members) > 1:
            total = auroc[members].sum(0)
            found[members] = (total - auroc[members]) / (len(members) - 1)
    return found
