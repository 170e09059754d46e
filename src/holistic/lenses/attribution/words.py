"""Says which words decide: what each class's texts lose without a word: `attribution.words`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from holistic.lenses._cases import cases
from holistic.lenses._parts import known, significant, with_q
from holistic.lenses._untrained import fresh_control
from holistic.lenses.attribution import Attribution, schemas
from holistic.lenses.attribution._sample import balanced
from holistic.lenses.attribution._tokens import Blank, blank, embedding_gradients, occluded
from holistic.lenses.attribution.schemas import TokenRow, WordRow
from holistic.progress import Progress
from holistic.replacing.budget import afforded, model_work
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.means import Means
from holistic.study.examples import Examples
from holistic.study.subject import Subject
from holistic.study.vocabulary import BLANKS, word_of
from holistic.words import number, unbounded

__all__ = ["tokens_finding", "words_finding"]

_BUDGET = 5e11
"""Multiplications that taking tokens out may cost; see `replacing.budget`."""
_WORDS = 30
"""Words of a class that are told of, the most frequent on the selection split first."""
_TEXTS = 5
"""So many times as many texts as pictures: a word stands in a few of them only."""
_FEWEST = 5
"""Texts of the selection split that a word must stand in."""
_COPY = 104_729
"""Added to the subject's seed for the randomly initialised control."""


@dataclass(frozen=True)
class _Taken:
    """Texts, and the change of their scores without each token, `[n, T]`; of the control too.

    `there` is the same of texts of the selection split, by which words are ranked.
    """

    texts: Examples
    changes: np.ndarray
    control: np.ndarray
    selection: Examples
    there: np.ndarray


def words_finding(subject: Subject, lens: Attribution, progress: Progress) -> Finding:
    """Measure by how much each class's score changes without a word: `attribution.words`.

    The words are chosen on the selection split by how often they stand in a class's texts, and
    each change is computed by running the model on the changed texts. The control is a randomly
    initialised network of the same architecture.

    References
    ----------
    Li et al. 2016, Understanding neural networks through representation erasure.
    """
    fill = blank(subject)
    taken = _taken(subject, lens, fill, progress)
    rows = list(_rows(subject, taken, fill))
    effects = with_q([row.effect for row in rows])
    made = [replace(row, effect=effect) for row, effect in zip(rows, effects, strict=True)]
    rare = sum(row.effect.lo != row.effect.lo for row in made)
    return Finding(
        schemas.WORDS,
        Table.from_rows(WordRow, made),
        statements=tuple(_statements(made)),
        caveats=(
            f"A token that is taken out becomes {fill.what}: such texts are unlike any that the "
            "model was trained on. Where a word stands twice, its change is the mean of both.",
            "The control is one randomly initialised network; its scores have another scale.",
            *unbounded(rare, len(made), "words"),
        ),
    )


def tokens_finding(subject: Subject) -> Finding:
    """Tell of single texts, token by token: `attribution.tokens`."""
    single, fill = cases(subject), blank(subject)
    changes = occluded(subject, single.examples, fill)
    fresh = occluded(fresh_control(subject, subject.seed + _COPY), single.examples, fill)
    slopes = embedding_gradients(subject, single.examples)
    predicted, rows = single.logits.argmax(1).tolist(), list[TokenRow]()
    for n, kind in enumerate(single.kinds):
        for place, token in enumerate(single.examples.images[n].tolist()):
            rows.append(
                TokenRow(
                    example=int(single.examples.indices[n]),
                    place=place,
                    kind=kind,
                    label=subject.classes[int(single.examples.labels[n])],
                    prediction=subject.classes[predicted[n]],
                    token=word_of(subject.vocabulary, token),
                    effect=Estimate(float(changes[n, place]), control=float(fresh[n, place])),
                    gradient=None if slopes is None else -float(slopes[n, place]),
                )
            )
    missing = ("No gradient reaches an embedding of the tokens, so there is none over them.",)
    return Finding(
        schemas.TOKENS, Table.from_rows(TokenRow, rows), caveats=missing if slopes is None else ()
    )


def _taken(subject: Subject, lens: Attribution, fill: Blank, progress: Progress) -> _Taken:
    length, classes = subject.images.shape[1], len(subject.classes)
    cost = 3.0 * model_work(subject) * length * classes
    each = afforded(_BUDGET, cost, least=8, most=_TEXTS * lens.evidence_images)
    texts = balanced(subject.evaluation, each * classes, subject.seed)
    selection = balanced(subject.selection, each * classes, subject.seed)
    fresh, found = fresh_control(subject, subject.seed + _COPY), list[np.ndarray]()
    for n, (one, some) in enumerate(((subject, texts), (fresh, texts), (subject, selection))):
        found.append(occluded(one, some, fill))
        progress("taking tokens out", n + 1, 3)
    return _Taken(texts, found[0], found[1], selection, found[2])


def _rows(subject: Subject, taken: _Taken, fill: Blank) -> Iterator[WordRow]:
    for label, name in enumerate(subject.classes):
        words = [
            word
            for word in _frequent(subject, label, fill)
            if _mean(taken.texts, taken.changes, label, word).count > 1
        ]
        means = [float(_mean(taken.selection, taken.there, label, word).mean) for word in words]
        ranks = np.argsort(np.argsort(np.nan_to_num(means, nan=np.inf), kind="stable")) + 1
        for token, rank, known_there in zip(words, ranks, np.isfinite(means), strict=True):
            own, control = (
                _mean(taken.texts, values, label, token)
                for values in (taken.changes, taken.control)
            )
            (lo, hi), (control_lo, control_hi) = own.interval(), control.interval()
            yield WordRow(
                class_=name,
                word=word_of(subject.vocabulary, token),
                rank=int(rank) if known_there else None,
                effect=Estimate(
                    float(own.mean), float(lo), float(hi),
                    control=float(control.mean),
                    control_lo=float(control_lo), control_hi=float(control_hi),
                    p=float(own.p()),
                ),
                n=int(own.count),
            )  # fmt: skip


def _mean(texts: Examples, changes: np.ndarray, label: int, token: int) -> Means:
    """Mean change of a class's texts without a word, over those that hold it."""
    tokens = texts.images.cpu().numpy()
    here = (tokens == token).any(1) & (texts.labels.cpu().numpy() == label)
    each = [changes[n][tokens[n] == token].mean() for n in np.flatnonzero(here)]
    return Means.of(np.array(each, np.float64))


def _frequent(subject: Subject, label: int, fill: Blank) -> list[int]:
    """The words that stand in most of a class's texts of the selection split."""
    texts = subject.selection.images[subject.selection.labels == label].tolist()
    counted = Counter(token for text in texts for token in sorted(set(text)))
    silent = {n for n, word in subject.vocabulary.items() if word in BLANKS} | {fill.number}
    common = [(n, -token) for token, n in counted.items() if n >= _FEWEST and token not in silent]
    return [-token for _, token in sorted(common, reverse=True)[:_WORDS]]


def _statements(rows: Sequence[WordRow]) -> Iterator[str]:
    if not rows:
        yield "No word stands in five texts of a class, so none was taken out."
        return
    needed = [row for row in rows if significant(row.effect) and known(row.effect.value) < 0]
    best = [row for row in rows if row.rank == 1]
    if best:
        named = ", ".join(
            f"{row.class_} '{row.word}' ({number(row.effect.value, '+.2f')}"
            f" [{number(row.effect.lo, '+.2f')}, {number(row.effect.hi, '+.2f')}], n = {row.n})"
            for row in best[:5]
        )
        yield f"The word that a class needs most, as the selection split says: {named}."
    control = sum(known(row.effect.control_hi) < 0 for row in rows)
    yield (
        f"Without {len(needed):,} of {len(rows):,} words a class's score falls (q < 0.05); in a "
        f"randomly initialised network the interval lies below 0 for {control:,}."
    )
