"""Answers in short what a unit does, and what can be removed at what cost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from holistic.lenses._answers import evidence
from holistic.lenses._briefs import points
from holistic.lenses._parts import known
from holistic.lenses.agreement.removed_statements import whole
from holistic.lenses.agreement.schemas import VERDICTS, RemovedTogether, UnitVerdict
from holistic.results.answers import Line
from holistic.results.folder import Folder
from holistic.results.layers import layer_names
from holistic.words import counted, named, percent

__all__ = ["in_words", "prune", "unit"]

_UNITS, _REMOVED = "agreement.units", "agreement.removed"
_WORTH = 0.01
"""Loss of accuracy that counts."""


def unit(audit: Folder, site: str, place: int) -> Iterator[Line]:
    """The verdict on a unit, in words."""
    if _UNITS in audit:
        for row in audit[_UNITS].where(site=site, unit=place).rows(UnitVerdict):
            numbers = (
                evidence(row.activation, f"AUROC for {row.preferred_class or '–'}", spec=".3f"),
                evidence(row.causal_share, f"share of {row.cause_class or '–'}'s decision"),
            )
            yield Line(in_words(row), "; ".join(numbers), _UNITS, 0)


def in_words(row: UnitVerdict) -> str:
    """Say in one sentence what the lenses together say of a unit."""
    own, needing = named(row.preferred_class or "–"), named(row.causal_class or "–")
    if row.verdict == VERDICTS[6]:
        return "It is dead."
    if row.causal:
        how = {
            "firing": f"carries {needing}",
            "silent": f"vetoes {needing}: the class needs it silent",
            "harmed": f"holds {needing} back: the class does better without it",
        }.get(row.needs_it or "", f"is needed for {needing}")
        if not row.selective:
            return f"It {how}, though it tells no class apart better than untrained units do."
        if row.verdict == VERDICTS[1]:
            return f"It fires on {own}, but {how}."
        return f"It fires on {own} and {how}."
    begin = f"It fires on {own}" if row.selective else "It tells no class apart"
    if open_ := _open(row):
        return f"{begin}; {open_}"
    return f"{begin}, and no class surely depends on it."


def _open(row: UnitVerdict) -> str:
    """Say that too few pairs leave open whether a class depends on a unit, or nothing."""
    of = row.causal_share
    if row.causal_n is None or of.value is None or of.q is None or np.isnan(of.q):
        return "whether a class depends on it wasn't measured."
    if of.control is None or abs(of.value) <= of.control:
        return ""
    return (
        f"whether {named(row.cause_class or '–')} depends on it isn't settled, with "
        f"{counted(row.causal_n, 'pair')} of images: more `pairs` of tracing would tell."
    )


def prune(audit: Folder) -> Iterator[Line]:
    """What removing together all units of a kind costs, at each layer."""
    if _REMOVED not in audit:
        return
    layers = layer_names(audit)
    rows = [row for row in audit[_REMOVED].rows(RemovedTogether) if not whole(row)]
    for row in sorted(rows, key=lambda row: -row.removed):
        cost, free = max(known(row.drop.value), 0.0), known(row.drop.hi) < _WORTH
        control = row.drop.control
        random = "" if control is None else f"; as many random ones {points(control)}"
        verb = "cost" if row.removed > 1 else "costs"
        yield Line(
            f"{layers.get(row.site, row.site)}: {counted(row.removed, 'unit')} called "
            f"'{row.units_that}' {verb} {points(cost)} together{random}"
            + (": can go." if free else "."),
            evidence(row.drop, "accuracy lost", scale=100, spec="z.1f")
            + f"; accuracy before {percent(row.accuracy_before)}",
            _REMOVED,
            10 if free else 20,
        )
    yield Line(
        "The largest set that can go together at under a point: holistic.removable(subject), "
        "measured on examples that didn't choose it.",
        "",
        _REMOVED,
        60,
    )
