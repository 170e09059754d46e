"""Clusters the units of one site, and compares them with randomly initialised controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses.mechanism._specialisation import Specialisation, specialisation
from holistic.lenses.mechanism._untrained import Groups
from holistic.lenses.mechanism._values import Activations, most_varying
from holistic.pieces import kept
from holistic.stats.clusters import Clusters, Structure, cluster_units, side_by_side
from holistic.stats.silhouettes import Silhouettes, measured_silhouettes
from holistic.stats.tests import permutation_p

if TYPE_CHECKING:
    from holistic.lenses.mechanism import Mechanism

__all__ = ["ALPHA", "Against", "SiteClusters", "site_clusters"]

ALPHA = 0.05


@dataclass(frozen=True)
class Against:
    """Groups of a site beside those of randomly initialised controls, on the same examples.

    Attributes
    ----------
    own
        The groups of the model under study.
    others
        Those of each control.
    """

    own: Structure
    others: tuple[Structure, ...]

    @property
    def scores(self) -> np.ndarray:
        """Largest mean silhouettes of the controls."""
        return np.array([other.score for other in self.others])

    @property
    def ks(self) -> np.ndarray:
        """Numbers of clusters of the controls."""
        return np.array([other.k for other in self.others])

    @property
    def p(self) -> float:
        """The p of the model's largest mean silhouette among those of the controls."""
        return float(permutation_p(self.own.score, self.scores))


@dataclass(frozen=True)
class SiteClusters:
    """The clusters of one site.

    Attributes
    ----------
    studied
        Indices of the units that were clustered; arrays over units are in their order.
    raw, within
        Clusters chosen on the selection split, by plain correlation and within classes; none
        where randomly initialised controls have as much.
    silhouettes
        `[studied]`, silhouettes of `raw` on the evaluation split.
    order
        `[studied]`, places of the units when alike ones stand side by side; -1 for none.
    special
        What the clusters prefer; None where there are none.
    against, against_within
        What randomly initialised controls have.
    """

    site: Site
    studied: np.ndarray
    raw: Clusters
    within: Clusters
    silhouettes: Silhouettes
    order: np.ndarray
    special: Specialisation | None
    against: Against
    against_within: Against

    @property
    def alone(self) -> np.ndarray:
        """Units that vary and yet join no cluster, where there are clusters."""
        lonely = (self.raw.labels < 0) & ~self.raw.left_out
        return self.studied[lonely & (self.raw.k > 1)]


@kept
def site_clusters(
    site: Site,
    splits: tuple[Activations, Activations],
    groups: tuple[Groups, tuple[Groups, ...]],
    *,
    classes: int,
    settings: Mechanism,
    seed: int,
) -> SiteClusters:
    """Cluster the units of a site.

    Parameters
    ----------
    site
        The site.
    splits
        What its units hold on the selection and on the evaluation split.
    groups
        How far the units fall into groups in the model under study, and in randomly initialised
        controls.
    classes
        Number of classes.
    settings
        Settings of the lens.
    seed
        Seed of shuffles and resamples.
    """
    studied = most_varying(splits[0].values, settings.clustered_units)
    selection, evaluation = (split.of_units(studied) for split in splits)
    own, copies = groups
    against = Against(own.raw, tuple(copy.raw for copy in copies))
    against_within = Against(own.within, tuple(copy.within for copy in copies))
    raw = _clustered(selection.values, None, against, settings=settings, seed=seed)
    labels = selection.labels
    within = _clustered(selection.values, labels, against_within, settings=settings, seed=seed)
    members = raw.labels if raw.k > 1 else np.full(len(studied), -1)
    special = None
    if raw.k > 1:
        special = specialisation(selection, evaluation, members, classes=classes, seed=seed)
    return SiteClusters(
        site=site,
        studied=studied,
        raw=raw,
        within=within,
        silhouettes=measured_silhouettes(evaluation.values, members, seed=seed),
        order=side_by_side(evaluation.values, np.where(members < 0, raw.k, members)),
        special=special,
        against=against,
        against_within=against_within,
    )


def _clustered(
    values: np.ndarray,
    labels: np.ndarray | None,
    against: Against,
    *,
    settings: Mechanism,
    seed: int,
) -> Clusters:
    """Return the clusters, or none where randomly initialised controls fall into groups as well."""
    k_range = 2, settings.most_clusters
    found = cluster_units(values, labels, k_range=k_range, draws=settings.draws, seed=seed)
    return found if against.p <= ALPHA else found.none()
