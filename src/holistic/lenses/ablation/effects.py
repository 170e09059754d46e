"""What does replacing single units do to each example, in every score?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.graph.engine import Stage
from holistic.scores import Score, score
from holistic.sites import Site
from holistic.subject import Examples, Subject
from holistic.sweeps import replacements

__all__ = ["SCORES", "ClassMeans", "Effects", "class_means", "mean_over_labels", "unit_effects_on"]

SCORES: tuple[Score, ...] = ("margin", "logit", "log_prob", "accuracy")
_BATCH = 1024


@dataclass(frozen=True)
class Effects:
    """Score after minus score before, for single units on each example.

    Attributes
    ----------
    own
        `[S, U, B]`, for the class that the example has.
    any_label
        `[S, U, B]`, averaged over the classes that it might have had.
    """

    own: np.ndarray
    any_label: np.ndarray


def unit_effects_on(
    subject: Subject, site: Site, examples: Examples, edit: str, scores: tuple[Score, ...]
) -> Effects:
    """Replace every unit, one at a time, on every example (one draw where the edit is random)."""
    own, general = list[Tensor](), list[Tensor]()
    for start in range(0, len(examples), _BATCH):
        labels = examples.labels[start : start + _BATCH]
        value = next(replacements(subject, site, edit, start, len(labels), 1))
        stage = subject.stage(site.name, examples.images[start : start + _BATCH], value)
        both = _batch_effects(stage, labels, scores)
        own.append(both[0])
        general.append(both[1])
    return Effects(torch.cat(own, 2).numpy(), torch.cat(general, 2).numpy())


def _batch_effects(stage: Stage, labels: Tensor, scores: tuple[Score, ...]) -> Tensor:
    """Effects `[2, S, U, B]`: on the own label, and averaged over labels."""
    before = _scored(stage.base, labels, scores)  # [2, S, B]
    changed = stage.changed.T.contiguous()  # [U, B]
    pairs = changed.flatten().nonzero()[:, 0]
    units, rows = pairs // len(labels), pairs % len(labels)
    effects = torch.zeros(2, len(scores), *changed.shape, dtype=torch.float64)
    flat = effects.view(2, len(scores), -1)
    for start in range(0, len(pairs), stage.chunk):
        part = slice(start, start + stage.chunk)
        logits = stage.units(units[part], rows[part])  # [R, C]
        after = _scored(logits, labels[rows[part]], scores)
        flat[:, :, pairs[part]] = after - before[:, :, rows[part]]
    return effects


def _scored(logits: Tensor, labels: Tensor, scores: tuple[Score, ...]) -> Tensor:
    own = torch.stack([score(logits, labels, name) for name in scores])
    general = torch.stack([mean_over_labels(logits, name) for name in scores])
    return torch.stack([own, general]).double()  # [2, S, B]


def mean_over_labels(logits: Tensor, name: Score) -> Tensor:
    """Average an example's score over all C labels that it might have: `[B, C]` to `[B]`."""
    classes = logits.shape[1]
    mean = logits.mean(1)
    if name == "logit":
        return mean
    if name == "log_prob":
        return mean - logits.logsumexp(1)
    if name == "accuracy":
        return torch.full_like(mean, 1 / classes)
    first, second = logits.topk(2, 1).values.T
    return mean - ((classes - 1) * first + second) / classes


@dataclass(frozen=True)
class ClassMeans:
    """Examples, mean and summed squared deviation in each class; all classes come last."""

    count: np.ndarray
    mean: np.ndarray
    m2: np.ndarray


def class_means(values: np.ndarray, labels: np.ndarray, classes: int) -> ClassMeans:
    """Average values `[…, B]` over the examples of each class: `[…, C + 1]`, NaN for none."""
    columns = list[tuple[np.ndarray, np.ndarray, np.ndarray]]()
    for c in range(classes + 1):
        part = values[..., labels == c] if c < classes else values
        count = np.full(values.shape[:-1], part.shape[-1])
        mean = part.mean(-1) if part.shape[-1] else np.full(count.shape, np.nan)
        columns.append((count, mean, ((part - mean[..., None]) ** 2).sum(-1)))
    return ClassMeans(*(np.stack(c, -1) for c in zip(*columns, strict=True)))
