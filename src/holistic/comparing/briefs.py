"""Says in one short sentence what each finding of a comparison found."""

from __future__ import annotations

import numpy as np

from holistic.comparing.schemas import (
    VERDICTS,
    Drift,
    KindOfStatement,
    Matching,
    Similar,
    Statement,
    UnitMatch,
)
from holistic.lenses._briefs import greatest, points
from holistic.lenses._parts import known, significant
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.layers import layer_names
from holistic.results.tables import Table
from holistic.words import counted, named, number, percent

__all__ = [
    "answers",
    "drift",
    "kinds",
    "matching",
    "similarity",
    "statements",
    "statistics",
    "units",
]


def statements(finding: Finding, audit: Folder) -> str:
    """Say how many statements replicate."""
    verdicts = [row.verdict for row in finding.table.rows(Statement)]
    sure = verdicts.count(VERDICTS[0])
    if not verdicts:
        return "The audits have no statement in common."
    if not sure:
        return (
            f"None of {counted(len(verdicts), 'statement')} surely replicates: more trainings "
            "would settle more."
        )
    return (
        f"{sure} of {counted(len(verdicts), 'statement')} replicate{'s' * (sure == 1)}: every "
        f"training bears {'it' if sure == 1 else 'them'} out, and so should the next."
    )


def answers(finding: Finding, audit: Folder) -> str:
    """Say in how many statements the audits differ."""
    about, outcome = finding.table.cells("about"), finding.table.column("outcome")
    found = dict[str, set[float]]()
    for one, value in zip(about, outcome, strict=True):
        if np.isfinite(value):
            found.setdefault(one, set()).add(float(value))
    split = sum(len(values) > 1 for values in found.values())
    return f"The audits give different answers to {split} of {counted(len(found), 'statement')}."


def kinds(finding: Finding, audit: Folder) -> str:
    """Say how many kinds of statements all audits bear out, and how many none does."""
    found = dict[str, list[float]]()
    for row in finding.table.rows(KindOfStatement):
        if row.share is not None:
            found.setdefault(row.kind, []).append(row.share)
    every, none = (sum(set(own) == {share} for own in found.values()) for share in (1.0, 0.0))
    return (
        f"All audits bear out {every} of {counted(len(found), 'kind')} of statements; "
        f"{none} hold in none."
    )


def statistics(finding: Finding, audit: Folder) -> str:
    """Say how far trainings move numbers, beside what their examples explain."""
    spread, sampling = (finding.table.column(n).astype(float) for n in ("spread", "sampling"))
    both = (sampling > 0) & np.isfinite(spread)
    if not both.any():
        return "No number with an interval is in two audits."
    ratio = float(np.median(spread[both] / sampling[both]))
    return (
        f"Trainings move a number by {number(ratio, '.1f')} standard errors of one audit, at the "
        "median: intervals of one audit alone leave that out."
    )


def matching(finding: Finding, audit: Folder) -> str:
    """Say how many units come again, and how far partners agree in effect."""
    return partners(finding.table, audit)[0]


def partners(table: Table, audit: Folder) -> list[str]:
    """Say for each site how many units have a partner, and how far partners do the same."""
    layers, rows = layer_names(audit), list(table.rows(Matching))
    lines = list[str]()
    for site in dict.fromkeys(row.site for row in rows):
        own = [row for row in rows if row.site == site]
        share = _mean([row.matched.value for row in own])
        chance = _mean([row.matched.control for row in own])
        effects = _mean([row.effects.value for row in own])
        others = list(dict.fromkeys(row.other_site for row in own))
        where = "another training" if others == [site] else _layers_named(others, layers)
        words = (
            f"{percent(share, decimals=0)} of {layers.get(site, site)}'s units have a partner in "
            f"{where} (by chance {percent(chance, decimals=0)})"
        )
        if np.isfinite(effects):
            words += f"; partners' effects correlate by {number(effects)}"
        lines.append(f"{words}.")
    return lines or ["No units could be matched: the audits share too few examples."]


def _layers_named(sites: list[str], layers: dict[str, str]) -> str:
    found = [layers.get(site, site) for site in sites]
    return found[0] if len(found) == 1 else "the layers most alike"


def _mean(values: list[float | None]) -> float:
    found = [value for value in values if value is not None]
    return float(np.mean(found)) if found else float("nan")


def units(finding: Finding, audit: Folder) -> str:
    """Say how many partners have other verdicts."""
    changed = [row.changed for row in finding.table.rows(UnitMatch) if row.changed is not None]
    if not changed:
        return "No partners have verdicts to compare."
    return (
        f"{sum(changed):,} of {counted(len(changed), 'pair')} of partners have another verdict in "
        "the other training."
    )


def similarity(finding: Finding, audit: Folder) -> str:
    """Say how alike the same layers are, at least."""
    every, layers = list(finding.table.rows(Similar)), layer_names(audit)
    rows = [row for row in every if row.site_a == row.site_b]
    least = greatest(rows, by=lambda row: -known(row.cka.value))
    if least is None:
        most = greatest(every, by=lambda row: known(row.cka.value))
        if most is None:
            return "The audits' layers share too few examples to be compared."
        return (
            "The audits have no layer in common; most alike (CKA "
            f"{number(most.cka.value)}) are {layers.get(most.site_a, most.site_a)} and "
            f"{layers.get(most.site_b, most.site_b)}."
        )
    place = layers.get(least.site_a, least.site_a)
    return (
        "The same layers lay out examples alike: similarity (CKA) at least "
        f"{number(least.cka.value)}, at {place}."
    )


def drift(finding: Finding, audit: Folder) -> str:
    """Name the class whose accuracy differs most, if any surely does."""
    sure = [row for row in finding.table.rows(Drift) if significant(row.change)]
    row = greatest(sure, by=lambda row: abs(known(row.change.value)))
    if row is None:
        return "On the same examples no class's accuracy surely differs between two audits."
    what = "accuracy" if row.class_ == "all" else f"accuracy on {named(row.class_)}"
    return (
        f"{row.audit_b} differs from {row.audit_a} by {points(known(row.change.value))} of {what}; "
        f"{counted(len(sure), 'difference')} in all {'is' if len(sure) == 1 else 'are'} sure."
    )
