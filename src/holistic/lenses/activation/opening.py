"""Shows first what units of the first and of the last layer respond to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from holistic.lenses._briefs import too_few
from holistic.lenses._parts import known, significant
from holistic.lenses.activation import Activation
from holistic.lenses.activation.schemas import DepthRow, UnitRow
from holistic.results.folder import Folder
from holistic.results.highlights import Card
from holistic.results.layers import layer_names, unit_name
from holistic.results.opening import Opening, Panel, Strip
from holistic.results.tables import Table
from holistic.words import number

__all__ = ["controls_of", "living", "opening", "responds"]

_UNITS, _DEPTH = "activation.units", "activation.depth"
_LAYERS, _SHOWN = 2, 3
"""Layers that are shown, and units of each."""


def opening(audit: Folder) -> Opening:
    """Return a panel for the first and for the last layer: their most telling units."""
    if _UNITS not in audit:
        return Opening()
    found, layers = living(audit[_UNITS]), layer_names(audit)
    sites = list(found)
    shown = sites if len(sites) <= _LAYERS else [sites[0], sites[-1]]
    panels = (
        _layer(audit, site, found[site], layers, 10 + place)
        for place, site in enumerate(shown)
        if found[site]
    )
    return Opening(panels=tuple(panels))


def living(units: Table) -> dict[str, list[UnitRow]]:
    """Rows of units and their preferred class, by site; a site of dead units has none."""
    own_class = units.column("class") == units.column("preferred_class")
    found: dict[str, list[UnitRow]] = {}
    for row in Table(units.columns, units.data.filter(own_class)).rows(UnitRow):
        own = found.setdefault(row.site, [])
        if not row.dead and row.auroc.value is not None:
            own.append(row)
    return found


def _layer(
    audit: Folder, site: str, rows: Sequence[UnitRow], layers: dict[str, str], place: int
) -> Panel:
    best = _distinct(sorted(rows, key=lambda row: -known(row.auroc.value)))
    strips = tuple(
        Strip(unit_name(layers, row.site, row.unit), card=Card("", row.site, row.unit))
        for row in best[:_SHOWN]
    )
    return Panel(
        "layers",
        f"{layers.get(site, site)} responds to",
        (responds(audit, site, rows),),
        _UNITS,
        place,
        evidence=_depth(audit, site),
        strips=strips,
    )


def _distinct(rows: Sequence[UnitRow]) -> list[UnitRow]:
    """Take the best unit of each class first: three units of one class show one thing."""
    first: dict[str, UnitRow] = {}
    for row in rows:
        first.setdefault(row.preferred_class, row)
    return [*first.values(), *(row for row in rows if row is not first[row.preferred_class])]


def responds(audit: Folder, site: str, rows: Sequence[UnitRow]) -> str:
    """Say how well the median unit tells its class, beside that of an untrained network."""
    name, depth = layer_names(audit).get(site, site), _depth_row(audit, site)
    of = depth.value if depth is not None else None
    median = float(np.median([known(row.auroc.value) for row in rows]))
    if of is None or of.control is None:
        return f"Units of {name} rank their class first (AUROC {number(median)})."
    numbers = f"(AUROC {number(of.value)}, untrained {number(of.control)})"
    if significant(of) and known(of.value) > of.control:
        return f"Units of {name} rank their class first {numbers}."
    if too_few(controls_of(audit)):
        unsure = "too few controls to settle whether training does that"
        return f"Units of {name} rank their class first {numbers}; {unsure}."
    return f"Units of {name} don't surely rank their class higher than untrained ones {numbers}."


def controls_of(audit: Folder) -> int:
    """Randomly initialised controls that the lens had; the usual number where it isn't known."""
    settings = audit.provenance.get("settings", {}).get("activation") or {}
    return int(settings.get("controls", Activation.controls))


def _depth_row(audit: Folder, site: str) -> DepthRow | None:
    if _DEPTH not in audit:
        return None
    rows = audit[_DEPTH].where(measure="auroc", site=site).rows(DepthRow)
    return next(rows, None)


def _depth(audit: Folder, site: str) -> str:
    row = _depth_row(audit, site)
    if row is None:
        return ""
    of = row.value
    lo, hi, least, most = (number(x) for x in (of.lo, of.hi, of.control_lo, of.control_hi))
    return (
        f"median AUROC {number(of.value)} [{lo}, {hi}], interval over {row.interval_over}, "
        f"{row.n} units; randomly initialised {number(of.control)}, 95 % in [{least}, {most}], "
        f"q = {number(of.q, '.2g')}"
    )
