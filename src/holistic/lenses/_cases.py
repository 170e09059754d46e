"""Chooses the single images that lenses show."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch

from holistic.study.examples import Examples
from holistic.study.references import References
from holistic.study.scores import score
from holistic.study.subject import Subject

__all__ = ["Cases", "cases", "spread"]

_CLASSES = 20
"""Classes whose images are shown: all, or so many spread over the list."""
_KNOWN: WeakKeyDictionary[References, Cases] = WeakKeyDictionary()


@dataclass(frozen=True)
class Cases:
    """Evaluation images that are told of one by one.

    Attributes
    ----------
    examples
        M images; a class may lack one of a kind, and no image stands twice.
    kinds
        For each image: `typical` (right, with its class's median margin), `close` (right, with the
        smallest margin) or `mistaken` (the most negative margin).
    logits
        `[M, C]`, what the model says of them.
    """

    examples: Examples
    kinds: tuple[str, ...]
    logits: torch.Tensor


def spread(count: int) -> np.ndarray:
    """Return places of the classes that are shown, of so many: all, or some over the whole list."""
    return np.linspace(0, count - 1, min(count, _CLASSES)).round().astype(int)


def cases(subject: Subject) -> Cases:
    """Choose up to three images of each class by their margins: first all typical ones."""
    if subject.references not in _KNOWN:
        _KNOWN[subject.references] = _chosen(subject)
    return _KNOWN[subject.references]


def _chosen(subject: Subject) -> Cases:
    examples, logits = subject.evaluation, subject.predict()
    margins = score(logits, examples.labels, "margin").float().cpu().numpy()
    right = (logits.argmax(1) == examples.labels).cpu().numpy()
    labels = examples.labels.cpu().numpy()
    count = len(subject.classes)
    classes = spread(count)
    picked: dict[str, list[int]] = {"typical": [], "close": [], "mistaken": []}
    for label in classes:
        own = np.flatnonzero(labels == label)
        own = own[np.argsort(margins[own], kind="stable")]
        good, bad = own[right[own]], own[~right[own]]
        if len(good):
            picked["typical"].append(int(good[(len(good) - 1) // 2]))
        if len(good) > 2:
            picked["close"].append(int(good[0]))
        if len(bad):
            picked["mistaken"].append(int(bad[0]))
    places = np.array([place for chosen in picked.values() for place in chosen], np.int64)
    return Cases(
        examples.at(places),
        tuple(kind for kind, chosen in picked.items() for _ in chosen),
        logits[torch.from_numpy(places)],
    )
