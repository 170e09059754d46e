"""Ranks the sites by what each class loses there on the selection split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation._rankings import Ranked
from holistic.lenses.ablation._removal import remove_orders
from holistic.study.subject import Subject

__all__ = ["HEADLINE", "SiteLoss", "headline_size", "site_loss", "site_ranks"]

HEADLINE = "effect"
"""The ranking that is spoken of first."""
_MOST = 10


def headline_size(sizes: Sequence[int], units: int, most: int = _MOST) -> int:
    """Choose how many of a site's units are spoken of: ten, but no more than half of them.

    >>> headline_size([0, 1, 2, 5, 10, 20], 16), headline_size([0, 1, 2, 5, 10, 20], 256)
    (5, 10)
    """
    return max(k for k in sizes if k <= max(1, min(most, units // 2)))


@dataclass(frozen=True)
class SiteLoss:
    """What classes lose on the selection split without their top k units of one site.

    Attributes
    ----------
    k
        Units that are removed together.
    drop, effect
        `[C]`, share of the class's examples that are lost, and the sum of the units' effects
        alone, which decides between equal drops. NaN for a class without examples.
    """

    k: int
    drop: np.ndarray
    effect: np.ndarray


def site_loss(subject: Subject, site: Site, lens: Ablation, ranked: Ranked, k: int) -> SiteLoss:
    """Remove each class's top k units on the class's own examples of the selection split."""
    orders = ranked.by(HEADLINE)[:, :k]
    some = subject.selection.sample(lens.examples, seed=subject.seed)
    labels, drop = some.labels.cpu().numpy(), np.full(len(orders), np.nan)
    for c, order in enumerate(orders):
        own = some.at(np.flatnonzero(labels == c))
        if len(own):
            removal = remove_orders(
                subject, site, order[None], sizes=(k,), examples=own, edit=lens.edit
            )
            drop[c] = (removal.lost - removal.gained)[0, 1, c] / len(own)
    effects = np.take_along_axis(ranked.effects, orders, 1).sum(1)
    return SiteLoss(k, drop, effects)


def site_ranks(losses: Sequence[SiteLoss]) -> np.ndarray:
    """Places of the sites for each class, `[sites, C]` from 1 on: 1 where it loses most."""
    drops = np.stack([-np.nan_to_num(loss.drop) for loss in losses])
    effects = np.stack([np.nan_to_num(loss.effect) for loss in losses])
    order = np.lexsort((effects, drops), axis=0)  # [sites, C]
    return order.argsort(0) + 1
