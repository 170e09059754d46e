"""Compares how the lenses rank a site's units, two lenses at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from holistic.lenses._parts import with_q
from holistic.lenses.agreement import schemas
from holistic.lenses.agreement._scores import LENSES, SiteScores
from holistic.lenses.agreement.lenses_statements import CAVEATS, statements
from holistic.lenses.agreement.pairs import (
    Compared,
    against_shuffled,
    correlated,
    over_classes,
    over_images,
    resampled,
)
from holistic.lenses.agreement.schemas import LensPair, OverClasses
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.agreement import Shuffles, spearman, topk_overlap
from holistic.study.subject import Subject

if TYPE_CHECKING:
    from holistic.lenses.agreement import Agreement

__all__ = ["compare_lenses"]


def compare_lenses(
    subject: Subject, lens: Agreement, scores: list[SiteScores]
) -> tuple[Finding, Finding]:
    """Compare every two lenses' rankings of the units, for every site and class, and over classes.

    Parameters
    ----------
    subject
        The model under study.
    lens
        The settings: `shuffles`.
    scores
        What the lenses say, by site.

    Returns
    -------
    Finding, Finding
        `agreement.lenses` and `agreement.pairs`.

    References
    ----------
    Krishna et al. 2022 (rank and top-feature agreement).
    """
    shuffles = Shuffles(subject.seed, lens.shuffles)
    rows, over = list[LensPair](), list[OverClasses]()
    for here in scores:
        for pair in combinations(LENSES, 2):
            found = list(_by_class(here, pair, subject, shuffles))
            rows += [compared.row for compared in found]
            over.append(over_classes(found[:-1]))
    tested = with_q([row.spearman for row in rows]), with_q([row.median for row in over])
    rows = [replace(row, spearman=own) for row, own in zip(rows, tested[0], strict=True)]
    over = [replace(row, median=own) for row, own in zip(over, tested[1], strict=True)]
    tables = Table.from_rows(LensPair, rows), Table.from_rows(OverClasses, over)
    lines = tuple(statements(*tables, scores))
    return (
        Finding(schemas.LENSES, tables[0], lines, CAVEATS),
        Finding(schemas.PAIRS, tables[1], (), CAVEATS[:2]),
    )


def _by_class(
    here: SiteScores, pair: tuple[str, str], subject: Subject, shuffles: Shuffles
) -> Iterator[Compared]:
    """Compare two lenses at a site for every class, and last for 'all'."""
    again = [here.redrawn.get(lens) for lens in pair]  # [D, U, C] each, or None
    for c, name in enumerate([*subject.classes, "all"]):
        sides = [_ranking(here.scores[lens], c)[~here.dead] for lens in pair]
        finite = np.isfinite(sides[0]) & np.isfinite(sides[1])
        a, b = (side[finite] for side in sides)
        draws = [None if d is None else _ranking(d, c)[:, ~here.dead][:, finite] for d in again]
        drawn = (
            correlated(draws[0], draws[1])
            if draws[0] is not None and draws[1] is not None
            else np.empty(0)
        )
        found = spearman(a, b)
        ends = over_images(np.array([found.r]), drawn[None], units=len(a))
        images = bool(np.isfinite(ends[0]))
        known = bool(np.isfinite(found.r))
        null = shuffles.spearman(a, b) if known else np.empty(0)
        ends = ends if images else (found.lo, found.hi)
        k = min(10, max(1, round(len(a) / 10)))
        row = LensPair(
            site=here.site.name,
            class_=name,
            lens_a=pair[0],
            lens_b=pair[1],
            spearman=against_shuffled(found.r, ends, null) if known else Estimate(None),
            interval_over="images" if images else "units",
            n=len(a),
            k=k,
            topk_overlap=_shared(a, b, k) if known else Estimate(None),
        )
        yield Compared(row, found.r, null, drawn if images else resampled(a, b, subject.seed))


def _shared(a: np.ndarray, b: np.ndarray, k: int) -> Estimate:
    overlap = topk_overlap(a, b, k)
    return Estimate(overlap.share, control=overlap.expected, p=overlap.p)


def _ranking(scores: np.ndarray, c: int) -> np.ndarray:
    """Scores `[…, U, C]` for class c, or the largest over the classes after the last: `[…, U]`."""
    if c < scores.shape[-1]:
        return scores[..., c]
    return np.where(np.isnan(scores), -np.inf, scores).max(-1)  # -inf where none is known
