"""Says first how many units that respond to a class are also what it depends on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from holistic.lenses._briefs import greatest, points
from holistic.lenses._parts import known
from holistic.lenses.agreement.removed_statements import whole
from holistic.lenses.agreement.schemas import PLAYS, VERDICTS, Misled, RemovedTogether, UnitVerdict
from holistic.results.error_rates import rates_of
from holistic.results.folder import Folder
from holistic.results.highlights import Card
from holistic.results.layers import layer_names, unit_name
from holistic.results.opening import Opening, Panel, Strip
from holistic.results.tables import Table
from holistic.words import counted

__all__ = ["decided", "idle", "opening", "together"]

_UNITS, _REMOVED, _MISLED = "agreement.units", "agreement.removed", "agreement.misled"
_PICTURED = 3
_WORTH = 0.01
"""Loss of accuracy that is worth a sentence."""


def opening(audit: Folder) -> Opening:
    """Return a panel for `agreement.units` and `agreement.removed`, in words."""
    lines = [*_verdicts(audit), *_together(audit)]
    misled = tuple(_misled(audit))
    if not lines:
        return Opening(panels=misled)
    lines += [
        f"Tried with known answers: {rate}."
        for rate in rates_of(audit.path)
        if (rate.finding, rate.verdict) == (_UNITS, "causal")
    ]
    whole_layers = Panel("agreement", "Responding is not deciding", tuple(lines), _UNITS, 50)
    return Opening(panels=(whole_layers, *misled))


def _misled(audit: Folder) -> Iterator[Panel]:
    """The unit of which one lens would have misled most, with the pictures of the next ones."""
    rows = list(audit[_MISLED].rows(Misled)) if _MISLED in audit else []
    if rows:
        layers = layer_names(audit)
        names = [unit_name(layers, row.site, row.unit) for row in rows]
        yield Panel(
            "agreement",
            "Where one lens misleads",
            (rows[0].in_words,),
            _MISLED,
            51,
            pictured=True,
            strips=tuple(
                Strip(f"{name}, {row.lens}", card=Card(name, row.site, row.unit))
                for name, row in list(zip(names, rows, strict=True))[:_PICTURED]
            ),
        )


def _verdicts(audit: Folder) -> Iterator[str]:
    if _UNITS not in audit:
        return
    layers, rows = layer_names(audit), list(audit[_UNITS].rows(UnitVerdict))
    for site in dict.fromkeys(row.site for row in rows):
        yield decided([row for row in rows if row.site == site], layers.get(site, site))


def decided(rows: Sequence[UnitVerdict], place: str) -> str:
    """Say how many of the units that respond to a class also decide it, and if that is open."""
    telling = [row for row in rows if row.verdict in VERDICTS[:3]]
    if not telling:
        return f"No unit of {place} tells a class apart better than untrained units do."
    both = sum(row.verdict == VERDICTS[0] for row in telling)
    decide = f"{both or 'none'} decide{'s' * (both < 2)} it too"
    units = f"{counted(len(telling), 'unit')} of {place} tell{'s' * (len(telling) == 1)} a class"
    return f"{units} apart; {decide}{_left_open(telling, len(telling) - both)}."


def _left_open(telling: Sequence[UnitVerdict], others: int) -> str:
    """Say of how many of those that don't surely decide a class this isn't settled either."""
    left = sum(row.plays == PLAYS[8] for row in telling)
    if not left:
        return ""
    if left == others:
        return "; the rest is open"
    return f"; {'most' if left > others / 2 else 'some'} are open"


def _together(audit: Folder) -> Iterator[str]:
    row = idle(audit[_REMOVED]) if _REMOVED in audit else None
    if row is not None and not whole(row) and known(row.drop.lo) > _WORTH:
        yield together(row, layer_names(audit))


def idle(removed: Table) -> RemovedTogether | None:
    """Return the layer that loses most without the units that no class depends on.

    Where these are all that a layer has, the set says nothing of them, and another layer is taken.
    """
    # of a layer whose idle units all have one verdict the table has the row of that verdict alone
    rows = list(removed.rows(RemovedTogether))
    largest = {row.site: row for row in sorted(rows, key=lambda row: row.removed)}
    parts = [row for row in largest.values() if not whole(row)] or list(largest.values())
    return greatest(parts, by=lambda row: known(row.drop.value))


def together(row: RemovedTogether, layers: dict[str, str]) -> str:
    """Say what it costs to remove together all units that no class depends on."""
    place = layers.get(row.site, row.site)
    if whole(row):
        return (
            f"No class needs any one unit of {place}; all together they are the whole layer, so "
            "there is no other set to compare."
        )
    line = (
        f"Removing together the {counted(row.removed, 'unit')} of "
        f"{place} that no class surely needs costs "
        f"{points(max(known(row.drop.value), 0.0))}"
    )
    if known(row.drop.lo) > _WORTH:
        return f"{line}: they stand in for each other."
    return f"{line}: they can go." if known(row.drop.hi) < _WORTH else f"{line}."
