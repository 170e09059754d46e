"""Follows each class's probability along one feature's values: `attribution.response`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from holistic.lenses._cases import spread
from holistic.lenses._parts import known
from holistic.lenses._untrained import fresh_control
from holistic.lenses.attribution import Attribution, schemas
from holistic.lenses.attribution._sample import balanced
from holistic.lenses.attribution.schemas import ResponseRow
from holistic.progress import Progress
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.means import Means
from holistic.study.subject import Subject
from holistic.words import number

__all__ = ["feature_name", "response_finding"]

_POINTS = 9
"""Values of a feature at which its curve is measured: quantiles of the selection split."""
_FEATURES = 40
"""Features that get a curve: those whose values move the probabilities most on the selection."""
_EXAMPLES = 5
"""So many times as many examples as pictures: running a table costs little."""
_COPY = 104_729
"""Added to the subject's seed for the randomly initialised control."""


@dataclass(frozen=True)
class _Curves:
    """Probabilities of the classes on examples whose feature holds each value."""

    values: np.ndarray
    own: list[Means]
    control: list[Means]


def feature_name(subject: Subject, place: int) -> str:
    """Name of a feature; its number where the data has no names."""
    return subject.feature_names[place] if subject.feature_names else f"input {place}"


def response_finding(subject: Subject, lens: Attribution, progress: Progress) -> Finding:
    """Measure how each class's mean probability goes along each feature: `attribution.response`.

    Every example is given the feature's value and keeps its other features. The control is a
    randomly initialised network of the same architecture.

    References
    ----------
    Friedman 2001, Greedy function approximation, section 8.2 (partial dependence).
    """
    moves = _moves(subject, lens)  # [F, C]
    chosen = sorted(np.argsort(-moves.max(1), kind="stable")[:_FEATURES].tolist())
    most = _EXAMPLES * lens.evidence_images * len(subject.classes)
    some = balanced(subject.evaluation, most, subject.seed)
    fresh, rows = fresh_control(subject, subject.seed + _COPY), list[ResponseRow]()
    for n, place in enumerate(chosen):
        values = _values(subject, place)
        own, control = (
            [_chances(one, some.images, place, value) for value in values]
            for one in (subject, fresh)
        )
        rows += _rows(subject, place, _Curves(values, own, control))
        progress("features along their values", n + 1, len(chosen))
    left = subject.images.shape[1] - len(chosen)
    return Finding(
        schemas.RESPONSE,
        Table.from_rows(ResponseRow, rows),
        statements=tuple(_statements(subject, rows, moves)),
        caveats=(
            "Each example keeps its other features: where features go together, some of these "
            "examples are unlike any that there is.",
            "Values are quantiles of the selection split.",
            *([f"{left} features that move the probabilities least have no curve."] * (left > 0)),
        ),
    )


def _values(subject: Subject, place: int) -> np.ndarray:
    column = subject.selection.images[:, place].double().cpu().numpy()
    return np.unique(np.quantile(column, np.linspace(0.05, 0.95, _POINTS)))


def _with(images: Tensor, place: int, value: float) -> Tensor:
    changed = images.clone()
    changed[:, place] = value
    return changed


def _chances(subject: Subject, images: Tensor, place: int, value: float) -> Means:
    """Mean probability of each class, `[C]`, with the feature at a value."""
    logits = subject.predict(_with(images, place, float(value)))
    return Means.of(logits.double().softmax(1).T.cpu().numpy())


def _moves(subject: Subject, lens: Attribution) -> np.ndarray:
    """How far each feature moves each class's probability on the selection split, `[F, C]`."""
    some = balanced(subject.selection, lens.evidence_images, subject.seed).images
    found = list[np.ndarray]()
    for place in range(subject.images.shape[1]):
        ends = _values(subject, place)[[0, -1]]
        found.append(np.ptp([_chances(subject, some, place, end).mean for end in ends], axis=0))
    return np.stack(found)


def _rows(subject: Subject, place: int, curves: _Curves) -> Iterator[ResponseRow]:
    for label in spread(len(subject.classes)):
        for value, own, control in zip(curves.values, curves.own, curves.control, strict=True):
            (lo, hi), (control_lo, control_hi) = own.interval(), control.interval()
            yield ResponseRow(
                feature=feature_name(subject, place),
                class_=subject.classes[label],
                value=float(value),
                probability=Estimate(
                    float(own.mean[label]),
                    float(max(0.0, lo[label])),
                    float(min(1.0, hi[label])),
                    control=float(control.mean[label]),
                    control_lo=float(max(0.0, control_lo[label])),
                    control_hi=float(min(1.0, control_hi[label])),
                ),
                n=int(own.count[label]),
            )


def _statements(subject: Subject, rows: list[ResponseRow], moves: np.ndarray) -> Iterator[str]:
    curves: dict[tuple[str, str], list[ResponseRow]] = {}
    for row in rows:
        curves.setdefault((row.feature, row.class_), []).append(row)
    shown = spread(len(subject.classes))
    place, label = np.unravel_index(moves[:, shown].argmax(), (len(moves), len(shown)))
    feature, class_ = feature_name(subject, int(place)), subject.classes[shown[label]]
    own = curves.get((feature, class_), [])
    if not own:
        return
    ends = (own[0], own[-1])
    named = " to ".join(
        f"{number(end.probability.value)} [{number(end.probability.lo)}, "
        f"{number(end.probability.hi)}]"
        for end in ends
    )
    control = max(
        float(np.ptp([known(row.probability.control) for row in c])) for c in curves.values()
    )
    yield (
        f"The curve that moves most on the selection split: from {feature} = "
        f"{ends[0].value:.3g} to {ends[1].value:.3g} "
        f"the mean probability of class {class_} goes from {named} (n = {own[0].n}); in a randomly "
        f"initialised network no curve moves by more than {control:.2f}."
    )
