"""Chooses how many groups units fall into, if any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from holistic.errors import SettingError
from holistic.stats.agreement import adjusted_rand
from holistic.stats.moments import Moments
from holistic.stats.silhouettes import from_sums, silhouettes
from holistic.stats.tests import permutation_p

__all__ = ["Clusters", "Structure", "cluster_units", "side_by_side", "structure"]

_ALPHA = 0.05
_STABLE = 0.5
_TIE = 1e-9
_CUTS = 4
"""Pieces of a tree at most, in largest numbers of clusters: units alone are pieces, too."""


@dataclass(frozen=True)
class Clusters:
    """A partition of units, or that there is none.

    Attributes
    ----------
    labels
        `[U]` int64, cluster of each unit, 0 the largest; -1 for units that are left out (constant
        or not finite) and for those in no cluster of two units or more. All 0 where k is 1.
    left_out
        `[U]` bool, units that are left out.
    k
        Number of clusters of two units or more; 1 means that there are none.
    ks
        `[draws]`, numbers of clusters that resampled examples give, whether or not they stand.
    silhouette
        `[U]` of each unit in its cluster, 0 for one in none; NaN where k is 1 or it is left out.
    agreements
        `[draws]`, adjusted Rand indices of the partition with those of resampled examples.
    counts, scores
        `[K]`, the candidate numbers of clusters and their largest mean silhouettes; NaN for a
        number that no cut of the tree gives.
    error
        Standard error of the largest score, over resampled examples.
    null_scores
        `[draws]`, the largest scores of data without groups.
    p
        p of the largest score among those.
    """

    labels: np.ndarray
    left_out: np.ndarray
    k: int
    ks: np.ndarray
    silhouette: np.ndarray
    agreements: np.ndarray
    counts: np.ndarray
    scores: np.ndarray
    error: float
    null_scores: np.ndarray
    p: float

    @property
    def stability(self) -> float:
        """Mean of `agreements`; NaN without a partition."""
        return float(self.agreements.mean()) if len(self.agreements) else float("nan")

    @property
    def score(self) -> float:
        """Largest mean silhouette; NaN without a partition."""
        return float(np.nanmax(self.scores)) if len(self.agreements) else float("nan")

    def none(self) -> Self:
        """Return that there are no clusters, with what was found of the partition."""
        silhouette = np.full_like(self.silhouette, np.nan)
        return replace(self, labels=np.where(self.left_out, -1, 0), k=1, silhouette=silhouette)


@dataclass(frozen=True)
class Structure:
    """How far units fall into groups at best: the largest mean silhouette, and into how many."""

    k: int
    score: float


@dataclass(frozen=True)
class _Cuts:
    """For each candidate number of clusters `[K]` the cut with the largest mean silhouette.

    `scores` `[K]` is NaN, and the rows of `labels` `[K, U]` are 0, where no cut has that number.
    """

    counts: np.ndarray
    scores: np.ndarray
    labels: np.ndarray

    @property
    def best(self) -> float:
        """Largest mean silhouette; 0, that of a single cluster, where there is no cut."""
        return float(np.nanmax(self.scores, initial=0.0))

    def chosen(self, error: float) -> int:
        """Place of the smallest number within an error of the best; -1 where there is no cut."""
        good = np.flatnonzero(self.scores >= np.nanmax(self.scores, initial=-1.0) - error)
        return int(good[0]) if len(good) else -1


def cluster_units(
    values: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    k_range: tuple[int, int] = (2, 12),
    draws: int = 100,
    seed: int = 0,
) -> Clusters:
    """Group units that vary together, by average linkage of their correlation distance.

    The distance is 1 - r. A cluster has two units or more; units that join none are in none, and
    count with a silhouette of 0. The number of clusters is the smallest whose mean silhouette
    (Rousseeuw 1987) is within one standard error, over resampled examples, of the largest: so
    near-ties are not decided by rounding. It stands if the largest silhouette beats, at p ≤ 0.05,
    that of the same procedure on data without groups: each unit keeps what it shares with the mean
    of all units, and the rest of its values is shuffled over the examples. And it stands only if
    resampled examples give about the same partition (mean adjusted Rand index of 0.5 or more;
    Ben-Hur, Elisseeff & Guyon 2002). Else the answer is one cluster, that is, none.

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

    References
    ----------
    Breiman, Friedman, Olshen & Stone 1984, sec. 3.4.3 (one standard error).
    """
    if draws < 20:
        raise SettingError(f"{draws} draws can't reach p ≤ {_ALPHA}; take 20 or more")
    labels = np.zeros(len(values), np.int64) if labels is None else np.asarray(labels)
    deviations, kept = _deviations(values, labels)
    used, rng = deviations[:, kept], np.random.default_rng(seed)  # [N, units kept]
    found = _cuts(used, k_range)
    if np.isnan(found.scores).all():
        return _no_partition(kept, found)
    null = [_cuts(_without_groups(used, labels, rng), k_range).best for _ in range(draws)]
    groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    again = [_cuts(_resampled(used, groups, rng), k_range) for _ in range(draws)]
    clusters = _chosen(used, kept, found, again, null)
    stands = clusters.p <= _ALPHA and clusters.stability >= _STABLE
    return clusters if stands else clusters.none()


def _chosen(
    deviations: np.ndarray,
    kept: np.ndarray,
    cuts: _Cuts,
    again: Sequence[_Cuts],
    null: Sequence[float],
) -> Clusters:
    """Choose the number of clusters, by what resampled examples give."""
    error = float(np.std([c.scores[np.nanargmax(cuts.scores)] for c in again], ddof=1))
    error = 0.0 if np.isnan(error) else error
    place = cuts.chosen(error)
    cut = cuts.labels[place]
    members, silhouette = np.full(len(kept), -1), np.full(len(kept), np.nan)
    members[kept] = np.where(np.bincount(cut)[cut] > 1, cut, -1)
    silhouette[kept] = silhouettes(_distance(deviations), cut)
    return Clusters(
        labels=members,
        left_out=~kept,
        k=int(cuts.counts[place]),
        ks=np.array([c.counts[i] if (i := c.chosen(error)) >= 0 else 1 for c in again]),
        silhouette=silhouette,
        agreements=np.array([adjusted_rand(cut, c.labels[place]) for c in again]),
        counts=cuts.counts,
        scores=cuts.scores,
        error=error,
        null_scores=np.array(null),
        p=float(permutation_p(cuts.best, null)),
    )


def structure(
    values: np.ndarray, labels: np.ndarray | None = None, *, k_range: tuple[int, int] = (2, 12)
) -> Structure:
    """Say how far units fall into groups at best, without asking whether that is more than noise.

    Parameters
    ----------
    values, labels, k_range
        As for `cluster_units`.

    Returns
    -------
    Structure
        k is 1 and the score 0 where no cut of the tree has two clusters of two units.
    """
    labels = np.zeros(len(values), np.int64) if labels is None else np.asarray(labels)
    deviations, kept = _deviations(values, labels)
    cuts = _cuts(deviations[:, kept], k_range)
    place = cuts.chosen(0.0)
    return Structure(int(cuts.counts[place]) if place >= 0 else 1, cuts.best)


def _no_partition(kept: np.ndarray, cuts: _Cuts) -> Clusters:
    """Return that too few units vary for two clusters of two."""
    nothing = np.empty(0)
    return Clusters(
        labels=np.where(kept, 0, -1),
        left_out=~kept,
        k=1,
        ks=np.empty(0, np.int64),
        silhouette=np.full(len(kept), np.nan),
        agreements=nothing,
        counts=cuts.counts,
        scores=cuts.scores,
        error=float("nan"),
        null_scores=nothing,
        p=float("nan"),
    )


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


def _levels(tree: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """Yield the pieces `[U]` of a tree at each height, from `most` of them down to 2.

    The largest is 0. Merges at the same height are one: no cut falls between them.
    """
    units, joined = len(tree) + 1, tree[:, :2].astype(int)
    start = max(0, units - most)  # merges that no cut lies below
    top = np.arange(units + start)
    for merge in reversed(range(start)):
        top[joined[merge]] = top[units + merge]
    piece = top[:units]
    for merge in range(start, len(tree)):
        if merge == 0 or tree[merge, 2] > tree[merge - 1, 2] + _TIE:
            yield _by_size(piece)
        first, other = joined[merge]
        piece[(piece == first) | (piece == other)] = units + merge


def _by_size(piece: np.ndarray) -> np.ndarray:
    """Number pieces `[U]` by their size, 0 the largest; of equal ones the earlier comes first."""
    size, units = np.bincount(piece), np.arange(len(piece))
    first, number = np.empty_like(size), np.empty_like(size)
    first[piece[::-1]] = units[::-1]  # the last that is written is the earliest unit
    pieces = np.flatnonzero(size)
    number[pieces[np.lexsort((first[pieces], -size[pieces]))]] = np.arange(len(pieces))
    return number[piece]


def _cuts(deviations: np.ndarray, k_range: tuple[int, int]) -> _Cuts:
    """Cut the tree of units at every height, and keep the best cut of each number of clusters.

    Raises
    ------
    SettingError
        If the numbers don't begin at 2 or above.
    """
    fewest, most = k_range
    if not 2 <= fewest <= most:
        raise SettingError(f"no range of cluster counts {k_range}; give fewest ≥ 2, then most")
    units = deviations.shape[1]
    counts = np.arange(fewest, min(most, units // 2) + 1)
    scores, labels = np.full(len(counts), np.nan), np.zeros((len(counts), units), np.int64)
    if not len(counts):
        return _Cuts(counts, scores, labels)
    distance = _distance(deviations)
    sums, first = np.empty((units, 0)), np.empty(0, np.int64)
    for cut in _levels(_tree(distance), min(units - 1, _CUTS * most)):
        member = cut[:, None] == np.arange(cut.max() + 1)  # [U, pieces]
        if not len(first):
            sums, first = distance @ member.astype(np.float64), member.argmax(0)
        place = int((member.sum(0) > 1).sum()) - fewest
        if not 0 <= place < len(counts):
            continue
        # a cut higher up joins pieces of the first one, so their sums of distances add up
        score = from_sums(sums @ member[first].astype(np.float64), cut).mean()
        if not score <= scores[place]:
            scores[place], labels[place] = score, cut
    return _Cuts(counts, scores, labels)


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


def _resampled(
    deviations: np.ndarray, groups: list[np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Draw examples with replacement inside each group, and remove the group's new means."""
    drawn = [deviations[rng.choice(group, len(group))] for group in groups]
    # Relative to its first row, a unit that doesn't vary in the draw has a mean of exactly 0.
    drawn = [rows - rows[0] for rows in drawn]
    return np.concatenate([rows - rows.mean(0) for rows in drawn])
