"""Erases, and adds, a window of each image: where that changes the score is where it looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from torch import Tensor

from holistic.attributing.fills import Fill, fills
from holistic.graph.loops import batches
from holistic.lenses._cases import spread
from holistic.lenses._parts import with_q
from holistic.lenses._pictures import planes
from holistic.lenses._untrained import fresh_control
from holistic.lenses.attribution import Attribution, schemas
from holistic.lenses.attribution._sample import balanced
from holistic.lenses.attribution._windows import Window, spans, windows
from holistic.lenses.attribution.evidence_statements import statements
from holistic.lenses.attribution.response import feature_name
from holistic.lenses.attribution.schemas import EvidenceRow
from holistic.pieces import kept
from holistic.progress import Progress
from holistic.replacing.budget import afforded, model_work
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.means import Means
from holistic.study.examples import Examples
from holistic.study.presented import steps_first
from holistic.study.subject import Subject
from holistic.words import unbounded

__all__ = ["SIDES", "evidence_finding"]

SIDES = (14, 10, 7, 5)
"""Windows along a side, the finest that the budget has room for on enough images."""
_ENOUGH = 20
"""Images of a class below which a coarser map is drawn."""
_LEAST = 8
_PIECE = 8
"""Windows that are one piece of work."""
_COPY = 104_729
"""Added to the subject's seed for the randomly initialised control."""


@dataclass(frozen=True)
class _Plan:
    """What is measured: the windows of each fill, and of which classes and images."""

    kinds: Sequence[tuple[Fill, list[Window]]]
    classes: Sequence[int]
    sample: Examples


def evidence_finding(subject: Subject, lens: Attribution, progress: Progress) -> Finding:
    """Measure by how much each class's score changes without each window: `attribution.evidence`.

    Every change is computed by running the model on the changed images; nothing is estimated
    from gradients. The control is a randomly initialised network of the same architecture.

    References
    ----------
    Zeiler & Fergus 2014, section 4.2 (occlusion).
    """
    plan = _plan(subject, lens)
    if not plan.classes:
        none = "No class has two evaluation images, so no window of theirs was erased."
        return Finding(schemas.EVIDENCE, Table.from_rows(EvidenceRow, []), caveats=(none,))
    fresh = fresh_control(subject, subject.seed + _COPY)
    done, total = 0, 2 * sum(len(places) for _, places in plan.kinds)

    def advance() -> None:
        nonlocal done
        done += 1
        progress("erasing windows", done, total)

    rows = list[EvidenceRow]()
    for k in range(len(plan.kinds)):
        own, control = (_measured(s, plan, k, advance) for s in (subject, fresh))
        rows += _rows(subject, plan, k, own, control)
    effects = with_q([row.effect for row in rows])
    made = [replace(row, effect=effect) for row, effect in zip(rows, effects, strict=True)]
    return Finding(
        schemas.EVIDENCE,
        Table.from_rows(EvidenceRow, made),
        statements=tuple(statements(made, *_plane(subject))),
        caveats=_caveats(plan, made),
    )


def _plan(subject: Subject, lens: Attribution) -> _Plan:
    """Choose images, and the finest windows that leave enough of them in the budget."""
    labels = subject.evaluation.labels.cpu().numpy()
    chosen = _classes(labels, len(subject.classes))
    shape, what, work = subject.images.shape[1:], fills(subject), model_work(subject)
    turned = subject.input_kind.name == "series" and steps_first(subject.all_sites, shape)
    cut = partial(spans, turned=turned) if subject.input_kind.name == "series" else windows
    kinds, count = list[tuple[Fill, list[Window]]](), 0
    for side in SIDES:
        kinds = [(fill, cut(shape, fill.share, side)) for fill in what]
        runs = 2 * sum(len(places) for _, places in kinds) * max(1, len(chosen))
        count = afforded(lens.evidence_work, work * runs, least=_LEAST, most=lens.evidence_images)
        if work * runs * min(_ENOUGH, lens.evidence_images) <= lens.evidence_work:
            break
    among = subject.evaluation.at(np.flatnonzero(np.isin(labels, chosen)))
    total = sum(min(count, int((labels == label).sum())) for label in chosen)
    return _Plan(kinds, chosen, balanced(among, total, subject.seed))


def _plane(subject: Subject) -> tuple[int, int]:
    """Rows and columns of a picture; what is none has no places in words."""
    height, width = planes(subject.images[:1]).shape[2:]
    return (height, width) if subject.input_kind.pictures else (1, width)


def _classes(labels: np.ndarray, count: int) -> list[int]:
    """Classes that are shown, of those with two evaluation images or more."""
    seen = np.flatnonzero(np.bincount(labels, minlength=count) > 1)
    return seen[spread(len(seen))].tolist()


def _measured(subject: Subject, plan: _Plan, k: int, advance: Callable[[], None]) -> Means:
    """Change of each class's score without each window: `[windows, classes]`."""
    before, found = _scores(subject, plan.sample.images, plan.sample.labels), list[Means]()
    labels = plan.sample.labels.cpu().numpy()
    fill, places = plan.kinds[k]
    for some in batches(len(places), _PIECE):
        scores = _without(subject, plan.sample, places[some], fill)
        for change in scores - before:
            found.append(Means.stack([Means.of(change[labels == label]) for label in plan.classes]))
            advance()
    return Means.concatenate([means[None] for means in found])


@kept
def _without(
    subject: Subject, sample: Examples, places: Sequence[Window], fill: Fill
) -> np.ndarray:
    """Score of each example without each window, `[W, N]`."""
    changed = (window.put(sample.images, fill.value) for window in places)
    return np.stack([_scores(subject, images, sample.labels) for images in changed])


def _scores(subject: Subject, images: Tensor, labels: Tensor) -> np.ndarray:
    return subject.score_of(subject.predict(images), labels).double().cpu().numpy()


def _rows(
    subject: Subject, plan: _Plan, k: int, own: Means, control: Means
) -> Iterator[EvidenceRow]:
    fill, places = plan.kinds[k]
    (lo, hi), p = own.interval(), own.p()
    control_lo, control_hi = control.interval()
    for c, label in enumerate(plan.classes):
        for w, window in enumerate(places):
            at = w, c
            effect = Estimate(
                float(own.mean[at]),
                float(lo[at]),
                float(hi[at]),
                control=float(control.mean[at]),
                control_lo=float(control_lo[at]),
                control_hi=float(control_hi[at]),
                p=float(p[at]),
            )
            yield EvidenceRow(
                class_=subject.classes[label],
                kind=fill.kind,
                top=window.top,
                left=window.left,
                height=window.rows,
                width=window.columns,
                part=_part(subject, window),
                effect=effect,
                n=int(own.count[at]),
            )


def _part(subject: Subject, window: Window) -> str:
    """Name what a window holds: features, channels of one step, or the steps of a series."""
    kind, last = subject.input_kind.name, window.left + window.columns - 1
    if kind == "features":
        first, end = feature_name(subject, window.left), feature_name(subject, last)
        return first if last == window.left else f"{first} to {end}"
    if kind != "series":
        return ""
    turned = steps_first(subject.all_sites, subject.images.shape[1:])
    start, steps = (window.top, window.rows) if turned else (window.left, window.columns)
    return f"steps {start} to {start + steps - 1}"


def _caveats(plan: _Plan, rows: Sequence[EvidenceRow]) -> tuple[str, ...]:
    rare = sum(row.effect.lo != row.effect.lo for row in rows)
    done = "; ".join(f"{fill.kind}: {fill.what}" for fill, _ in plan.kinds)
    what = "an input" if all(w.rows * w.columns == 1 for w in plan.kinds[0][1]) else "a window"
    return (
        f"What {what} is set to: {done}. Such images are unlike any that the model was trained on.",
        "The control is one randomly initialised network; its scores have another scale, so "
        "compare where it looks and not how much it loses.",
        *unbounded(rare, len(rows), "windows"),
    )
