"""Removes random sets of units: what a class loses when as many others of the site go."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation._budget import Extent, afforded_rows
from holistic.lenses.ablation._removal import remove_orders
from holistic.stats.tests import benjamini_hochberg, p_of_count, permutation_p
from holistic.study.subject import Subject

__all__ = [
    "MoreSets",
    "Sets",
    "control_p",
    "family_q",
    "least_p",
    "most_sets",
    "random_orders",
    "remove_more",
    "sets_of_size",
]

_TIMES = 5
"""So many times the sets of a curve are compared with the headline, where few are not enough."""
_PER_TEST = 40
"""Sets for each test of a family, so that one class alone can reach q < 0.05."""
_MOST = 5000
_PAIR = 2
"""Units that stand in for each other come in pairs, so these are looked at closely, too."""


def random_orders(subject: Subject, site: Site, lens: Ablation) -> np.ndarray:
    """Random units of a site in random order, `[sets, K]`: every class's control."""
    depth = min(lens.depth, site.units)
    rng = np.random.default_rng([subject.seed, site.depth])
    return np.stack([rng.permutation(site.units)[:depth] for _ in range(lens.sets)])


def most_sets(subject: Subject, site: Site, lens: Ablation, measured: Extent) -> int:
    """Sets of one size that may be tried: enough for one class alone, as far as that is cheap."""
    tests = len(subject.classes) * len(subject.hidden_sites)
    wanted = min(max(_TIMES * lens.sets, _PER_TEST * tests), _MOST)
    afford = int(afforded_rows(subject, site, lens) / max(len(measured.examples), 1))
    return max(lens.sets, min(wanted, afford))


@dataclass(frozen=True)
class Sets:
    """Sets of one size, as `[M, k]` units; `every`: they are all that the site has."""

    units: np.ndarray
    every: bool


def sets_of_size(subject: Subject, site: Site, k: int, first: int, most: int) -> Sets | None:
    """All sets of k units where there are at most `most`, else `most - first` random ones.

    None where no more than the `first` sets of the curves are wanted.
    """
    if comb(site.units, k) <= most:
        return Sets(np.array(list(combinations(range(site.units), k))), every=True)
    if most <= first:
        return None
    rng = np.random.default_rng([subject.seed, site.depth, k, 8])
    order = rng.random((most - first, site.units)).argpartition(k - 1, 1)
    return Sets(order[:, :k], every=False)


@dataclass(frozen=True)
class MoreSets:
    """What removing sets of one size costs each class.

    Attributes
    ----------
    net
        `[M, C]`, examples of each class that are lost, less those that are gained.
    every
        Whether these are all sets of that size.
    """

    net: np.ndarray
    every: bool


def remove_more(
    subject: Subject, site: Site, lens: Ablation, measured: Extent, headline: int
) -> dict[int, MoreSets]:
    """Remove further sets: all of a size that has few; more pairs, and of the headline size."""
    most, found = most_sets(subject, site, lens, measured), dict[int, MoreSets]()
    for k in measured.sizes:
        if k == site.units:
            continue
        sets = sets_of_size(
            subject, site, k, lens.sets, most if k in (_PAIR, headline) else lens.sets
        )
        if sets is not None:
            removal = remove_orders(
                subject, site, sets.units, sizes=(k,), examples=measured.examples, edit=lens.edit
            )
            found[k] = MoreSets((removal.lost - removal.gained)[:, 1], sets.every)
    return found


def control_p(
    observed: np.ndarray, first: np.ndarray, more: np.ndarray, *, every: bool
) -> tuple[np.ndarray, np.ndarray]:
    """One-sided p of drops among those of other sets, and how many sets are behind each.

    Parameters
    ----------
    observed
        `[...]`, drops of the sets in question.
    first
        `[F]` or `[F, ...]`, drops of the random sets that everything is compared with.
    more
        `[M]` or `[M, ...]`, drops of further random sets. They are asked only where none of the
        first drops as much: a p that isn't at its floor stays, so that looking twice makes no p
        too small.
    every
        `more` are all sets of that size, and p is the share of them that drop as much.

    References
    ----------
    Besag & Clifford 1991, Sequential Monte Carlo p-values.
    """
    if every:
        # the set in question is one of them, and is counted once
        as_large = np.rint(permutation_p(observed, more) * (1 + len(more))) - 1
        p = np.maximum(as_large, 1) / len(more)
        return p, np.full(p.shape, len(more))
    p = permutation_p(observed, first)
    floor = p <= (1 + 1e-9) / (1 + len(first))
    both = np.concatenate([first, more])
    sets = np.where(floor, len(both), len(first))
    return np.where(floor, permutation_p(observed, both), p), sets


def least_p(sets: int, *, every: bool = False) -> float:
    """Least p that so many sets allow.

    >>> least_p(199), least_p(6, every=True)
    (0.005, 0.16666666666666666)
    """
    return 1 / sets if every else float(p_of_count(0, sets))


def family_q(p: np.ndarray, family: np.ndarray) -> np.ndarray:
    """Benjamini-Hochberg q `[N]` of p, each family of tests (numbers `[N]`) by itself."""
    q = np.full(len(p), np.nan)
    for one in np.unique(family):
        q[family == one] = benjamini_hochberg(p[family == one])
    return q
