"""Says in one short sentence what each finding found about how decisions pass through."""

from __future__ import annotations

import numpy as np

from holistic.lenses._briefs import greatest, untold
from holistic.lenses._parts import known, significant
from holistic.lenses.tracing.schemas import ClassPlace, DirectionRow, Patched
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.layers import layer_names, unit_name
from holistic.stats.families import stuck
from holistic.words import counted, percent

__all__ = ["directions", "geometry", "patching"]

_MOST = 0.5
"""Share of a decision from which on one unit nearly makes it."""
_PLANE = 3
"""Most classes that lie in a plane whatever they are."""


def patching(finding: Finding, audit: Folder) -> str:
    """Name the unit or the position that moves a decision most; whole sites move all of it."""
    rows = [
        row
        for row in finding.table.where(direction="denoise", corrupt="all").rows(Patched)
        if row.clean != "all" and (row.unit is not None or row.position is not None)
    ]
    if not rows:
        return "No single unit or position was patched."
    sure = [r for r in rows if significant(r.recovery) and known(r.recovery.value) > 0]
    best = greatest(sure, by=lambda row: known(row.recovery.value))
    if best is None:
        return "No single unit or position surely moves the decision between two classes."
    layers, share = layer_names(audit), known(best.recovery.value)
    name = (
        f"position {best.position} of {layers.get(best.site, best.site)}"
        if best.unit is None
        else unit_name(layers, best.site, best.unit)
    )
    moved = percent(min(share, 1.0))
    if share >= _MOST:
        return f"One place carries much: copying {name} alone moves {moved} of a decision."
    kind = "position" if best.unit is None else "unit"
    return (
        f"No {kind} decides alone: the strongest, {name}, moves {moved} of the decision "
        "between two classes."
    )


def geometry(finding: Finding, audit: Folder) -> str:
    """Say at which layer a plane shows the classes better than chance."""
    rows = list(finding.table.rows(ClassPlace))
    if len({row.class_ for row in rows}) <= _PLANE:
        return "So few classes always lie in a plane: read how far apart they are."
    sure = [r for r in rows if significant(r.share) and known(r.share.value) > _chance(r)]
    row = greatest(sure, by=lambda r: known(r.share.value) - _chance(r))
    if row is None:
        return "No layer's plane shows more of the classes' differences than with shuffled labels."
    layers = layer_names(audit)
    return (
        f"A plane shows {percent(row.share.value)} of the classes' differences at "
        f"{layers.get(row.site, row.site)}; with shuffled labels {percent(_chance(row))}."
    )


def _chance(row: ClassPlace) -> float:
    return row.share.control or 0.0


def directions(finding: Finding, audit: Folder) -> str:
    """Say how many class directions the model uses."""
    methods = {row.method for row in finding.table.rows(DirectionRow)}
    rows = [
        row
        for row in finding.table.rows(DirectionRow)
        if row.method == "class_mean_difference" or len(methods) == 1
    ]
    tested = [row for row in rows if row.erase_drop.q is not None]
    used = [r for r in tested if significant(r.erase_drop) and known(r.erase_drop.value) > 0]
    if not tested:
        return "No class's direction could be tested."
    draws = np.array([row.erase_controls for row in tested])
    waiting = stuck(np.array([known(row.erase_drop.p) for row in tested]), draws)
    if not used and waiting.any():
        most, kind = int(draws[waiting].max()), "random direction"
        return untold(
            most, "erasing a class's direction costs it more than erasing those", kind=kind
        )
    if not used:
        return "Erasing a class's direction costs it no more than erasing random directions."
    return (
        f"The model uses {len(used)} of {counted(len(tested), 'class direction')}: erasing one "
        "costs its class more than erasing random ones."
    )
