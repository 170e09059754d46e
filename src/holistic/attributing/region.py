"""Reads a region that a user means, erases it, and says what each class loses by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from holistic.arguments import check_subject, described, whole
from holistic.attributing.erasing import Erased, Eraser, Plane, erased
from holistic.errors import SettingError, explain_memory_errors, listed, nearest
from holistic.graph.torch_settings import settled
from holistic.named import named
from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.findings import Finding
from holistic.results.schema import Schema
from holistic.results.tables import Table
from holistic.stats.intervals import paired_accuracy_interval
from holistic.stats.means import Means
from holistic.stats.tests import benjamini_hochberg
from holistic.study.examples import Examples
from holistic.study.scores import SCORE_UNITS
from holistic.study.subject import Subject

__all__ = ["TESTED_REGION", "TestedRegion", "checked_region", "region", "tested_means"]

_DRAWS = 5
_MOST = 1000


@dataclass(frozen=True)
class TestedRegion:
    """Row of a test of a region: what erasing it does to the examples of one class."""

    class_: str = key("class of the examples; 'all' for every example", name="class")
    n: int = col("evaluation examples, each scored before and after", unit="examples", role="n")
    effect: Estimate = estimate(
        "mean score without the region minus score before; negative: what is there helps",
        unit="score",
        words="change of the score without it",
        prefix="",
        parts="lo hi control control_lo control_hi",
        names={"control": "control_effect"},
        meanings={
            "control": "the same without as much elsewhere on the same examples",
            "control_lo": "lower end of the control's 95 % interval over examples",
            "control_hi": "upper end of the control's 95 % interval over examples",
        },
        called={"control": "control (as much elsewhere)", "control_lo": "95 % interval"},
        worse=-1,
        signed=True,
    )
    difference: Estimate = estimate(
        "effect minus the control's on the same examples",
        unit="score",
        words="beyond as much elsewhere",
        parts="lo hi p q",
        names={"p": "p", "q": "q"},
        meanings={
            "p": "two-sided p of no difference (paired)",
            "q": "Benjamini-Hochberg q over the classes and all",
        },
        called={"p": "p (paired, two-sided)", "q": "q over all classes"},
        signed=True,
        beyond=True,
    )
    accuracy_before: float = col("accuracy with the region", unit="share")
    drop: Estimate = estimate(
        "accuracy before minus after; positive = what is there helps",
        unit="share",
        words="accuracy lost without it",
        parts="lo hi control",
        meanings={
            "lo": "lower end of its 95 % interval (Tango, paired)",
            "hi": "upper end of its 95 % interval (Tango, paired)",
            "control": "the same without as much elsewhere on the same examples",
        },
        called={"control": "control (as much elsewhere)"},
        worse=1,
        signed=True,
    )


TESTED_REGION = Schema(
    "region",
    "A region erased",
    TestedRegion,
    lead="What does each class lose without a region, and would as much elsewhere cost it, too?",
)


@named
@explain_memory_errors()
@settled()
def region(subject: Subject, mask: Any, *, classes: Any = None, draws: int = _DRAWS) -> Finding:
    """Erase a region of the evaluation examples, and as much elsewhere on each of them.

    Pictures with a background (a fifth of all pixels have one value) lose what is on it: elsewhere
    means connected parts with as much of it. On other pictures and on series a region holds the
    selection split's mean, and elsewhere means copies of it at other places; of features, sets of
    as many others. What was chosen by looking at the evaluation split looks better than it is.

    Parameters
    ----------
    subject
        The model under study.
    mask
        True where the region is: `[H, W]` of a picture, `[T]` of a series' steps, `[F]` of
        features, or one for each example of the evaluation split, `[N, …]`; or names of features.
    classes
        Classes to look at, by index or name; all by default.
    draws
        Other regions that are erased of each example.

    Returns
    -------
    Finding
        Its `table` has `TestedRegion` rows, one for each class and one for all of them; its
        `statements` say it in a sentence.

    Raises
    ------
    SettingError
        If the mask doesn't fit the inputs, or inputs are tokens; if there is no such class.

    Examples
    --------
    ``holistic.region(subject, mask, classes=["7"])``, or ``holistic.region(subject, ["age"])``.
    """
    check_subject(subject)
    draws = whole(draws, "draws", 1, _MOST)
    chosen, everyone = _classes(subject, classes), subject.evaluation
    places = np.flatnonzero(np.isin(everyone.labels.cpu().numpy(), chosen))
    examples = everyone.at(places)
    own = checked_region(subject, mask, len(everyone))
    own = own[places] if own.ndim > 2 else own
    eraser = Eraser.of(subject, draws)
    found = erased(subject, examples, own, eraser)
    rows = list(_rows(subject, examples, found, chosen))
    return Finding(
        TESTED_REGION,
        Table.from_rows(TestedRegion, rows),
        statements=tuple(_statements(rows, subject.score)),
        caveats=(
            f"What an erased input holds: {eraser.fill.what}. Such inputs are unlike any that the "
            "model was trained on.",
        ),
    )


def checked_region(subject: Subject, mask: Any, count: int) -> np.ndarray:
    """Read a region as `[H, W]` bool, or `[N, H, W]` of the evaluation examples.

    Raises
    ------
    SettingError
        If it doesn't fit the inputs, holds nothing, or they are tokens.
    """
    if subject.input_kind.name == "tokens":
        raise SettingError(
            "texts have no regions of their own; attribution.words takes out words, and "
            "holistic.attribute(subject, method='occlusion') tokens"
        )
    size = Plane.of(subject).size
    if _are_names(mask):
        return _by_name(subject, [mask] if isinstance(mask, str) else list(mask))
    given = mask.detach().cpu() if hasattr(mask, "detach") else mask
    try:
        array = np.asarray(given)
        truth = array.dtype == bool or bool(np.isin(array, (0, 1)).all())
    except (TypeError, ValueError):
        array, truth = np.zeros(0), False
    shapes = [size, *([size[1:]] if size[0] == 1 else [])]
    if truth and array.shape in (*shapes, *((count, *shape) for shape in shapes)):
        each = array.ndim > 2 or (array.ndim == 2 and array.shape not in shapes)
        found = array.astype(bool).reshape((count, *size) if each else size)
        if found.any():
            return found
    raise SettingError(
        f"mask must be true somewhere, of shape {listed([str(s) for s in shapes])} or one for each "
        f"of the {count} evaluation examples, got {described(mask)}"
    )


def _are_names(mask: Any) -> bool:
    several = isinstance(mask, (list, tuple)) and len(mask) and isinstance(mask[0], str)
    return isinstance(mask, str) or bool(several)


def _by_name(subject: Subject, wanted: Sequence[Any]) -> np.ndarray:
    known, found = subject.feature_names, np.zeros(Plane.of(subject).size, bool)
    for name in wanted:
        if name not in known:
            there = f"; there are {listed(known)}" if known else "; the data has no names: mask [F]"
            raise SettingError(f"no feature '{name}'{nearest(str(name), known)}{there}")
        found[0, known.index(name)] = True
    return found


def _classes(subject: Subject, classes: Any) -> list[int]:
    if classes is None:
        return list(range(len(subject.classes)))
    several = [classes] if isinstance(classes, (str, int, np.integer)) else list(classes)
    found = list[int]()
    for one in several:
        if isinstance(one, str) and one in subject.classes:
            found.append(subject.classes.index(one))
        elif isinstance(one, (int, np.integer)) and 0 <= one < len(subject.classes):
            found.append(int(one))
        else:
            raise SettingError(f"no class {one!r}; there are {listed(subject.classes)}")
    return found


def tested_means(found: Erased) -> tuple[Estimate, Estimate]:
    """Mean change with its control, and how far it lies beyond that on the same examples."""
    own, control, gap = (Means.of(v) for v in (found.change, found.elsewhere, found.beyond))
    bounds = [[float(end) for end in means.interval()] for means in (own, control, gap)]
    (lo, hi), (least, most), (low, high) = bounds
    usual = float(control.mean)
    effect = Estimate(float(own.mean), lo, hi, control=usual, control_lo=least, control_hi=most)
    return effect, Estimate(float(gap.mean), low, high, p=float(gap.p()))


def _rows(
    subject: Subject, examples: Examples, found: Erased, chosen: Sequence[int]
) -> Iterator[TestedRegion]:
    labels = examples.labels.cpu().numpy()
    groups = [(subject.classes[c], labels == c) for c in chosen]
    rows = [_row(name, found.at(some)) for name, some in (*groups, ("all", labels >= 0))]
    q = benjamini_hochberg(np.array([row.difference.p for row in rows], float))
    for row, value in zip(rows, q, strict=True):
        yield replace(row, difference=replace(row.difference, q=float(value)))


def _row(name: str, found: Erased) -> TestedRegion:
    n, (effect, difference) = len(found.change), tested_means(found)
    if not n:
        return TestedRegion(name, 0, effect, difference, float("nan"), Estimate(None))
    lost = int((found.right & ~found.right_without).sum())
    gained = int((~found.right & found.right_without).sum())
    lo, hi = (float(end) for end in paired_accuracy_interval(lost, gained, n))
    before = float(found.right.mean())
    control = before - float(found.right_elsewhere.mean())
    drop = Estimate((lost - gained) / n, -hi, -lo, control=control)
    return TestedRegion(name, n, effect, difference, before, drop)


def _statements(rows: Sequence[TestedRegion], score: str) -> Iterator[str]:
    (row,) = (row for row in rows if row.class_ == "all")
    unit = "" if SCORE_UNITS[score] == "share" else f" {SCORE_UNITS[score]}"
    value, control = row.effect.value or 0.0, row.effect.control or 0.0
    yield (
        f"Without this region the {score.replace('_', ' ')} changes by {value:+.3g}{unit} on "
        f"average; without as much elsewhere, by {control:+.3g}."
    )
    sure = [r.class_ for r in rows if r.class_ != "all" and (r.difference.q or 1) < 0.05]
    if sure:
        yield f"It counts otherwise than as much elsewhere for {listed(sure)} (q < 0.05)."
