"""Answers along which directions a class is decided, and what one unit moves."""

from __future__ import annotations

from collections.abc import Iterator

from holistic.lenses._answers import evidence
from holistic.lenses._parts import known, significant
from holistic.lenses.tracing.schemas import DirectionRow, Patched
from holistic.results.answers import Line
from holistic.results.folder import Folder
from holistic.results.layers import layer_names
from holistic.words import joined, named, percent

__all__ = ["class_", "unit"]


def class_(audit: Folder, name: str) -> Iterator[Line]:
    """At which layers the model uses a class's direction."""
    if "tracing.directions" not in audit:
        return
    layers = layer_names(audit)
    rows = audit["tracing.directions"].where(class_=name, method="class_mean_difference")
    tested = [row for row in rows.rows(DirectionRow) if row.erase_drop.q is not None]
    used = [r for r in tested if significant(r.erase_drop) and known(r.erase_drop.value) > 0]
    if used:
        each = joined([layers.get(row.site, row.site) for row in used])
        yield Line(
            f"The model uses its direction at {each}: erasing it costs more than random ones.",
            "; ".join(evidence(r.erase_drop, r.site, scale=100, spec="z.1f") for r in used),
            "tracing.directions",
            35,
        )
    elif tested:
        yield Line(
            "Erasing its direction costs no more than random directions, at any layer.",
            "; ".join(evidence(r.erase_drop, r.site, scale=100, spec="z.1f") for r in tested),
            "tracing.directions",
            35,
        )


def unit(audit: Folder, site: str, place: int) -> Iterator[Line]:
    """Which decision a unit moves most when it is copied."""
    if "tracing.patching" not in audit:
        return
    rows = [
        row
        for row in audit["tracing.patching"]
        .where(site=site, unit=place, direction="denoise", corrupt="all")
        .rows(Patched)
        if row.clean != "all" and significant(row.recovery) and known(row.recovery.value) > 0
    ]
    if rows:
        row = max(rows, key=lambda row: known(row.recovery.value))
        yield Line(
            f"Copying it alone moves {percent(row.recovery.value)} of decisions for "
            f"{named(row.clean)}.",
            evidence(row.recovery, "recovery"),
            "tracing.patching",
            40,
            row.recovery,
        )
