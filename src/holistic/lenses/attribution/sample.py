"""On which images are maps made?"""

from __future__ import annotations

import numpy as np
import torch

from holistic.scores import score
from holistic.subject import Examples, Subject

__all__ = ["balanced", "joined", "taken", "typical"]


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
    return taken(examples, np.sort(first))


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
    return taken(examples, np.array(chosen, np.int64))


def joined(first: Examples, second: Examples) -> Examples:
    """Put one set of examples behind another."""
    return Examples(
        np.concatenate([first.indices, second.indices]),
        torch.cat([first.images, second.images]),
        torch.cat([first.labels, second.labels]),
    )


def taken(examples: Examples, places: np.ndarray) -> Examples:
    """Return the examples at some places `[K]`."""
    rows = torch.from_numpy(places)
    return Examples(examples.indices[places], examples.images[rows], examples.labels[rows])
