"""Writes the sentences of `agreement.removed`: what units of one verdict cost together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from holistic.lenses.agreement.schemas import RemovedTogether
from holistic.words import counted, percent, verb

__all__ = ["statements", "whole"]

_SIGNIFICANT = 0.05


def statements(rows: Sequence[RemovedTogether], preferred: str) -> Iterator[str]:
    """Say at each site what its largest set costs, or that of the kind `preferred`."""
    for site in dict.fromkeys(row.site for row in rows):
        here = {row.units_that: row for row in rows if row.site == site}
        yield _described(here.get(preferred) or max(here.values(), key=lambda row: row.removed))
    if not rows:
        yield "Some class depends on every unit by itself: there is no set to remove together."


def whole(row: RemovedTogether) -> bool:
    """Say whether all units of the site are removed: there is no other set of as many."""
    return not row.sets


def _described(row: RemovedTogether) -> str:
    drop = row.drop
    control = percent(drop.control, drop.control_lo, drop.control_hi)
    controls = (
        "" if drop.control is None
        else f"; as many random units of the site {control} (q = {drop.q:.2g})"
    )  # fmt: skip
    least = 1 / (1 + row.sets)
    if row.every_set and row.sets and least > _SIGNIFICANT:
        controls += f": {1 + row.sets} such sets exist, so p is at least {least:.2g}"
    together = "; together they are needed" if drop.lo is not None and drop.lo > 0 else ""
    if whole(row):
        together = "; that is the whole layer, so no other set can be compared with it"
    before, after = percent(row.accuracy_before), percent(row.accuracy_after)
    cost = percent(drop.value, drop.lo, drop.hi)
    return (
        f"Removing together the {counted(row.removed, 'unit')} of site '{row.site}' that "
        f"{verb(row.removed)} {row.units_that}, each by itself, costs {cost} of accuracy ("
        f"{before} before, {after} after, on {row.n:,} examples of the selection split)"
        f"{controls}{together}."
    )
