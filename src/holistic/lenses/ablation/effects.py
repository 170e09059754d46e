"""What does replacing single units do to each example, in every score?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.examples import Examples
from holistic.graph.engine import Stage
from holistic.scores import Score, resolution
from holistic.sites import Site
from holistic.subject import Subject
from holistic.sweeps import replacement

__all__ = ["SCORES", "ClassMeans", "Effects", "class_means", "label_scores", "unit_effects_on"]

SCORES: tuple[Score, ...] = ("margin", "logit", "log_prob", "accuracy")

_BATCH = 1024


@dataclass(frozen=True)
class Effects:
    """Score after minus score before, for single units on each example.

    Attributes
    ----------
    own
        `[S, U, B]`, for the class that the example has.
    specific
        `[S, U, B]`, minus its mean over all labels that the example might have, and minus how
        far the label's mean over all examples is from the mean of all labels.
    shuffled
        `[S, U, B]`, the same as `specific` for a class that is given to the example at random.
    shuffled_flips
        `[U, B]`, change of being right on that class.
    random_labels
        `[B]`, the classes of `shuffled`: those of the examples, in another order.
    """

    own: np.ndarray
    specific: np.ndarray
    shuffled: np.ndarray
    shuffled_flips: np.ndarray
    random_labels: np.ndarray


def unit_effects_on(
    subject: Subject, site: Site, examples: Examples, edit: str, scores: tuple[Score, ...]
) -> Effects:
    """Replace every unit, one at a time, on every example (one draw where the edit is random)."""
    rng = np.random.default_rng([subject.seed, 7])
    given = examples.labels[torch.from_numpy(rng.permutation(len(examples)))]
    names = tuple(dict.fromkeys([*scores, "accuracy"]))
    parts, sums = list[Tensor](), torch.zeros(len(names), site.units, len(subject.classes)).double()
    batch = min(_BATCH, subject.engine.batch_rows([site]))
    for start in range(0, len(examples), batch):
        rows = slice(start, start + batch)
        labels = torch.stack([examples.labels[rows], given[rows]])
        value = replacement(subject, site, edit, start, labels.shape[1])
        stage = subject.stage(site.name, examples.images[rows], value)
        parts.append(_batch_effects(stage, labels, names, sums))
    own, shuffled, general = torch.cat(parts, 3)
    mean = sums / len(examples)  # [S, U, C]
    usual = mean - mean.mean(2, keepdim=True)
    return Effects(
        own.cpu().numpy()[: len(scores)],
        (own - general - usual[:, :, examples.labels]).cpu().numpy()[: len(scores)],
        (shuffled - general - usual[:, :, given]).cpu().numpy()[: len(scores)],
        shuffled[names.index("accuracy")].cpu().numpy(),
        given.cpu().numpy(),
    )


def _batch_effects(stage: Stage, labels: Tensor, scores: tuple[str, ...], sums: Tensor) -> Tensor:
    """Effects `[3, S, U, B]`: on two kinds of labels `[2, B]`, and averaged over all labels.

    Adds the effects on every label `[S, U, C]` into `sums`.
    """
    before, count = _label_scores(stage.base, scores), labels.shape[1]  # [S, B, C]
    changed = stage.changed.T.contiguous()  # [U, B]
    pairs = changed.flatten().nonzero()[:, 0]
    units, rows = pairs // count, pairs % count
    effects = torch.zeros(3, len(scores), *changed.shape, dtype=torch.float64)
    flat = effects.view(3, len(scores), -1)
    least = resolution(stage.base)[:, None]  # [B, 1]
    for start in range(0, len(pairs), stage.chunk):
        part = slice(start, start + stage.chunk)
        u, r = units[part], rows[part]
        change = (_label_scores(stage.units(u, r), scores) - before[:, r]).double()  # [S, R, C]
        change.masked_fill_(change.abs() <= least[r], 0)
        each = torch.arange(len(r))
        flat[0, :, pairs[part]] = change[:, each, labels[0, r]]
        flat[1, :, pairs[part]] = change[:, each, labels[1, r]]
        flat[2, :, pairs[part]] = change.mean(2)
        sums.index_add_(1, u, change)
    return effects


def _label_scores(logits: Tensor, scores: tuple[str, ...]) -> Tensor:
    """Scores of every example for every label that it might have, `[S, B, C]`."""
    return torch.stack([label_scores(logits, name) for name in scores])


def label_scores(logits: Tensor, name: str) -> Tensor:
    """Score logits `[B, C]` for every label, `[B, C]`: as `holistic.scores.score` for each."""
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
        with np.errstate(invalid="ignore"):  # a score that isn't finite has no mean and no spread
            mean = part.mean(-1) if part.shape[-1] else np.full(count.shape, np.nan)
            columns.append((count, mean, ((part - mean[..., None]) ** 2).sum(-1)))
    return ClassMeans(*(np.stack(c, -1) for c in zip(*columns, strict=True)))
