"""Removes units one after another and counts the examples that turn wrong or right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.graph.engine import Stage
from holistic.graph.loops import order_groups, replays
from holistic.graph.sites import Site
from holistic.pieces import every, kept
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["Removal", "remove_orders"]


@dataclass(frozen=True)
class Removal:
    """Flips as units are removed one after another.

    Attributes
    ----------
    lost, gained
        `[O, S + 1, C]`, examples of each class that turned wrong, and right, without the first
        units of each order: none of them, then as many as each of the S sizes says.
    right, count
        `[C]`, examples of each class that were right before, and all of them.
    """

    lost: np.ndarray
    gained: np.ndarray
    right: np.ndarray
    count: np.ndarray


def remove_orders(
    subject: Subject,
    site: Site,
    orders: np.ndarray,
    *,
    sizes: Sequence[int],
    examples: Examples,
    edit: str,
) -> Removal:
    """Remove units in the given orders and count the flips of each class.

    Parameters
    ----------
    subject, site
        Whose units.
    orders
        `[O, K]`, units in the order in which they go.
    sizes
        The S numbers of units after which flips are counted, each from 1 to K.
    examples
        What is replayed.
    edit
        What a removed unit holds instead.
    """
    classes = len(subject.classes)
    sets, place = _sets(orders, sizes, site.units)
    # examples right afterwards, by class, of those right before and of those wrong before
    still = torch.zeros(*(place.shape if len(sets) == 0 else (len(sets),)), 2 * classes)
    before = torch.zeros(2 * classes)
    moves = torch.from_numpy(orders)
    for batch in replays(subject, site, examples.images, edit):
        stage, labels = batch.stage, examples.labels[batch.rows]
        kinds = _kinds(stage.base.argmax(1) == labels, labels, classes)  # [B, 2C]
        before += kinds.sum(0)
        for chosen, logits in stage.sets(sets):
            still[chosen] += (logits.argmax(2) == labels).float() @ kinds
        groups = list(order_groups(stage, 0 if len(sets) else len(moves)))
        asked = ((stage, moves[group], labels, tuple(sizes), kinds) for group in groups)
        for group, found in zip(groups, every(_still_right, asked), strict=True):
            still[group] += found
    return _flips(still[place] if len(sets) else still, before, classes)


@kept
def _still_right(
    stage: Stage, orders: Tensor, labels: Tensor, sizes: tuple[int, ...], kinds: Tensor
) -> Tensor:
    """Examples of each kind that are right without the first units of the orders, `[O, S, 2C]`."""
    still = torch.zeros(len(orders), len(sizes), kinds.shape[1])
    where = {k: s for s, k in enumerate(sizes)}
    for k, chosen, right in stage.right(orders, labels, sizes):
        still[chosen, where[k]] += right.float() @ kinds
    return still


def _sets(orders: np.ndarray, sizes: Sequence[int], units: int) -> tuple[Tensor, np.ndarray]:
    """Distinct sets `[M, U]` among the beginnings of the orders, and the set of each, `[O, S]`.

    Only where a site has so few units that the same sets come again and again; else no sets.
    """
    place = np.zeros((len(orders), len(sizes)), dtype=np.int64)
    if units > 16 or 4 * 2**units > place.size:
        return torch.zeros(0, units, dtype=torch.bool), place
    for s, k in enumerate(sizes):
        place[:, s] = (1 << orders[:, :k]).sum(1)
    codes, inverse = np.unique(place, return_inverse=True)
    masks = (codes[:, None] >> np.arange(units)) & 1
    return torch.from_numpy(masks.astype(bool)), inverse.reshape(place.shape)


def _kinds(right: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Class of each example, in one half of the columns if it is right, else in the other."""
    onehot = torch.nn.functional.one_hot(labels, classes).float()  # [B, C]
    return torch.cat([onehot * right[:, None], onehot * ~right[:, None]], 1)


def _flips(kept: Tensor, before: Tensor, classes: int) -> Removal:
    right, wrong = before.double().cpu().numpy().reshape(2, classes)
    after = kept.double().cpu().numpy()  # [O, S, 2C]
    none = np.zeros((len(after), 1, classes))
    return Removal(
        lost=np.concatenate([none, right - after[..., :classes]], 1),
        gained=np.concatenate([none, after[..., classes:]], 1),
        right=right,
        count=right + wrong,
    )
