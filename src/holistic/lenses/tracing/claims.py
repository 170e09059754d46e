"""States what each finding on decisions may find, so that other trainings can be asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from holistic.lenses._briefs import greatest
from holistic.lenses._claims import decades_of_q, under
from holistic.lenses._parts import known, significant
from holistic.lenses.tracing.schemas import ClassPlace, DirectionRow, Patched
from holistic.results.claims import Claim
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.layers import layer_names
from holistic.words import named

__all__ = ["directions", "geometry", "patching"]

_HALF = 0.5
_PLANE = 3
"""Most classes that lie in a plane whatever they are."""


def patching(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Whether one unit decides alone, and whether any moves the decision."""
    rows = [
        row
        for row in finding.table.where(direction="denoise", corrupt="all").rows(Patched)
        if row.clean != "all" and row.unit is not None and row.recovery.q is not None
    ]
    best = greatest(rows, by=lambda row: known(row.recovery.value))
    if best is None:
        return
    alone = Claim(
        "No unit decides alone: copying any one moves less than half of a decision.",
        finding.name,
        known(best.recovery.value) < _HALF,
        value=best.recovery,
        unit="share",
        margin=under(best.recovery, _HALF),
        where={"direction": "denoise", "corrupt": "all"},
    )
    yield alone
    yield replace(
        alone,
        about="Copying one unit surely moves some decision between two classes.",
        holds=any(significant(r.recovery) and known(r.recovery.value) > 0 for r in rows),
        margin=max(known(decades_of_q(row.recovery)) for row in rows),
    )


def directions(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Which classes' directions the model uses."""
    layers, found = layer_names(audit), dict[tuple[str, str], list[DirectionRow]]()
    rows = list(finding.table.rows(DirectionRow))
    methods = {row.method for row in rows}
    for row in rows:
        if row.method == "class_mean_difference" or len(methods) == 1:
            found.setdefault((row.site, row.class_), []).append(row)
    for (site, name), own in found.items():
        of = own[0].erase_drop
        if of.q is None:
            continue
        yield Claim(
            f"The model uses the direction of {named(name)} at {layers.get(site, site)}: erasing "
            "it costs more than random directions.",
            finding.name,
            significant(of) and known(of.value) > 0,
            value=of,
            unit="share",
            margin=decades_of_q(of),
            where={"site": site, "class": name, "method": own[0].method},
            class_=name,
            site=site,
        )


def geometry(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Whether a plane shows the classes better than chance."""
    layers, rows = layer_names(audit), list(finding.table.rows(ClassPlace))
    if len({row.class_ for row in rows}) <= _PLANE:
        return
    for site in dict.fromkeys(row.site for row in rows):
        row = next(row for row in rows if row.site == site)
        if row.share.q is None:
            continue
        control = row.share.control or 0.0
        yield Claim(
            f"A plane shows more of the classes' differences at {layers.get(site, site)} than with "
            "shuffled labels.",
            finding.name,
            significant(row.share) and known(row.share.value) > control,
            value=row.share,
            unit="share",
            margin=decades_of_q(row.share, neutral=control),
            where={"site": site},
            site=site,
        )
