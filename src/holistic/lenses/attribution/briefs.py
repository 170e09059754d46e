"""Says in one short sentence what each finding found about the parts of the input that count."""

from __future__ import annotations

from holistic.lenses._briefs import greatest, scored
from holistic.lenses._parts import known, significant
from holistic.lenses.attribution.evidence_statements import region
from holistic.lenses.attribution.opening import trust
from holistic.lenses.attribution.schemas import ContrastRow, EvidenceRow, MethodRow
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.words import counted, named

__all__ = ["contrasts", "evidence", "methods"]

_PLANE = 4
"""Rows and columns from which on places on a plane have words."""


def evidence(finding: Finding, audit: Folder) -> str:
    """Say which class hangs most on which part of the input."""
    rows = list(finding.table.where(kind="erase").rows(EvidenceRow))
    row = greatest((r for r in rows if _costs(r)), by=lambda r: -known(r.effect.value))
    if row is None:
        return "Erasing no single window surely costs a class more than in an untrained network."
    height, width = max(r.top + r.height for r in rows), max(r.left + r.width for r in rows)
    loss = scored(audit, -known(row.effect.value))
    if min(height, width) >= _PLANE:
        place = region([row], height, width)
        part = "its centre" if place == "centre" else f"its {place} part"
    else:
        part = f"feature {row.left}" if row.width == 1 else f"the part from feature {row.left} on"
    return (
        f"{named(row.class_)} hangs most on {part}: erasing a window there costs {loss}, "
        "more than in an untrained network."
    )


def _costs(row: EvidenceRow) -> bool:
    """Whether erasing costs the class more than in a randomly initialised network."""
    of = row.effect
    control = 0.0 if of.control_lo is None else min(0.0, of.control_lo)
    return significant(of) and known(of.hi) < control


def methods(finding: Finding, audit: Folder) -> str:
    """Name the methods whose maps can't be trusted."""
    rows = [row for row in finding.table.rows(MethodRow) if row.n]
    return " ".join(trust(rows)[:1]) or "No attribution method could be tested on these examples."


def contrasts(finding: Finding, audit: Folder) -> str:
    """Say how often the inputs that a contrast names move the decision more than random ones."""
    rows = [row for row in finding.table.rows(ContrastRow) if row.difference.q is not None]
    sure = [r for r in rows if significant(r.difference) and known(r.difference.value) < 0]
    if not rows:
        return "No two classes are confused often enough to be contrasted."
    if not sure:
        return "What speaks for one class against another moves no decision more than random parts."
    return (
        f"Contrast maps name what counts in {len(sure)} of {counted(len(rows), 'pair')} of "
        "classes: removing it moves the decision more than random parts do."
    )
