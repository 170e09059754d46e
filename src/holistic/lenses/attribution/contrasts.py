"""Contrasts classes that are confused, or nearly: which pixels speak for one, not the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from holistic.graph.loops import batches
from holistic.lenses._cases import spread
from holistic.lenses._parts import known, with_q
from holistic.lenses._pictures import pictures, planes
from holistic.lenses.attribution import Attribution, schemas
from holistic.lenses.attribution._confused_pairs import (
    confused_pairs,
    difference_maps,
    logit_difference,
    nearest_rivals,
)
from holistic.lenses.attribution._failures import FAILURES, failures
from holistic.lenses.attribution._maps import finite_maps, in_squares
from holistic.lenses.attribution._removal import mean_image, order
from holistic.lenses.attribution._sample import balanced, typical
from holistic.lenses.attribution.schemas import ContrastRow, MethodRow
from holistic.pieces import kept
from holistic.progress import Progress
from holistic.replacing.budget import afforded, model_work
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.means import Means
from holistic.study.subject import Subject
from holistic.words import number, percent, sentence, unbounded

__all__ = ["BACKWARD", "PAIRS", "contrasts_finding", "most_pairs"]

_METHOD = "integrated_gradients"
PAIRS = 5
"""Pairs of classes that are contrasted at least, where there are so many."""
BACKWARD = 3
"""Forward runs that a forward and a backward run take as long as."""
_SHARE = 0.1
"""Share of the pixels that is removed."""
_DRAWS = 200
"""Random sets of pixels behind each control, over all images."""
_TOGETHER = 64
"""Images that are run together."""


@dataclass(frozen=True)
class _Pair:
    """Two classes, selection examples taken for the other, and why they are contrasted."""

    first: int
    second: int
    confused: int
    why: str


@dataclass(frozen=True)
class Changes:
    """Change of the logit difference on each image, `[n]`, without three sets of its pixels."""

    contrast: np.ndarray
    plain: np.ndarray
    random: np.ndarray


def contrasts_finding(
    subject: Subject, lens: Attribution, methods: Table, progress: Progress
) -> Finding:
    """Contrast classes with those that they are taken for, or nearly: `attribution.contrasts`.

    `methods` is the table `attribution.methods`: it says which tests the maps failed.
    """
    if note := subject.gradients.note:
        missing = f"{sentence(note)}, so there are no maps."
        table = Table.from_rows(ContrastRow, [])
        return Finding(schemas.CONTRASTS, table, caveats=(missing,))
    pairs = _pairs(subject, lens)
    fill, rows = mean_image(subject), list[ContrastRow]()
    for pair in pairs:
        for own, rival in ((pair.first, pair.second), (pair.second, pair.first)):
            progress("contrasting classes", len(rows), 2 * len(pairs))
            found = _changes(subject, lens, own, rival, fill)
            rows.append(_row(found, subject.classes[own], subject.classes[rival], pair))
    progress("contrasting classes", len(rows), 2 * len(pairs))
    differences = with_q([row.difference for row in rows])
    made = [replace(row, difference=d) for row, d in zip(rows, differences, strict=True)]
    return Finding(
        schemas.CONTRASTS,
        Table.from_rows(ContrastRow, made),
        statements=(*_statements(made), *(_failed(methods) if made else ())),
        caveats=_caveats(made),
        arrays=_arrays(subject, lens, pairs) if made else {},
    )


def _pairs(subject: Subject, lens: Attribution) -> list[_Pair]:
    """Choose the pairs on the selection split, among classes that can be measured."""
    examples, count = subject.selection, len(subject.classes)
    enough = torch.bincount(subject.evaluation.labels, minlength=count) > 1
    seen = torch.bincount(examples.labels, minlength=count) > 0
    logits = subject.predict(examples.images).double().cpu().numpy()
    among, labels = (enough & seen).cpu().numpy(), examples.labels.cpu().numpy()
    every = confused_pairs(logits, labels, among=among, most=count**2)
    shown = set(np.flatnonzero(among)[spread(int(among.sum()))].tolist())
    nearest = {
        (min(pair), max(pair))
        for pair in nearest_rivals(logits, labels, among=among).items()
        if pair[0] in shown
    }
    confused = {pair[:2] for pair in every[: max(PAIRS, len(shown))] if pair[2]}
    rest = [pair[:2] for pair in every if pair[:2] not in nearest | confused]
    filled = set(rest[: max(0, PAIRS - len(nearest | confused))])
    pairs = [
        _Pair(a, b, n, _why((a, b) in confused, (a, b) in nearest))
        for a, b, n in every
        if (a, b) in nearest | confused | filled
    ]
    return pairs[: most_pairs(subject, lens)]


def _why(confused: bool, nearest: bool) -> str:
    both = " and ".join(w for w, so in (("confused", confused), ("nearest", nearest)) if so)
    return both or "closest"


def most_pairs(subject: Subject, lens: Attribution) -> int:
    """How many pairs of classes the budget affords: five at least."""
    images, runs = max(2, lens.examples // 4), 2 * (2 * BACKWARD * lens.steps + 3)
    cost = model_work(subject) * (images * runs + 2 * _DRAWS)
    classes = len(subject.classes)
    return afforded(lens.contrast_work, cost, least=PAIRS, most=max(PAIRS, 2 * classes))


@kept
def _changes(subject: Subject, lens: Attribution, own: int, rival: int, fill: Tensor) -> Changes:
    """Remove pixels of images of one class by both maps and at random."""
    everyone = subject.evaluation
    members = everyone.at(np.flatnonzero(everyone.labels.cpu().numpy() == own))
    sample = balanced(members, max(2, lens.examples // 4), subject.seed)
    images, pair = sample.images, (own, rival)
    maps = [
        planes(difference_maps(subject, images, own, against, steps=lens.steps)).sum(1).flatten(1)
        for against in (rival, None)
    ]
    finite = finite_maps(maps[0]) & finite_maps(maps[1])
    images, maps = images[finite.to(images.device)], [values[finite] for values in maps]
    if not len(images):
        return Changes(*[np.empty(0)] * 3)
    rng = np.random.default_rng([subject.seed, own, rival])
    before = logit_difference(subject, images, None, fill, pair)

    def changed(maps: np.ndarray, draws: int = 1) -> np.ndarray:
        count = max(1, round(_SHARE * maps.shape[1]))
        removed = torch.from_numpy(np.concatenate([order(maps, rng) < count for _ in range(draws)]))
        several = torch.cat([images] * draws)
        after = logit_difference(subject, several, removed, fill, pair)
        return after.reshape(draws, -1) - before

    contrast, plain = (changed(values.double().numpy())[0] for values in maps)
    flat = np.zeros(tuple(maps[0].shape))
    at_once = batches(-(-_DRAWS // len(images)), max(1, _TOGETHER // len(images)))
    draws = np.concatenate([changed(flat, some.stop - some.start) for some in at_once])
    return Changes(contrast, plain, draws.mean(0))


def _row(found: Changes, own: str, rival: str, pair: _Pair) -> ContrastRow:
    """Mean changes with their bounds, and both differences on the same images."""
    control, gap = _mean(found.random), found.contrast - found.random
    return ContrastRow(
        class_=own,
        rival=rival,
        confused=pair.confused,
        chosen=pair.why,
        share=_SHARE,
        change=replace(
            _mean(found.contrast),
            control=control.value,
            control_lo=control.lo,
            control_hi=control.hi,
        ),
        n=len(gap),
        plain_change=_mean(found.plain),
        difference=replace(_mean(gap), p=float(Means.of(gap).p())),
        beyond_plain=_mean(found.contrast - found.plain),
    )


def _mean(values: np.ndarray) -> Estimate:
    means = Means.of(values)
    lo, hi = means.interval()
    return Estimate(float(means.mean), float(lo), float(hi))


def _arrays(subject: Subject, lens: Attribution, pairs: Sequence[_Pair]) -> dict[str, np.ndarray]:
    """Draw the typical image of both classes of each pair, `[K, 2, H, W]`, and its map.

    Maps are of logit(a) - logit(b) on both, NaN where no image of the class is classified rightly.
    """
    shown = typical(subject)
    place = {label: i for i, label in enumerate(shown.labels.tolist())}
    maps, images = list[Tensor](), list[Tensor]()
    for pair in pairs:
        a, b = pair.first, pair.second
        for label in (a, b):
            known = label in place
            image = shown.images[[place[label]]] if known else torch.zeros_like(subject.images[:1])
            found = difference_maps(subject, image, a, b, steps=lens.steps)
            maps.append(
                planes(found).sum(1) if known else torch.full_like(planes(found)[:, 0], torch.nan)
            )
            images.append(image)
    drawn = pictures(torch.cat(images), subject.studied)
    return {
        "attribution.contrast_maps": in_squares(torch.cat(maps).unflatten(0, (-1, 2))),
        "attribution.contrast_images": drawn.reshape(-1, 2, *drawn.shape[1:]),
    }


def _statements(rows: Sequence[ContrastRow]) -> Iterator[str]:
    if not rows:
        return
    first = rows[0]
    of = first.change
    yield (
        f"Without the {percent(_SHARE, decimals=0)} of the pixels that speak most for class "
        f"{first.class_} rather than {first.rival} ({first.confused} selection examples are "
        f"taken for the other), the first one's logit falls against the other's by "
        f"{_fall(of)} on average (n = {first.n}); without as many random pixels by "
        f"{_fall(Estimate(of.control, of.control_lo, of.control_hi))}, and without the top "
        f"pixels of the map of its logit alone by {_fall(first.plain_change)}."
    )
    gaps = [row.difference for row in rows]
    found = sum(known(gap.value) < 0 and (gap.q or 0) < 0.05 for gap in gaps)
    more = sum(known(row.beyond_plain.hi) < 0 for row in rows)
    less = sum(known(row.beyond_plain.lo) > 0 for row in rows)
    yield (
        f"Such pixels count for more than random ones in {found} of {len(rows)} contrasts "
        f"(q < 0.05); the contrast finds more than the map of the one logit in {more} of them and "
        f"less in {less} (intervals that leave out 0)."
    )


def _fall(change: Estimate) -> str:
    """Write by how much a difference of logits falls, with its interval."""
    value, lo, hi = (number(-known(v), "z.2f") for v in (change.value, change.hi, change.lo))
    return f"{value} [{lo}, {hi}]"


def _failed(methods: Table) -> Iterator[str]:
    """Say which tests the maps' method failed on this model."""
    failed = failures(methods.rows(MethodRow)).get(_METHOD, [])
    if failed:
        says = "; ".join(f"{test}: {FAILURES[test]}" for test in failed)
        yield (
            f"The maps are integrated gradients, which fail tests of `attribution.methods` on this "
            f"model ({says}): what they show is only as good as what removing their pixels does "
            "beside random ones."
        )


def _caveats(rows: Sequence[ContrastRow]) -> tuple[str, ...]:
    if not rows:
        return ("No two classes have two evaluation images each.",)
    rare = sum(np.isnan(known(row.difference.lo)) for row in rows)
    return (*_CAVEATS, *unbounded(rare, len(rows), "differences"))


_CAVEATS = (
    "The pairs are those of which the model takes the most selection examples of one class for the "
    "other, and each class's nearest rival, by the mean margin between their logits.",
    "Maps are integrated gradients from an image of zeros; removed pixels hold the mean image of "
    "the selection split, which is unlike any image that the model was trained on.",
    "Images of the class are drawn from the evaluation split, whether the model is right or not.",
)
