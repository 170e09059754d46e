"""Sentences on pairs of units: how many are redundant or synergistic, and how strongly."""

from __future__ import annotations

import numpy as np

from holistic.results.tables import Table

__all__ = ["interaction_statement"]


def interaction_statement(table: Table, site: str, unit: str) -> str:
    """Count significant interactions by kind, for random pairs, and among all pairs."""
    rows = table.where(site=site, class_="all")
    top, random = rows.where(kind="top"), rows.where(kind="random")
    control = (
        f", {_median(random)} for {len(random)} random pairs "
        f"({int((random.column('verdict') != 'none').sum())} significant)"
        if len(random)
        else ""
    )
    return (
        f"Of {len(top)} pairs of strong units of site '{site}', {_counts(top)} "
        f"(q < 0.05, n = {int(top.column('n').max())}); median size of the interaction "
        f"{_median(top)} {unit}{control}. Of all {len(rows)} pairs measured, {_counts(rows)} "
        f"(n = {int(rows.column('n').min())} or more)."
    )


def _counts(rows: Table) -> str:
    redundant, synergistic, mixed = (
        int((rows.column("verdict") == kind).sum())
        for kind in ("redundant", "synergistic", "mixed")
    )
    more = f", {mixed} of a unit that helps and one that harms" if mixed else ""
    return f"{redundant} are redundant and {synergistic} synergistic{more}"


def _median(rows: Table) -> str:
    """Write the median size of interactions; between which medians it lies, as images vary.

    If each true size lies within its own bounds, the median of the true sizes lies between the
    medians of the bounds.
    """
    value, lo, hi = (rows.column(name).astype(float) for name in ("interaction", "lo", "hi"))
    lo, hi = (np.where(np.isnan(end), value, end) for end in (lo, hi))
    known = np.isfinite(value)
    if not known.any():
        return "–"
    least = np.maximum(np.maximum(lo, -hi), 0)[known]
    most = np.maximum(np.abs(lo), np.abs(hi))[known]
    return f"{np.median(np.abs(value[known])):.2g} [{np.median(least):.2g}, {np.median(most):.2g}]"
