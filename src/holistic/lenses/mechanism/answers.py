"""Answers which units go together, where classes are read, and where an image goes wrong."""

from __future__ import annotations

from collections.abc import Iterator

from holistic.lenses._answers import evidence
from holistic.lenses._parts import known
from holistic.lenses.mechanism.opening import probed, readable
from holistic.lenses.mechanism.schemas import ClusteredUnit, ImageSite, UnitPair
from holistic.results.answers import Line
from holistic.results.folder import Folder
from holistic.results.layers import layer_names, unit_name
from holistic.words import joined, letter, named, percent

__all__ = ["image", "layers", "unit"]

_SHOWN = 3


def unit(audit: Folder, site: str, place: int) -> Iterator[Line]:
    """Which cluster a unit is in, and which units it moves with."""
    names = layer_names(audit)
    if "mechanism.clusters" in audit:
        for row in audit["mechanism.clusters"].where(site=site, unit=place).rows(ClusteredUnit):
            if row.cluster is not None:
                yield Line(
                    f"It is in cluster {letter(row.cluster)} of {names.get(site, site)}, which "
                    f"prefers {named(row.preferred_class or '–')}.",
                    evidence(row.specialisation, "specialisation"),
                    "mechanism.clusters",
                    35,
                    row.specialisation,
                )
    if "mechanism.pairs" in audit:
        own = [
            (row, (row.site_b, row.unit_b) if here == "a" else (row.site_a, row.unit_a))
            for here, match in (
                ("a", {"site_a": site, "unit_a": place}),
                ("b", {"site_b": site, "unit_b": place}),
            )
            for row in audit["mechanism.pairs"].where(**match).rows(UnitPair)
        ]
        own.sort(key=lambda pair: -abs(known(pair[0].r.value)))
        if own:
            each = joined([unit_name(names, *other) for _, other in own[:_SHOWN]])
            yield Line(
                f"It moves most together with {each}.",
                "; ".join(evidence(row.r, "r") for row, _ in own[:_SHOWN]),
                "mechanism.pairs",
                36,
                own[0][0].r,
            )


def layers(audit: Folder) -> Iterator[Line]:
    """Where a linear probe reads the classes."""
    if "mechanism.flow" not in audit:
        return
    names, rows = layer_names(audit), probed(audit["mechanism.flow"])
    if not rows:
        return
    yield Line(readable(rows, names), "", "mechanism.flow", 10)
    for row in rows:
        place = "the input" if row.site == "input" else names.get(row.site, row.site)
        yield Line(
            f"From {place} a linear probe gets {percent(row.probe_accuracy.value)} right.",
            evidence(row.probe_accuracy, "accuracy", scale=100, spec="z.1f"),
            "mechanism.flow",
            20,
        )


def image(audit: Folder, example: int) -> Iterator[Line]:
    """At which layer an image is read as what, by linear probes."""
    if "mechanism.paths" not in audit:
        return
    names = layer_names(audit)
    rows = list(audit["mechanism.paths"].where(example=example).sort("depth").rows(ImageSite))
    steps = [
        f"{'the input' if r.site == 'input' else names.get(r.site, r.site)} {named(r.read)}"
        for r in rows
    ]
    if steps:
        first = next((i for i, r in enumerate(rows) if r.read == rows[-1].read), 0)
        yield Line(
            f"Linear probes read it as: {joined(steps)}; the model's answer is there from "
            f"{steps[first].rpartition(' ')[0]} on.",
            "; ".join(
                f"{r.site}: its class with {percent(r.label_probability.value)}" for r in rows
            ),
            "mechanism.paths",
            30,
        )
