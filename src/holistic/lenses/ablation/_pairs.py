"""Removes two units, each and both, and measures what both do beyond the sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from holistic.graph.engine import Stage
from holistic.graph.loops import batches, replays
from holistic.graph.sites import Site
from holistic.pieces import every, kept
from holistic.stats.means import Means
from holistic.study.examples import Examples
from holistic.study.scores import ROUNDING, resolution
from holistic.study.subject import Subject

__all__ = ["PairEffects", "interacting", "pair_effects"]

_SLICE = 2048


@dataclass(frozen=True)
class PairEffects:
    """What removing the units of each of G pairs does to the examples of each class and to all.

    Attributes
    ----------
    first, second, both
        `[G, C + 1]`, effects of removing the first unit, the second, and both.
    second_gone
        `[G, C + 1]`, of removing the second once the first is gone.
    interaction
        `[G, C + 1]`, of both beyond the sum of each.
    """

    first: Means
    second: Means
    both: Means
    second_gone: Means
    interaction: Means


@kept
def pair_effects(
    subject: Subject, site: Site, pairs: np.ndarray, examples: Examples, edit: str
) -> PairEffects:
    """Remove the units of each pair `[G, 2]`, each and both."""
    units, places = np.unique(pairs, return_inverse=True)
    places, classes = torch.from_numpy(places.reshape(pairs.shape)), len(subject.classes)
    slices = list(batches(len(pairs), _SLICE))
    found: list[list[Means]] = []
    for batch in replays(subject, site, examples.images, edit):
        stage, labels = batch.stage, examples.labels[batch.rows]
        before = subject.score_of(stage.base, labels).double()
        member = one_hot(labels, classes).double().cpu()  # [B, C]
        single = _order_effects(subject, stage, units[:, None], before, labels)  # [U', B]
        size = stage.base.abs().amax(1).double().cpu() + single.abs().amax(0)  # [B]
        own = _Singles(stage, labels, before, single, size, member)
        asked = ((subject, own, pairs[part], places[part]) for part in slices)
        sums = [[_class_means(single, member)], *zip(*every(_together, asked), strict=True)]
        found.append([Means.concatenate(parts) for parts in sums])
    alone, both, gone, extra = (_merged(parts).with_total() for parts in zip(*found, strict=True))
    first, second = (alone[places[:, i].numpy()] for i in (0, 1))
    return PairEffects(first, second, both, gone, extra)


@dataclass(frozen=True)
class _Singles:
    """A batch of B examples, and what removing each of U' units does to them.

    Attributes
    ----------
    stage, labels, before
        The batch, its classes `[B]`, and its scores `[B]` with all units.
    effects
        `[U', B]`.
    size
        `[B]`, how large the numbers are whose differences round.
    member
        `[B, C]`, which examples are of a class.
    """

    stage: Stage
    labels: Tensor
    before: Tensor
    effects: Tensor
    size: Tensor
    member: Tensor


@kept
def _together(
    subject: Subject, own: _Singles, pairs: np.ndarray, places: Tensor
) -> tuple[Means, Means, Means]:
    """Effects of both units of some pairs: whole, beyond the first's, and beyond the sum."""
    both = _order_effects(subject, own.stage, pairs, own.before, own.labels)
    a, b = (own.effects.index_select(0, places[:, i]) for i in (0, 1))
    whole, gone = _class_means(both, own.member), _class_means(both - a, own.member)
    both -= a.add_(b)
    both[both.abs() <= ROUNDING * own.size] = 0
    return whole, gone, _class_means(both, own.member)


def _merged(parts: Sequence[Means]) -> Means:
    """Means of the examples of all batches."""
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.merge(part)
    return whole


def _class_means(effects: Tensor, member: Tensor) -> Means:
    """Means of effects `[G, B]` over the examples of the classes marked in `[B, C]`: `[G, C]`."""
    count = member.sum(0)
    mean = effects @ member / count.clamp_min(1)
    away = effects - mean @ member.T
    square = away.square()
    m2, few = square @ member, member.float()
    # the higher powers say how skewed the effects are: float32 is exact enough, and quicker
    away, square = away.float(), square.float()
    m3, m4 = away.mul_(square) @ few, square.square_() @ few
    known = mean.masked_fill(count == 0, torch.nan)
    counts = count.expand(mean.shape).long()
    parts = (counts, known, m2, m3.double(), m4.double())
    return Means(*(part.numpy() for part in parts))


def interacting(
    together: np.ndarray, first: np.ndarray, second: np.ndarray, size: np.ndarray
) -> np.ndarray:
    """Effect of two units beyond the sum of both, `[G, B]`, zero where `size` `[B]` rounds it."""
    extra = together - first - second
    extra[np.abs(extra) <= ROUNDING * size] = 0
    return extra


@kept
def _order_effects(
    subject: Subject, stage: Stage, orders: np.ndarray, before: Tensor, labels: Tensor
) -> Tensor:
    """Effects `[O, B]` of removing all units of each order `[O, K]`, float64."""
    effects = torch.empty(len(orders), len(labels), dtype=torch.float64)
    for _, part, logits in stage.orders(torch.from_numpy(orders), (orders.shape[1],)):
        after = subject.score_of(logits.flatten(0, 1), labels.repeat(len(logits)))
        effects[part] = (after.double().view(len(logits), -1) - before).cpu()
    return effects.masked_fill_(effects.abs() <= resolution(stage.base).cpu(), 0)
