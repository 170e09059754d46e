"""States what each finding on units together may find, so that other trainings can be asked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from holistic.lenses._claims import above, below
from holistic.lenses._parts import known
from holistic.lenses.mechanism.opening import grouped, lists_some, probed, specialised
from holistic.lenses.mechanism.schemas import ClusteredUnit, SiteFlow, UnitEdge
from holistic.results.claims import Claim
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.layers import layer_names
from holistic.stats.intervals import bootstrap_interval
from holistic.words import named

__all__ = ["clusters", "edges", "flow", "pairs"]


def pairs(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Whether units of a layer move together beyond nearly all untrained pairs, and how many."""
    layers, table = layer_names(audit), finding.table
    settings = audit.provenance.get("settings", {}).get("mechanism") or {}
    least = float(settings.get("threshold", 0.5))
    r, lo, untrained = (table.column(n).astype(float) for n in ("r", "lo", "control_r_hi"))
    one, other = table.column("site_a"), table.column("site_b")
    if lists_some(finding):
        return  # a list that was cut says nothing of how many there are
    for site in dict.fromkeys(one.tolist()):
        here = (one == site) & (other == site) & (r > least)
        sure = int((here & (lo > least) & ~(r <= untrained)).sum())
        yield Claim(
            f"Units of {layers.get(site, site)} move together (r > {least:g}), some more than "
            "nearly all untrained pairs.",
            finding.name,
            sure > 0,
            value=Estimate(float(here.sum())),
            unit="pairs",
            where={"site_a": site, "site_b": site},
            site=site,
        )


def clusters(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Which layers' units fall into groups, into how many, and for which classes."""
    layers, classes = layer_names(audit), set[str | None]()
    for site, found in grouped(finding.table).items():
        place = layers.get(site, site)
        row = next(finding.table.where(site=site).rows(ClusteredUnit))
        yield Claim(
            f"Units of {place} fall into groups that hold against the controls.",
            finding.name,
            bool(found),
            margin=_by_p(row),
            where={"site": site},
            site=site,
        )
        yield Claim(
            f"Into how many groups the units of {place} fall.",
            finding.name,
            holds=True,
            answer=str(len(found) or "none"),
            value=Estimate(float(len(found))),
            unit="groups",
            where={"site": site},
            site=site,
        )
        for cluster in specialised(found):
            classes.add(found[cluster].preferred_class)
    for name in audit.provenance.get("classes", []) if len(finding.table) else ():
        yield Claim(
            f"Some group of units speaks for {named(name)} more than random groups do.",
            finding.name,
            name in classes,
            where={"preferred_class": name},
            class_=name,
        )


def _by_p(row: ClusteredUnit) -> float | None:
    """How far both controls' p lie from 0.05, in decades."""
    found = [row.best_silhouette.p, row.few_silhouette.p]
    return None if None in found else min(float(np.log10(0.05 / known(p))) for p in found)


def flow(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Where classes are read more easily, and whether they draw together."""
    layers, rows = layer_names(audit), probed(finding.table)
    for row in rows:
        if row.site == "input" or row.trained_gain.value is None:
            continue
        yield Claim(
            f"A linear probe reads the classes better from {layers.get(row.site, row.site)} than "
            "from the same layer of an untrained network.",
            finding.name,
            known(row.trained_gain.lo) > 0,
            value=row.trained_gain,
            unit="share",
            margin=above(row.trained_gain, 0.0),
            where={"site": row.site},
            site=row.site,
        )
    every = [row for row in finding.table.rows(SiteFlow) if row.nc1.value is not None]
    if len(every) > 1:
        first, last = every[0].nc1, every[-1].nc1
        yield Claim(
            "Examples of a class draw together from the first layer to the last.",
            finding.name,
            known(last.hi) < known(first.lo),
            value=last,
            unit="ratio",
            margin=below(last, first.lo),
            where={"site": every[-1].site},
        )
    if len(rows) > 1:
        first, last = rows[0].probe_accuracy, rows[-1].probe_accuracy
        yield Claim(
            "A linear probe reads the classes better from the last layer than from the input.",
            finding.name,
            known(last.lo) > known(first.hi),
            value=last,
            unit="share",
            margin=above(last, first.hi),
            where={"site": rows[-1].site},
        )


def edges(finding: Finding, audit: Folder) -> Iterator[Claim]:
    """Whether links that were chosen are stronger than those of random units."""
    rows = [
        row
        for row in finding.table.where(class_="all").rows(UnitEdge)
        if row.size.value is not None and row.spread > 0
    ]
    top, random = (
        np.array([known(r.size.value) / r.spread for r in rows if r.kind == kind])
        for kind in ("top", "random")
    )
    if len(top) and len(random):
        ends = [bootstrap_interval(sizes, np.median, seed=0) for sizes in (top, random)]
        of = Estimate(float(np.median(top)), float(ends[0][0]), float(ends[0][1]), len(top))
        yield Claim(
            "Strong links between layers move a unit more than links of random units do.",
            finding.name,
            known(of.lo) > float(ends[1][1]),
            value=of,
            unit="standard deviations",
            margin=above(of, float(ends[1][1])),
            where={"class": "all", "kind": "top"},
        )
