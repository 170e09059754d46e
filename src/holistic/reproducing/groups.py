"""How neurons go together: correlated pairs, clusters, and the digits that clusters stand for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses._units import unit_values
from holistic.lenses.mechanism._correlations import standardised
from holistic.pieces import kept
from holistic.reproducing.measured import Measured, against, jackknife_error
from holistic.reproducing.networks import fresh
from holistic.reproducing.removals import drops_without, of_class
from holistic.stats.clusters import Clusters, cluster_units, structure
from holistic.stats.control import band
from holistic.stats.moments import Moments
from holistic.stats.tests import permutation_p
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["clusters", "pairs"]

_FRESH = 20
_THRESHOLD = 0.5
_CLUSTERED = 2000
_FEW = 500
_MOST = 12
_DRAWS = 30
_CARRIERS = 10
_SETS = 200
_SETS_EACH = 100
_COSTLIEST = "need for the group that it needs most"
_LEVEL = 0.05
_EDIT = "mean"


@kept
def pairs(subject: Subject) -> list[Measured]:
    """Count pairs of neurons correlated above 0.5: in each layer, and of all layers together.

    Beside them stand the pairs of networks with newly drawn weights, on the same examples.
    """
    z, layer = _side_by_side(subject)
    control = np.stack([_counted(copy) for copy in fresh(subject, _FRESH)])
    found, n = _counts(_products(z) / len(z), layer), len(z)

    def without(rows: np.ndarray) -> np.ndarray:
        """Counts of all examples but these, from the sums of the rest."""
        gone, count = z[rows], n - len(rows)
        products, sums = whole - _products(gone), -gone.sum(0)
        covariance = products / count - np.outer(sums, sums) / count**2
        spread = np.sqrt(np.diagonal(covariance))
        with np.errstate(divide="ignore", invalid="ignore"):
            return _counts(covariance / np.outer(spread, spread), layer)

    whole = _products(z)
    errors = jackknife_error(without, n, subject.seed)
    names = [*(site.layer for site in subject.hidden_sites), "all layers"]
    return [
        against(("pairs", name, "count"), (found[i], errors[i], n), control[:, i], unit="pairs")
        for i, name in enumerate(names)
    ]


@kept
def _counted(copy: Subject) -> np.ndarray:
    """Pairs of a network with newly drawn weights, `[S + 1]`."""
    z, layer = _side_by_side(copy)
    return _counts(_products(z) / len(z), layer)


def _side_by_side(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
    """Neurons that vary enough on the evaluation split, standardised, and the layer of each.

    `[N, T]` and `[T]`. Left out are those whose variance rests on fewer than 10 examples: their
    correlations mean nothing.
    """
    names = [site.name for site in subject.hidden_sites]
    found = unit_values(subject, names, subject.evaluation.images)
    sizes = [found[name].shape[1] for name in names]
    values = np.concatenate([found[name] for name in names], 1)
    z = standardised(Moments.of(values), values)
    usable = (z**2).any(0) & (len(z) ** 2 >= _CARRIERS * (z**4).sum(0))
    return z[:, usable], np.repeat(range(len(names)), sizes)[usable]


def _products(z: np.ndarray) -> np.ndarray:
    return z.T @ z


def _counts(r: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """Pairs above the threshold inside of each layer, and of all neurons: `[S + 1]`."""
    high = np.triu(np.nan_to_num(r) > _THRESHOLD, 1)
    inside = [high[np.ix_(layer == s, layer == s)].sum() for s in range(int(layer.max()) + 1)]
    return np.array([*inside, high.sum()])


@dataclass(frozen=True)
class _Side:
    """What neurons hold on one split: `[N, U]` in standard deviations, and means `[C, U]`."""

    values: np.ndarray
    z: np.ndarray
    means: np.ndarray
    labels: np.ndarray


@kept
def clusters(subject: Subject, speaking: tuple[tuple[str, int], ...]) -> list[Measured]:
    """Group the neurons of each layer, and ask whether a group stands for each of some digits.

    A layer has groups where they stand against shuffles and resamples (`cluster_units`) and beat
    those of networks with newly drawn weights. A group stands for a digit where that is what it
    prefers, more than the best of groups of the same sizes drawn at random does, and where the
    digit loses more without it than without random sets of its size.

    Parameters
    ----------
    subject
        The network.
    speaking
        Name and class of each digit.
    """
    own, found = _structures(subject), list[Measured]()
    copies = np.stack([_structures(copy) for copy in fresh(subject, _FRESH)])
    for place, site in enumerate(subject.hidden_sites):
        chosen, measured = _sides(subject, site)
        rng = np.random.default_rng([subject.seed, site.depth, 5])
        some = chosen.values[np.sort(rng.permutation(len(chosen.labels))[:_CLUSTERED])]
        groups = cluster_units(some, k_range=(2, _MOST), draws=_DRAWS, seed=subject.seed)
        usual, scores = copies[:, place].T
        stands = groups.k > 1 and float(permutation_p(own[place, 1], scores)) <= _LEVEL
        lo, hi = (float(end) for end in band(usual))
        k, mean, nan = groups.k if stands else 1, float(usual.mean()), float("nan")
        name = "clusters", site.layer, "grouping"
        found.append(Measured(*name, "main", "clusters", k, nan, len(some), mean, lo, hi, stands))
        for digit in speaking:
            found += _speaking(subject, site, (chosen, measured), groups, digit)
    return found


@kept
def _structures(subject: Subject) -> np.ndarray:
    """Number of groups and largest mean silhouette of each layer, `[S, 2]`, on few examples."""
    names = [site.name for site in subject.hidden_sites]
    few = subject.selection.sample(_FEW, seed=subject.seed)
    values = unit_values(subject, names, few.images)
    found = [structure(values[name], k_range=(2, _MOST)) for name in names]
    return np.array([[one.k, one.score] for one in found], dtype=float)


def _sides(subject: Subject, site: Site) -> tuple[_Side, _Side]:
    sides = list[_Side]()
    for split in (subject.selection, subject.evaluation):
        values = unit_values(subject, [site.name], split.images)[site.name]
        labels = split.labels.cpu().numpy()
        z = standardised(Moments.of(values), values)
        sides.append(_Side(values, z, Moments.of(z, labels, len(subject.classes)).mean, labels))
    return sides[0], sides[1]


def _speaking(
    subject: Subject,
    site: Site,
    sides: tuple[_Side, _Side],
    groups: Clusters,
    digit: tuple[str, int],
) -> Iterator[Measured]:
    """Set the group that is most active on a digit beside random groups of the same sizes."""
    line, label = f"cluster_{digit[0]}", digit[1]
    members, rng = groups.labels, np.random.default_rng([subject.seed, site.depth, label, 6])
    own = of_class(subject.evaluation, label)
    if groups.k < 2:
        nan = float("nan")
        yield against((line, site.layer, "activity on it"), (nan, nan, len(own)), [], unit="SD")
        yield against(
            (line, site.layer, "need for it"),
            (nan, nan, len(own)),
            [],
            unit="points",
            role="also",
        )
        nothing = nan, nan, len(own)
        yield against((line, site.layer, _COSTLIEST), nothing, [], unit="points", role="remark")
        return
    weights = _weights(members)
    group = _strongest(weights @ sides[0].means.T, label)
    activity = sides[1].z[sides[1].labels == label] @ weights[group]
    prefers = int((weights[group] @ sides[0].means.T).argmax()) == label
    random = list[float]()
    for _ in range(_SETS):
        mixed = members.copy()
        mixed[members >= 0] = rng.permutation(members[members >= 0])
        other = _weights(mixed)
        random.append(
            float(sides[1].means[label] @ other[_strongest(other @ sides[0].means.T, label)])
        )
    error = float(activity.std(ddof=1) / np.sqrt(len(activity)))
    measured = float(activity.mean()), error, len(activity)
    yield against((line, site.layer, "activity on it"), measured, random, unit="SD", only=prefers)
    units = np.flatnonzero(members == group)
    sets = np.stack([rng.permutation(site.units)[: len(units)] for _ in range(_SETS)])
    drops, errors = drops_without(subject, site, np.concatenate([units[None], sets]), own, _EDIT)
    lost = float(drops[0]), float(errors[0]), len(own)
    yield against((line, site.layer, "need for it"), lost, drops[1:], unit="points", role="also")
    yield _costliest(subject, site, members, own, (line, site.layer, _COSTLIEST))


def _costliest(
    subject: Subject, site: Site, members: np.ndarray, own: Examples, name: tuple[str, str, str]
) -> Measured:
    """Remove every group in turn; beside the largest loss stands that of random sets as large."""
    rng = np.random.default_rng([subject.seed, site.depth, 7])
    most, errors = list[np.ndarray](), list[float]()
    for size in np.bincount(members[members >= 0]):
        group = np.flatnonzero(members == len(most))
        sets = np.stack([rng.permutation(site.units)[:size] for _ in range(_SETS_EACH)])
        drops, error = drops_without(subject, site, np.concatenate([group[None], sets]), own, _EDIT)
        most.append(drops)
        errors.append(float(error[0]))
    every = np.stack(most)  # [K, 1 + sets]
    place = int(every[:, 0].argmax())
    measured = float(every[place, 0]), errors[place], len(own)
    return against(name, measured, every[:, 1:].max(0), unit="points", role="remark")


def _weights(members: np.ndarray) -> np.ndarray:
    """Weights `[K, U]` by which the values of each group's neurons are averaged."""
    groups = members == np.arange(members.max() + 1)[:, None]
    return groups / groups.sum(1, keepdims=True)


def _strongest(means: np.ndarray, label: int) -> int:
    """The group most active on a class, by means `[K, C]` of the selection split."""
    return int(means[:, label].argmax())
