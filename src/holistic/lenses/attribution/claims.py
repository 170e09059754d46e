"""States what each finding on inputs may find, so that other trainings can be asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from holistic.lenses._briefs import greatest
from holistic.lenses._claims import all_of, below, decades_of_q, share
from holistic.lenses._parts import known, significant
from holistic.lenses.attribution._failures import failures
from holistic.lenses.attribution.evidence_statements import region
from holistic.lenses.attribution.schemas import (
    CONTROLS,
    ContrastRow,
    EvidenceRow,
    LabelRow,
    MethodRow,
    RegionRow,
    ShortcutRow,
    StrategyRow,
    WordRow,
)
from holistic.lenses.attribution.strategies_statements import stands
from holistic.results.claims import Claim
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.words import named

__all__ = [
    "contrasts",
    "evidence",
    "labels",
    "methods",
    "regions",
    "shortcuts",
    "strategies",
    "words",
]

_PLANE = 4
"""Rows and columns from which on places on a plane have words."""


def evidence(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Which classes hang on a part of the input, and on which."""
    found = dict[str, list[EvidenceRow]]()
    for row in finding.table.where(kind="erase").rows(EvidenceRow):
        if row.effect.value is not None:
            found.setdefault(row.class_, []).append(row)
    for name, rows in found.items():
        margin, worst = _hangs(rows)
        claim = Claim(
            f"{named(name)} hangs on single parts of the input: erasing one costs more than in an "
            "untrained network.",
            finding.name,
            None if margin is None else margin > 0,
            value=worst.effect,
            unit="score",
            margin=margin,
            where={"class": name, "kind": "erase"},
            class_=name,
        )
        yield claim
        height, width = max(r.top + r.height for r in rows), max(r.left + r.width for r in rows)
        if claim.holds and min(height, width) >= _PLANE:
            about = f"Where on the input the evidence for {named(name)} lies most."
            answer = region(rows, height, width)
            yield replace(claim, about=about, answer=answer, margin=None)


def _hangs(rows: list[EvidenceRow]) -> tuple[float | None, EvidenceRow]:
    """How surely the part costs more than in an untrained network that does so most surely."""
    margins = [
        all_of(
            [decades_of_q(r.effect, sign=-1), below(r.effect, min(0.0, known(r.effect.control_lo)))]
        )
        for r in rows
    ]
    best = greatest(zip(margins, rows, strict=True), by=lambda pair: known(pair[0]))
    return best or (None, min(rows, key=lambda row: known(row.effect.value)))


def _loses(of: Estimate) -> float | None:
    """How surely erasing costs, and more than in a randomly initialised network."""
    bound = min(0.0, 0.0 if of.control_lo is None else of.control_lo)
    return all_of([decades_of_q(of, sign=-1), below(of, bound)])


def labels(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Whether some given labels look wrong."""
    rows = list(finding.table.rows(LabelRow))
    yield Claim("Some of the given labels look wrong.", finding.name, bool(rows))


def regions(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Which classes rest on one part of their images, and where that lies."""
    found = dict[str, list[RegionRow]]()
    for row in finding.table.rows(RegionRow):
        if row.difference.q is not None:
            found.setdefault(row.class_, []).append(row)
    for name, rows in found.items():
        tried = [(decades_of_q(row.difference, sign=-1), row) for row in rows]
        best = greatest(tried, by=lambda one: known(one[0]))
        if best is None:
            continue
        margin, row = best
        claim = Claim(
            f"{named(name)} rests on one part of its images: erasing it costs more than as much "
            "elsewhere.",
            finding.name,
            known(margin) > 0,
            value=row.difference,
            unit="score",
            margin=margin,
            where={"class": name},
            class_=name,
        )
        yield claim
        if claim.holds:
            about = f"Which part of its images {named(name)} rests on most."
            yield replace(claim, about=about, answer=row.place, margin=None)


def methods(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Which methods' maps pass every test."""
    rows = [row for row in finding.table.rows(MethodRow) if row.n]
    names = {row.method: row.method_name for row in rows}
    for method, tests in failures(rows).items():
        if method not in CONTROLS:
            yield Claim(
                f"Maps of {names[method]} pass every test.",
                finding.name,
                not tests,
                where={"method": method},
            )


def contrasts(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Whether what a contrast names moves the decision more than random parts."""
    rows = [row for row in finding.table.rows(ContrastRow) if row.difference.q is not None]
    if rows:
        sure = sum(significant(r.difference) and known(r.difference.value) < 0 for r in rows)
        yield Claim(
            "What speaks for one class against another moves decisions more than random parts do.",
            finding.name,
            sure > 0,
            value=share(sure, len(rows)),
            unit="share",
            margin=max(known(decades_of_q(r.difference, sign=-1)) for r in rows),
        )


def shortcuts(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Which classes are read off a mark, a colour, a texture or a place."""
    found = dict[str, ShortcutRow]()
    for row in finding.table.rows(ShortcutRow):  # the strongest comes first
        found.setdefault(row.class_, row)
    for name in audit.provenance.get("classes", []):
        row = found.get(name)
        yield Claim(
            f"{named(name)} is read off a mark, a colour, a texture or a place.",
            finding.name,
            row is not None,
            value=row.drop if row else Estimate(None),
            unit="share",
            where={"class": name},
            class_=name,
        )


def strategies(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Which classes are recognised in several ways."""
    found = dict[str, list[StrategyRow]]()
    for row in finding.table.rows(StrategyRow):
        found.setdefault(row.class_, []).append(row)
    for name in audit.provenance.get("classes", []):
        rows = found.get(name, [])
        best = greatest(rows, by=lambda row: -known(row.difference.value))
        yield Claim(
            f"{named(name)} is recognised in several ways: some of its images rest on a place "
            "that the others do without.",
            finding.name,
            any(map(stands, rows)),
            value=best.difference if best else Estimate(None),
            unit="score",
            margin=max((known(decades_of_q(r.difference, sign=-1)) for r in rows), default=None),
            where={"class": name},
            class_=name,
        )


def words(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Which classes hang on one word, and on which."""
    for row in finding.table.rows(WordRow):
        if row.rank != 1:
            continue
        margin = _loses(row.effect)
        if margin is not None:
            yield Claim(
                f"The word that {named(row.class_)} hangs on most.",
                finding.name,
                margin > 0,
                answer=row.word,
                value=row.effect,
                unit="score",
                margin=margin,
                where={"class": row.class_, "rank": 1},
                class_=row.class_,
            )
