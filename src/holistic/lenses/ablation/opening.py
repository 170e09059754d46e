"""Says first what each class loses without the units that it needs most."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from holistic.lenses.ablation.highlights import Needed, Removed, needed_units, removed_sets
from holistic.results.folder import Folder
from holistic.results.highlights import Card
from holistic.results.layers import layer_names, unit_name
from holistic.results.opening import Bar, Cell, ClassColumn, Headline, Opening, Panel
from holistic.study.scores import SCORE_UNITS
from holistic.words import number, percent, quoted

__all__ = ["opening"]

_LEVEL = 0.05
_NAMED = 3
"""Units that a terminal names."""
_WORDS = "zero one two three four five six seven eight nine ten".split()


def opening(audit: Folder) -> Opening:
    """Return the columns of `ablation.topk` and `ablation.units`, and the sentence on top."""
    layers = layer_names(audit)
    removed, needed = removed_sets(audit), needed_units(audit)
    sets, units = "ablation.topk", "ablation.units"
    columns = list[ClassColumn]()
    if removed:
        k = max(row.k for row in removed)
        head = f"accuracy without its {k} most needed units"
        cells = {row.class_: _removed(row, layers) for row in removed if np.isfinite(row.drop)}
        columns.append(ClassColumn(head, sets, cells, 20, short=f"without its {k} units"))
    if needed:
        cells = {row.class_: _needed(row, layers) for row in needed if np.isfinite(row.effect)}
        columns.append(ClassColumn("unit it needs most", units, cells, 30))
    return Opening(
        next(_headlines(removed, layers, sets), None), tuple(columns), tuple(_units(needed, audit))
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
    return "fires on it" if row.above > 0 else "must stay silent" if row.above < 0 else ""


def _headlines(removed: list[Removed], layers: dict[str, str], finding: str) -> Iterator[Headline]:
    """Say what the class loses that loses most beyond what random units cost it."""
    beyond = [
        (row.drop - (row.before - row.random_after), row) for row in removed if row.q < _LEVEL
    ]
    for weight, row in sorted(beyond, key=lambda pair: -pair[0])[:1]:
        count = _WORDS[row.k] if row.k < len(_WORDS) else str(row.k)
        units = "unit" if row.k == 1 else "units"
        carry = "carries" if row.k == 1 else "carry"
        them = "it" if row.k == 1 else "them"
        yield Headline(
            f"{count.capitalize()} {units} of {layers.get(row.site, row.site)} {carry} "
            f"{quoted(row.class_)}: without {them} its accuracy falls "
            f"from {percent(row.before)} to {percent(row.after)}; {_random(row, count)}.",
            finding,
            weight,
        )
    if removed and not beyond:
        yield Headline(
            "No class depends on its most needed units more than on as many random ones.",
            finding,
            0.0,
        )


def _random(row: Removed, count: str) -> str:
    cost = row.before - row.random_after
    one = row.k == 1
    subject = f"{'a' if one else count} random {'one' if one else 'ones'}"
    if cost < row.drop / 10:
        return f"{subject} cost{'s' if one else ''} next to nothing"
    return f"{subject} cost{'s' if one else ''} {number(100 * cost, '.1f')} points"


def _units(needed: list[Needed], audit: Folder) -> Iterator[Panel]:
    """Name the units whose removal costs a class most, a panel of words."""
    layers, unit = layer_names(audit), SCORE_UNITS.get(audit.provenance.get("score", ""), "")
    found = sorted((r for r in needed if (r.hi or 0) < 0), key=lambda row: row.effect)[:_NAMED]
    lines = [
        f"{unit_name(layers, r.site, r.unit)} {_role(r)}: without it {quoted(r.class_)} loses "
        f"{number(-r.effect, '.1f')} {unit}"
        for r in found
    ]
    if lines:
        yield Panel("units", "What single units are needed for", tuple(lines), "ablation.units", 10)


def _role(row: Needed) -> str:
    name = quoted(row.class_)
    return f"fires on {name}" if row.above > 0 else f"stays silent on {name}, which needs that"
