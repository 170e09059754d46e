"""Erases each class's regions, and as much elsewhere: `attribution.regions`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from holistic.attributing.erasing import Erased, Eraser, erased
from holistic.attributing.region import tested_means
from holistic.lenses._cases import spread
from holistic.lenses._parts import with_q
from holistic.lenses.attribution import Attribution, schemas
from holistic.lenses.attribution._class_regions import Ranked, ranked_regions
from holistic.lenses.attribution._sample import balanced
from holistic.lenses.attribution.regions_statements import places, statements
from holistic.lenses.attribution.response import feature_name
from holistic.lenses.attribution.schemas import RegionRow
from holistic.progress import Progress
from holistic.replacing.budget import afforded, model_work
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.means import Means
from holistic.study.subject import Subject
from holistic.words import unbounded

__all__ = ["SOUGHT", "TRIALS", "images_of", "regions_finding"]

SOUGHT = 24
"""Selection images of a class on which its regions are sought and ranked, at most."""
TRIALS = 60
"""Regions and blocks of which each selection image is run, about."""


def regions_finding(subject: Subject, lens: Attribution, progress: Progress) -> Finding:
    """Test which of its regions each class rests on: `attribution.regions`.

    Regions are found and ranked on the selection split, and erased of evaluation images, beside
    connected regions of the same size, or of as much of what pictures show, on the same images.
    """
    labels = subject.evaluation.labels.cpu().numpy()
    enough = np.flatnonzero(np.bincount(labels, minlength=len(subject.classes)) > 1)
    classes = enough[spread(len(enough))].tolist()
    if not classes:
        none = "No class has two evaluation images, so no region of theirs was erased."
        return Finding(schemas.REGIONS, Table.from_rows(RegionRow, []), caveats=(none,))
    eraser, rows, masks = Eraser.of(subject, lens.region_draws), list[RegionRow](), []
    chosen, tested = images_of(subject, lens, len(classes))
    for done, label in enumerate(classes):
        progress("erasing regions", done, len(classes))
        found = ranked_regions(subject, label, eraser, chosen, lens.regions)
        rows += _rows(subject, eraser, label, tested, found)
        masks += [one.region for one in found]
    progress("erasing regions", len(classes), len(classes))
    for name in ("difference", "beyond_next"):
        family = with_q([getattr(row, name) for row in rows])
        rows = [replace(row, **{name: of}) for row, of in zip(rows, family, strict=True)]
    drawn = np.stack(masks) if masks else np.zeros((0, *eraser.plane.size))
    return Finding(
        schemas.REGIONS,
        Table.from_rows(RegionRow, rows),
        statements=tuple(statements(rows)),
        caveats=_caveats(eraser, rows),
        arrays={"attribution.region_masks": drawn.astype(np.float32)},
    )


def images_of(subject: Subject, lens: Attribution, classes: int) -> tuple[int, int]:
    """Images of a class on which regions are sought, and on which they are tested."""
    runs = TRIALS + lens.regions * (1 + lens.region_draws)
    cost = model_work(subject) * runs * classes
    most = afforded(lens.region_work, cost, least=8, most=max(SOUGHT, lens.region_images))
    return min(SOUGHT, most), min(lens.region_images, most)


def _rows(
    subject: Subject, eraser: Eraser, label: int, images: int, found: Sequence[Ranked]
) -> Iterator[RegionRow]:
    everyone = subject.evaluation
    own = np.flatnonzero((everyone.labels == label).cpu().numpy())
    some = balanced(everyone.at(own), images, subject.seed)
    effects = [erased(subject, some, one.region, eraser) for one in found]
    names = _names(subject, eraser, [one.region for one in found])
    for k, (one, effect) in enumerate(zip(found, effects, strict=True)):
        apart = [i for i in range(k + 1, len(found)) if not (found[i].region & one.region).any()]
        change, difference = tested_means(effect)
        yield RegionRow(
            class_=subject.classes[label],
            region=k,
            place=names[k],
            share=float(eraser.shares(some, one.region).mean()),
            effect=change,
            n=len(some),
            difference=difference,
            next_region=apart[0] if apart else None,
            beyond_next=_beyond(effect, effects[apart[0]]) if apart else Estimate(None),
        )


def _beyond(effect: Erased, following: Erased) -> Estimate:
    """How far a region's effect lies beyond another's on the same images."""
    gap = Means.of(effect.change - following.change)
    lo, hi = (float(end) for end in gap.interval())
    return Estimate(float(gap.mean), lo, hi, p=float(gap.p()))


def _names(subject: Subject, eraser: Eraser, regions: Sequence[np.ndarray]) -> list[str]:
    """Name what a class's regions hold, or where they lie."""
    if eraser.plane.kind == "features":
        return [_features(subject, np.flatnonzero(region)) for region in regions]
    if eraser.plane.kind == "series":
        steps = [np.flatnonzero(region.any(0)) for region in regions]
        return [f"steps {some[0]} to {some[-1]}" for some in steps]
    around = np.any(regions, 0) if eraser.fill.background else np.ones(eraser.plane.size, bool)
    return places(regions, around) if len(regions) else []


def _features(subject: Subject, chosen: np.ndarray) -> str:
    names = [feature_name(subject, int(place)) for place in chosen]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _caveats(eraser: Eraser, rows: Sequence[RegionRow]) -> tuple[str, ...]:
    rare = sum(row.difference.lo != row.difference.lo for row in rows)
    found = [] if rows else ["No region was found in which a class's images differ from others'."]
    return (
        *found,
        f"What an erased region holds: {eraser.fill.what}. Such images are unlike any that the "
        "model was trained on.",
        "A region that holds most of what an image shows leaves too little elsewhere: then both "
        "overlap, and a difference is harder to see.",
        "Regions are the same place on every image; what moves from image to image is cut.",
        *unbounded(rare, len(rows), "differences"),
    )
