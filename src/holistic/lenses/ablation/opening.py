"""Says first what each class loses without the units that it needs most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from holistic.lenses._briefs import scored
from holistic.lenses.ablation.highlights import Needed, Removed, needed_units, removed_sets
from holistic.lenses.ablation.reach import beyond, cannot_tell, measured_on
from holistic.results.folder import Folder
from holistic.results.highlights import Card
from holistic.results.layers import layer_names, unit_name
from holistic.results.opening import Bar, Cell, ClassColumn, Headline, Opening, Panel
from holistic.words import named, number, percent, sentence, spelled

__all__ = ["carried", "heaviest", "need", "nothing_found", "opening"]

_LEVEL = 0.05
_NAMED = 3
"""Units that a terminal names."""
_LITTLE = 0.01
"""A cost in accuracy below which random units cost next to nothing."""
_NONE_NEEDED = (
    "No class surely loses more without its most needed units than without as many random ones."
)


def opening(audit: Folder) -> Opening:
    """Return the columns of `ablation.topk` and `ablation.units`, and the sentence on top."""
    layers = layer_names(audit)
    removed, needed = removed_sets(audit), needed_units(audit)
    sets, units = "ablation.topk", "ablation.units"
    columns = list[ClassColumn]()
    if removed:
        sizes = {row.k for row in removed}
        # layers differ in how many units go
        size = sizes.pop() if len(sizes) == 1 else None
        one, k = size == 1, f"{size} " if size else ""
        head = "most needed unit" if one else f"{k}most needed units"
        cells = {row.class_: _removed(row, layers) for row in removed if np.isfinite(row.drop)}
        columns.append(
            ClassColumn(
                f"accuracy without its {head}",
                sets,
                cells,
                20,
                short=f"without its {'top unit' if one else f'{k}units'}",
                sample=measured_on(audit),
            )
        )
    if needed:
        cells = {row.class_: _needed(row, layers) for row in needed if np.isfinite(row.effect)}
        columns.append(ClassColumn("unit it needs most", units, cells, 30))
    return Opening(
        next(_headlines(removed, audit, sets), None), tuple(columns), tuple(_units(needed, audit))
    )


def _removed(row: Removed, layers: dict[str, str]) -> Cell:
    random = f"[{percent(row.random_lo)}, {percent(row.random_hi)}]"
    return Cell(
        words=f"{number(100 * row.before, '.1f')} → {percent(row.after)}",
        evidence=(
            f"without the top {row.k} units of {layers.get(row.site, row.site)}: "
            f"{number(100 * row.drop, '.1f')} points lost "
            f"[{number(100 * row.lo, '.1f')}, {number(100 * row.hi, '.1f')}], n = {row.n}; "
            f"{row.k} random units leave {percent(row.random_after)} {random}; "
            f"p = {number(row.p, '.3f')}, q = {number(row.q, '.3f')}; "
            f"{number(row.firing, '.0f')} of the {row.k} fire on it, it needs the others silent"
        ),
        bar=Bar(row.before, row.after, row.random_after),
    )


def _needed(row: Needed, layers: dict[str, str]) -> Cell:
    return Cell(
        words=f"{unit_name(layers, row.site, row.unit)} {_way(row)}".strip(),
        evidence=(
            f"without unit {row.unit} of '{row.site}' its score changes by "
            f"{number(row.effect, '+z.2f')} [{number(row.lo, '+z.2f')}, "
            f"{number(row.hi, '+z.2f')}], n = {row.n}; the site's median unit: "
            f"{number(row.median, '+z.2f')}"
        ),
        card=Card(row.class_, row.site, row.unit),
    )


def _way(row: Needed) -> str:
    return "fires" if row.above > 0 else "must stay silent" if row.above < 0 else ""


def _headlines(removed: list[Removed], audit: Folder, finding: str) -> Iterator[Headline]:
    """Say what the class loses that loses most beyond what random units cost it."""
    row = heaviest(removed)
    if row is not None:
        yield Headline(
            f"{carried(row, layer_names(audit))} its accuracy falls "
            f"from {percent(row.before)} to {percent(row.after)}; {_random(row)}.",
            finding,
            beyond(row),
        )
    elif removed:
        yield Headline(nothing_found(audit, removed), finding, 0.0)


def heaviest(removed: Sequence[Removed]) -> Removed | None:
    """Return the class that loses most beyond random units; None where none surely does.

    It loses more than random units cost, and loses at all on other images, too.
    """
    return max((r for r in removed if r.q < _LEVEL and r.lo > 0), key=beyond, default=None)


def nothing_found(audit: Folder, removed: Sequence[Removed]) -> str:
    """Say that no class surely loses, or that so few sets can't tell."""
    return cannot_tell(audit, removed) or _NONE_NEEDED


def carried(row: Removed, layers: dict[str, str]) -> str:
    """Begin a sentence on what a class loses without its units."""
    one = row.k == 1
    return sentence(
        f"{spelled(row.k)} {'unit' if one else 'units'} of {layers.get(row.site, row.site)} "
        f"{'carries' if one else 'carry'} {named(row.class_)}: without {'it' if one else 'them'}"
    )


def _random(row: Removed) -> str:
    """Say what as many random units cost on average."""
    cost, one = row.before - row.random_after, row.k == 1
    subject = f"{'a' if one else spelled(row.k)} random {'one' if one else 'ones'}"
    if abs(cost) < _LITTLE:
        return f"{subject} cost{'s' if one else ''} next to nothing"
    verb = "cost" if cost > 0 else "gain it"
    if one:
        verb = "costs" if cost > 0 else "gains it"
    return f"{subject} {verb} {number(100 * abs(cost), '.1f')} points"


def _units(needed: list[Needed], audit: Folder) -> Iterator[Panel]:
    """Name the units whose removal costs a class most, a panel of words."""
    found = sorted((r for r in needed if r.hi < 0), key=lambda row: row.effect)[:_NAMED]
    lines = [need(row, audit) for row in found]
    if lines:
        yield Panel("units", "What single units are needed for", tuple(lines), "ablation.units", 10)


def need(row: Needed, audit: Folder) -> str:
    """Say how a class needs a unit, and what it loses without it."""
    unit, name = unit_name(layer_names(audit), row.site, row.unit), named(row.class_)
    loss = scored(audit, -row.effect)
    if row.above < 0:
        return f"{name} needs {unit} silent, and loses {loss} when it is replaced"
    fires = f"{unit} fires on {name}, which" if row.above > 0 else f"{name} needs {unit} and"
    return f"{fires} loses {loss} without it"
