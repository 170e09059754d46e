"""Says first how many units that respond to a class are also what it depends on."""

from __future__ import annotations

from collections.abc import Iterator

from holistic.lenses._parts import known
from holistic.lenses.agreement.schemas import VERDICTS, RemovedTogether, UnitVerdict
from holistic.results.folder import Folder
from holistic.results.layers import layer_names
from holistic.results.opening import Opening, Panel
from holistic.words import number

__all__ = ["opening"]

_UNITS, _REMOVED = "agreement.units", "agreement.removed"
_ALL = "not causal"
_WORTH = 0.01
"""Loss of accuracy that is worth a sentence."""


def opening(audit: Folder) -> Opening:
    """Return a panel for `agreement.units` and `agreement.removed`, in words."""
    lines = [*_verdicts(audit), *_together(audit)]
    if not lines:
        return Opening()
    return Opening(
        panels=(Panel("agreement", "Responding is not deciding", tuple(lines), _UNITS, 50),)
    )


def _verdicts(audit: Folder) -> Iterator[str]:
    if _UNITS not in audit:
        return
    layers, rows = layer_names(audit), list(audit[_UNITS].rows(UnitVerdict))
    for site in dict.fromkeys(row.site for row in rows):
        here = [row.verdict for row in rows if row.site == site]
        selective = sum(verdict in VERDICTS[:3] for verdict in here)
        yield (
            f"{selective} of {len(here)} units of {layers.get(site, site)} tell a class apart, "
            f"{here.count(VERDICTS[0])} decide it too."
        )


def _together(audit: Folder) -> Iterator[str]:
    if _REMOVED not in audit:
        return
    layers = layer_names(audit)
    rows = [r for r in audit[_REMOVED].rows(RemovedTogether) if r.units_that == _ALL]
    dear = max(rows, key=lambda row: row.drop.value or 0.0, default=None)
    if dear is not None and known(dear.drop.lo) > _WORTH:
        yield (
            f"Those of {layers.get(dear.site, dear.site)} that decide nothing alone cost "
            f"{number(100 * known(dear.drop.value), '.1f')} points together."
        )
