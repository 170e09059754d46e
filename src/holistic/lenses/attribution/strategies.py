"""Finds classes that are recognised in several ways: `attribution.strategies`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from holistic.attributing.erasing import Erased, Eraser, erased
from holistic.attributing.maps import Question, maps_by
from holistic.attributing.method import Method
from holistic.attributing.region import tested_means
from holistic.attributing.registry import METHODS, checked_settings
from holistic.lenses._cases import spread
from holistic.lenses._parts import significant, with_q
from holistic.lenses._pictures import pictures
from holistic.lenses.attribution import Attribution, schemas
from holistic.lenses.attribution._class_regions import parts_of
from holistic.lenses.attribution._maps import finite_maps, magnitude
from holistic.lenses.attribution._sample import balanced
from holistic.lenses.attribution._strategies import FEWEST, Parted, parted
from holistic.lenses.attribution.regions_statements import places
from holistic.lenses.attribution.schemas import StrategyRow
from holistic.lenses.attribution.strategies_statements import statements
from holistic.pieces import kept
from holistic.progress import Progress
from holistic.replacing.budget import afforded, model_work
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.means import Means
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["STEPS", "further", "images_of", "strategies_finding"]

STEPS = 8
"""Points at which integrated gradients takes a gradient: where maps lie is asked, no more."""
_BACKWARD = 3
_SIDE = 7
"""Squares along a side of a map that maps are compared by."""
_CAVEATS = (
    "Maps are integrated gradients from an image of zeros, in squares of the picture. Strategies "
    "at one place, such as two colours of it, aren't told apart.",
    "A class has several strategies where its held-out maps have a valley between two parts; "
    "which images are of which strategy is said by their maps.",
)


@dataclass(frozen=True, eq=False)
class _Class:
    """A class's images of both splits, the shares of their maps, and how they part."""

    label: int
    chosen: Examples
    tested: Examples
    shares: Tensor  # [N, H, W] of the chosen
    parted: Parted


def strategies_finding(subject: Subject, lens: Attribution, progress: Progress) -> Finding:
    """Part each class's maps, and erase what is each part's own.

    Parts and places are chosen on the selection split. On the evaluation split a place is erased
    of images whose maps are of its strategy, and of the class's others, beside as much elsewhere.
    """
    method = METHODS["integrated_gradients"]
    if why := method.refusal(subject):
        none = f"There is no map by integrated gradients ({why}), so no strategies."
        return Finding(schemas.STRATEGIES, Table.from_rows(StrategyRow, []), caveats=(none,))
    labels = subject.evaluation.labels.cpu().numpy()
    enough = np.flatnonzero(np.bincount(labels, minlength=len(subject.classes)) >= FEWEST)
    classes = enough[spread(len(enough))].tolist()
    tried, most = list[_Class](), images_of(subject, lens, len(classes))
    for done, label in enumerate(classes):
        progress("telling strategies apart", done, len(classes))
        tried.append(_tried(subject, method, label, most))
    separations = with_q([Estimate(one.parted.agreement, p=one.parted.p) for one in tried])
    eraser, rows, masks, images = Eraser.of(subject, lens.region_draws), list[StrategyRow](), [], []
    for one, separation in zip(tried, separations, strict=True):
        if one.parted.count > 1 and significant(separation):
            found = _places(one)
            rows += _rows(subject, one, found, eraser, separation)
            masks += found
            images += [_mean(one, k) for k in range(len(found))]
    progress("telling strategies apart", len(classes), len(classes))
    family = with_q([row.difference for row in rows])
    rows = [replace(row, difference=of) for row, of in zip(rows, family, strict=True)]
    drawn = pictures(torch.stack(images), subject.studied) if images else None
    plane = eraser.plane.size
    return Finding(
        schemas.STRATEGIES,
        Table.from_rows(StrategyRow, rows),
        statements=tuple(statements(rows)),
        caveats=_CAVEATS,
        arrays={
            "attribution.strategy_masks": np.array(masks, np.float32).reshape(-1, *plane),
            "attribution.strategy_images": (
                np.zeros((0, *plane), np.uint8) if drawn is None else drawn
            ),
        },
    )


def images_of(subject: Subject, lens: Attribution, classes: int) -> int:
    """Images of a class, of each split, whose maps are compared."""
    work = model_work(subject) * 2 * classes * STEPS * _BACKWARD
    return afforded(lens.region_work, work, least=FEWEST, most=4 * lens.region_images)


def _tried(subject: Subject, method: Method, label: int, most: int) -> _Class:
    sides = list[tuple[Examples, Tensor]]()
    for split in (subject.selection, subject.evaluation):
        own = split.at(np.flatnonzero((split.labels == label).cpu().numpy()))
        some = balanced(own, most, subject.seed)
        shares = _shares(subject, method, some)
        finite = finite_maps(shares)
        sides.append((some.at(np.flatnonzero(finite.numpy())), shares[finite]))
    (chosen, shares), (tested, others) = sides
    found = parted(_squares(shares), _squares(others), subject.seed)
    return _Class(label, chosen, tested, shares, found)


@kept
def _shares(subject: Subject, method: Method, some: Examples) -> Tensor:
    """Share of each map's whole that each pixel has, `[n, H, W]`."""
    settings = checked_settings(method, {"steps": STEPS})
    question = Question("logit", "zero", settings)
    sizes = magnitude(maps_by(subject, method, some.images, some.labels, question))
    return sizes / sizes.sum((1, 2), keepdim=True)  # NaN where a map is zero


def _squares(shares: Tensor) -> np.ndarray:
    size = [min(_SIDE, side) for side in shares.shape[1:]]
    return (
        functional.adaptive_avg_pool2d(shares[:, None], (size[0], size[1]))
        .flatten(1)
        .double()
        .numpy()
    )


def _places(one: _Class) -> list[np.ndarray]:
    """Where the maps of each strategy have more than the class's others, `[H, W]` bool."""
    shares, found = one.shares.double().numpy(), list[np.ndarray]()
    for k in range(one.parted.count):
        own = one.parted.chosen == k
        found.append(parts_of(np.maximum(shares[own].mean(0) - shares[~own].mean(0), 0), 1)[0])
    return found


def _mean(one: _Class, k: int) -> Tensor:
    return one.chosen.images[torch.from_numpy(one.parted.chosen == k)].float().mean(0)


def _rows(
    subject: Subject, one: _Class, found: list[np.ndarray], eraser: Eraser, separation: Estimate
) -> Iterator[StrategyRow]:
    names = places(found, np.ones(eraser.plane.size, bool))
    for k, place in enumerate(found):
        effect: Erased = erased(subject, one.tested, place, eraser)
        mine = one.parted.tested == k
        own, other = effect.at(mine), effect.at(~mine)
        yield StrategyRow(
            class_=subject.classes[one.label],
            strategy=k,
            place=names[k],
            share=float(mine.mean()),
            separation=separation,
            effect=tested_means(own)[0],
            n=len(own.change),
            other_effect=float(other.change.mean()),
            others=len(other.change),
            difference=further(own.beyond, other.beyond),
        )


def further(own: np.ndarray, others: np.ndarray) -> Estimate:
    """How far the mean of some images' numbers `[n]` lies above that of others' `[m]`."""
    gap = Means.of(own).minus(Means.of(others))
    lo, hi = (float(end) for end in gap.interval())
    return Estimate(float(gap.value), lo, hi, p=float(gap.p()))
