"""Says first which groups units form, and what a linear probe reads at each layer."""

from __future__ import annotations

from collections.abc import Iterator

from holistic.lenses._parts import known, significant
from holistic.lenses.mechanism.schemas import ClusteredUnit, SiteFlow
from holistic.results.folder import Folder
from holistic.results.layers import layer_names
from holistic.results.opening import Opening, Panel
from holistic.words import number, percent, quoted

__all__ = ["opening"]

_CLUSTERS, _FLOW = "mechanism.clusters", "mechanism.flow"
_NAMED, _STEPS = 4, 4
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def opening(audit: Folder) -> Opening:
    """Return a panel for `mechanism.clusters` and one for `mechanism.flow`, in words."""
    panels = list[Panel]()
    if _FLOW in audit:
        panels += _probes(audit)
    if _CLUSTERS in audit:
        panels += _groups(audit)
    return Opening(panels=tuple(panels))


def _probes(audit: Folder) -> Iterator[Panel]:
    layers, rows = layer_names(audit), list(audit[_FLOW].rows(SiteFlow))
    known_rows = [row for row in rows if row.probe_accuracy.value is not None]
    if len(known_rows) < 2:
        return
    shown = known_rows if len(known_rows) <= _STEPS else [known_rows[0], *known_rows[-2:]]
    steps = " → ".join(
        f"{layers.get(row.site, row.site)} {number(100 * known(row.probe_accuracy.value), '.1f')}"
        for row in shown
    )
    control = max(known(row.probe_accuracy.control) for row in known_rows)
    yield Panel(
        "probe",
        "The class becomes readable",
        (f"A linear probe reads {steps} %; shuffled labels {percent(control, decimals=0)}.",),
        _FLOW,
        15,
    )


def _groups(audit: Folder) -> Iterator[Panel]:
    layers, lines = layer_names(audit), list[str]()
    rows = list(audit[_CLUSTERS].rows(ClusteredUnit))
    for site in dict.fromkeys(row.site for row in rows):
        own = [row for row in rows if row.site == site]
        lines += _grouped(layers.get(site, site), own)
    lines = lines or ["No layer has groups that hold against the controls."]
    if rows:
        yield Panel("groups", "Groups of units", tuple(lines), _CLUSTERS, 20)


def _grouped(name: str, rows: list[ClusteredUnit]) -> Iterator[str]:
    members: dict[int, list[ClusteredUnit]] = {}
    for row in rows:
        if row.cluster is not None:
            members.setdefault(row.cluster, []).append(row)
    if not members:
        return
    special = [c for c in sorted(members) if significant(members[c][0].specialisation)]
    named = ", ".join(
        f"{letter(c)} → {quoted(members[c][0].preferred_class or '–')}" for c in special[:_NAMED]
    )
    more = f" and {len(special) - _NAMED} more" if len(special) > _NAMED else ""
    yield f"{name}: {len(members)} groups" + (f"; {named}{more}." if named else ".")


def letter(cluster: int) -> str:
    """Name a cluster by a letter, so that it can't be taken for a class.

    >>> letter(0), letter(25), letter(26)
    ('A', 'Z', 'AA')
    """
    place, name = cluster + 1, ""
    while place:
        place, last = divmod(place - 1, len(_LETTERS))
        name = _LETTERS[last] + name
    return name
