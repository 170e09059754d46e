"""What does removing two units do to each example, beyond removing each?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from holistic.examples import Examples
from holistic.graph.engine import Stage
from holistic.scores import ROUNDING, resolution
from holistic.sites import Site
from holistic.subject import Subject
from holistic.sweeps import replacement

__all__ = ["PairEffects", "Sums", "interacting", "pair_effects", "site_stages"]

_SLICE = 2048
_BATCH = 1024


@dataclass(frozen=True)
class Sums:
    """Examples, mean and squared deviations, `[C + 1, G]` each; all classes come last."""

    count: np.ndarray
    mean: np.ndarray
    m2: np.ndarray


class _ClassSums:
    """Sums of effects and of their squares over the examples of each class, `[G, C]`."""

    def __init__(self, effects: int, classes: int) -> None:
        self.count = torch.zeros(classes, dtype=torch.float64)
        self.total = torch.zeros(effects, classes, dtype=torch.float64)
        self.square = torch.zeros(effects, classes, dtype=torch.float64)

    def update(self, effects: Tensor, member: Tensor) -> None:
        """Add effects `[G, B]` of examples whose classes are marked in `[B, C]`."""
        self.count += member.sum(0)
        self.total += effects @ member
        self.square += effects.square() @ member

    def sums(self) -> Sums:
        """Moments of each class, and of all classes as a last row."""
        parts = (self.count.expand_as(self.total), self.total, self.square)
        count, total, square = (torch.cat([p, p.sum(1, keepdim=True)], 1).T for p in parts)
        mean = total / count  # NaN for a class without examples
        # effects come in float32: their squares and sums are exact enough in float64
        m2 = (square - total * mean).nan_to_num(0).clamp_min(0)
        return Sums(count.numpy().astype(np.int64), mean.numpy(), m2.numpy())


@dataclass(frozen=True)
class PairEffects:
    """Effects of the first and second unit of each pair, of both, and the interaction."""

    first: np.ndarray
    second: np.ndarray
    both: np.ndarray
    interaction: Sums


def site_stages(
    subject: Subject, site: Site, examples: Examples, edit: str
) -> Iterator[tuple[Stage, Tensor, Tensor]]:
    """Yield the stage of each batch, its labels `[B]` and what removed units hold."""
    batch = min(_BATCH, subject.engine.batch_rows([site]))
    for start in range(0, len(examples), batch):
        labels = examples.labels[start : start + batch]
        value = replacement(subject, site, edit, start, len(labels))
        yield (
            subject.stage(site.name, examples.images[start : start + batch], value),
            labels,
            value,
        )


def pair_effects(
    subject: Subject, site: Site, pairs: np.ndarray, examples: Examples, edit: str
) -> PairEffects:
    """Remove the units of each pair `[G, 2]`, each and both: means `[C + 1, G]`."""
    units, places = np.unique(pairs, return_inverse=True)
    places, classes = torch.from_numpy(places.reshape(pairs.shape)), len(subject.classes)
    alone = _ClassSums(len(units), classes)
    slices = [slice(i, i + _SLICE) for i in range(0, len(pairs), _SLICE)]
    sums = [[_ClassSums(len(pairs[s]), classes) for _ in range(2)] for s in slices]
    for stage, labels, _ in site_stages(subject, site, examples, edit):
        before = subject.score_of(stage.base, labels).double()
        member = one_hot(labels, classes).double().cpu()  # [B, C]
        single = _order_effects(subject, stage, units[:, None], before, labels)  # [U', B]
        alone.update(single, member)
        size = stage.base.abs().amax(1).double().cpu() + single.abs().amax(0)  # [B]
        for part, (both, extra) in zip(slices, sums, strict=True):
            together = _order_effects(subject, stage, pairs[part], before, labels)
            both.update(together, member)
            a, b = (single.index_select(0, places[part, i]) for i in (0, 1))
            together -= a.add_(b)
            together[together.abs() <= ROUNDING * size] = 0
            extra.update(together, member)
    single_mean = alone.sums().mean
    whole, extra = ([pair[i].sums() for pair in sums] for i in (0, 1))
    return PairEffects(
        single_mean[:, places[:, 0]],
        single_mean[:, places[:, 1]],
        np.concatenate([s.mean for s in whole], 1),
        Sums(*(np.concatenate([getattr(s, f) for s in extra], 1) for f in ("count", "mean", "m2"))),
    )


def interacting(
    together: np.ndarray, first: np.ndarray, second: np.ndarray, size: np.ndarray
) -> np.ndarray:
    """Effect of two units beyond the sum of both, `[G, B]`, zero where `size` `[B]` rounds it."""
    extra = together - first - second
    extra[np.abs(extra) <= ROUNDING * size] = 0
    return extra


def _order_effects(
    subject: Subject, stage: Stage, orders: np.ndarray, before: Tensor, labels: Tensor
) -> Tensor:
    """Effects `[O, B]` of removing all units of each order `[O, K]`, float64."""
    effects = torch.empty(len(orders), len(labels), dtype=torch.float64)
    for _, part, logits in stage.orders(torch.from_numpy(orders), (orders.shape[1],)):
        after = subject.score_of(logits.flatten(0, 1), labels.repeat(len(logits)))
        effects[part] = (after.double().view(len(logits), -1) - before).cpu()
    return effects.masked_fill_(effects.abs() <= resolution(stage.base).cpu(), 0)
