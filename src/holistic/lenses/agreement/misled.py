"""Finds the units of which one lens alone says something else than removing them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from holistic.lenses._contract import Context
from holistic.lenses.agreement import schemas
from holistic.lenses.agreement._scores import LENSES, SiteScores, by_class
from holistic.lenses.agreement.misled_statements import case, statements
from holistic.lenses.agreement.schemas import Misled
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.intervals import midranks
from holistic.study.scores import SCORE_UNITS
from holistic.study.subject import Subject

__all__ = ["find_misled", "misleading"]

_TOP = 10
"""Units that a reader would take from the top of a lens, and a tenth of the site at most."""


_Rated = tuple[np.ndarray, np.ndarray, np.ndarray]
_Removal = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""What each class loses without each unit, both ends of its interval, and n: `[U, C]` each."""


@dataclass(frozen=True, eq=False)
class _Side:
    """What a lens says of a site's units, `[U, C]` each: what is shown, and how it rates them.

    `rated` is the rating, larger for more, with both ends of its interval.
    """

    says: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    rated: _Rated

    @classmethod
    def of(cls, says: np.ndarray, lo: np.ndarray, hi: np.ndarray) -> _Side:
        return cls(says, lo, hi, (says, lo, hi))

    @classmethod
    def of_area(cls, says: np.ndarray, lo: np.ndarray, hi: np.ndarray) -> _Side:
        """A unit that is silent on a class tells as much of it as one that fires."""
        ends = np.abs(2 * np.stack([lo, hi]) - 1)
        either = (lo <= 0.5) & (hi >= 0.5)
        return cls(
            says, lo, hi, (np.abs(2 * says - 1), np.where(either, 0, ends.min(0)), ends.max(0))
        )


def find_misled(
    subject: Subject, scores: Sequence[SiteScores], swept: Table, context: Context
) -> Finding:
    """List the units that a lens ranks otherwise than removal, those furthest apart first.

    Removal is what the lenses are held against: an intervention, with an interval. How many units
    would stand out by chance is told by the removal itself, measured on other images: a lens whose
    units are no more than those is left out.

    Parameters
    ----------
    subject
        The model under study.
    scores
        What the lenses say, by site.
    swept
        Removal of single units on the selection split.
    context
        Holds the findings of the earlier lenses.

    Returns
    -------
    Finding
        `agreement.misled`.
    """
    found, counts = list[Misled](), dict[str, tuple[int, float]]()
    swept_here = context.findings["ablation.units"].table
    removals = [_removal(here, subject.classes, swept_here) for here in scores]
    again = [_removal(here, subject.classes, swept)[:3] for here in scores]
    other = [_count(*sides) for sides in zip(again, removals, strict=True)]
    for lens in LENSES[1:]:
        own, rated = list[Misled](), 0
        for here, removal in zip(scores, removals, strict=True):
            side = _side(here, lens, subject.classes, context)
            own += _rows(here, lens, side, removal, subject.classes)
            rated += _count(side.rated, removal)[1]
        named, asked = (sum(counted) for counted in zip(*other, strict=True))
        counts[lens] = len(own), named * rated / asked if asked else float("nan")
        if len(own) > counts[lens][1]:
            found += own
    layers = {site.name: site.layer or site.name for site in subject.hidden_sites}
    rows = [
        replace(
            row,
            cases=counts[row.lens][0],
            control_cases=counts[row.lens][1],
            in_words=case(row, f"{layers[row.site]}·{row.unit}", SCORE_UNITS[subject.score]),
        )
        for row in sorted(found, key=lambda row: -row.apart)
    ]
    table, lines = Table.from_rows(Misled, rows), tuple(statements(rows, counts))
    return Finding(schemas.MISLED, table, lines, _CAVEATS)


def _count(rated: _Rated, removal: _Removal) -> tuple[int, int]:
    """Count the units of a site that a rating misleads about, and those that it rates."""
    both = np.isfinite(rated[0]) & np.isfinite(removal[0])
    found = misleading(rated, removal[:3])[0] != 0
    return int(found.any(1).sum()), int(both.any(1).sum())


_CAVEATS = (
    "A unit that stands in for others costs little by itself and may still matter together with "
    "them: 'promises' is about removing it alone.",
    "Lenses are held against the removal of single units, one class at a time; ranks are those "
    "among the units of one site that aren't dead.",
)


def misleading(rated: _Rated, removed: _Rated) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Say which units a rating surely puts elsewhere than what is surely lost without them.

    Parameters
    ----------
    rated
        A rating, larger for more, and both ends of its 95 % interval, `[U, C]` each; NaN where
        there is none, and for ends that aren't known.
    removed
        The same of what each class loses without each unit; NaN for dead units.

    Returns
    -------
    kind
        `[U, C]`: 1 promises, -1 misses, 0 neither.
    ranks, loss_ranks
        `[U, C]`, shares of the units that lie below, ties half; NaN where either is missing.
    """
    (ratings, *ends), (loss, lo, hi) = rated, removed
    low, high = (np.where(np.isnan(end), ratings, end) for end in ends)
    kind = np.zeros(ratings.shape, np.int64)
    places = [np.full(ratings.shape, np.nan) for _ in range(2)]
    for c in range(ratings.shape[1]):
        use = np.flatnonzero(np.isfinite(ratings[:, c]) & np.isfinite(loss[:, c]))
        a, b = ratings[use, c], loss[use, c]
        if len(use) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:  # says nothing of any unit
            continue
        k = min(_TOP, max(1, round(len(use) / 10)))
        first, most = (side >= np.sort(side)[-k] for side in (a, b))
        # where all are the same none is first
        first, most = first & (a > np.median(a)), most & (b > np.median(b))
        sides = (np.median(a), np.median(b))
        promises = first & (low[use, c] > sides[0]) & (hi[use, c] <= sides[1])
        misses = most & (lo[use, c] > sides[1]) & (high[use, c] <= sides[0])
        kind[use, c] = promises.astype(int) - misses
        for place, side in zip(places, (a, b), strict=True):
            place[use, c] = (midranks(side[:, None])[:, 0] - 0.5) / len(use)
    return kind, places[0], places[1]


def _removal(here: SiteScores, classes: Sequence[str], swept: Table) -> _Removal:
    """What each class loses without each unit, `[U, C]`, its interval and n."""
    table = swept.where(site=here.site.name)
    effect, lo, hi, n = (
        by_class(table, column, here.site, classes) for column in ("effect", "lo", "hi", "n")
    )
    exact = np.isnan(lo) & (effect == 0)  # no example feels the unit
    low, high = -np.where(exact, effect, hi), -np.where(exact, effect, lo)
    loss = np.where(here.dead[:, None], np.nan, 0.0 - effect)
    return loss, low, high, n


def _side(here: SiteScores, lens: str, classes: Sequence[str], context: Context) -> _Side:
    """What a lens says of a site's units for each class."""
    site = here.site
    if lens == "activation":
        table = context.findings["activation.units"].table.where(site=site.name)
        ends = (by_class(table, f"auroc_{end}", site, classes) for end in ("lo", "hi"))
        return _Side.of_area(here.auroc, *ends)
    if lens == "mechanism":
        return _Side.of_area(here.company, *here.company_ends)
    if lens == "attribution":
        return _Side.of(here.attributed.mean, *here.attributed.interval())
    table = context.findings["tracing.patching"].table.where(
        site=site.name, corrupt="all", direction="noise"
    )
    ends = (by_class(table, end, site, classes, name="clean") for end in ("lo", "hi"))
    return _Side.of(here.scores[lens], *ends)


def _rows(
    here: SiteScores,
    lens: str,
    side: _Side,
    removal: _Removal,
    classes: Sequence[str],
) -> Iterator[Misled]:
    """A row for each unit that the lens misleads about, of the class that they differ about."""
    loss, lo, hi, n = removal
    kind, ranks, loss_ranks = misleading(side.rated, (loss, lo, hi))
    apart = np.where(kind != 0, np.abs(ranks - loss_ranks), -1.0)
    for unit in np.flatnonzero((kind != 0).any(1)).tolist():
        c = int(apart[unit].argmax())
        known = np.flatnonzero(np.isfinite(ranks[:, c]))
        yield Misled(
            site=here.site.name,
            unit=unit,
            class_=classes[c],
            lens=lens,
            kind="promises" if kind[unit, c] > 0 else "misses",
            says=_estimate(side.says, side.lo, side.hi, unit, c, known),
            loss=replace(_estimate(loss, lo, hi, unit, c, known), n=int(n[unit, c])),
            apart=float(apart[unit, c]),
            lens_rank=_rank(side.rated[0][known, c], side.rated[0][unit, c]),
            loss_rank=_rank(loss[known, c], loss[unit, c]),
            units=len(known),
            cases=0,
            control_cases=0.0,
            in_words="",
        )


def _rank(values: np.ndarray, own: float) -> int:
    return 1 + int((values > own).sum())


def _estimate(
    value: np.ndarray, lo: np.ndarray, hi: np.ndarray, unit: int, c: int, known: np.ndarray
) -> Estimate:
    """A unit's number beside the median of the units that are ranked."""
    low, high = (float(x[unit, c]) if np.isfinite(x[unit, c]) else None for x in (lo, hi))
    middle = float(np.median(value[known, c]))
    return Estimate(float(value[unit, c]), low, high, control=middle)
