"""Replaces single units and measures each example, in every score and for every label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from holistic.graph.engine import Stage
from holistic.graph.sites import Site
from holistic.replacing.sweep import replacement
from holistic.study.examples import Examples
from holistic.study.scores import Score, resolution
from holistic.study.subject import Subject

__all__ = ["SCORES", "label_effects", "label_scores", "unit_effects_on"]

SCORES: tuple[Score, ...] = ("margin", "logit", "log_prob", "accuracy")

_BATCH = 1024
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
    batch = min(_BATCH, subject.engine.batch_rows([site]))
    stages = dict[int, Stage]()
    for first in range(0, site.units, width):
        units = slice(first, min(first + width, site.units))
        effects = torch.zeros(len(scores), units.stop - first, count, classes, dtype=torch.float64)
        for start in range(0, count, batch):
            rows = slice(start, start + batch)
            stage = stages.get(start)
            if stage is None:
                images = examples.images[rows]
                value = replacement(subject, site, edit, images, start)
                stage = subject.stage(site.name, images, value)
            if count <= batch:
                stages[start] = stage
            effects[:, :, rows] = _batch_effects(stage, units, scores)
        yield units, effects


def _batch_effects(stage: Stage, units: slice, scores: Sequence[Score]) -> Tensor:
    """Effects `[S, U', B, C]` of some units on one batch."""
    before = _label_scores(stage.base, scores)  # [S, B, C]
    changed = stage.changed[:, units].T.contiguous()  # [U', B]
    pairs = changed.flatten().nonzero()[:, 0]
    places, rows = pairs // changed.shape[1], pairs % changed.shape[1]
    effects = torch.zeros(len(scores), *changed.shape, before.shape[2], dtype=torch.float64)
    flat = effects.view(len(scores), -1, before.shape[2])
    least = resolution(stage.base)[:, None]  # [B, 1]
    for start in range(0, len(pairs), stage.chunk):
        part = slice(start, start + stage.chunk)
        r = rows[part]
        after = _label_scores(stage.units(places[part] + units.start, r), scores)
        change = (after - before[:, r]).double()  # [S, R, C]
        change.masked_fill_(change.abs() <= least[r], 0)
        flat[:, pairs[part].cpu()] = change.cpu()
    return effects


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
