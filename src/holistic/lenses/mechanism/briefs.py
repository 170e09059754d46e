"""Says in one short sentence what each finding found about how units work together."""

from __future__ import annotations

import numpy as np

from holistic.lenses._briefs import greatest, size
from holistic.lenses._parts import known, significant
from holistic.lenses.mechanism.opening import (
    NO_GROUPS,
    grouped,
    lists_some,
    probed,
    readable,
    specialised,
)
from holistic.lenses.mechanism.schemas import ImageSite, UnitEdge
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.layers import layer_names, unit_name
from holistic.stats.intervals import bootstrap_interval, wilson
from holistic.words import counted, named, sentence

__all__ = ["clusters", "edges", "flow", "pairs", "paths"]

_HALF = 0.5
_GENERAL = 10
"""Fewest images that are looked at for a sentence on mistakes in general."""
_R = ("r", "lo", "control_r_hi")
"""Correlation, lower end of its interval, and that of nearly all untrained pairs."""
_THRESHOLD = 0.5
"""Correlation above which a pair counts where an audit doesn't say it."""


def pairs(finding: Finding, audit: Folder) -> str:
    """Say how many pairs of units move together, and how many of them beyond untrained ones."""
    settings = audit.provenance.get("settings", {}).get("mechanism") or {}
    least = float(settings.get("threshold", _THRESHOLD))
    r, lo, untrained = (finding.table.column(n).astype(float) for n in _R)
    high = r > least
    if not high.any():
        return f"No two units move together (r > {least:g})."
    sure, count = int((high & (lo > least) & ~(r <= untrained)).sum()), int(high.sum())
    begin = "At least " if lists_some(finding) else ""
    pair = f"{counted(count, 'pair')} of units move{'s' * (count == 1)} together"
    tail = "but none surely more than nearly all untrained pairs"
    if sure:
        tail = f"{sure:,} of them surely, and more than nearly all untrained pairs"
    return f"{begin}{pair} (r > {least:g}), {tail}."


def clusters(finding: Finding, audit: Folder) -> str:
    """Say into how many groups units fall, where most are specialised in a class."""
    layers, found = layer_names(audit), grouped(finding.table)
    best = greatest(
        [item for item in found.items() if item[1]],
        by=lambda item: len(specialised(item[1])) + len(item[1]) / 1e6,
    )
    if best is None:
        return NO_GROUPS
    site, own = best
    special = specialised(own)
    begin = f"{layers.get(site, site)} forms {counted(len(own), 'group')}"
    if not special:
        return f"{begin} of units, none surely specialised in a class."
    if len(own) == 1:
        return f"{begin} of units, specialised in {named(own[special[0]].preferred_class or '–')}."
    if len(special) == len(own):
        return f"{begin} of units, each specialised in a class."
    return f"{begin} of units, {len(special)} of them specialised in a class."


def flow(finding: Finding, audit: Folder) -> str:
    """Say how well a linear probe reads the class, first and at best."""
    rows = probed(finding.table)
    return readable(rows, layer_names(audit)) if rows else "No site's values could be probed."


def paths(finding: Finding, audit: Folder) -> str:
    """Say where most mistaken images are first misread, or else typical ones read right."""
    rows = [row for row in finding.table.rows(ImageSite) if row.site != "output"]
    mistaken = [row for row in rows if row.kind == "mistaken"]
    if mistaken:
        found = _first(mistaken, layer_names(audit), right=False)
        if not found:
            count = len({row.example for row in mistaken})
            if count == 1:
                return "The one mistaken image looked at can be read right at every layer."
            return (
                f"At every layer at least half of the {count} mistaken images looked at can be "
                "read right."
            )
        return _misread(*found)
    found = _first([r for r in rows if r.kind == "typical"], layer_names(audit), right=True)
    if not found:
        return "At no layer does a linear probe read most typical images right."
    place, some, of = found
    return (
        f"At {place} already a linear probe reads right {some} of the {of} typical images looked "
        "at."
    )


def _misread(place: str, some: int, of: int) -> str:
    """Say where mistaken images are first misread, in general only where most of many are."""
    if of == 1:
        return f"At {place} already a linear probe misreads the one mistaken image looked at."
    if of < _GENERAL or float(wilson(some, of)[0]) <= _HALF:
        return (
            f"In {some} of the {of} mistaken images looked at, a linear probe is wrong at {place} "
            "already."
        )
    begin = "Mistakes start early" if place == "the input" else "Mistakes arise inside"
    return (
        f"{begin}: at {place} a linear probe misreads {some} of the {of} mistaken images looked at."
    )


def _first(
    rows: list[ImageSite], layers: dict[str, str], *, right: bool
) -> tuple[str, int, int] | None:
    """Find the first site that reads most of the images right, or wrong; with both counts."""
    sites: dict[str, list[bool]] = {}
    for row in sorted(rows, key=lambda row: row.depth):
        sites.setdefault(row.site, []).append((row.read == row.label) is right)
    for site, hits in sites.items():
        if sum(hits) > _HALF * len(hits):
            place = "the input" if site == "input" else layers.get(site, site)
            return place, sum(hits), len(hits)
    return None


def edges(finding: Finding, audit: Folder) -> str:
    """Name the strongest link, and say how strong links are beside random ones."""
    layers, rows = layer_names(audit), list(finding.table.rows(UnitEdge))
    every = [r for r in rows if r.class_ == "all" and r.size.value is not None and r.spread > 0]
    top, random = (
        np.array([known(r.size.value) / r.spread for r in every if r.kind == kind])
        for kind in ("top", "random")
    )
    if not len(top):
        return "No link between two hidden layers was measured."
    if len(random) and _ends(top)[0] <= _ends(random)[1]:
        return "The links that were chosen aren't surely stronger than links of random units."
    chosen = [r for r in rows if r.rank == 1 and r.class_ != "all" and significant(r.effect)]
    first = greatest(chosen, by=lambda row: abs(known(row.effect.value)) / row.spread)
    name = ""
    if first is not None:
        one = unit_name(layers, first.site_a, first.unit_a)
        name = f"{one} moves {unit_name(layers, first.site_b, first.unit_b)} most; "
    control = f", random ones by {size(float(np.median(random)))}" if len(random) else ""
    text = f"{name}strong links move a unit by {size(float(np.median(top)))} SD{control}."
    return sentence(text)


def _ends(sizes: np.ndarray) -> tuple[float, float]:
    """Bound a median by the bootstrap."""
    lo, hi = bootstrap_interval(sizes, np.median, seed=0)
    return float(lo), float(hi)
