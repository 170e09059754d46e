"""States what each finding on removed units may find, so that other trainings can be asked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from holistic.lenses._claims import above, all_of, decades_of_q, over, share, under
from holistic.lenses._parts import known, significant
from holistic.lenses.ablation.highlights import needed_units, removed_sets
from holistic.lenses.ablation.schemas import Agreement, Direct, Interaction, ShapleyValue
from holistic.results.claims import Claim
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.layers import layer_names
from holistic.stats.intervals import wilson
from holistic.words import named

__all__ = ["backup", "direct", "interactions", "replacements", "shapley", "topk", "units"]

_HALF = 0.5
_ALIKE = 0.8
"""Rank correlation from which on two rankings are much the same."""


def topk(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Which classes hang on few units."""
    for row in removed_sets(audit):
        if np.isnan(row.drop):
            continue
        of = Estimate(row.drop, row.lo, row.hi, row.n, row.before - row.random_after, q=row.q)
        margin = all_of([decades_of_q(of), above(of, 0.0)])
        yield Claim(
            f"{named(row.class_)} hangs on few units: its {row.k} most needed carry more of its "
            "accuracy than random ones.",
            finding.name,
            row.q < 0.05 and row.lo > 0,
            value=of,
            unit="share",
            margin=margin,
            where={"class": row.class_, "rank": 1},
            class_=row.class_,
        )


def units(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Whether the unit that a class needs most fires on it or must be silent."""
    for row in needed_units(audit):
        if not row.n or np.isnan(row.hi) or np.isnan(row.above):
            continue
        yield Claim(
            f"The unit that {named(row.class_)} needs most fires on it, or must stay silent.",
            finding.name,
            row.hi < 0,
            answer="fires" if row.above > 0 else "must stay silent",
            value=Estimate(row.effect, row.lo, row.hi, row.n, row.median),
            unit="score",
            where={"class": row.class_, "site": row.site, "unit": row.unit},
            class_=row.class_,
        )


def interactions(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Whether losses of strong units add up."""
    rows = list(finding.table.where(class_="all", kind="top").rows(Interaction))
    if rows:
        of = share(sum(row.verdict != "none" for row in rows), len(rows))
        yield Claim(
            "Losses of strong units mostly add up: at most half of the pairs do more or less "
            "together than alone.",
            finding.name,
            known(of.value) <= _HALF,
            value=of,
            unit="share",
            margin=under(of, _HALF),
            where={"class": "all", "kind": "top"},
        )


def direct(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Whether later layers make up for the loss of strong units."""
    rows = [
        row for row in finding.table.where(kind="top").rows(Direct) if row.response.q is not None
    ]
    if rows:
        made_up = [
            significant(r.response) and known(r.response.value) * known(r.direct.value) < 0
            for r in rows
        ]
        yield Claim(
            "Later layers make up for a part of the loss of some strong units.",
            finding.name,
            any(made_up),
            value=share(sum(made_up), len(rows)),
            unit="share",
            where={"kind": "top"},
        )


def backup(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Whether units step in for strong ones more than for random ones."""
    top, random = (
        finding.table.where(kind=kind).column("backup").astype(bool) for kind in ("top", "random")
    )
    if len(top) and len(random):
        of, most = share(int(top.sum()), len(top)), float(wilson(random.sum(), len(random))[1])
        yield Claim(
            "Units step in for strong ones that are gone, more than for random ones.",
            finding.name,
            known(of.lo) > most,
            value=of,
            unit="share",
            margin=above(of, most),
            where={"kind": "top"},
        )


def replacements(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Whether units rank alike whatever replaces them."""
    rows = [
        r for r in finding.table.where(class_="all").rows(Agreement) if r.spearman.value is not None
    ]
    layers = layer_names(audit)
    for site in dict.fromkeys(row.site for row in rows):
        least = min((r for r in rows if r.site == site), key=lambda row: known(row.spearman.value))
        yield Claim(
            f"Units of {layers.get(site, site)} rank much the same whatever replaces them.",
            finding.name,
            known(least.spearman.value) >= _ALIKE,
            value=least.spearman,
            unit="correlation",
            margin=over(least.spearman, _ALIKE),
            where={"class": "all", "site": site},
            site=site,
        )


def shapley(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Whether credit is spread over most units."""
    rows = list(finding.table.where(class_="all").rows(ShapleyValue))
    if rows:
        of = share(sum(significant(row.shapley) for row in rows), len(rows))
        yield Claim(
            "Credit is spread: more than half of the units have a sure share in the score.",
            finding.name,
            known(of.value) > _HALF,
            value=of,
            unit="share",
            margin=over(of, _HALF),
            where={"class": "all"},
        )
