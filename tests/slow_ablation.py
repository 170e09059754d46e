"""Removal curves and interactions as their definitions say, one edited run at a time."""

from __future__ import annotations

import itertools
import math

import torch

import holistic
from holistic.graph.edits import Edit


def accuracies(
    subject: holistic.Subject, site: str, units: list[int], edit: type[Edit]
) -> tuple[float, dict[int, float]]:
    """Accuracy over the evaluation split, and on each class, without some units."""
    labels = subject.evaluation.labels
    edits = [edit(site, units=units)] if units else []
    right = subject.predict(edits=edits).argmax(1) == labels
    by_class = {int(c): float(right[labels == c].double().mean()) for c in labels.unique()}
    return float(right.double().mean()), by_class


def ranked(subject: holistic.Subject, site: str, label: int, ranking: str) -> list[int]:
    """Units in the order of a ranking, from the selection split."""
    images, labels = subject.selection.images, subject.selection.labels
    acts = subject.capture([site], images)[site].double()  # [N, U]
    means = torch.stack([acts[labels == c].mean(0) for c in range(len(subject.classes))])
    rest = torch.stack([m for c, m in enumerate(means) if c != label]).mean(0)
    if ranking == "class_activation":
        keys = -means[label]
    elif ranking == "class_minus_rest":
        keys = -(means[label] - rest)
    else:
        before = subject.score_of(subject.predict(images), labels)[labels == label]
        effects = []
        for unit in range(acts.shape[1]):
            logits = subject.predict(images, [holistic.Mean(site, units=[unit])])
            after = subject.score_of(logits, labels)[labels == label]
            effects.append(float((after.double() - before.double()).mean()))
        keys = torch.tensor(effects)
    return sorted(range(len(keys)), key=lambda u: (float(keys[u]), u))


def interaction(subject: holistic.Subject, site: str, a: int, b: int) -> list[float]:
    """Per example: effect of removing both minus the effects of removing each."""
    labels = subject.evaluation.labels
    scores = [
        subject.score_of(subject.predict(edits=edits), labels).double()
        for edits in (
            [],
            [holistic.Mean(site, units=[a])],
            [holistic.Mean(site, units=[b])],
            [holistic.Mean(site, units=[a, b])],
        )
    ]
    return (scores[3] - scores[1] - scores[2] + scores[0]).tolist()


def mean_strengths(subject: holistic.Subject, site: str) -> list[float]:
    """Mean activation of each unit over the selection split, classes weighing the same."""
    labels = subject.selection.labels
    acts = subject.capture([site], subject.selection.images)[site].double()  # [N, U]
    means = [acts[labels == c].mean(0) for c in range(len(subject.classes))]
    return torch.stack(means).mean(0).tolist()


def beside(drop: float, control: list[float]) -> dict[str, float]:
    """Mean of control drops, their central 95 %, and the p of a drop among them."""
    ordered = sorted(control)

    def quantile(share: float) -> float:
        place = share * (len(ordered) - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (place - low) * (ordered[high] - ordered[low])

    as_large = sum(value >= drop - 1e-9 for value in control)
    return {
        "drop": sum(control) / len(control),
        "lo": quantile(0.025),
        "hi": quantile(0.975),
        "p": (1 + as_large) / (1 + len(control)),
    }


def scores_of(logits: torch.Tensor, label: int) -> dict[str, float]:
    """Four scores of one example's logits `[C]` for one label."""
    values = logits.double().tolist()
    others = [value for c, value in enumerate(values) if c != label]
    return {
        "margin": values[label] - max(others),
        "logit": values[label],
        "log_prob": values[label] - float(torch.logsumexp(logits.double(), 0)),
        "accuracy": float(values.index(max(values)) == label),
    }


def score_changes(subject: holistic.Subject, site: str, unit: int, score: str) -> torch.Tensor:
    """Change of the score of every evaluation example for every label, `[N, C]`."""
    before = subject.predict()
    after = subject.predict(edits=[holistic.Mean(site, units=[unit])])
    return torch.tensor(
        [
            [scores_of(b, c)[score] - scores_of(a, c)[score] for c in range(len(a))]
            for a, b in zip(before, after, strict=True)
        ],
        dtype=torch.float64,
    )


def specific(changes: torch.Tensor, labels: torch.Tensor) -> list[tuple[list[float], list[float]]]:
    """For each class, its own examples' changes for it and the rest's, less those of all labels."""
    sides = []
    for c in range(changes.shape[1]):
        beyond = [float(row[c] - row.mean()) for row in changes]
        own = [b for b, y in zip(beyond, labels.tolist(), strict=True) if y == c]
        rest = [b for b, y in zip(beyond, labels.tolist(), strict=True) if y != c]
        sides.append((own, rest))
    return sides


def max_t(differences: list[list[float]], signs: list[list[int]]) -> list[float]:
    """Single-step family-wise p of each row, Westfall & Young 1993: one maximum per draw."""

    def statistic(values: list[float]) -> float:
        root = sum(v * v for v in values) ** 0.5
        return abs(sum(values)) / root if root else 0.0

    largest = [
        max(statistic([s * v for s, v in zip(draw, row, strict=True)]) for row in differences)
        for draw in signs
    ]
    return [
        (1 + sum(top >= statistic(row) - 1e-12 for top in largest)) / (1 + len(largest))
        for row in differences
    ]


def shapley(subject: holistic.Subject, site: str) -> list[float]:
    """Shapley values of all units in the mean score, from every subset of them."""
    labels, units = subject.evaluation.labels, range(subject.site(site).units)
    value = {}
    for size in range(len(units) + 1):
        for kept in itertools.combinations(units, size):
            gone = [u for u in units if u not in kept]
            logits = subject.predict(edits=[holistic.Mean(site, units=gone)] if gone else [])
            value[kept] = float(subject.score_of(logits, labels).double().mean())
    shares = []
    for unit in units:
        share = 0.0
        for kept in value:
            if unit not in kept:
                weight = math.factorial(len(kept)) * math.factorial(len(units) - len(kept) - 1)
                joined = tuple(sorted((*kept, unit)))
                share += weight / math.factorial(len(units)) * (value[joined] - value[kept])
        shares.append(share)
    return shares


def gated_logits(model: torch.nn.Sequential, images: torch.Tensor, new: dict[int, float]):
    """Logits of a ReLU chain whose first layer's units are changed while all gates stay."""
    value = model[1](model[0](images))
    edited = value.clone()
    for unit, held in new.items():
        edited[:, unit] = held
    for layer in model[2:]:
        if isinstance(layer, torch.nn.ReLU):
            edited = torch.where(value > 0, edited, torch.zeros_like(edited))
            value = layer(value)
        else:
            value, edited = layer(value), layer(edited)
    return edited
