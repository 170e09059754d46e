"""Writes the sentences of `agreement.lenses`: which lenses agree, and where one says nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from holistic.lenses.agreement._scores import LENSES, SiteScores
from holistic.lenses.agreement.schemas import LensPair, OverClasses
from holistic.results.tables import Table
from holistic.words import number

__all__ = ["CAVEATS", "statements"]

CAVEATS = (
    "Ablation, attribution and tracing intervene on or differentiate the same network, and "
    "mechanism averages the activations of a unit's cluster, so no two lenses are independent.",
    "Behind the last hidden site a network is linear: there ablation by the mean and attribution, "
    "its first order, agree by construction.",
    "Where an interval is over images, the site's units are taken as they are and images are drawn "
    "again; what noise takes off a rank correlation is allowed for. Where it is over units, what "
    "the lenses say of them is taken as exact.",
    "Dead units, which all lenses rate zero, are left out: they would inflate every agreement.",
    "Activation and mechanism rank by how far an AUROC lies from 0.5, either way; the class 'all' "
    "ranks a unit by the class that it matters most to.",
)

_NO_RANKS = {
    "attribution": "the model has no gradients there",
    "mechanism": "the site has no stable clusters",
    "tracing": "no pair of images could be patched",
}


def _unranked(scores: Sequence[SiteScores]) -> Iterator[str]:
    """Say why a lens has no number at a site."""
    alive = [here for here in scores if not here.dead.all()]
    for here in scores:
        if here.dead.all():
            yield f"No lens ranks the units of site '{here.site.name}': all of them are dead."
    for lens in LENSES:
        silent = [s.site.name for s in alive if not np.isfinite(s.scores[lens][~s.dead]).any()]
        if silent:
            named = ", ".join(f"site '{name}'" for name in silent)
            why = _NO_RANKS.get(lens, "nothing was measured")
            yield f"At {named} {lens} ranks no units ({why}), so nothing can agree with it there."


def statements(table: Table, over: Table, scores: Sequence[SiteScores]) -> Iterator[str]:
    """Name the lenses that agree most and least, and say where a lens ranks no units.

    Parameters
    ----------
    table, over
        `agreement.lenses` and `agreement.pairs`.
    scores
        What the lenses say, by site.
    """
    known = [row for row in over.rows(OverClasses) if row.median.value is not None]
    if not known:
        yield "No two lenses rate the same 4 units of a site."
    else:
        yield from _extremes(known, table)
        for row in known:
            if (row.lens_a, row.lens_b) == ("ablation", "activation"):
                line = _described(row, table)
                yield line[0].upper() + line[1:]
    yield from _unranked(scores)


def _extremes(known: Sequence[OverClasses], table: Table) -> Iterator[str]:
    for pick, word in ((max, "most"), (min, "least")):
        row = pick(known, key=lambda row: row.median.value or 0.0)
        line = _described(row, table)
        yield f"Of {len(known)} pairs of lenses, site by site, two agree {word}: {line}"


def _described(row: OverClasses, table: Table) -> str:
    """Say how far two lenses agree over the classes, and when each unit has its own class."""
    site, a, b, median = row.site, row.lens_a, row.lens_b, row.median
    [of_all] = table.where(site=site, lens_a=a, lens_b=b, class_="all").rows(LensPair)
    whole = of_all.spearman
    own = (
        ""
        if whole.value is None
        else f"; for class 'all' {whole.value:.3f} [{number(whole.lo, '.3f')}, "
        f"{number(whole.hi, '.3f')}], shuffled units [{whole.control_lo:.2f}, "
        f"{whole.control_hi:.2f}]"
    )
    if {a, b} == {"ablation", "attribution"}:
        own += "; behind the last hidden site these two agree by construction"
    return (
        f"{a} and {b} at site '{site}' have a median rank correlation of {median.value:.3f} "
        f"[{number(median.lo, '.3f')}, {number(median.hi, '.3f')}] over {row.classes} classes "
        f"(from {row.least:.3f} to {row.most:.3f}; n = {row.n} units, intervals over "
        f"{row.interval_over}; the same median with units shuffled "
        f"[{median.control_lo:.2f}, {median.control_hi:.2f}]){own}."
    )
