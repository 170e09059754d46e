"""Says in one short sentence what each finding found about units that are removed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from holistic.lenses._briefs import greatest, points
from holistic.lenses._parts import known, significant
from holistic.lenses.ablation.highlights import needed_units, removed_sets
from holistic.lenses.ablation.opening import carried, heaviest, need, nothing_found
from holistic.lenses.ablation.reach import limits, measured_on, orders_help
from holistic.lenses.ablation.schemas import (
    Agreement,
    Confusion,
    CurveArea,
    CurvePoint,
    Direct,
    ImageUnit,
    Interaction,
    OffTarget,
    ShapleyValue,
)
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.layers import layer_names, unit_name
from holistic.stats.families import least_q
from holistic.stats.intervals import wilson
from holistic.words import counted, named, percent

__all__ = [
    "areas",
    "backup",
    "confusion",
    "curves",
    "direct",
    "images",
    "interactions",
    "off_target",
    "replacements",
    "scores",
    "shapley",
    "topk",
    "units",
]

_ALIKE = 0.7
"""Rank correlation from which on two rankings are much the same."""
_HALF, _LEVEL = 0.5, 0.05


def units(finding: Finding, audit: Folder) -> str:
    """Name the unit that some class needs most."""
    row = greatest(needed_units(audit), by=lambda row: -row.effect if row.hi < 0 else np.nan)
    if row is None:
        return "No class surely loses score without any single unit; sets of units may still count."
    return f"Start here: {need(row, audit)}."


def confusion(finding: Finding, audit: Folder) -> str:
    """Say how often the model is right, and what it confuses most."""
    rows = list(finding.table.rows(Confusion))
    total = sum(row.count for row in rows)
    right = sum(row.count for row in rows if row.class_ == row.prediction)
    wrong = [row for row in rows if row.class_ != row.prediction and row.count]
    worst = greatest(wrong, by=lambda row: known(row.share.value))
    if not total:
        return "No example was left to see what the model confuses."
    if worst is None:
        return "The model is right on every evaluation example, so nothing is confused."
    return (
        f"The model is right on {percent(right / total)}; most often it takes "
        f"{named(worst.class_)} for {named(worst.prediction)} ({percent(worst.share.value)})."
    )


def images(finding: Finding, audit: Folder) -> str:
    """Say how many images one unit decides, beside what the same search finds elsewhere."""
    seen, turned = defaultdict[str, set[int]](set), defaultdict[str, set[int]](set)
    elsewhere = dict[int, float | None]()
    for row in finding.table.rows(ImageUnit):
        seen[row.kind].add(row.example)
        if row.kind == "close":
            elsewhere[row.example] = row.control_searched
        if row.turned:
            turned[row.kind].add(row.example)
    if turned["close"]:
        typical = ", and no typical one" if seen["typical"] else ""
        tail = ", and some typical ones" if turned["typical"] else typical
        shares = np.array([np.nan if share is None else share for share in elsewhere.values()])
        usual = float(np.nansum(shares)) / max(int(np.isfinite(shares).sum()), 1)
        if len(turned["close"]) <= usual * len(seen["close"]):
            tail = ", no more than such changes do that are found on other images"
        return (
            f"Removing a single unit turns {len(turned['close'])} of {len(seen['close'])} narrow "
            f"decisions wrong{tail}."
        )
    if turned["mistaken"]:
        return (
            f"Removing a single unit puts {len(turned['mistaken'])} of {len(seen['mistaken'])} "
            "mistaken images right, and turns no narrow decision."
        )
    return "No single unit turns the answer to any of the images looked at."


def scores(finding: Finding, audit: Folder) -> str:
    """Say how many effects are about their class, beside shuffled labels."""
    table = finding.table
    own = table.where(score=audit.provenance.get("score", "")) or table
    classes = own.column("class") != "all"
    of_labels, of_shuffles = (
        values[classes & np.isfinite(values)]
        for values in (own.column(n).astype(float) for n in ("specific_q", "shuffled_q"))
    )
    if not len(of_labels):
        return "Too few examples to tell effects on one class from effects on all."
    share = float((of_labels < _LEVEL).mean())
    chance = float((of_shuffles < _LEVEL).mean()) if len(of_shuffles) else 0.0
    if share <= chance:
        return "No more units act on one class in particular than with shuffled labels."
    return (
        f"{percent(share)} of the effects of units on a class are about that class; "
        f"with shuffled labels {percent(chance)}."
    )


def replacements(finding: Finding, audit: Folder) -> str:
    """Say whether rankings of units hold whatever a removed unit holds instead."""
    layers = layer_names(audit)
    rows = [row for row in finding.table.rows(Agreement) if row.class_ == "all"]
    least = greatest(rows, by=lambda row: -known(row.spearman.value))
    if least is None:
        return "No two replacement values could be compared."
    place, value = layers.get(least.site, least.site), known(least.spearman.value)
    two = f"{least.replacement_a} and {least.replacement_b}"
    if not significant(least.spearman) or value <= 0:
        return (
            f"Say what replaces a unit: {two} don't surely rank the units of {place} alike "
            "more than chance."
        )
    if value >= _ALIKE:
        return (
            "Units rank much the same whatever replaces them: "
            f"rank correlations are at least {value:.2f}."
        )
    return (
        f"Say what replaces a unit: {two} agree least on which units of {place} matter "
        f"(rank correlation {value:.2f})."
    )


def topk(finding: Finding, audit: Folder) -> str:
    """Say which class hangs on few units, and what is left without them."""
    removed = removed_sets(audit)
    row = heaviest(removed)
    if row is None:
        return nothing_found(audit, removed)
    return f"{carried(row, layer_names(audit))} its accuracy falls to {percent(row.after)}."


def off_target(finding: Finding, audit: Folder) -> str:
    """Say which class is hurt when another's units go."""
    layers, rows = layer_names(audit), list(finding.table.rows(OffTarget))
    others = [row for row in rows if row.class_ != row.removed_for]
    if not others:
        return "There is no second class that could be hurt."
    sure = [row for row in others if significant(row.drop) and known(row.control_q) < 0.05]
    worst = greatest(sure, by=lambda row: known(row.drop.value))
    if worst is not None and known(worst.drop.value) > 0:
        return (
            f"Without the units of {layers.get(worst.site, worst.site)} that "
            f"{named(worst.removed_for)} needs, {named(worst.class_)} loses "
            f"{points(known(worst.drop.value))} too, more than without random ones."
        )
    own = [significant(row.drop) for row in rows if row.class_ == row.removed_for]
    if not any(own):
        return _no_harm(rows, audit)
    hurt = f"Removing a class's units surely hurts it in {sum(own)} of {counted(len(own), 'trial')}"
    bounds = limits(audit)
    floors = [bounds[at].p for at in {(row.site, row.k) for row in rows} if at in bounds]
    tests = max(Counter(row.site for row in rows if row.control_q is not None).values(), default=0)
    if floors and least_q(min(floors), tests) >= _LEVEL:
        return f"{hurt}; too few random sets to tell whether it hurts others more than chance."
    return f"{hurt}, and no other class surely more than random units do."


def _no_harm(rows: Sequence[OffTarget], audit: Folder) -> str:
    """Say that no class surely loses, or that so few examples can't tell."""
    # McNemar's two-sided p where all of a class's examples are lost and none is gained
    most = max((row.drop.n or 0 for row in rows), default=0)
    tests = sum(row.drop.p is not None for row in rows)
    could = least_q(min(1.0, 2 * _HALF**most), tests) < _LEVEL
    worst = greatest(rows, by=lambda row: known(row.drop.value))
    if could or worst is None or known(worst.drop.value) <= 0:
        return "No class surely loses accuracy without its own top units, nor without another's."
    own = worst.class_ == worst.removed_for
    whose = "its own top units" if own else f"the units of {named(worst.removed_for)}"
    more = "; a larger `budget` measures more" if measured_on(audit) else ""
    return (
        f"Too few examples to tell: {named(worst.class_)} loses {points(known(worst.drop.value))} "
        f"without {whose}{more}."
    )


def curves(finding: Finding, audit: Folder) -> str:
    """Say how much of the accuracy a few units keep alone, where that is most beyond random."""
    layers, found = layer_names(audit), defaultdict[tuple[str, int], list[CurvePoint]](list)
    for row in finding.table.where(kind="keep_top").rows(CurvePoint):
        if row.accuracy.n and row.accuracy.value is not None and row.accuracy.control is not None:
            found[row.site, row.k].append(row)
    sure = {at: rows for at, rows in found.items() if _mostly(rows)}
    best = greatest(sure.items(), by=lambda pair: _gain(pair[1]))
    if best is None or _gain(best[1]) <= 0:
        return _no_curve(found, audit)
    (site, k), rows = best
    kept = float(np.mean([known(row.accuracy.value) for row in rows]))
    return (
        f"A class's best {_units(k)} of {layers.get(site, site)} alone "
        f"give{'s' * (k == 1)} it {percent(kept)} accuracy, more than random ones keep."
    )


def _no_curve(found: Mapping[tuple[str, int], Sequence[CurvePoint]], audit: Folder) -> str:
    """Say that nothing is kept surely, or that so few orders can't tell."""
    # q is over sites and classes, at each k by itself
    tests = Counter(k for (_, k), rows in found.items() for r in rows if r.accuracy.p is not None)
    help_ = orders_help(audit, min(tests.values(), default=0))
    best = greatest(found.items(), by=lambda pair: _gain(pair[1]))
    if not help_ or best is None or _gain(best[1]) <= 0:
        return "No class surely keeps more with its best units alone than with random ones."
    (site, _), rows = best
    kept, random = (
        percent(float(np.mean([known(v) for v in values])))
        for values in zip(*((r.accuracy.value, r.accuracy.control) for r in rows), strict=True)
    )
    return (
        f"Too few orders to tell: best units of {layer_names(audit).get(site, site)} alone give "
        f"{kept} accuracy, random ones {random}{help_}."
    )


def _units(count: int) -> str:
    return "unit" if count == 1 else f"{count:,} units"


def _mostly(rows: Sequence[CurvePoint]) -> bool:
    return sum(significant(row.accuracy) for row in rows) > _HALF * len(rows)


def _gain(rows: Sequence[CurvePoint]) -> float:
    return float(np.mean([known(r.accuracy.value) - known(r.accuracy.control) for r in rows]))


def areas(finding: Finding, audit: Folder) -> str:
    """Say which class is halved by the fewest units, beside random ones."""
    layers = layer_names(audit)
    every = list(finding.table.where(kind="remove_top").rows(CurveArea))
    halved = [r for r in every if known(r.area.value) > 0 and r.half.value is not None]
    sure = [row for row in halved if significant(row.area)]
    first = greatest(sure, by=lambda row: -known(row.half.value))
    if first is None:
        return _no_area(every, halved, audit)
    random = "random ones never do" if first.half.control is None else (
        f"at random it takes {first.half.control:,.0f}"
    )  # fmt: skip
    return (
        f"{named(first.class_)} loses half its accuracy without its best "
        f"{_units(round(known(first.half.value)))} of "
        f"{layers.get(first.site, first.site)}; {random}."
    )


def _no_area(every: Sequence[CurveArea], halved: Sequence[CurveArea], audit: Folder) -> str:
    """Say that nothing falls surely faster, or that so few orders can't tell."""
    tests = Counter(row.site for row in every if row.area.p is not None)  # q is within a site
    help_ = orders_help(audit, min(tests.values(), default=0))
    first = greatest(halved, by=lambda row: known(row.area.value))
    if not help_ or first is None:
        return "No class surely falls faster without its best units than in random order."
    control = first.half.control
    return (
        f"Too few orders to tell: {named(first.class_)} is halved by losing its best "
        f"{_units(round(known(first.half.value)))}, "
        f"at random {'never' if control is None else f'by {control:,.0f}'}{help_}."
    )


def interactions(finding: Finding, audit: Folder) -> str:
    """Say whether losses of strong units add up."""
    rows = list(finding.table.where(class_="all", kind="top").rows(Interaction))
    if not rows:
        return "No pair of strong units was removed together."
    some = sum(row.verdict != "none" for row in rows)
    if not some:
        return "Losses add up: no pair of strong units does more or less together than alone."
    begin = "Losses mostly add up" if some <= _HALF * len(rows) else "Don't add up single losses"
    return (
        f"{begin}: {some:,} of {counted(len(rows), 'pair')} of strong units do more or less "
        "together than alone."
    )


def direct(finding: Finding, audit: Folder) -> str:
    """Say how often what follows takes back, or adds to, the loss of a unit."""
    every = list(finding.table.where(kind="top").rows(Direct))
    rows = [row for row in every if row.response.q is not None]
    answers = [known(r.response.value) * known(r.direct.value) for r in rows if _answered(r)]
    repaired, deepened = sum(a < 0 for a in answers), sum(a > 0 for a in answers)
    if not rows:
        return "No later layer's answer to the loss of a strong unit could be measured."
    if repaired:
        return (
            f"Later layers make up for part of the loss of {repaired} of "
            f"{counted(len(rows), 'strong unit')}: single removals understate these."
        )
    tail = f", and add to the loss of {deepened}" if deepened else ""
    return f"Later layers make up for none of {counted(len(rows), 'strong unit')} removed{tail}."


def _answered(row: Direct) -> bool:
    return significant(row.response)


def backup(finding: Finding, audit: Folder) -> str:
    """Say whether units step in for strong ones more than for random ones."""
    top, random = (
        finding.table.where(kind=kind).column("backup").astype(bool) for kind in ("top", "random")
    )
    if not top.any():
        return "No unit steps in for a strong one that is gone: there is no sign of spare units."
    least, most = wilson(top.sum(), len(top))[0], wilson(random.sum(), max(1, len(random)))[1]
    if not len(random) or least <= most:
        return "Units step in for strong ones no more surely than for random ones."
    return (
        f"Strong units have stand-ins: when one goes {percent(top.mean())} of the others help "
        f"more, for random ones {percent(random.mean())}."
    )


def shapley(finding: Finding, audit: Folder) -> str:
    """Say how many units share in the score."""
    rows = list(finding.table.where(class_="all").rows(ShapleyValue))
    sure = [r for r in rows if significant(r.shapley)]
    if not sure:
        return "No unit's share in the score is surely different from zero."
    if len(sure) > _HALF * len(rows):
        return (
            f"Credit is spread: {len(sure):,} of {len(rows):,} units have a sure share in the "
            "score, so no short list explains it."
        )
    layers, first = layer_names(audit), greatest(sure, by=lambda row: known(row.shapley.value))
    name = unit_name(layers, first.site, first.unit) if first else ""
    return (
        f"{len(sure):,} of {counted(len(rows), 'unit')} have a sure share in the score, "
        f"{name} the largest."
    )
