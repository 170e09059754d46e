"""Finds examples whose label contradicts what they look like: `attribution.labels`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from holistic.lenses._pictures import drawn_as_pictures, pictures, shown_values
from holistic.lenses.attribution import Attribution, schemas
from holistic.lenses.attribution._label_chances import (
    FEWEST,
    HALF,
    Chances,
    chances_of,
    wrong_share,
)
from holistic.lenses.attribution._label_scores import Scores, judged
from holistic.lenses.attribution._label_views import COLUMNS, read_views
from holistic.lenses.attribution._sample import joined
from holistic.lenses.attribution.labels_statements import statements
from holistic.lenses.attribution.schemas import LabelRow
from holistic.progress import Progress
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["Doubts", "doubts_of", "feature_count", "labels_finding"]

_SHOWN = 60
"""Doubted examples whose pictures are kept."""
_READ = 1 << 23
"""Most numbers of the inputs of all examples whose labels are judged."""
_NUMBERS = 1 << 27
"""Most random features of all examples together."""
_READABLE = 2 / 3
"""Share of a class's examples that must look like it for its labels to be judged."""
_LEARNED = 0.5
"""Share of labels that the inputs contradict and the model repeats from which on it has learned
them by heart."""
_ENOUGH = 8
"""Such labels that this takes."""
_CAVEATS = (
    "An example that is odd but rightly labelled looks the same; only you know which it is.",
    "Probabilities assume that wrong labels fall on any example of a class alike; where classes "
    "overlap or mistakes fall on odd examples, they are off.",
)
_BY_HEART = (
    "The model repeats labels that its inputs contradict: it has learned them by heart, so that "
    "probabilities rest on the inputs alone."
)


@dataclass(frozen=True, eq=False)
class Doubts:
    """What is known of the labels of N examples.

    Attributes
    ----------
    examples
        Those that were judged.
    scores
        What they look like.
    chances
        How likely their labels are wrong.
    model
        `[N, C]`, the model's probabilities.
    able
        `[C]`, the classes whose labels can be judged.
    by_heart
        Whether the model has learned wrong labels by heart.
    """

    examples: Examples
    scores: Scores
    chances: Chances
    model: np.ndarray
    able: np.ndarray
    by_heart: bool

    @property
    def order(self) -> np.ndarray:
        """Places of all examples, the most doubted first."""
        return np.argsort(-self.scores.doubt, kind="stable")

    @property
    def loss(self) -> np.ndarray:
        """Cross-entropy at the given labels, `[N]`."""
        labels = self.scores.labels
        own = self.model[np.arange(len(labels)), labels]
        return -np.log(np.maximum(own, np.finfo(np.float64).tiny))


def feature_count(width: int, examples: int) -> int:
    """How many random features there are of each of so many examples."""
    return max(8, min(width, examples, _NUMBERS // max(1, examples)))


def judged_examples(subject: Subject) -> int:
    """How many examples' labels are judged at most: what is read of them stays small."""
    width = min(subject.images[0].numel(), COLUMNS)
    return max(2 * FEWEST * len(subject.classes), _READ // max(1, width))


def doubts_of(subject: Subject, lens: Attribution, progress: Progress) -> Doubts:
    """Judge the labels of both splits' examples, each by fits that never saw it."""
    half = judged_examples(subject) // 2
    sides = (subject.selection, subject.evaluation)
    every = joined(*(side.sample(half, seed=subject.seed) for side in sides))
    views, model = read_views(subject, every)
    progress("judging labels", 1, 2)
    finite = np.isfinite(model).all(1)
    for view in views:
        finite &= torch.isfinite(view.values).all(1).numpy()
    kept = np.flatnonzero(finite)
    examples, model = every.at(kept), model[kept]
    views = [view.at(kept) for view in views]
    labels = examples.labels.cpu().numpy()
    width = feature_count(lens.label_features, len(kept))
    scores, shallow = judged(views, model, labels, width, subject.seed)
    able, apart = readable(scores), readable(shallow)
    chances = chances_of(shallow, apart)
    clear = chances.typical >= HALF
    repeated = float((model.argmax(1) == labels)[clear].mean()) if clear.any() else 0.0
    by_heart = int(clear.sum()) >= _ENOUGH and repeated > _LEARNED and bool(chances.doubted.any())
    if by_heart:
        able = apart
    else:
        chances = chances_of(scores, able)
    progress("judging labels", 2, 2)
    return Doubts(examples, scores, chances, model, able, by_heart)


def readable(scores: Scores) -> np.ndarray:
    """Say which classes' labels can be judged `[C]`: those most of whose examples look like it."""
    classes = scores.likeness.shape[1]
    count = np.bincount(scores.labels, minlength=classes)
    least = max(_READABLE, 0.5 + 0.5 / classes)  # of two classes chance alone finds a half
    agree = np.bincount(scores.labels[scores.doubt < 0], minlength=classes)
    return (count >= FEWEST) & (agree > least * count)


def labels_finding(subject: Subject, lens: Attribution, progress: Progress) -> Finding:
    """Name examples whose label the audit doubts: `attribution.labels`.

    Ridge regression on random features of the input and of three hidden sites says out of fold
    what each example looks like; the labels that it doubts teach nothing in the next round. The
    mean of these answers and of the model's own ranks the examples. How likely a label is wrong is
    counted: wrong labels are typical of another class as often as its own examples are.

    References
    ----------
    Northcutt et al. 2021 (confident learning); Brodley and Friedl 1999 (filters out of fold);
    Storey 2002 (the uniform part).
    """
    if min(len(subject.selection), len(subject.evaluation)) < 2:
        return _finding(subject, [], ("There are too few examples to judge labels.",))
    doubts = doubts_of(subject, lens, progress)
    rows = _rows(subject, doubts)
    arrays = {"attribution.class_wrong": _class_shares(doubts)}
    shown = [row.example for row in rows[:_SHOWN]]
    if shown:
        arrays |= _pictured(subject, np.array(shown, np.int64))
    return _finding(subject, rows, _caveats(subject, doubts), arrays)


def _finding(
    subject: Subject,
    rows: list[LabelRow],
    caveats: tuple[str, ...],
    arrays: dict[str, np.ndarray] | None = None,
) -> Finding:
    none = {"attribution.class_wrong": np.full((len(subject.classes), 3), np.nan, np.float32)}
    return Finding(
        schemas.LABELS,
        Table.from_rows(LabelRow, rows),
        statements=tuple(statements(rows)),
        caveats=caveats,
        arrays=none if arrays is None else arrays,
    )


def _rows(subject: Subject, doubts: Doubts) -> list[LabelRow]:
    """One row a doubted example, the most doubted first."""
    scores, chances, loss = doubts.scores, doubts.chances, doubts.loss
    order, suggested = doubts.order, scores.suggested
    loss_rank = np.empty(len(loss), np.int64)
    loss_rank[np.argsort(-loss, kind="stable")] = np.arange(1, len(loss) + 1)
    everywhere = wrong_share(chances.typical[doubts.able[scores.labels]]).value
    judged_classes = np.flatnonzero(doubts.able).tolist()
    shares = {label: _share(doubts, label, everywhere) for label in judged_classes}
    selection = set(subject.selection.indices.tolist())
    rows = list[LabelRow]()
    for place, at in enumerate(order.tolist()):
        if chances.doubted[at]:
            example, label = int(doubts.examples.indices[at]), int(scores.labels[at])
            of = chances.wrong[chances.group[at]]
            rows.append(
                LabelRow(
                    example=example,
                    rank=place + 1,
                    class_=subject.classes[label],
                    suggested=subject.classes[int(suggested[at])],
                    score=float(scores.doubt[at]),
                    probability=Estimate(of.value, of.lo, of.hi, of.n, everywhere),
                    typical=float(chances.typical[at]),
                    loss=float(loss[at]),
                    loss_rank=int(loss_rank[at]),
                    class_share=shares[label],
                    split="selection" if example in selection else "evaluation",
                )
            )
    return rows


def _share(doubts: Doubts, label: int, control: float | None) -> Estimate:
    of = wrong_share(doubts.chances.typical[doubts.scores.labels == label])
    return Estimate(of.value, of.lo, of.hi, of.n, control)


def _class_shares(doubts: Doubts) -> np.ndarray:
    """Share of wrong labels in each class with both ends, `[C, 3]`; NaN where nothing is known."""
    found = np.full((len(doubts.able), 3), np.nan, np.float32)
    for label in np.flatnonzero(doubts.able).tolist():
        of = _share(doubts, label, None)
        found[label] = [np.nan if v is None else v for v in (of.value, of.lo, of.hi)]
    return found


def _pictured(subject: Subject, ids: np.ndarray) -> dict[str, np.ndarray]:
    """The examples' pictures, or their numbers, with what the model says of them."""
    seen = drawn_as_pictures(subject)
    if subject.input_kind.pictures and not seen:
        return {}
    at = torch.from_numpy(ids)
    images = subject.images[at]
    look = (
        {"attribution.label_images": pictures(images, subject.studied)}
        if seen
        else {"attribution.label_inputs": shown_values(subject, images)}
    )
    predicted = subject.predict(images).argmax(1)
    return look | {
        "attribution.label_ids": ids,
        "attribution.label_labels": subject.labels[at].cpu().numpy().astype(np.int64),
        "attribution.label_predictions": predicted.cpu().numpy().astype(np.int64),
    }


def _caveats(subject: Subject, doubts: Doubts) -> tuple[str, ...]:
    lines = list(_CAVEATS) + ([_BY_HEART] if doubts.by_heart else [])
    used = np.bincount(doubts.scores.labels, minlength=len(doubts.able)) > 0
    lost = int((used & ~doubts.able).sum())
    if lost:
        lines.append(
            f"Of {int(used.sum()):,} classes {lost:,} aren't judged: they have fewer than {FEWEST} "
            "examples, or most of theirs look like another class."
        )
    left = len(subject.selection) + len(subject.evaluation) - len(doubts.examples)
    most = judged_examples(subject)
    if left and len(doubts.examples) + left > most:
        lines.append(
            f"{left:,} examples aren't judged: of more than {most:,} about as many are drawn, "
            "every class in its share."
        )
    elif left:
        lines.append(f"{left:,} examples aren't judged: what the model holds of them isn't finite.")
    return tuple(lines)
