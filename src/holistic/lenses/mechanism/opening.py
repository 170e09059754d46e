"""Says first which groups units form, and what a linear probe reads at each layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from holistic.lenses._parts import known, significant
from holistic.lenses.mechanism.schemas import LISTED, NOT_ALL, ClusteredUnit, SiteFlow
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.layers import layer_names
from holistic.results.opening import Opening, Panel
from holistic.results.tables import Table
from holistic.words import counted, letter, named, percent

__all__ = ["NO_GROUPS", "grouped", "lists_some", "opening", "probed", "readable", "specialised"]

_CLUSTERS, _FLOW = "mechanism.clusters", "mechanism.flow"
_NAMED = 4
NO_GROUPS = "No layer has groups that hold against the controls."
"""What is said where no layer has clusters."""


def lists_some(finding: Finding) -> bool:
    """Tell whether a list of pairs was cut, so that its length says nothing of how many."""
    cut = any(line.endswith(NOT_ALL) for line in finding.caveats)
    return cut or len(finding.table) >= LISTED


def opening(audit: Folder) -> Opening:
    """Return a panel for `mechanism.clusters` and one for `mechanism.flow`, in words."""
    panels = list[Panel]()
    if _FLOW in audit:
        panels += _probes(audit)
    if _CLUSTERS in audit:
        panels += _groups(audit)
    return Opening(panels=tuple(panels))


def _probes(audit: Folder) -> Iterator[Panel]:
    layers, rows = layer_names(audit), probed(audit[_FLOW])
    if len(rows) < 2:
        return
    steps = ", ".join(
        f"{layers.get(row.site, row.site)} "
        f"{percent(row.probe_accuracy.value, row.probe_accuracy.lo, row.probe_accuracy.hi)}"
        for row in rows
    )
    control = max(known(row.probe_accuracy.control) for row in rows)
    yield Panel(
        "probe",
        "Where the class is readable",
        (readable(rows, layers),),
        _FLOW,
        15,
        evidence=f"{steps}; shuffled labels at most {percent(control)}; n = {rows[0].n:,}",
    )


def probed(flow: Table) -> list[SiteFlow]:
    """Sites that a linear probe read, in the order of the computation."""
    return [row for row in flow.rows(SiteFlow) if row.probe_accuracy.value is not None]


def readable(rows: Sequence[SiteFlow], layers: dict[str, str]) -> str:
    """Say how well a linear probe reads the class, first and where it reads it best."""
    beyond = [row for row in rows if known(row.selectivity.lo) > 0]
    if not beyond:
        return "A linear probe reads the class nowhere better than probes of shuffled labels."
    first, best = rows[0], max(beyond, key=lambda row: known(row.probe_accuracy.value))
    if any(known(row.change.lo) > 0 for row in rows) and _read(best) > _read(first):
        return (
            f"A linear probe gets {percent(_read(first))} right from {_place(first, layers)}, "
            f"and at best {percent(_read(best))}, from {_place(best, layers)}."
        )
    return (
        f"A linear probe gets {percent(_read(first))} right from {_place(first, layers)}; "
        "no later layer makes that surely easier."
    )


def _read(row: SiteFlow) -> float:
    return known(row.probe_accuracy.value)


def _place(row: SiteFlow, layers: dict[str, str]) -> str:
    return "the input" if row.site == "input" else layers.get(row.site, row.site)


def _groups(audit: Folder) -> Iterator[Panel]:
    layers = layer_names(audit)
    found = grouped(audit[_CLUSTERS])
    lines = [_grouped(layers.get(site, site), own) for site, own in found.items() if own]
    if found:
        yield Panel("groups", "Groups of units", tuple(lines) or (NO_GROUPS,), _CLUSTERS, 20)


def grouped(clusters: Table) -> dict[str, dict[int, ClusteredUnit]]:
    """One unit of every cluster, by site; a site without clusters has none."""
    found: dict[str, dict[int, ClusteredUnit]] = {}
    for row in clusters.rows(ClusteredUnit):
        own = found.setdefault(row.site, {})
        if row.cluster is not None:
            own.setdefault(row.cluster, row)
    return found


def specialised(clusters: dict[int, ClusteredUnit]) -> list[int]:
    """Clusters that prefer a class more than shuffled labels and random units do."""
    found = list[int]()
    for place in sorted(clusters):
        of = clusters[place].specialisation
        random = -np.inf if of.control_hi is None else of.control_hi
        if significant(of) and known(of.value) > random:
            found.append(place)
    return found


def _grouped(name: str, clusters: dict[int, ClusteredUnit]) -> str:
    special = specialised(clusters)
    shown = ", ".join(
        f"{letter(c)} → {named(clusters[c].preferred_class or '–')}" for c in special[:_NAMED]
    )
    more = f" and {len(special) - _NAMED} more" if len(special) > _NAMED else ""
    return f"{name}: {counted(len(clusters), 'group')}" + (f"; {shown}{more}." if shown else ".")
