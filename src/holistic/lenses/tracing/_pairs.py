"""Draws pairs of real images that exchange values, and leaves out those that can't be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["Runs", "draw_runs", "gaps", "rival_classes"]


@dataclass(frozen=True)
class Runs:
    """Patched runs: run r puts what a site holds on image `source[r]` into `receiver[r]`'s run.

    Every drawn pair gives two runs, one each way. A run is a denoising of the receiver towards the
    source's class, and the same run is a noising of the receiver away from its own class.

    Attributes
    ----------
    source, receiver
        `[R]`, places among the images (the evaluation split), of two different classes.
    control
        `[R]`, another image of the receiver's own class; -1 where there is none.
    source_class, receiver_class
        `[R]`, class indices.
    gap
        `[R]` float64, how far source and receiver lie apart in the metric (see `gaps`).
    kept
        `[R]` bool, false for excluded pairs.
    """

    source: np.ndarray
    receiver: np.ndarray
    control: np.ndarray
    source_class: np.ndarray
    receiver_class: np.ndarray
    gap: np.ndarray
    kept: np.ndarray

    def __len__(self) -> int:
        return len(self.source)

    def rows(self, chosen: np.ndarray) -> Runs:
        """Return some of the runs."""
        return Runs(*(values[chosen] for values in vars(self).values()))

    @property
    def sources(self) -> tuple[np.ndarray, np.ndarray]:
        """Images that values are taken from, `[R]` each: the pair's other one, the control's."""
        return self.source, np.where(self.control >= 0, self.control, self.receiver)

    def metric(self, logits: Tensor) -> np.ndarray:
        """Return logit of the source's class minus that of the receiver's, of `[R, C]`: `[R]`."""
        return difference(logits, self.source_class, self.receiver_class)


def difference(logits: Tensor, plus: np.ndarray, minus: np.ndarray) -> np.ndarray:
    """Return logit `plus[r]` minus logit `minus[r]` of each row of `[R, C]`, in float64."""
    values = logits.detach().cpu().double().cpu().numpy()
    rows = np.arange(len(values))
    return values[rows, plus] - values[rows, minus]


def draw_runs(
    subject: Subject,
    rivals: Sequence[tuple[int, int]],
    *,
    pairs: int,
    guard: float,
    examples: Examples | None = None,
) -> Runs:
    """Draw pairs of images of two classes; both ways of each become a run.

    Images are taken in turn from a shuffled list per class, right or wrong, so that each is used
    about equally often and the pairs that must be excluded are counted.

    Parameters
    ----------
    subject
        The model under study.
    rivals
        Which classes are paired (`rival_classes`).
    pairs
        Pairs of images per two classes.
    guard
        Pairs whose gap is below this share of the median gap are excluded, as are those of which
        an image is classified wrongly.
    examples
        The images, those of the evaluation split unless said.
    """
    examples = examples or subject.evaluation
    labels = examples.labels.cpu().numpy()
    logits = subject.predict(examples.images)
    right = logits.argmax(1).cpu().numpy() == labels
    rng = np.random.default_rng(subject.seed)
    decks = {c: rng.permutation(np.flatnonzero(labels == c)) for c in np.unique(labels)}
    rivals = [(a, b) for a, b in rivals if a in decks and b in decks]
    taken = dict.fromkeys(decks, 0)
    drawn = list[tuple[int, int]]()
    for a, b in rivals:
        for _ in range(pairs):
            first, second = (decks[c][taken[c] % len(decks[c])] for c in (a, b))
            drawn += [(first, second), (second, first)]
            taken[a], taken[b] = taken[a] + 1, taken[b] + 1
    source, receiver = np.array(drawn, np.int64).reshape(-1, 2).T
    control = np.array([_another(rng, decks[labels[r]], r, right) for r in receiver], np.int64)
    gap = gaps(logits, labels, source, receiver)
    kept = right[source] & right[receiver]
    if kept.any():
        kept &= gap >= guard * np.median(gap[kept])
    return Runs(source, receiver, control, labels[source], labels[receiver], gap, kept)


def gaps(
    logits: Tensor, labels: np.ndarray, source: np.ndarray, receiver: np.ndarray
) -> np.ndarray:
    """Return how much larger the metric is on the source than on the receiver, `[R]`, in logits.

    The metric is the logit of the source's class minus that of the receiver's. Where both images
    are classified rightly the gap is positive.
    """
    a, b = labels[source], labels[receiver]
    return difference(logits[source], a, b) - difference(logits[receiver], a, b)


def _another(rng: np.random.Generator, deck: np.ndarray, image: int, right: np.ndarray) -> int:
    """Pick another image of the same class, one that is classified rightly where there is one."""
    others = deck[deck != image]
    others = others[right[others]] if right[others].any() else others
    return int(rng.choice(others)) if len(others) else -1


def rival_classes(subject: Subject, rivals: int) -> list[tuple[int, int]]:
    """Pair each class of the evaluation split with its rivals, `(a, b)` with a < b.

    Where there are more classes than `rivals + 1`, a class's rivals are those to which the model
    gives most log-probability on its images (of the selection split), both ways averaged.
    """
    present = np.unique(subject.evaluation.labels.cpu().numpy())
    if len(present) <= rivals + 1:
        return [(int(a), int(b)) for a in present for b in present if a < b]
    labels = subject.selection.labels
    shares = subject.predict(subject.selection.images).double().log_softmax(1)
    mean = torch.stack([shares[labels == int(c)].mean(0) for c in present])[:, present]
    closeness = (mean + mean.T).fill_diagonal_(-torch.inf).nan_to_num(-1e30).cpu().numpy()
    chosen = {
        (min(a, b), max(a, b))
        for a, row in enumerate(closeness)
        for b in np.argsort(-row, kind="stable")[:rivals].tolist()
        if a != b
    }
    return [(int(present[a]), int(present[b])) for a, b in sorted(chosen)]
