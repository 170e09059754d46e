"""Replaces single units and measures each example, in every score and for every label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from holistic.graph.engine import Stage
from holistic.graph.loops import Batch, batches, replays, single_edits
from holistic.graph.sites import Site
from holistic.study.examples import Examples
from holistic.study.scores import Score, resolution
from holistic.study.subject import Subject

__all__ = ["SCORES", "label_effects", "label_scores", "unit_effects_on"]

SCORES: tuple[Score, ...] = ("margin", "logit", "log_prob", "accuracy")

_BYTES = 2**27
"""Bytes of effects that are in memory at a time."""


def unit_effects_on(
    subject: Subject, site: Site, examples: Examples, edit: str, scores: Sequence[Score]
) -> np.ndarray:
    """Effects `[S, U, B]` of replacing every unit, one at a time, on each example's own class."""
    labels = examples.labels.cpu()
    rows = torch.arange(len(labels))
    parts = [
        effects[:, :, rows, labels].cpu().numpy()
        for _, effects in label_effects(subject, site, examples, edit, scores)
    ]
    return np.concatenate(parts, 1)


def label_effects(
    subject: Subject, site: Site, examples: Examples, edit: str, scores: Sequence[Score]
) -> Iterator[tuple[slice, Tensor]]:
    """Replace every unit, one at a time, on every example (one draw where the edit is random).

    Yields
    ------
    units, effects
        Some units, and `[S, U', B, C]` float64 on the CPU: score after minus score before for
        every label that an example might have.
    """
    classes, count = len(subject.classes), len(examples)
    width = max(1, _BYTES // (8 * len(scores) * max(count, 1) * classes))
    kept = list[Batch]()  # the only batch serves all slices of the units
    for units in batches(site.units, width):
        shape = len(scores), units.stop - units.start, count, classes
        effects = torch.zeros(shape, dtype=torch.float64)
        for batch in kept or replays(subject, site, examples.images, edit):
            effects[:, :, batch.rows] = _batch_effects(batch.stage, units, scores)
            kept = [batch] if len(batch.images) == count else []
        yield units, effects


def _batch_effects(stage: Stage, units: slice, scores: Sequence[Score]) -> Tensor:
    """Effects `[S, U', B, C]` of some units on one batch."""
    before = _label_scores(stage.base, scores)  # [S, B, C]
    chosen = torch.arange(units.start, units.stop)
    _, examples, classes = before.shape
    effects = torch.zeros(len(scores), len(chosen) * examples, classes, dtype=torch.float64)
    least = resolution(stage.base)[:, None]  # [B, 1]
    for places, rows, logits in single_edits(stage, chosen):
        after = _label_scores(logits, scores)
        change = (after - before[:, rows]).double()  # [S, R, C]
        change.masked_fill_(change.abs() <= least[rows], 0)
        effects[:, places.cpu()] = change.cpu()
    return effects.view(len(scores), len(chosen), examples, classes)


def _label_scores(logits: Tensor, scores: Sequence[Score]) -> Tensor:
    """Scores of every example for every label that it might have, `[S, B, C]`."""
    return torch.stack([label_scores(logits, name) for name in scores])


def label_scores(logits: Tensor, name: str) -> Tensor:
    """Score logits `[B, C]` for every label, `[B, C]`: as `study.scores.score` for each."""
    if name == "logit":
        return logits
    if name == "log_prob":
        return logits.log_softmax(1)
    best = logits.argmax(1, keepdim=True)
    if name == "accuracy":
        return torch.zeros_like(logits).scatter_(1, best, 1)
    first, second = logits.topk(2, 1).values.T[..., None]
    others = first.expand_as(logits).scatter(1, best, second)
    return logits - others
