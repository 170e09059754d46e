"""Into how many groups do units fall, if into any?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holistic.errors import SettingError
from holistic.stats.agreement import adjusted_rand
from holistic.stats.moments import Moments
from holistic.stats.tests import permutation_p

__all__ = ["Clusters", "cluster_units", "side_by_side"]

_ALPHA = 0.05
_STABLE = 0.5


@dataclass(frozen=True)
class Clusters:
    """A partition of units, or that there is none.

    Attributes
    ----------
    labels
        `[U]` int64, cluster of each unit, 0 the largest; -1 for units that are left out
        (constant or not finite). All 0 where k is 1.
    k
        Number of clusters; 1 means that there are none.
    silhouette
        `[U]` of each unit in its cluster; NaN where k is 1 or the unit is left out.
    stability
        Mean adjusted Rand index between the best partition and those of resampled examples.
    counts, scores
        `[K]`, the candidate numbers of clusters and their mean silhouettes.
    null_scores
        `[draws]`, the best mean silhouettes of data without groups.
    p
        p of the best mean silhouette among those.
    """

    labels: np.ndarray
    k: int
    silhouette: np.ndarray
    stability: float
    counts: np.ndarray
    scores: np.ndarray
    null_scores: np.ndarray
    p: float


def cluster_units(
    values: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    k_range: tuple[int, int] = (2, 12),
    draws: int = 100,
    seed: int = 0,
) -> Clusters:
    """Group units that vary together, by average linkage of their correlation distance.

    The distance is 1 - r. The number of clusters is the one with the largest mean silhouette
    (Rousseeuw 1987). It stands if that silhouette beats, at p ≤ 0.05, the best one of the same
    procedure on data without groups: each unit keeps what it shares with the mean of all units,
    and the rest of its values is shuffled over the examples. And it stands only if resampled
    examples give about the same partition (mean adjusted Rand index of 0.5 or more; Ben-Hur,
    Elisseeff & Guyon 2002). Else the answer is one cluster, that is, none.

    Parameters
    ----------
    values
        `[N, U]`.
    labels
        `[N]` int classes: then class means are removed first and shuffles and resamples stay
        inside classes, so that units aren't grouped for preferring the same class alone. None
        groups by plain correlation.
    k_range
        Fewest and most clusters to try.
    draws
        Number of shuffles, and of bootstrap resamples for the stability; 20 or more.
    seed
        Seed of both.

    Raises
    ------
    SettingError
        If there are fewer than 20 draws, or `k_range` doesn't begin at 2 or above.
    """
    if draws < 20:
        raise SettingError(f"{draws} draws can't reach p ≤ {_ALPHA}; take 20 or more")
    if not 2 <= k_range[0] <= k_range[1]:
        raise SettingError(f"no range of cluster counts {k_range}; give fewest ≥ 2, then most")
    labels = np.zeros(len(values), np.int64) if labels is None else np.asarray(labels)
    deviations, kept = _deviations(values, labels)
    used = deviations[:, kept]  # [N, units kept]
    counts = np.arange(k_range[0], min(k_range[1], used.shape[1] - 1) + 1)
    members = np.where(kept, 0, -1)
    silhouette = np.full(len(kept), np.nan)
    if not len(counts):
        return Clusters(members, 1, silhouette, np.nan, counts, np.empty(0), np.empty(0), np.nan)
    rng = np.random.default_rng(seed)
    null = [_scores(_without_groups(used, labels, rng), counts).max() for _ in range(draws)]
    scores = _scores(used, counts)
    p = float(permutation_p(scores.max(), null))
    distance = _distance(used)
    cut = _cut(_tree(distance), int(counts[scores.argmax()]))
    stability = _stability(used, labels, cut, draws, rng)
    found = p <= _ALPHA and stability >= _STABLE
    if found:
        members[kept], silhouette[kept] = cut, _silhouettes(distance, cut)
    k = int(cut.max()) + 1 if found else 1
    return Clusters(members, k, silhouette, stability, counts, scores, np.array(null), p)


def side_by_side(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Order units so that those of a cluster, and inside it those that vary alike, are neighbours.

    Parameters
    ----------
    values
        `[N, U]`, what the units hold.
    labels
        `[U]`, the cluster of each unit.

    Returns
    -------
    np.ndarray
        `[U]` int64, the place of each unit, leaves of an average-linkage tree of 1 - r; -1 for
        units that don't vary.
    """
    from scipy.cluster.hierarchy import leaves_list

    varying = np.flatnonzero(np.ptp(values, axis=0) > 0)
    leaves = np.arange(len(varying))
    if len(varying) > 2:
        chosen = values[:, varying]
        leaves = leaves_list(_tree(_distance(chosen - chosen.mean(0))))
    order = varying[leaves[np.argsort(labels[varying][leaves], kind="stable")]]
    places = np.full(values.shape[1], -1)
    places[order] = np.arange(len(order))
    return places


def _deviations(values: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values minus class means `[N, U]`, and which units can be correlated `[U]`."""
    moments = Moments.of(values, labels, int(labels.max(initial=0)) + 1)
    kept = ~moments.constant(within=True) & ~moments.non_finite.any(0)
    return moments.deviations(values, labels), kept


def _distance(deviations: np.ndarray) -> np.ndarray:
    """Return the correlation distance `[U, U]`; a unit that doesn't vary correlates with none."""
    norms = np.sqrt((deviations**2).sum(0))
    unit = deviations / np.where(norms > 0, norms, 1.0)
    r = unit.T @ unit
    distance = np.maximum(1 - r, 0)
    np.fill_diagonal(distance, 0)
    return (distance + distance.T) / 2


def _tree(distance: np.ndarray) -> np.ndarray:
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    return linkage(squareform(distance, checks=False), "average")


def _cut(tree: np.ndarray, k: int) -> np.ndarray:
    """Return the cluster `[U]` of each unit, 0 the largest; fewer than k where merges tie."""
    from scipy.cluster.hierarchy import fcluster

    _, first, inverse, size = np.unique(
        fcluster(tree, k, "maxclust"), return_index=True, return_inverse=True, return_counts=True
    )
    return np.argsort(np.lexsort((first, -size)))[inverse]


def _silhouettes(distance: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the silhouette of each unit `[U]` (Rousseeuw 1987, eq. 2); 0 alone in its cluster."""
    member = labels[:, None] == np.arange(labels.max() + 1)  # [U, k]
    sizes = member.sum(0)
    if len(sizes) < 2:
        return np.zeros(len(labels))
    sums = distance @ member.astype(np.float64)
    own = sizes[labels]
    inner = sums[member] / np.maximum(own - 1, 1)
    outer = np.where(member, np.inf, sums / sizes).min(1)
    widest = np.maximum(inner, outer)
    return np.where((own > 1) & (widest > 0), (outer - inner) / np.where(widest > 0, widest, 1), 0)


def _scores(deviations: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the mean silhouette of each number of clusters, `[K]`."""
    distance = _distance(deviations)
    tree = _tree(distance)
    return np.array([_silhouettes(distance, _cut(tree, int(k))).mean() for k in counts])


def _without_groups(
    deviations: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Shuffle each unit over the examples of a class, but for its share in the units' mean."""
    unit = deviations / np.sqrt((deviations**2).sum(0))
    common = unit.mean(1, keepdims=True)  # [N, 1]
    square = float((common**2).sum())
    shared = common @ (common.T @ unit) / square if square else np.zeros_like(unit)
    own, shuffled = unit - shared, np.empty_like(unit)
    for label in np.unique(labels):
        rows = labels == label
        shuffled[rows] = rng.permuted(own[rows], axis=0)
    return shared + shuffled


def _stability(
    deviations: np.ndarray,
    labels: np.ndarray,
    cut: np.ndarray,
    draws: int,
    rng: np.random.Generator,
) -> float:
    """Return the mean agreement of a partition with those of resampled examples."""
    groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    agreements: list[float] = []
    for _ in range(draws):
        tree = _tree(_distance(_resampled(deviations, groups, rng)))
        agreements.append(adjusted_rand(cut, _cut(tree, int(cut.max()) + 1)))
    return float(np.mean(agreements))


def _resampled(
    deviations: np.ndarray, groups: list[np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Draw examples with replacement inside each group, and remove the group's new means."""
    drawn = [deviations[rng.choice(group, len(group))] for group in groups]
    # Relative to its first row, a unit that doesn't vary in the draw has a mean of exactly 0.
    drawn = [rows - rows[0] for rows in drawn]
    return np.concatenate([rows - rows.mean(0) for rows in drawn])
