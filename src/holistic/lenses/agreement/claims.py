"""States what each finding on agreement may find, so that other trainings can be asked for it."""

from __future__ import annotations

from collections.abc import Iterator

from holistic.lenses._claims import above, decades_of_q, over, share
from holistic.lenses._parts import known, significant
from holistic.lenses.agreement.opening import idle
from holistic.lenses.agreement.removed_statements import whole
from holistic.lenses.agreement.schemas import PLAYS, VERDICTS, Misled, OverClasses, UnitVerdict
from holistic.results.claims import Claim
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.layers import layer_names, unit_name

__all__ = ["of_units", "pairs", "removed", "units"]

_HALF = 0.5
_WORTH_SAYING = PLAYS[:7]
"""What is said of a unit unasked: that it isn't needed, or isn't settled, is the usual case."""
_WORTH = 0.01
"""Loss of accuracy that is worth a sentence."""


def pairs(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Which lenses rank the units of a layer alike."""
    layers = layer_names(audit)
    for row in finding.table.rows(OverClasses):
        if row.median.q is None:
            continue
        yield Claim(
            f"{row.lens_a.capitalize()} and {row.lens_b} rank units of "
            f"{layers.get(row.site, row.site)} alike.",
            finding.name,
            significant(row.median) and known(row.median.value) > 0,
            value=row.median,
            unit="correlation",
            margin=decades_of_q(row.median),
            where={"site": row.site, "lens_a": row.lens_a, "lens_b": row.lens_b},
            site=row.site,
        )


def units(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Whether most units that respond to a class don't decide it, of those that are settled."""
    layers, rows = layer_names(audit), list(finding.table.rows(UnitVerdict))
    for site in dict.fromkeys(row.site for row in rows):
        telling = [r for r in rows if r.site == site and r.verdict in VERDICTS[:3]]
        if not telling:
            continue
        settled = [r.verdict for r in telling if r.plays != PLAYS[8]]
        of = share(sum(verdict != VERDICTS[0] for verdict in settled), len(settled))
        yield Claim(
            f"Responding is not deciding: most units of {layers.get(site, site)} that tell a class "
            "apart don't decide it.",
            finding.name,
            known(of.value) > _HALF if 2 * len(settled) > len(telling) else None,
            value=of,
            unit="share",
            margin=over(of, _HALF),
            where={"site": site},
            site=site,
        )


def of_units(audit: Folder) -> Iterator[Claim]:
    """What is said of single units: verdicts that are settled, and where one lens misleads."""
    layers = layer_names(audit)
    if "agreement.units" in audit:
        for row in audit["agreement.units"].rows(UnitVerdict):
            if row.plays in _WORTH_SAYING:
                yield _verdict(row, unit_name(layers, row.site, row.unit))
    if "agreement.misled" in audit:
        for case in audit["agreement.misled"].rows(Misled):
            yield Claim(
                case.in_words,
                "agreement.misled",
                True,
                value=case.loss,
                unit="score",
                where={"site": case.site, "unit": case.unit, "lens": case.lens},
                class_=case.class_,
                site=case.site,
                of_unit=case.unit,
            )


def _verdict(row: UnitVerdict, name: str) -> Claim:
    return Claim(
        f"{name}: {row.in_words}.",
        "agreement.units",
        True,
        value=row.redundancy if row.plays == PLAYS[5] else row.causal_share,
        where={"site": row.site, "unit": row.unit},
        class_=row.cause_class or row.preferred_class or "",
        site=row.site,
        of_unit=row.unit,
    )


def removed(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Whether units that no class needs stand in for each other."""
    row = idle(finding.table)
    if row is None or whole(row) or row.drop.lo is None:
        return
    yield Claim(
        "Units that no class needs stand in for each other: removed together they cost at least a "
        "point.",
        finding.name,
        known(row.drop.lo) > _WORTH,
        value=row.drop,
        unit="share",
        margin=above(row.drop, _WORTH),
        where={"site": row.site, "units_that": row.units_that},
    )
