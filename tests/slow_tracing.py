"""The lens `tracing` by its definitions: one edited run at a time, plain loops over numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from holistic.graph.edits import Erase, Patch, Steer
from holistic.study.subject import Subject


def difference(logits: Tensor, plus: int, minus: int) -> float:
    return float(logits[plus]) - float(logits[minus])


def gap(subject: Subject, source: int, receiver: int) -> float:
    """Metric (logit of the source's class minus that of the receiver's) from run to run."""
    images, labels = subject.evaluation.images, subject.evaluation.labels.tolist()
    a, b = labels[source], labels[receiver]
    clean = subject.predict(images[source : source + 1])[0]
    corrupt = subject.predict(images[receiver : receiver + 1])[0]
    return difference(clean, a, b) - difference(corrupt, a, b)


def moved(
    subject: Subject,
    site: str,
    unit: int | None,
    *,
    value_of: int,
    receiver: int,
    source_class: int,
) -> float:
    """What one patch moves the metric of one run by."""
    images, labels = subject.evaluation.images, subject.evaluation.labels.tolist()
    value = subject.capture([site], images[value_of : value_of + 1])[site]
    image = images[receiver : receiver + 1]
    edit = Patch(site, None if unit is None else [unit], source=value)
    plain, patched = subject.predict(image)[0], subject.predict(image, [edit])[0]
    classes = source_class, labels[receiver]
    return difference(patched, *classes) - difference(plain, *classes)


def recovery(
    moves: Sequence[float], gaps: Sequence[float], pairs: Sequence[tuple[int, int]]
) -> tuple[float, float]:
    """Ratio of sums and its standard error; residuals of runs that share an image correlate."""
    ratio = sum(moves) / sum(gaps)
    residual = [m - ratio * g for m, g in zip(moves, gaps, strict=True)]
    shared, own = 0.0, 0.0
    for r, one in enumerate(pairs):
        for s, other in enumerate(pairs):
            if set(one) & set(other):
                shared += residual[r] * residual[s]
            if set(one) == set(other):
                own += residual[r] * residual[s]
    images = min(len({a for a, _ in pairs}), len({b for _, b in pairs}))
    variance = max(shared, own) * images / (images - 1)
    return ratio, variance**0.5 / sum(gaps)


def mean_difference(values: np.ndarray, labels: Sequence[int], c: int) -> np.ndarray:
    """Mean of a class minus mean of the rest, made a unit vector."""
    own = [v for v, label in zip(values, labels, strict=True) if label == c]
    rest = [v for v, label in zip(values, labels, strict=True) if label != c]
    raw = sum(own) / len(own) - sum(rest) / len(rest)
    return raw / float((raw**2).sum()) ** 0.5


def steering_slopes(
    subject: Subject, site: str, direction: np.ndarray, *, spread: float, c: int, rows: np.ndarray
) -> list[float]:
    """Slope of each example's score for class c over -2 to 2 doses, by least squares."""
    images = subject.evaluation.images[torch.from_numpy(rows)]
    doses = [-2.0, -1.0, 0.0, 1.0, 2.0]
    answers = []
    for dose in doses:
        step = torch.from_numpy(direction).to(images)
        logits = subject.predict(images, [Steer(site, direction=step, amount=dose * spread)])
        answers.append(subject.score_of(logits, torch.full((len(images),), c)).tolist())
    return [float(np.polyfit(doses, [a[i] for a in answers], 1)[0]) for i in range(len(images))]


def erase_flips(
    subject: Subject, site: str, direction: np.ndarray, *, c: int, rows: np.ndarray
) -> tuple[int, int]:
    """Examples of class c that erasing a direction turns wrong, and right."""
    labels = subject.evaluation.labels.tolist()
    own = torch.tensor([r for r in rows.tolist() if labels[r] == c])
    images = subject.evaluation.images[own]
    edit = Erase(site, direction=torch.from_numpy(direction).to(images))
    before = (subject.predict(images).argmax(1) == c).tolist()
    after = (subject.predict(images, [edit]).argmax(1) == c).tolist()
    lost = sum(b and not a for b, a in zip(before, after, strict=True))
    gained = sum(a and not b for b, a in zip(before, after, strict=True))
    return lost, gained
