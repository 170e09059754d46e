"""Finds the class that depends on each unit, if one does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from holistic.lenses._contract import Context
from holistic.lenses.agreement._scores import SiteScores, by_class
from holistic.lenses.agreement._untrained_bounds import LEVEL
from holistic.lenses.tracing._chosen import Carried
from holistic.stats.tests import benjamini_hochberg

__all__ = ["Causes", "Evidence", "gather", "settle"]


_HARDLY = 0.02
"""Part of what a site's strongest unit carries that counts as nothing."""


@dataclass(frozen=True)
class Evidence:
    """What can say that a class depends on a unit of one site, `[U, C]` of the evaluation split.

    Attributes
    ----------
    asked
        `[U, K]`, the classes that are asked about, chosen on the selection split: the one that the
        unit prefers, the one whose decision it carries most of, and the one whose accuracy it
        changes most; -1 for none, and for a class that was asked about before.
    share, share_p, accuracy_p
        Share of a class's decision that another class's value takes away, its p, and McNemar's p.
    bound
        `[U]`, share, either way, from which on a unit carries more than shows nothing, on the
        selection split: more than it moves when it gets the value of another image of the same
        class, and a fiftieth of what the site's strongest unit carries. NaN where there was no
        pair.
    carried
        `[U, C]`, size of the share on the selection split; below zero where there was no pair.
    selective
        `[U]`, whether the unit tells the class that it prefers: else its preference says little.
    """

    asked: np.ndarray
    share: np.ndarray
    share_p: np.ndarray
    accuracy_p: np.ndarray
    bound: np.ndarray
    carried: np.ndarray
    selective: np.ndarray

    def tests(self) -> np.ndarray:
        """P of each class that is asked about, by share and by accuracy, `[U, K, 2]`."""
        rows = np.arange(len(self.asked))[:, None]
        both = np.stack([self.share_p[rows, self.asked], self.accuracy_p[rows, self.asked]], 2)
        return np.where(self.asked[..., None] < 0, np.nan, both)


@dataclass(frozen=True)
class Causes:
    """Which class depends on each unit of one site, `[U]` each.

    Attributes
    ----------
    known
        Whether there was anything to tell it by.
    place
        The class: the one that a selective unit prefers if it depends on it, else `strongest`.
    strongest
        Of the classes that depend on the unit the one that does most on the selection split; -1
        for none.
    shown
        The class whose numbers are shown: that one, or where there is none the one among those
        asked about with the largest share.
    share_q, accuracy_q
        q of the shown class; NaN where it wasn't tested.
    """

    known: np.ndarray
    place: np.ndarray
    strongest: np.ndarray
    shown: np.ndarray
    share_q: np.ndarray
    accuracy_q: np.ndarray


def gather(
    here: SiteScores,
    classes: Sequence[str],
    *,
    preferred: np.ndarray,
    selective: np.ndarray,
    chosen: Carried,
    flips: np.ndarray,
    context: Context,
) -> Evidence:
    """Gather a site's evidence from the findings of the evaluation split.

    Parameters
    ----------
    here, classes
        What the lenses say of the site, and the names of the classes.
    preferred, selective
        `[U]`, place of the class that each unit prefers, -1 for none, and whether it tells it.
    chosen, flips
        What the selection split says: shares of decisions, and p of accuracies `[U, C]`.
    context
        Holds `ablation.units` and `tracing.patching`.
    """
    site, dead = here.site, here.dead
    ablated = context.findings["ablation.units"].table.where(site=site.name)
    patched = context.findings["tracing.patching"].table.where(
        site=site.name, corrupt="all", direction="noise"
    )
    share, share_p = (
        by_class(patched, column, site, classes, name="clean") for column in ("recovery", "p")
    )
    sizes = np.nan_to_num(np.abs(chosen.share), nan=-1.0)
    carrying = np.where(sizes.max(1) > 0, sizes.argmax(1), -1)
    p = np.nan_to_num(flips, nan=1.0)
    flipping = np.where(p.min(1) < 1, p.argmin(1), -1)
    asked = np.stack([preferred, carrying, flipping], 1)  # [U, K]
    for k in range(1, asked.shape[1]):
        again = (asked[:, :k] == asked[:, k : k + 1]).any(1)
        asked[again, k] = -1
    asked[dead] = -1
    return Evidence(
        asked,
        share,
        share_p,
        by_class(ablated, "p", site, classes),
        _bounds(chosen.within, sizes, dead),
        sizes,
        selective,
    )


def _bounds(within: np.ndarray, sizes: np.ndarray, dead: np.ndarray) -> np.ndarray:
    """Return the share that shows something of each unit, `[U]`, by the shares `[U, C]`."""
    own = np.nan_to_num(np.abs(within), nan=-1.0).max(1)
    most = sizes[~dead].max(initial=0.0)
    return np.where(own >= 0, np.maximum(own, _HARDLY * most), np.nan)


def settle(sites: Sequence[Evidence]) -> list[Causes]:
    """Test all units of all sites as one family, and say which class depends on each.

    A class depends on a unit if its accuracy changes without it, or if another class's value moves
    its decision by more than the bound, at q < 0.05.
    """
    p = np.concatenate([evidence.tests() for evidence in sites])
    ends = np.cumsum([len(evidence.asked) for evidence in sites])[:-1]
    return [
        _settled(evidence, q)
        for evidence, q in zip(sites, np.split(benjamini_hochberg(p), ends), strict=True)
    ]


def _settled(evidence: Evidence, q: np.ndarray) -> Causes:
    """`q` `[U, K, 2]` of the site's tests."""
    rows, asked = np.arange(len(q)), evidence.asked
    size = np.abs(evidence.share[rows[:, None], asked])
    size = np.where(asked >= 0, size, np.nan)  # [U, K]
    moved = (q[..., 0] < LEVEL) & (size > evidence.bound[:, None])
    depends = moved | (q[..., 1] < LEVEL)
    does = depends.any(1)
    most = np.where(depends, evidence.carried[rows[:, None], asked], -np.inf).argmax(1)
    # the class that a unit prefers comes first where the unit tells it from the rest
    first = np.where(evidence.selective & depends[:, 0], 0, most)
    place, strongest = (np.where(does, asked[rows, k], -1) for k in (first, most))
    # a class without a usable pair of images says nothing, neither for nor against
    telling = np.isfinite(size) & np.isfinite(evidence.bound)[:, None]
    largest = np.where(telling, size, -1.0).argmax(1)
    shown = np.where(does, first, largest)
    return Causes(
        known=np.logical_or(does, telling.any(1)),
        place=place,
        strongest=strongest,
        shown=asked[rows, shown],
        share_q=q[rows, shown, 0],
        accuracy_q=q[rows, shown, 1],
    )
