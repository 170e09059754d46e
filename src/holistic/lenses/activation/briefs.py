"""Says in one short sentence what each finding found about what units respond to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from holistic.lenses._briefs import greatest, too_few, untold
from holistic.lenses._parts import known, significant
from holistic.lenses.activation.opening import controls_of, living, responds
from holistic.lenses.activation.schemas import (
    ConceptRow,
    DepthRow,
    ExampleRow,
    HeadRow,
    MapRow,
    TuningRow,
    Visualisation,
)
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.layers import layer_names, unit_name
from holistic.stats.families import stuck
from holistic.words import counted, number, percent

__all__ = [
    "attention",
    "concepts",
    "depth",
    "examples",
    "maps",
    "tuning",
    "units",
    "visualisations",
]

_ENDS = 1.96
"""Standard errors at the ends of an interval."""
_DEAD = 1.8
"""So many times as many units as have a number the controls may have."""


def units(finding: Finding, audit: Folder) -> str:
    """Say how well the median unit of the last layer tells its class."""
    found = [(site, rows) for site, rows in living(finding.table).items() if rows]
    if not found:
        return "No unit varies with the class: all that were looked at are dead."
    return responds(audit, *found[-1])


def examples(finding: Finding, audit: Folder) -> str:
    """Say how often the examples that drive a unit most show the class that it prefers."""
    if "activation.units" not in audit:
        return ""
    living_units = living(audit["activation.units"])
    favourite = {
        (row.site, row.unit): row.preferred_class for rows in living_units.values() for row in rows
    }
    hits = defaultdict[tuple[str, str], dict[int, list[bool]]](lambda: defaultdict(list))
    for row in finding.table.rows(ExampleRow):
        if (row.site, row.unit) in favourite:
            own = favourite[row.site, row.unit] == row.label
            hits[row.site, row.kind][row.unit].append(own)
    shown = [site for site in living_units if (site, "top") in hits and (site, "random") in hits]
    if not shown:
        return "No unit varies, so no example drives one more than another."
    site = shown[-1]
    top, random = (
        np.array([np.mean(own) for own in hits[site, kind].values()]) for kind in ("top", "random")
    )
    name, gap = layer_names(audit).get(site, site), float(top.mean() - random.mean())
    error = np.hypot(top.std() / np.sqrt(len(top)), random.std() / np.sqrt(len(random)))
    if gap <= _ENDS * error:
        return f"The examples that drive units of {name} most are of no class more than chance."
    return (
        f"In {name} {percent(top.mean())} of the examples that drive a unit most show its class; "
        f"of random ones {percent(random.mean())}."
    )


def concepts(finding: Finding, audit: Folder) -> str:
    """Say how many units a label fits better than it fits units of untrained networks."""
    rows = [row for row in finding.table.rows(ConceptRow) if row.concept is not None]
    if not rows:
        return "No unit varies, so no label fits one."
    learned = [row for row in rows if significant(row.correlation)]
    if learned:
        return (
            f"Labels fit {len(learned):,} of {counted(len(rows), 'unit')} better than units of "
            "untrained networks; don't read much into the others."
        )
    tested = [(row.site, row.correlation) for row in finding.table.rows(ConceptRow)]
    if _stuck(tested, controls := controls_of(audit)):
        return untold(controls, "a label fits any one unit better than in untrained networks")
    chance = sum(significant(row.f1) for row in rows)
    if not chance:
        return "No label surely fits a unit better than shuffled labels do."
    return (
        f"No label surely fits a unit better than in untrained networks; {chance:,} of "
        f"{counted(len(rows), 'unit')} only beat shuffled labels."
    )


def depth(finding: Finding, audit: Folder) -> str:
    """Say whether units tell their classes better the deeper they lie."""
    trend = next(finding.table.where(measure="auroc", site="all").rows(DepthRow), None)
    if trend is None or trend.value.value is None:
        return "Fewer than two layers have units to compare over depth."
    of, value = trend.value, known(trend.value.value)
    control = "" if of.control is None else f", untrained {number(of.control, '+z.2f')}"
    if not significant(of):
        if too_few(controls := controls_of(audit)):
            return untold(controls, "training makes deeper units tell their class better")
        return (
            "It isn't sure that training makes deeper units tell their class better: rank "
            f"correlation with depth {number(value, '+z.2f')}{control}."
        )
    way = "better" if value > known(of.control) else "worse"
    return (
        f"Training makes deeper units tell their class {way}: rank correlation with depth "
        f"{number(value, '+z.2f')}{control}."
    )


def tuning(finding: Finding, audit: Folder) -> str:
    """Say whether units, or else layers, prefer one orientation more than untrained ones do."""
    layers, rows = layer_names(audit), list(finding.table.rows(TuningRow))
    seen = {(row.site, row.unit) for row in rows if row.tuning.value is not None}
    sharp = {(row.site, row.unit) for row in rows if significant(row.tuning)}
    if sharp:
        best = greatest((r for r in rows if significant(r.tuning)), by=lambda r: _value(r.tuning))
        first = unit_name(layers, best.site, best.unit) if best else ""
        return (
            f"{len(sharp):,} of {counted(len(seen), 'unit')} prefer one orientation more sharply "
            f"than untrained ones do, {first} most."
        )
    row = greatest(_tuned(audit), by=lambda row: _value(row.value))
    if row is not None:
        return (
            f"{layers.get(row.site, row.site)} prefers single orientations: median tuning "
            f"{number(row.value.value)} of 1, untrained {number(row.value.control)}."
        )
    return _untuned(rows, controls_of(audit))


def _untuned(rows: Sequence[TuningRow], controls: int) -> str:
    """Say what couldn't be told of single units and of layers, or that none surely is tuned."""
    tuned = "prefers one orientation more sharply than untrained ones do"
    # a unit has a row for each kind of stimuli, beside the controls' own of that kind
    units = _stuck([(f"{row.site} {row.stimulus}", row.tuning) for row in rows], controls)
    if units or too_few(controls):
        what = "one unit" if not too_few(controls) else "a unit or layer" if units else "a layer"
        return untold(controls, f"{what} {tuned}")
    return f"No unit or layer surely {tuned}."


def _stuck(rows: Sequence[tuple[str, Estimate]], controls: int) -> bool:
    """Say whether some unit is beyond all units of the controls, and yet can't be told from them.

    Parameters
    ----------
    rows
        The site of each unit, and what was tested of it: the whole family.
    controls
        Each has as many units of the site.
    """
    units = Counter(site for site, _ in rows)
    p = np.array([known(of.p) for _, of in rows], np.float64)
    # dead units of controls have no number; still one as large would make p nearly twice as large
    draws = np.array([controls * units[site] / _DEAD for site, _ in rows], np.float64)
    return bool(stuck(p, draws).any())


def _tuned(audit: Folder) -> list[DepthRow]:
    """Layers whose median unit is tuned more sharply than in untrained networks."""
    if "activation.depth" not in audit:
        return []
    rows = audit["activation.depth"].where(measure="tuning grating").rows(DepthRow)
    return [
        row
        for row in rows
        if row.site != "all"
        and significant(row.value)
        and known(row.value.value) > known(row.value.control)
    ]


def _value(of: object) -> float:
    return known(getattr(of, "value", None))


def visualisations(finding: Finding, audit: Folder) -> str:
    """Say whether made-up inputs drive units further than any real one."""
    best: dict[tuple[str, int], bool] = {}
    for row in finding.table.rows(Visualisation):
        if row.value.value is not None and row.value.control is not None:
            at = row.site, row.unit
            best[at] = best.get(at, False) or row.value.value > row.value.control
    beyond = sum(best.values())
    if not best:
        return "No unit could be driven by a made-up input."
    if not beyond:
        return "Real examples drive every unit at least as hard as made-up inputs: look at those."
    return (
        f"Made-up inputs drive {beyond:,} of {counted(len(best), 'unit')} harder than any real "
        "example does: they show what these look for."
    )


def maps(finding: Finding, audit: Folder) -> str:
    """Name the channel that most classes need first, by a first-order estimate."""
    layers, first = layer_names(audit), dict[tuple[str, int], set[str]]()
    rows = list(finding.table.rows(MapRow))
    for row in rows:
        if row.rank == 1:
            first.setdefault((row.site, row.unit), set()).add(row.label)
    if not first:
        return "No convolution's channels were laid over images."
    (site, unit), needing = max(first.items(), key=lambda item: len(item[1]))
    classes = len({row.label for row in rows})
    return (
        f"{unit_name(layers, site, unit)} is the channel that most classes need first: "
        f"{len(needing)} of {classes}, by estimate. Its map shows where it answers."
    )


def attention(finding: Finding, audit: Folder) -> str:
    """Name the head that looks furthest from evenly, if any does so beyond an untrained one."""
    heads = [row for row in finding.table.rows(HeadRow) if row.unit is not None]
    more = [row for row in heads if known(row.focus.lo) > known(row.focus.control_hi)]
    row = greatest(more, by=lambda row: _value(row.focus))
    if row is None or row.unit is None:
        return "No head surely looks less evenly over the image than untrained ones do."
    return (
        f"{unit_name(layer_names(audit), row.site, row.unit)} looks at fewest patches; "
        f"{len(more)} of {counted(len(heads), 'head')} look less evenly than untrained ones do."
    )
