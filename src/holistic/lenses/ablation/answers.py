"""Answers what units are needed for, what a class hangs on, and what decides an image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from holistic.lenses._answers import evidence
from holistic.lenses._briefs import scored
from holistic.lenses._parts import known
from holistic.lenses.ablation.highlights import Removed, needed_units, removed_sets
from holistic.lenses.ablation.opening import need
from holistic.lenses.ablation.schemas import Confusion, ImageUnit, Interaction, RemovedUnit
from holistic.results.answers import Line
from holistic.results.columns import Estimate
from holistic.results.folder import Folder
from holistic.results.layers import layer_names, unit_name
from holistic.results.shared import EXAMPLES
from holistic.words import counted, joined, named, percent, verb

__all__ = ["class_", "image", "unit"]

_NAMED = 2
"""Numbers that a sentence has at most."""
_UNITS, _SETS = "ablation.units", "ablation.topk"


def unit(audit: Folder, site: str, place: int) -> Iterator[Line]:
    """Which classes need a unit, which do better without it, and which units go with it."""
    if _UNITS in audit:
        rows = list(audit[_UNITS].where(site=site, unit=place).rows(RemovedUnit))
        single = [row for row in rows if row.class_ != "all" and row.effect.hi is not None]
        losing = sorted((r for r in single if known(r.effect.hi) < 0), key=_effect)[:_NAMED]
        gaining = sorted((r for r in single if known(r.effect.lo) > 0), key=_effect)[::-1][:_NAMED]
        for some, verb in ((losing, "costs"), (gaining, "helps")):
            if some:
                each = (f"{named(r.class_)} {scored(audit, abs(_effect(r)))}" for r in some)
                numbers = (evidence(r.effect, named(r.class_)) for r in some)
                yield Line(
                    f"Removing it {verb} {joined(list(each))}.",
                    "; ".join(numbers),
                    _UNITS,
                    20,
                    some[0].effect,
                )
        if single and not losing and not gaining:
            yield Line("Removing it surely changes the score of no class.", "", _UNITS, 20)
    if "ablation.interactions" in audit:
        yield from _together(audit, site, place)


def _effect(row: RemovedUnit) -> float:
    return known(row.effect.value)


def _together(audit: Folder, site: str, place: int) -> Iterator[Line]:
    layers = layer_names(audit)
    rows = audit["ablation.interactions"].where(site=site, class_="all").rows(Interaction)
    for row in rows:
        if place in (row.unit_a, row.unit_b) and row.verdict != "none":
            other = row.unit_b if row.unit_a == place else row.unit_a
            yield Line(
                f"It is {row.verdict} with {unit_name(layers, site, other)}.",
                evidence(row.interaction, "interaction"),
                "ablation.interactions",
                30,
                row.interaction,
            )


def _goes(row: Removed) -> str:
    """Say where an accuracy goes, as it is written."""
    before, after = percent(row.before), percent(row.after)
    if before == after:
        return f"stays at {after}"
    return f"{'falls' if row.after < row.before else 'rises'} from {before} to {after}"


def class_(audit: Folder, name: str) -> Iterator[Line]:
    """What a class loses without its units, which it needs most, and what it is taken for."""
    layers = layer_names(audit)
    for row in removed_sets(audit):
        if row.class_ == name and not np.isnan(row.drop):
            of = Estimate(row.drop, row.lo, row.hi, row.n, row.before - row.random_after, q=row.q)
            sure = row.q < 0.05 and row.lo > 0
            units = "unit" if row.k == 1 else "units"
            number_of = "" if row.k == 1 else f"{row.k} "
            yield Line(
                f"Without its {number_of}most needed {units} of "
                f"{layers.get(row.site, row.site)} its accuracy {_goes(row)}"
                + ("." if sure else ", not surely more than without random ones."),
                evidence(of, "points lost", scale=100, spec="z.1f"),
                _SETS,
                10,
            )
    for needed in needed_units(audit):
        if needed.class_ == name and needed.n:
            of = Estimate(needed.effect, needed.lo, needed.hi, needed.n, needed.median)
            words = f"The unit it needs most: {need(needed, audit)}."
            yield Line(words, evidence(of, "effect"), _UNITS, 20)
    if "ablation.confusion" in audit:
        rows = audit["ablation.confusion"].where(class_=name).rows(Confusion)
        wrong = [r for r in rows if r.prediction != name and r.count]
        for row in sorted(wrong, key=lambda row: -row.count)[:1]:
            of = row.share
            yield Line(
                f"It is mistaken most for {named(row.prediction)}: "
                f"{counted(row.count, 'example')}.",
                evidence(of, "share", scale=100, spec="z.1f"),
                "ablation.confusion",
                40,
            )


def _as_others(audit: Folder, example: int) -> Iterator[Line]:
    """What is known of an image that wasn't looked at by itself: what its class's images do."""
    known_of = audit[EXAMPLES.name].where(example=example) if EXAMPLES.name in audit else None
    row = next(known_of.rows(), None) if known_of is not None else None
    if row is None:
        return
    name, taken = str(row["class"]), str(row["prediction"])
    for needed in needed_units(audit):
        if needed.class_ == name and needed.n:
            of = Estimate(needed.effect, needed.lo, needed.hi, needed.n, needed.median)
            words = f"What its class needs most: {need(needed, audit)}."
            yield Line(words, evidence(of, "effect on the class"), _UNITS, 30, of)
    if taken != name and "ablation.confusion" in audit:
        own = audit["ablation.confusion"].where(class_=name, prediction=taken)
        for one in own.rows(Confusion):
            yield Line(
                f"Of the class's evaluation examples, {one.count:,} "
                f"{verb(one.count)} taken for {named(taken)}.",
                evidence(one.share, "share", scale=100, spec="z.1f"),
                "ablation.confusion",
                35,
                one.share,
            )


def image(audit: Folder, example: int) -> Iterator[Line]:
    """Which unit speaks most for an image's class, and whether one turns its prediction."""
    if "ablation.images" not in audit:
        return
    layers = layer_names(audit)
    rows = list(audit["ablation.images"].where(example=example).rows(ImageUnit))
    if not rows:
        yield from _as_others(audit, example)
    turning = [row for row in rows if row.turned]
    for row in turning[:_NAMED]:
        only = "only with" if row.turned < 0 else "only without"
        yield Line(
            f"It is right {only} {unit_name(layers, row.site, row.unit)}; "
            f"{percent(row.control_turned)} of that layer's units turn it as well.",
            evidence(row.effect, "effect on this image"),
            "ablation.images",
            20,
        )
    against = [row for row in rows if known(row.effect.value) > 0 and row.rank == 1]
    speaking = [row for row in rows if known(row.effect.value) < 0]
    for some, words in ((speaking, "speaks most for its class"), (against, "speaks against it")):
        if some and not turning:
            row = max(some, key=lambda row: abs(known(row.effect.value)))
            yield Line(
                f"{unit_name(layers, row.site, row.unit)} {words}.",
                evidence(row.effect, "effect on this image"),
                "ablation.images",
                25,
            )
