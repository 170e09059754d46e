"""Answers where on the input the evidence lies, and which classes hang on its edge."""

from __future__ import annotations

from collections.abc import Iterator

from holistic.lenses._answers import evidence
from holistic.lenses._briefs import scored
from holistic.lenses._parts import known, significant
from holistic.lenses.attribution.briefs import costs
from holistic.lenses.attribution.evidence_statements import region
from holistic.lenses.attribution.labels_statements import one
from holistic.lenses.attribution.regions_statements import its, strongest
from holistic.lenses.attribution.schemas import (
    EvidenceRow,
    LabelRow,
    RegionRow,
    ShortcutRow,
    StrategyRow,
    WordRow,
)
from holistic.lenses.attribution.shortcuts_statements import NONE, pasted, shown
from holistic.lenses.attribution.strategies_statements import shown as ways
from holistic.lenses.attribution.strategies_statements import stands
from holistic.results.answers import Line
from holistic.results.folder import Folder
from holistic.words import joined, named, percent

__all__ = ["class_", "image", "shortcuts"]

_EVIDENCE, _SHORTCUTS = "attribution.evidence", "attribution.shortcuts"
_LABELS = "attribution.labels"
_REGIONS = "attribution.regions"
_STRATEGIES = "attribution.strategies"
_PLANE = 4
"""Rows and columns from which on places on a plane have words."""
_CONCENTRATED = 0.5
"""Share of a class's whole cost in one window from which on it hangs on that window."""


def class_(audit: Folder, name: str) -> Iterator[Line]:
    """On which part of the input, or which word, a class hangs most."""
    if _EVIDENCE in audit:
        rows = list(audit[_EVIDENCE].where(class_=name, kind="erase").rows(EvidenceRow))
        sure = [row for row in rows if costs(row)]
        if sure:
            worst = min(sure, key=lambda row: known(row.effect.value))
            loss = scored(audit, -known(worst.effect.value))
            yield Line(
                f"It hangs most on {_part(worst, rows)}: erasing there costs {loss}, more than in "
                "an untrained network.",
                evidence(worst.effect, "effect"),
                _EVIDENCE,
                15,
            )
    if _REGIONS in audit:
        for row in strongest(list(audit[_REGIONS].where(class_=name).rows(RegionRow))):
            cost, control = (
                scored(audit, -known(v)) for v in (row.effect.value, row.effect.control)
            )
            yield Line(
                f"It rests on {its(row)}: erasing that costs {cost}, as much elsewhere {control}.",
                evidence(row.difference, "beyond as much elsewhere"),
                _REGIONS,
                16,
            )
    if _STRATEGIES in audit:
        rows = list(audit[_STRATEGIES].where(class_=name).rows(StrategyRow))
        if sure := [row for row in rows if stands(row)]:
            one = min(sure, key=lambda row: known(row.difference.value))
            yield Line(ways(rows), evidence(one.difference, "beyond the others"), _STRATEGIES, 17)
    if "attribution.words" in audit:
        for row in audit["attribution.words"].where(class_=name, rank=1).rows(WordRow):
            if costs(row):
                yield Line(
                    f"It hangs most on the word {named(row.word)}.",
                    evidence(row.effect, "effect"),
                    "attribution.words",
                    15,
                )


def image(audit: Folder, example: int) -> Iterator[Line]:
    """Whether the label of an example looks wrong."""
    if _LABELS in audit:
        for row in audit[_LABELS].where(example=example).rows(LabelRow):
            yield Line(one(row), evidence(row.probability, "probability", spec=".2f"), _LABELS, 3)


def _part(row: EvidenceRow, rows: list[EvidenceRow]) -> str:
    """Name the part of the input that a window covers."""
    if row.part:
        return named(row.part)
    height, width = max(r.top + r.height for r in rows), max(r.left + r.width for r in rows)
    if min(height, width) < _PLANE:
        return f"feature {row.left}" if row.width == 1 else f"the part from feature {row.left} on"
    place = region([row], height, width)
    return "its centre" if place == "centre" else f"its {place} part"


def shortcuts(audit: Folder) -> Iterator[Line]:
    """Which classes are read off a shortcut, and which hang on one small part of the input."""
    if _SHORTCUTS in audit:
        yield from _confirmed(audit)
    yield from _concentrated(audit)


def _confirmed(audit: Folder) -> Iterator[Line]:
    """Shortcuts that were confirmed by masking and pasting."""
    rows = [row for row in audit[_SHORTCUTS].rows(ShortcutRow) if significant(row.drop)]
    for row in rows:
        yield Line(shown(row), evidence(row.drop, "accuracy lost"), _SHORTCUTS, 5)
        yield Line(pasted(row), f"{row.others:,} images of other classes", _SHORTCUTS, 6)
    if not rows:
        yield Line(NONE, "", _SHORTCUTS, 5)


def _concentrated(audit: Folder) -> Iterator[Line]:
    """Which classes hang on one small part of the input, and whether it lies on the edge."""
    if _EVIDENCE not in audit:
        return
    found = dict[str, list[EvidenceRow]]()
    for row in audit[_EVIDENCE].where(kind="erase").rows(EvidenceRow):
        found.setdefault(row.class_, []).append(row)
    suspects = list[tuple[str, EvidenceRow, float]]()
    for name, rows in found.items():
        sure = [row for row in rows if costs(row)]
        if sure:
            worst = min(sure, key=lambda row: known(row.effect.value))
            # windows overlap: what the others cost counts where they don't touch the worst
            apart = [r for r in sure if not _touch(r, worst)]
            own, rest = (-sum(known(r.effect.value) for r in some) for some in ([worst], apart))
            suspects.append((name, worst, own / (own + rest)))
    suspects.sort(key=lambda one: -one[2])
    named_ones = [one for one in suspects if one[2] >= _CONCENTRATED]
    if suspects and not named_ones:
        yield Line(
            "No class hangs on one small part alone: the evidence for each is spread out.",
            joined([f"{named(n)} {percent(s)} in its dearest window" for n, _, s in suspects[:5]]),
            _EVIDENCE,
            10,
        )
    for name, row, share in named_ones[:5]:
        where = _part(row, found[name])
        yield Line(
            f"{named(name)} hangs on {where}: {percent(share)} of what erasing costs it lies in "
            "one window. Look whether that is what you mean.",
            evidence(row.effect, "effect"),
            _EVIDENCE,
            10,
        )


def _touch(a: EvidenceRow, b: EvidenceRow) -> bool:
    down = a.top < b.top + b.height and b.top < a.top + a.height
    return down and a.left < b.left + b.width and b.left < a.left + a.width
