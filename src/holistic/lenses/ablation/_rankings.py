"""Orders a site's units for each class, by what was measured on the selection split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holistic.graph.edits import edits_at
from holistic.graph.engine import position_mean
from holistic.graph.sites import Site
from holistic.lenses._units import unit_batches
from holistic.results.tables import Table
from holistic.stats.moments import Moments
from holistic.stats.order import ordered
from holistic.study.subject import Subject

__all__ = [
    "RANKINGS",
    "Ranked",
    "above_ablation_value",
    "mean_activations",
    "rank_units",
    "rankings",
    "strongest",
    "unit_effects",
]

RANKINGS = ("class_activation", "class_minus_rest", "effect")
"""By mean activation on the class, by that minus the mean on the rest, and by the effect on the
class's score when the unit is removed alone: all measured on the selection split."""


@dataclass(frozen=True)
class Ranked:
    """A site's units, ranked for every class.

    Attributes
    ----------
    orders
        `[R·C, U]`, the unit to remove first in front: every class by the first ranking, and so on.
    strength
        `[U]`, mean activation over the selection split, classes weighing the same.
    activations
        `[C, U]`, the same of each class.
    effects
        `[C, U]`, effect of removing each unit on each class of the selection split.
    """

    orders: np.ndarray
    strength: np.ndarray
    activations: np.ndarray
    effects: np.ndarray

    def by(self, ranking: str) -> np.ndarray:
        """Orders `[C, U]` of one ranking."""
        classes = len(self.activations)
        first = RANKINGS.index(ranking) * classes
        return self.orders[first : first + classes]


def rank_units(subject: Subject, site: Site, chosen: Table) -> Ranked:
    """Rank on the selection split; `chosen` is a sweep over it."""
    activations, effects = mean_activations(subject, site), unit_effects(subject, site, chosen)
    ranked = rankings(activations, effects)
    orders = np.concatenate([ranked[name] for name in RANKINGS])
    return Ranked(orders, np.nanmean(activations, 0), activations, effects)


def above_ablation_value(
    subject: Subject, site: Site, activations: np.ndarray, edit: str
) -> np.ndarray:
    """How far units' mean activations lie above what they hold once removed.

    Parameters
    ----------
    subject, site
        Whose units.
    activations
        `[C, U]`, from `mean_activations`.
    edit
        What a removed unit holds instead.

    Returns
    -------
    np.ndarray
        `[C + 1, U]`, all classes last: positive where the unit fires on the class, negative where
        it is silent there, so that removing it raises it.
    """
    count = np.bincount(subject.selection.labels.cpu().numpy(), minlength=len(activations))
    whole = (count[:, None] * np.nan_to_num(activations)).sum(0) / count.sum()
    removed = edits_at(edit, site.name, subject.seed, 1)[0]
    usual = removed.usual(activations, whole, subject.references)
    return np.concatenate([activations, whole[None]]) - usual


def mean_activations(subject: Subject, site: Site) -> np.ndarray:
    """Mean activation of each unit on each class of the selection split, `[C, U]`.

    Positions are averaged.
    """
    moments = Moments.empty(site.units, len(subject.classes))
    chosen = subject.selection
    for part, values in unit_batches(subject, [site.name], chosen.images, reduce=position_mean):
        moments.update(values[site.name], chosen.labels[part])
    return moments.mean


def unit_effects(subject: Subject, site: Site, chosen: Table) -> np.ndarray:
    """Effect of removing each unit on each class `[C, U]`, read from a sweep."""
    rows = chosen.where(site=site.name)
    effects = rows.column("effect").reshape(site.units, len(subject.classes) + 1)
    return effects[:, :-1].T


def strongest(subject: Subject, site: Site, chosen: Table) -> np.ndarray:
    """Units `[U]` by their largest effect on any class, either way, the largest in front."""
    sizes = np.abs(unit_effects(subject, site, chosen))  # [C, U]
    return ordered(-np.where(np.isnan(sizes), 0, sizes).max(0))


def rankings(activations: np.ndarray, effects: np.ndarray) -> dict[str, np.ndarray]:
    """Order the units for each class, the ones to remove first in front: `[C, U]` each.

    Parameters
    ----------
    activations
        Mean activation on each class, `[C, U]`.
    effects
        Effect of removing each unit on each class, `[C, U]`; negative = the class loses.
    """
    classes = len(activations)
    rest = (activations.sum(0) - activations) / max(classes - 1, 1)
    keys = (-activations, rest - activations, effects)
    return {name: ordered(key) for name, key in zip(RANKINGS, keys, strict=True)}
