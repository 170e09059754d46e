"""Answers what units respond to, and what training changes over the layers."""

from __future__ import annotations

from collections.abc import Iterator

from holistic.lenses._answers import evidence
from holistic.lenses._parts import known, significant
from holistic.lenses.activation.schemas import ConceptRow, DepthRow, ExampleRow, UnitRow
from holistic.results.answers import Line
from holistic.results.folder import Folder
from holistic.results.layers import layer_names, unit_name
from holistic.words import joined, named, number, percent

__all__ = ["class_", "layers", "unit"]

_UNITS = "activation.units"
_SHOWN = 3


def unit(audit: Folder, site: str, place: int) -> Iterator[Line]:
    """What a unit responds to."""
    if _UNITS in audit:
        rows = list(audit[_UNITS].where(site=site, unit=place).rows(UnitRow))
        first = next(iter(rows), None)
        if first is not None and first.dead:
            yield Line("It is dead: it holds the same on every example.", "", _UNITS, 10)
            return
        own = next((r for r in rows if r.class_ == first.preferred_class), None) if first else None
        if own is not None:
            yield Line(
                f"It responds most to {named(own.class_)}: in {percent(own.auroc.value)} of pairs "
                "of examples it holds more for that class.",
                evidence(own.auroc, "AUROC", spec=".3f"),
                _UNITS,
                10,
                own.auroc,
            )
    if "activation.concepts" in audit:
        for row in audit["activation.concepts"].where(site=site, unit=place).rows(ConceptRow):
            if row.concept is not None and significant(row.correlation):
                yield Line(
                    f"The label that fits it best, better than untrained units: {row.concept}.",
                    evidence(row.correlation, "correlation"),
                    "activation.concepts",
                    15,
                    row.correlation,
                )
    if "activation.examples" in audit:
        rows = audit["activation.examples"].where(site=site, unit=place, kind="top")
        shown = list(rows.sort("rank").rows(ExampleRow))[:_SHOWN]
        if shown:
            each = joined([f"{row.example} ({named(row.label)})" for row in shown])
            yield Line(f"Examples that drive it most: {each}.", "", "activation.examples", 45)


def class_(audit: Folder, name: str) -> Iterator[Line]:
    """Which units tell a class best."""
    if _UNITS not in audit:
        return
    layers = layer_names(audit)
    rows = [
        row
        for row in audit[_UNITS].where(class_=name).rows(UnitRow)
        if row.auroc.value is not None and known(row.auroc.lo) > known(row.auroc.control_hi)
    ]
    best = sorted(rows, key=lambda row: -known(row.auroc.value))[:_SHOWN]
    if best:
        each = joined([unit_name(layers, row.site, row.unit) for row in best])
        yield Line(
            f"Units that tell it best: {each}.",
            "; ".join(evidence(row.auroc, "AUROC", spec=".3f") for row in best),
            _UNITS,
            30,
        )


def layers(audit: Folder) -> Iterator[Line]:
    """How well the median unit of each layer tells its class."""
    if "activation.depth" not in audit:
        return
    names = layer_names(audit)
    rows = audit["activation.depth"].where(measure="auroc").rows(DepthRow)
    found = [row for row in rows if row.site != "all" and row.value.value is not None]
    for row in found:
        yield Line(
            f"The median unit of {names.get(row.site, row.site)} tells its class with an AUROC of "
            f"{number(row.value.value)}, untrained {number(row.value.control)}.",
            evidence(row.value, "AUROC", spec=".3f"),
            "activation.depth",
            30,
        )
