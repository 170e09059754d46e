"""Reads what each lens says a unit is worth to a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from holistic.graph.sites import Site
from holistic.lenses._contract import Context
from holistic.lenses._units import unit_values
from holistic.lenses.agreement._attribution import attribute_units
from holistic.lenses.agreement._resampled_images import (
    DRAWS,
    class_weights,
    redrawn_areas,
    redrawn_means,
)
from holistic.replacing.budget import replay_work
from holistic.replacing.sweep import Pass, effects_by_example
from holistic.results.tables import Table
from holistic.stats.means import Means
from holistic.study.subject import Subject

if TYPE_CHECKING:
    from holistic.lenses.agreement import Agreement

__all__ = ["LENSES", "SiteScores", "by_class", "by_unit", "company", "unit_scores"]

_VALUES = 3e8
"""Values of units on images, over all draws, up to which images of one site are drawn again."""
_MOST_DRAWN = 2e7
"""Numbers that the draws of one site may hold."""
_REPLAYS = 1e11
"""Multiplications that the removal of a site's units on single images may take."""
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
    attributed
        `[U, C]`, what is behind the attributions.
    redrawn
        `[D, U, C]`, the scores of some lenses on evaluation images drawn again; lenses of which
        single images are too dear to measure, or say something else, are missing.
    company_ends
        `[2, U, C]`, 95 % bounds of `company` over images; NaN where they are too dear.
    """

    site: Site
    scores: dict[str, np.ndarray]
    auroc: np.ndarray
    company: np.ndarray
    dead: np.ndarray
    attributed: Means
    redrawn: dict[str, np.ndarray]
    company_ends: np.ndarray


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
        found.append(_read(subject, site, rows, context, lens.attributed_by))
        context.progress("reading the lenses", done, len(subject.hidden_sites))
    return found


def _read(
    subject: Subject, site: Site, rows: np.ndarray, context: Context, method: str
) -> SiteScores:
    """Read one site's rows of all lenses."""
    ablated, active, clusters, patched = (
        context.findings[name].table.where(site=site.name)
        for name in ("ablation.units", "activation.units", "mechanism.clusters", "tracing.patching")
    )
    patched = patched.where(corrupt="all", direction="noise")
    auroc, cluster = (
        by_class(active, "auroc", site, subject.classes),
        by_unit(clusters, "cluster", site),
    )
    others, dead = company(auroc, cluster), by_unit(active, "dead", site) == 1
    terms = attribute_units(subject, site, rows, method=method)
    labels = subject.evaluation.labels.cpu().numpy()[rows]
    attributed = Means.by_class(terms, labels, len(subject.classes))[:, :-1]
    loss = -by_class(ablated, "effect", site, subject.classes)
    redrawn, areas = _redrawn(subject, site, rows, terms=terms, loss=loss, auroc=auroc)
    ends = np.full((2, *auroc.shape), np.nan)
    if areas is not None:
        near = np.stack([company(area, cluster) for area in areas])
        redrawn["mechanism"] = np.abs(2 * near - 1)
        half = 2.01 * near.std(0, ddof=1)  # Student's t of as many draws
        half = np.where(half > 1e-9, half, np.nan)  # the same in every draw says nothing of others
        ends = np.clip(others + np.stack([-half, half]), 0, 1)
    scores = {
        "ablation": loss,
        "activation": np.abs(2 * auroc - 1),
        "attribution": attributed.mean,
        "mechanism": np.abs(2 * others - 1),
        "tracing": by_class(patched, "recovery", site, subject.classes, name="clean"),
    }
    return SiteScores(site, scores, auroc, others, dead, attributed, redrawn, ends)


def _redrawn(
    subject: Subject,
    site: Site,
    rows: np.ndarray,
    *,
    terms: np.ndarray,
    loss: np.ndarray,
    auroc: np.ndarray,
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """Scores of the lenses that single images can be asked for, drawn again, and the AUROCs.

    `terms` `[U, N]` are the images' attributions, `loss` and `auroc` `[U, C]` what the tables say.
    """
    classes = len(subject.classes)
    if len(rows) * site.units * DRAWS > _VALUES or site.units * classes * DRAWS > _MOST_DRAWN:
        return {}, None
    labels = subject.evaluation.labels.cpu().numpy()[rows]
    member = (labels[:, None] == np.arange(classes)).astype(np.float64)
    weights = class_weights(labels, classes, subject.seed)
    found = {"attribution": redrawn_means(terms, member, weights)}
    if len(rows) * site.units * replay_work(subject, site) <= _REPLAYS:
        run = Pass([site], rows=torch.from_numpy(rows))
        parts = [effects.cpu().numpy() for _, _, effects in effects_by_example(subject, run)]
        losses = -np.concatenate(parts, axis=1)  # [U, N]
        if _same(losses, labels, loss):
            found["ablation"] = redrawn_means(losses, member, weights)
    areas = redrawn_areas(_position_means(subject, site, rows), member, weights)
    if not _agree(areas, auroc):
        return found, None
    found["activation"] = np.abs(2 * areas - 1)
    return found, areas


def _same(losses: np.ndarray, labels: np.ndarray, loss: np.ndarray) -> bool:
    """Say whether the table measured the same: units replaced by their mean, one by one."""
    means = Means.by_class(losses, labels, loss.shape[1])[:, :-1]
    with np.errstate(invalid="ignore"):
        error = np.sqrt(means.variance / np.maximum(means.count, 1))
        near = np.abs(means.mean - loss) <= 5 * error + 1e-4 * np.nanmax(np.abs(loss), initial=0.0)
    known = np.isfinite(error) & np.isfinite(loss)
    return bool(near[known].mean() > 0.95) if known.any() else False


def _agree(areas: np.ndarray, auroc: np.ndarray) -> bool:
    """Say whether the table's AUROCs are those of position means, as the draws' are."""
    middle, spread = areas.mean(0), areas.std(0)
    known = np.isfinite(middle) & np.isfinite(auroc)
    near = np.abs(middle - auroc) <= 5 * spread + 0.01
    return bool(near[known].mean() > 0.95) if known.any() else False


def _position_means(subject: Subject, site: Site, rows: np.ndarray) -> np.ndarray:
    """Position means of a site on evaluation examples, `[U, N]`."""
    images = subject.evaluation.images[torch.from_numpy(rows)]
    return unit_values(subject, [site.name], images)[site.name].T


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
