"""States what each finding on responses may find, so that other trainings can be asked for it."""

from __future__ import annotations

from collections.abc import Iterator

from holistic.lenses._claims import above, decades_of_q, share
from holistic.lenses._parts import known, significant
from holistic.lenses.activation.schemas import ConceptRow, DepthRow, HeadRow, TuningRow
from holistic.results.claims import Claim
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.layers import layer_names

__all__ = ["attention", "concepts", "depth", "tuning"]

_TRENDS = {
    "auroc": "Training makes units tell their class better the deeper they lie (AUROC).",
    "selectivity": "Training makes units more selective for one class the deeper they lie.",
}
_SITES = {
    "auroc": "The median unit of {} tells its class better than untrained ones do.",
    "tuning grating": "The median unit of {} prefers one orientation more than untrained ones do.",
}


def depth(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """What training changes over depth, and at each layer."""
    layers = layer_names(audit)
    for row in finding.table.rows(DepthRow):
        words = (_TRENDS if row.site == "all" else _SITES).get(row.measure)
        if words is None or row.value.value is None or row.value.q is None:
            continue
        control = row.value.control or 0.0
        yield Claim(
            words.format(layers.get(row.site, row.site)),
            finding.name,
            significant(row.value) and known(row.value.value) > control,
            value=row.value,
            margin=decades_of_q(row.value, neutral=control),
            where={"measure": row.measure, "site": row.site},
            site="" if row.site == "all" else row.site,
        )


def concepts(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Whether labels fit units better than those of untrained networks."""
    rows = [row for row in finding.table.rows(ConceptRow) if row.correlation.q is not None]
    if rows:
        yield Claim(
            "Labels fit some units better than they fit units of untrained networks.",
            finding.name,
            any(significant(row.correlation) for row in rows),
            value=share(sum(significant(row.correlation) for row in rows), len(rows)),
            unit="share",
        )


def tuning(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Whether some unit of a layer prefers one orientation more than untrained ones do."""
    layers, found = layer_names(audit), dict[str, list[bool]]()
    for row in finding.table.rows(TuningRow):
        if row.tuning.q is not None:
            found.setdefault(row.site, []).append(significant(row.tuning))
    for site, sharp in found.items():
        yield Claim(
            f"Some units of {layers.get(site, site)} prefer one orientation more sharply than "
            "untrained ones do.",
            finding.name,
            any(sharp),
            value=share(sum(sharp), len(sharp)),
            unit="share",
            where={"site": site},
            site=site,
        )


def attention(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Whether heads look less evenly than untrained ones do."""
    heads = [row for row in finding.table.rows(HeadRow) if row.unit is not None]
    margins = [above(row.focus, row.focus.control_hi) for row in heads]
    measured = [margin for margin in margins if margin is not None]
    if measured:
        uneven = sum(margin > 0 for margin in measured)
        yield Claim(
            "Some heads look less evenly over the input than untrained ones do.",
            finding.name,
            uneven > 0,
            value=share(uneven, len(measured)),
            unit="share",
            margin=max(measured),
        )
