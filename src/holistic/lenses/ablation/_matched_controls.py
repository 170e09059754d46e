"""Removes other units that are as active as a class's top units, as a control."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation._budget import Extent
from holistic.lenses.ablation._rankings import Ranked
from holistic.lenses.ablation._removal import remove_orders
from holistic.stats.control import Control
from holistic.stats.tests import permutation_p
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["Matched", "matched_columns", "matched_sets", "remove_matched", "stratum_orders"]

_STRATUM = 8


def matched_sets(units: np.ndarray, strength: np.ndarray, sets: int, seed: list[int]) -> np.ndarray:
    """Draw sets of other units with nearly the same mean activations.

    Parameters
    ----------
    units
        `[K]`, the set to match.
    strength
        `[U]`, mean activation of each unit of the site.
    sets
        How many to draw.
    seed
        Decides them.

    Returns
    -------
    np.ndarray
        `[sets, K]`: each unit is replaced by a random one of the `max(8, U // 8)` free units
        that are nearest in mean activation; free are those outside the set that haven't replaced
        another. Where none is left the unit stays.
    """
    rng = np.random.default_rng(seed)
    others = np.setdiff1d(np.arange(len(strength)), units)
    width = max(8, len(strength) // 8)
    free = np.ones((sets, len(others)), dtype=bool)
    drawn = np.tile(units, (sets, 1))
    for j in rng.permutation(len(units)):
        near = np.argsort(np.abs(strength[others] - strength[units[j]]), kind="stable")
        left = free[:, near]
        pool = left & (left.cumsum(1) <= width)
        picked = near[np.where(pool, rng.random(pool.shape), -1.0).argmax(1)] if len(near) else near
        rows = np.flatnonzero(pool.any(1))
        free[rows, picked[rows]] = False
        drawn[rows, j] = others[picked[rows]]
    return drawn


@dataclass(frozen=True)
class Matched:
    """Sets matched to the top units of each ranking and class, and what they cost the class.

    Attributes
    ----------
    drops
        `[R·C, S + 1, sets]`, drop of the class's own accuracy; NaN at sizes without matched sets.
    first
        Of the same shape, whether a set is drawn for the first time.
    strength
        `[R·C, S + 1]`, mean activation of the matched units.
    """

    drops: np.ndarray
    first: np.ndarray
    strength: np.ndarray


def remove_matched(
    subject: Subject, site: Site, lens: Ablation, ranked: Ranked, extent: Extent
) -> Matched:
    """Remove matched sets, those of a class on the class's own examples."""
    classes, sizes = len(subject.classes), (0, *extent.sizes)
    drops = np.full((len(ranked.orders), len(sizes), lens.sets), np.nan)
    first, strength = np.zeros(drops.shape, bool), np.full(drops.shape[:2], np.nan)
    for c in range(classes):
        examples = _of_class(extent.examples, c)
        own = range(c, len(ranked.orders), classes)
        for k in extent.matched if len(examples) else ():
            sets = [
                matched_sets(
                    ranked.orders[i, :k],
                    ranked.strength,
                    lens.sets,
                    [subject.seed, site.depth, i, k],
                )
                for i in own
            ]
            place = sizes.index(k)
            drop = _class_drops(subject, site, lens, np.concatenate(sets), (examples, c))
            drops[own, place] = drop.reshape(len(own), -1)
            first[own, place] = [_first(some) for some in sets]
            strength[own, place] = [ranked.strength[s].mean() for s in sets]
    return Matched(drops, first, strength)


def _class_drops(
    subject: Subject, site: Site, lens: Ablation, sets: np.ndarray, own: tuple[Examples, int]
) -> np.ndarray:
    """What a class's own examples lose without each of the sets `[M, k]`, each replayed once."""
    examples, label = own
    distinct, place = np.unique(np.sort(sets, 1), axis=0, return_inverse=True)
    removal = remove_orders(
        subject, site, distinct, sizes=(sets.shape[1],), examples=examples, edit=lens.edit
    )
    drops = (removal.lost - removal.gained)[:, 1, label] / len(examples)
    return drops[place.reshape(-1)]


def _first(sets: np.ndarray) -> np.ndarray:
    """Where among the sets `[M, k]` one stands that wasn't drawn before, in any order."""
    places = np.unique(np.sort(sets, 1), axis=0, return_index=True)[1]
    return np.isin(np.arange(len(sets)), places)


def _of_class(examples: Examples, label: int) -> Examples:
    return examples.at(np.flatnonzero(examples.labels.cpu().numpy() == label))


def matched_columns(matched: Matched, observed: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of the matched control; `observed` are the class's drops `[R·C·(S + 1)]`.

    A set counts once in p, however often it was drawn: as many units are alike, and no more, as a
    single one can be exchanged with.
    """
    drops = matched.drops.reshape(len(observed), -1)
    first = matched.first.reshape(drops.shape)
    measured = ~np.isnan(drops).all(1)
    columns = {name: np.full(len(drops), np.nan) for name in ("drop", "lo", "hi", "p")}
    if measured.any():
        found = Control.of(drops[measured], observed[measured], axis=1)
        p = permutation_p(observed, np.where(first, drops, np.nan).T)[measured]
        parts = {"drop": found.mean, "lo": found.lo, "hi": found.hi, "p": p}
        for name, values in parts.items():
            columns[name][measured] = values
    return {
        "matched_activation": matched.strength.reshape(-1),
        "class_matched_sets": first.sum(1),
        **{f"class_matched_{name}": values for name, values in columns.items()},
    }


def stratum_orders(
    order: np.ndarray, strength: np.ndarray, sets: int, seed: list[int]
) -> np.ndarray:
    """Let units change places with others of about their mean activation, at random.

    Parameters
    ----------
    order
        `[U]`, all units of the site.
    strength
        `[U]`, mean activation of each unit.
    sets
        How many orders to draw.
    seed
        Decides them.

    Returns
    -------
    np.ndarray
        `[sets, U]`: every beginning of an order has as many units of each stratum of eight
        neighbours in mean activation as the same beginning of `order`, so that their p is that of
        a permutation test within strata.
    """
    rng = np.random.default_rng(seed)
    strata = np.array_split(np.argsort(strength, kind="stable"), max(1, len(order) // _STRATUM))
    place = np.empty((sets, len(order)), dtype=np.int64)
    for stratum in strata:
        place[:, stratum] = rng.permuted(np.tile(stratum, (sets, 1)), axis=1)
    return place[:, order]
