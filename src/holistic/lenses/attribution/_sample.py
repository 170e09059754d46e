"""Chooses the images that maps are made of."""

from __future__ import annotations

import numpy as np
import torch

from holistic.study.examples import Examples
from holistic.study.scores import score
from holistic.study.subject import Subject

__all__ = ["balanced", "joined", "typical"]


def balanced(examples: Examples, count: int, seed: int) -> Examples:
    """Draw `count` examples, as many of each class as can be, in their order.

    Classes take turns, each giving its examples in a random order until it has none left.
    """
    rng = np.random.default_rng(seed)
    labels = examples.labels.cpu().numpy()
    turn = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        turn[rng.permutation(rows)] = np.arange(len(rows))
    first = np.lexsort((rng.permutation(len(labels)), turn))[:count]
    return examples.at(np.sort(first))


def typical(subject: Subject) -> Examples:
    """Return for each class the correctly classified evaluation image with the median margin.

    Classes of which no image is correct are left out.
    """
    examples = subject.evaluation
    logits = subject.predict()
    labels = examples.labels
    margin = score(logits, labels, "margin").float().cpu().numpy()
    correct = (logits.argmax(1) == labels).cpu().numpy()
    chosen = list[int]()
    for label in range(len(subject.classes)):
        rows = np.flatnonzero(correct & (labels.cpu().numpy() == label))
        if len(rows):
            chosen.append(int(rows[np.argsort(margin[rows], kind="stable")[(len(rows) - 1) // 2]]))
    return examples.at(np.array(chosen, np.int64))


def joined(first: Examples, second: Examples) -> Examples:
    """Put one set of examples behind another."""
    return Examples(
        np.concatenate([first.indices, second.indices]),
        torch.cat([first.images, second.images]),
        torch.cat([first.labels, second.labels]),
    )
