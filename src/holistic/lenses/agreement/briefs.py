"""Says in one short sentence what each finding found about how far lenses agree."""

from __future__ import annotations

from collections.abc import Sequence

from holistic.lenses._briefs import greatest
from holistic.lenses._parts import known, significant
from holistic.lenses.agreement.opening import decided, idle, together
from holistic.lenses.agreement.schemas import LensPair, Misled, OverClasses, UnitVerdict
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.layers import layer_names
from holistic.words import counted, number, sentence

__all__ = ["lenses", "misled", "pairs", "removed", "units"]

_LINEAR = {"ablation", "attribution"}
"""Lenses that agree behind the last layer, where one is the first order of the other."""


def lenses(finding: Finding, audit: Folder) -> str:
    """Say in how many comparisons two lenses rank units alike."""
    rows = [
        row
        for row in finding.table.rows(LensPair)
        if row.class_ != "all" and row.spearman.q is not None
    ]
    alike = sum(significant(row.spearman) and known(row.spearman.value) > 0 for row in rows)
    if not rows:
        return "No two lenses rank the units of one layer, so none could be compared."
    if not alike:
        return "No two lenses rank a layer's units alike more than shuffled units do."
    tail = "; where they don't, ask what each measures" if alike < len(rows) else ""
    return (
        f"Two lenses rank a layer's units alike in {alike:,} of "
        f"{counted(len(rows), 'comparison')}{tail}."
    )


def pairs(finding: Finding, audit: Folder) -> str:
    """Name the two lenses that agree most and the two that agree least."""
    layers = layer_names(audit)
    last = [site for site, name in layers.items() if name != site][-1:]
    rows = [
        row
        for row in finding.table.rows(OverClasses)
        if row.median.value is not None and not _by_construction(row, last)
    ]
    most = greatest(rows, by=lambda row: known(row.median.value))
    least = greatest(rows, by=lambda row: -known(row.median.value))
    if most is None or least is None:
        return "No two lenses rank the units of one layer, so none could be compared."
    if not significant(most.median) or known(most.median.value) <= 0:
        return "No two lenses rank a layer's units alike more than shuffled units do."

    def shown(row: OverClasses) -> str:
        at = layers.get(row.site, row.site)
        return f"{row.lens_a} and {row.lens_b} {{}} ({number(row.median.value)} at {at})"

    if most is least:
        return sentence(shown(most).format("rank units alike") + ".")
    first, last = shown(most).format("agree most"), shown(least).format("least")
    return sentence(f"{first}, {last}: rank correlations of their units.")


def _by_construction(row: OverClasses, last: Sequence[str]) -> bool:
    """Whether the network behind the site is linear, so that both rank by the same number."""
    return row.site in last and {row.lens_a, row.lens_b} == _LINEAR


def units(finding: Finding, audit: Folder) -> str:
    """Say how many units that respond to a class also decide it."""
    return decided(list(finding.table.rows(UnitVerdict)), "the model")


def misled(finding: Finding, audit: Folder) -> str:
    """Name the unit of which one lens would mislead most."""
    row = next(finding.table.rows(Misled), None)
    if row is None:
        return "No lens ranks units otherwise than removal does, more than chance would."
    return row.in_words


def removed(finding: Finding, audit: Folder) -> str:
    """Say what it costs to remove together all units that no class depends on."""
    row = idle(finding.table)
    if row is None:
        return "No layer has units that no class depends on, so none were removed together."
    return together(row, layer_names(audit))
