"""Answers in short what a unit does, and what can be removed at what cost."""

from __future__ import annotations

from collections.abc import Iterator

from holistic.lenses._answers import evidence
from holistic.lenses._briefs import points
from holistic.lenses._parts import known
from holistic.lenses.agreement.removed_statements import whole
from holistic.lenses.agreement.schemas import PLAYS, RemovedTogether, UnitVerdict
from holistic.results.answers import Line
from holistic.results.folder import Folder
from holistic.results.layers import layer_names
from holistic.words import counted, named, percent

__all__ = ["prune", "unit"]

_UNITS, _REMOVED = "agreement.units", "agreement.removed"
_OPEN = PLAYS[8]
_WORTH = 0.01
"""Loss of accuracy that counts."""


def unit(audit: Folder, site: str, place: int) -> Iterator[Line]:
    """The verdict on a unit, in words, and what would settle it where it isn't settled."""
    if _UNITS in audit:
        for row in audit[_UNITS].where(site=site, unit=place).rows(UnitVerdict):
            numbers = (
                evidence(row.activation, f"AUROC for {row.preferred_class or '–'}", spec=".3f"),
                evidence(row.causal_share, f"share of {row.cause_class or '–'}'s decision"),
            )
            yield Line(
                f"Verdict of all lenses: {row.in_words}.",
                "; ".join(numbers),
                _UNITS,
                0,
                row.causal_share,
            )
            if row.settling_images is not None and row.plays == _OPEN:
                yield Line(_more(row), "", _UNITS, 5)


def _more(row: UnitVerdict) -> str:
    """Say how to get as many examples as would settle what a class's share leaves open."""
    own = named(row.cause_class or "–")
    if known(row.settling_images) <= known(row.accuracy_drop.n):
        return (
            f"{counted(row.causal_images or 0, 'example')} of {own} were patched: more `pairs` of "
            "tracing would settle it."
        )
    return (
        f"More examples of {own} would settle it: only {row.accuracy_drop.n or 0:,} are there to "
        "measure on."
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
