"""Removal curves and interactions as their definitions say, one edited run at a time."""

from __future__ import annotations

import torch

import holistic
from holistic.edits import Edit


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
