"""Says in one short sentence what each finding found about the parts of the input that count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from holistic.lenses._briefs import greatest, scored
from holistic.lenses._parts import known, significant
from holistic.lenses.attribution.evidence_statements import region
from holistic.lenses.attribution.labels_statements import shown as doubted
from holistic.lenses.attribution.opening import failed, gates
from holistic.lenses.attribution.regions_statements import NONE as NO_REGION
from holistic.lenses.attribution.regions_statements import its, strongest
from holistic.lenses.attribution.schemas import (
    TRUST,
    ContrastRow,
    EvidenceRow,
    LabelRow,
    MethodRow,
    RegionRow,
    ResponseRow,
    ShortcutRow,
    StrategyRow,
    TokenRow,
    TrustRow,
    WordRow,
)
from holistic.lenses.attribution.shortcuts_statements import NONE, shown
from holistic.lenses.attribution.strategies_statements import NONE as NO_STRATEGIES
from holistic.lenses.attribution.strategies_statements import shown as several
from holistic.lenses.attribution.trust_statements import trusted
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.words import counted, named, percent

__all__ = [
    "contrasts",
    "costs",
    "evidence",
    "labels",
    "methods",
    "regions",
    "response",
    "shortcuts",
    "strategies",
    "tokens",
    "trust",
    "words",
]

_PLANE = 4
"""Rows and columns from which on places on a plane have words."""


def evidence(finding: Finding, audit: Folder) -> str:
    """Say which class hangs most on which part of the input."""
    rows = list(finding.table.where(kind="erase").rows(EvidenceRow))
    row = greatest((r for r in rows if costs(r)), by=lambda r: -known(r.effect.value))
    if row is None:
        return "Erasing no single window surely costs a class more than in an untrained network."
    height, width = max(r.top + r.height for r in rows), max(r.left + r.width for r in rows)
    loss = scored(audit, -known(row.effect.value))
    if row.part:
        part = named(row.part)
    elif min(height, width) >= _PLANE:
        place = region([row], height, width)
        part = "its centre" if place == "centre" else f"its {place} part"
    else:
        part = f"feature {row.left}" if row.width == 1 else f"the part from feature {row.left} on"
    return (
        f"{named(row.class_)} hangs most on {part}: erasing a window there costs {loss}, "
        "more than in an untrained network."
    )


def costs(row: EvidenceRow | WordRow) -> bool:
    """Whether erasing costs the class more than in a randomly initialised network."""
    of = row.effect
    control = 0.0 if of.control_lo is None else min(0.0, of.control_lo)
    return significant(of) and known(of.hi) < control


def shortcuts(finding: Finding, audit: Folder) -> str:
    """Name the strongest shortcut, with what masking it costs."""
    rows = [row for row in finding.table.rows(ShortcutRow) if significant(row.drop)]
    return shown(rows[0]) if rows else NONE


def strategies(finding: Finding, audit: Folder) -> str:
    """Say of the class whose strategies lie furthest apart what they are."""
    rows = list(finding.table.rows(StrategyRow))
    first = min(rows, key=lambda row: known(row.difference.value), default=None)
    return several([r for r in rows if r.class_ == first.class_]) if first else NO_STRATEGIES


def labels(finding: Finding, audit: Folder) -> str:
    """Say how many labels look wrong, and where to start."""
    return doubted(list(finding.table.rows(LabelRow)))


def regions(finding: Finding, audit: Folder) -> str:
    """Say which class rests most on which of its regions, beyond as much elsewhere."""
    found = strongest(list(finding.table.rows(RegionRow)))
    if not found:
        return NO_REGION
    row = found[0]
    cost, control = (scored(audit, -known(v)) for v in (row.effect.value, row.effect.control))
    return (
        f"{named(row.class_)} rests on {its(row)}: erasing that costs it {cost}, as much "
        f"elsewhere {control}."
    )


def methods(finding: Finding, audit: Folder) -> str:
    """Name the methods whose maps can't be trusted."""
    rows = [row for row in finding.table.rows(MethodRow) if row.n]
    judged = gates(rows) if TRUST.name in audit else " ".join(failed(rows)[:1])
    return judged or "No attribution method could be tested on these examples."


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


def trust(finding: Finding, audit: Folder) -> str:
    """Name the method whose maps most likely point at what decides."""
    found = trusted(list(finding.table.rows(TrustRow)))
    return found[0] if found else "No method gives a map that could be trusted."


def words(finding: Finding, audit: Folder) -> str:
    """Name the word that some class needs most."""
    rows = [row for row in finding.table.rows(WordRow) if row.rank == 1 and costs(row)]
    row = greatest(rows, by=lambda row: -known(row.effect.value))
    if row is None:
        return "No class surely loses by a single word more than in an untrained network."
    return (
        f"{named(row.class_)} hangs most on the word {named(row.word)}: without it the class "
        f"loses {scored(audit, -known(row.effect.value))}."
    )


def response(finding: Finding, audit: Folder) -> str:
    """Name the feature along which some class's probability goes furthest, beyond untrained."""
    spans = defaultdict[tuple[str, str], list[ResponseRow]](list)
    for row in finding.table.rows(ResponseRow):
        if row.probability.value is not None:
            spans[row.feature, row.class_].append(row)
    sure = [rows for rows in spans.values() if _moves(rows)]
    rows = greatest(sure, by=lambda rows: _span([known(r.probability.value) for r in rows]))
    if rows is None:
        return "No feature surely moves a class's probability more than in an untrained network."
    shares = [known(row.probability.value) for row in rows]
    return (
        f"Feature {named(rows[0].feature)} moves {named(rows[0].class_)} most: its mean "
        f"probability goes between {percent(min(shares))} and {percent(max(shares))}."
    )


def _moves(rows: Sequence[ResponseRow]) -> bool:
    """Whether the ends of a curve lie apart, and further than in an untrained network."""
    of = [row.probability for row in rows]
    apart = max(known(p.lo) for p in of) > min(known(p.hi) for p in of)
    control = [known(p.control) for p in of if p.control is not None]
    return apart and _span([known(p.value) for p in of]) > (_span(control) if control else 0.0)


def _span(values: Sequence[float]) -> float:
    return max(values) - min(values)


def tokens(finding: Finding, audit: Folder) -> str:
    """Say how often a single token speaks for a text's class more than all others together."""
    texts = defaultdict[int, list[float]](list)
    for row in finding.table.rows(TokenRow):
        if row.effect.value is not None:
            texts[row.example].append(max(0.0, -row.effect.value))
    spoken = [own for own in texts.values() if sum(own) > 0]
    if not spoken:
        return "No text's class loses by taking out a single token."
    one = sum(max(own) > sum(own) / 2 for own in spoken)
    return (
        f"One token outweighs all others in {one:,} of {counted(len(spoken), 'text')}; "
        "single texts have no interval, so read them as examples."
    )
