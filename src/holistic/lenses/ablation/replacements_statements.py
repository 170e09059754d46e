"""Sentences on ablation values: how far rankings agree whatever a removed unit holds."""

from __future__ import annotations

from holistic.graph.sites import Site
from holistic.lenses.ablation._budget import between
from holistic.lenses.ablation.schemas import Agreement
from holistic.results.tables import Table
from holistic.words import number, percent

__all__ = ["describe_agreement", "unrated"]


def describe_agreement(table: Table, site: str) -> str:
    """Say how far each pair of ablation values agrees over all examples of a site."""
    whole = table.where(site=site, class_="all")
    rows = list(whole.rows(Agreement))
    chance = rows[0].spearman
    lo, hi = (number(end, "z.2f") for end in (chance.control_lo, chance.control_hi))
    return (
        f"Rank agreement of ablation values at site '{site}' (n = {between(whole.column('n'))} "
        f"units, by effects on {rows[0].examples} examples, over which intervals are; shuffled "
        f"units [{lo}, {hi}]): "
        f"{'; '.join(map(_alike, rows))}."
    )


def _alike(row: Agreement) -> str:
    both, rank, overlap = f"{row.replacement_a} and {row.replacement_b}", row.spearman, row.overlap
    if overlap.value is None:
        return f"{both} can't be compared"
    return (
        f"{both} {number(rank.value, 'z.2f')} [{number(rank.lo, 'z.2f')}, "
        f"{number(rank.hi, 'z.2f')}], "
        f"{percent(overlap.value, overlap.lo, overlap.hi, decimals=0)} of the top "
        f"{row.k} (chance {percent(overlap.control, decimals=0)})"
    )


def unrated(table: Table, site: Site) -> str:
    """Say which ablation values leave some units of a site without a score."""
    parts = [
        f"{row.replacement_a} and {row.replacement_b} only {row.n}"
        for row in table.where(site=site.name, class_="all").rows(Agreement)
        if row.n < site.units
    ]
    if not parts:
        return ""
    return (
        f"Of the {site.units} units of site '{site.name}', both of two ablation values can rate: "
        f"{', '.join(parts)}; without the others some score is NaN or infinite. What can't be "
        "compared has no rank correlation and no overlap."
    )
