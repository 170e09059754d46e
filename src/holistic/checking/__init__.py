"""A first look at a model and its data, before any work: is this the model that was meant?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from holistic.arguments import check_subject
from holistic.checking.cost import cost_of
from holistic.checking.inputs import Fitting, fitting_conversion
from holistic.checking.labels import reordered
from holistic.checking.result import Check, Inputs, Labels, Recall
from holistic.checking.weights import look_drawn
from holistic.errors import ModelError
from holistic.graph.torch_settings import settled
from holistic.lenses._choice import chosen_lenses
from holistic.lenses._contract import Lens
from holistic.named import named
from holistic.spool import ends
from holistic.study.standing import Accuracy, Standing
from holistic.words import percent

if TYPE_CHECKING:
    from holistic.study.examples import Examples
    from holistic.study.subject import Subject

__all__ = ["Check", "check", "first_look"]

_NUMBERS = 1 << 24
"""Numbers of inputs whose mean and spread are told, at most."""
_SECONDS = 1.0
"""Time that each part of the look may take, where examples can be left out."""
_TIMED, _FEWEST, _TRIED = 32, 64, 400
"""Examples that are timed; fewest that accuracies come from; most that conversions are tried on."""
_TRIES = 20
"""About as many conversions are tried."""
_GOOD = 0.98
"""Accuracy above which no remedy is looked for: it couldn't win enough to be told."""


@named
@settled()
def check(
    subject: Subject,
    *,
    lenses: Sequence[Lens | str] | None = None,
    weights: str = "as the model holds them",
    unused: int = 0,
    most: int | None = None,
    quick: bool = False,
) -> Check:
    """Look at a model and its data within seconds, before any work.

    Accuracies come from the evaluation split, or from a part of it where a model is slow. Orders of
    labels and conversions of inputs are chosen on the selection split, and told where they are far
    better on the evaluation split (McNemar's p below 0.001).

    Parameters
    ----------
    subject
        What is going to be studied.
    lenses
        Lenses that are going to be run, as for `holistic.audit`.
    weights
        Where the weights come from, in words.
    unused
        Examples that were left out before the subject was made.
    most
        Examples that a quick run would study at most; all by default.
    quick
        Whether these are the lenses of a quick run.

    Returns
    -------
    Check
        Prints as a few lines; `record()` has everything.

    Raises
    ------
    SettingError
        If there is no such lens.
    """
    check_subject(subject)
    chosen = chosen_lenses(lenses)
    looked = _looked(subject)
    measured = looked.standing
    drawn = measured.by_chance and look_drawn(subject.model, subject.seed)
    labels = None if measured.accuracy.lo >= _GOOD else _labels(subject, looked)
    counts = np.bincount(measured.predicted, minlength=len(subject.classes))
    studied = len(subject.selection) + len(subject.evaluation)
    return Check(
        model=subject.name,
        accuracy=measured.accuracy,
        usual=measured.usual,
        by_chance=measured.by_chance,
        recalls=tuple(
            Recall(name, one)
            for name, one in zip(subject.classes, measured.recalls, strict=True)
            if one.n
        ),
        never=tuple(n for n, k in zip(subject.classes, counts, strict=True) if not k),
        weights=weights,
        drawn=drawn,
        labels=labels,
        inputs=_inputs(subject, looked),
        examples={
            "selection": len(subject.selection),
            "evaluation": len(subject.evaluation),
            "unused": unused + len(subject.labels) - studied,
        },
        sites={site.name: site.units for site in subject.hidden_sites},
        lenses=tuple(lens.name for lens in chosen),
        cost=cost_of(subject, chosen, most=most, quick=quick),
    )


def first_look(
    subject: Subject,
    *,
    lenses: Sequence[Lens | str] | None = None,
    anyway: bool = False,
    look: Check | None = None,
) -> Check:
    """Look at a subject, and refuse one that is no better than chance: all would be about noise.

    Parameters
    ----------
    subject, lenses
        As for `check`.
    anyway
        Whether any model is wanted.
    look
        What was seen before, if anything was.

    Raises
    ------
    ModelError
        If the model is no better than chance on the evaluation split, with what would mend it
        where that was found.
    """
    look = look or check(subject, lenses=lenses)
    if anyway:
        return look
    every = look.accuracy.n == len(subject.evaluation)
    whole = look if every else _measure_standing(subject, subject.evaluation)
    if whole.by_chance:
        now = percent(whole.accuracy.value, whole.accuracy.lo, whole.accuracy.hi)
        raise ModelError(
            f"'{subject.name}' is right on {now} of the evaluation examples, no better than chance "
            f"({percent(whole.usual)} for always telling the most frequent class); {look.remedy}, "
            "or study it nevertheless with anyway=True (--anyway)"
        )
    return look


@dataclass(frozen=True, eq=False)
class _Looked:
    """Examples that are looked at, and what the model tells of those that are measured on."""

    choosing: Examples
    measuring: Examples
    standing: Standing
    each: float
    """Seconds that one example takes."""


def _looked(subject: Subject) -> _Looked:
    few = subject.evaluation.sample(_TIMED, seed=subject.seed)
    _measure_standing(subject, few)  # whatever is made when a model first runs
    start = perf_counter()
    _measure_standing(subject, few)
    each = (perf_counter() - start) / len(few)
    count = _afforded(subject, each)
    parts = (subject.selection, subject.evaluation)
    choosing, measuring = (part.sample(count, seed=subject.seed) for part in parts)
    return _Looked(choosing, measuring, _measure_standing(subject, measuring), each)


def _afforded(subject: Subject, each: float) -> int:
    return max(_FEWEST, 2 * len(subject.classes), int(_SECONDS / each))


def _measure_standing(subject: Subject, examples: Examples) -> Standing:
    predicted = subject.downstream(examples.images, (), ())[0].argmax(1).cpu().numpy()
    return Standing(examples.labels.cpu().numpy(), predicted, len(subject.classes))


def _labels(subject: Subject, looked: _Looked) -> Labels | None:
    found = reordered(_measure_standing(subject, looked.choosing), looked.standing)
    if found is None:
        return None
    names = subject.classes
    moved = tuple((names[mine], names[theirs]) for mine, theirs in found.moved)
    return Labels(moved, found.order, found.gain.accuracy)


def _inputs(subject: Subject, looked: _Looked) -> Inputs:
    images = looked.choosing.images
    low, high = ends(images)
    most = max(1, _NUMBERS // max(1, images[0].numel()))
    values = looked.choosing.sample(most, seed=subject.seed).images.double()
    fitting = Fitting()
    if looked.standing.accuracy.lo < _GOOD:
        count = min(_TRIED, _afforded(subject, looked.each * _TRIES))
        some = looked.choosing.sample(count, seed=subject.seed)
        right = looked.standing.labels == looked.standing.predicted
        fitting = fitting_conversion(subject, some, looked.measuring, right=right)
    accuracy: Accuracy | None = fitting.gain.accuracy if fitting.gain else None
    return Inputs(
        shape=tuple(values.shape[1:]),
        low=float(low),
        high=float(high),
        mean=float(values.mean()),
        spread=float(values.std()),
        better=fitting.words,
        accuracy=accuracy,
        tried=fitting.tried,
    )
