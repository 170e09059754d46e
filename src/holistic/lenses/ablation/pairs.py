"""What does removing two units do to each example, beyond removing each?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.graph.engine import Stage
from holistic.sites import Site
from holistic.stats.moments import Moments
from holistic.subject import Examples, Subject
from holistic.sweeps import replacement

__all__ = ["PairEffects", "Sums", "interacting", "pair_effects", "site_stages"]

_SLICE = 2048
_ROUNDING = 32 * float(np.finfo(np.float32).eps)
"""Share of the scores involved below which an example's interaction is rounding, that is none."""

_BATCH = 1024


@dataclass(frozen=True)
class Sums:
    """Examples, mean and squared deviations, `[C + 1, G]` each; all classes come last."""

    count: np.ndarray
    mean: np.ndarray
    m2: np.ndarray

    @classmethod
    def of(cls, moments: Moments) -> Sums:
        """Append the moments over all classes as a last row."""
        total = moments.total()
        return cls(
            np.concatenate([moments.count, total.count]),
            np.concatenate([moments.mean, total.mean]),
            np.concatenate([moments.m2, total.m2]),
        )


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
    places, classes = places.reshape(pairs.shape), len(subject.classes)
    alone = Moments.empty(len(units), classes)
    slices = [slice(i, i + _SLICE) for i in range(0, len(pairs), _SLICE)]
    sums = [[Moments.empty(len(pairs[s]), classes) for _ in range(2)] for s in slices]
    for stage, labels, _ in site_stages(subject, site, examples, edit):
        before = subject.score_of(stage.base, labels).double()
        single = _order_effects(subject, stage, units[:, None], before, labels)  # [U', B]
        alone.update(single.T, labels)
        size = stage.base.abs().amax(1).cpu().numpy() + np.abs(single).max(0)  # [B]
        for part, (both, extra) in zip(slices, sums, strict=True):
            together = _order_effects(subject, stage, pairs[part], before, labels)
            both.update(together.T, labels)
            a, b = single[places[part, 0]], single[places[part, 1]]
            extra.update(interacting(together, a, b, size).T, labels)
    single_mean = Sums.of(alone).mean
    whole, extra = ([Sums.of(pair[i]) for pair in sums] for i in (0, 1))
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
    extra[np.abs(extra) <= _ROUNDING * size] = 0
    return extra


def _order_effects(
    subject: Subject, stage: Stage, orders: np.ndarray, before: Tensor, labels: Tensor
) -> np.ndarray:
    """Effects `[O, B]` of removing all units of each order `[O, K]`."""
    effects = np.empty((len(orders), len(labels)))
    for _, part, logits in stage.orders(torch.from_numpy(orders), (orders.shape[1],)):
        after = subject.score_of(logits.flatten(0, 1), labels.repeat(len(logits)))
        effects[part] = (after.double().view(len(logits), -1) - before).cpu().numpy()
    return effects
