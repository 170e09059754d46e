"""Shows first what units of the first, a middle and the last layer respond to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from holistic.lenses._parts import known
from holistic.lenses.activation.schemas import DepthRow, UnitRow
from holistic.results.folder import Folder
from holistic.results.highlights import Card
from holistic.results.layers import layer_names, unit_name
from holistic.results.opening import Opening, Panel, Strip
from holistic.words import number

__all__ = ["opening"]

_UNITS, _DEPTH = "activation.units", "activation.depth"
_LAYERS, _SHOWN = 2, 3
"""Layers that are shown, and units of each."""


def opening(audit: Folder) -> Opening:
    """Return a panel for the first and for the last layer: their most telling units."""
    if _UNITS not in audit:
        return Opening()
    rows = [row for row in audit[_UNITS].rows(UnitRow) if row.class_ == row.preferred_class]
    alive = [row for row in rows if not row.dead and row.auroc.value is not None]
    layers = layer_names(audit)
    sites = list(dict.fromkeys(row.site for row in rows))
    shown = sites if len(sites) <= _LAYERS else [sites[0], sites[-1]]
    panels = list[Panel]()
    for place, site in enumerate(shown):
        own = [row for row in alive if row.site == site]
        if own:
            panels.append(_layer(audit, site, own, layers, 10 + place))
    return Opening(panels=tuple(panels))


def _layer(
    audit: Folder, site: str, rows: Sequence[UnitRow], layers: dict[str, str], place: int
) -> Panel:
    name = layers.get(site, site)
    best = _distinct(sorted(rows, key=lambda row: -known(row.auroc.value)))
    strips = tuple(
        Strip(unit_name(layers, row.site, row.unit), card=Card("", row.site, row.unit))
        for row in best[:_SHOWN]
    )
    return Panel(
        "layers",
        f"What {name} responds to",
        (_responds(audit, site, name, rows),),
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


def _responds(audit: Folder, site: str, name: str, rows: Sequence[UnitRow]) -> str:
    """Say how well the median unit tells its class, and an untrained one."""
    depth = _depth_row(audit, site)
    if depth is not None and depth.value.control is not None:
        median = number(depth.value.value)
        control = f", untrained {number(depth.value.control)}"
    else:
        median, control = number(float(np.median([known(r.auroc.value) for r in rows]))), ""
    return f"{name}: median AUROC of a unit for its class {median}{control}."


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
