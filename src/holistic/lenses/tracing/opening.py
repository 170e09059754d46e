"""Shows first examples in order along the direction of each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from holistic.lenses._parts import known
from holistic.lenses.tracing.schemas import DirectionRow
from holistic.results.folder import Folder
from holistic.results.highlights import Card
from holistic.results.layers import layer_names
from holistic.results.opening import Example, Opening, Panel, Strip
from holistic.words import number, quoted

__all__ = ["opening"]

_DIRECTIONS, _METHOD, _STRIPS = "tracing.directions", "class_mean_difference", "tracing.strips"
_SHOWN = 3


def opening(audit: Folder) -> Opening:
    """Return a panel for `tracing.directions`: the deepest site, and its film strips."""
    if _DIRECTIONS not in audit:
        return Opening()
    finding, layers = audit.finding(_DIRECTIONS), layer_names(audit)
    rows = [
        r
        for r in finding.table.where(method=_METHOD).rows(DirectionRow)
        if r.auroc.value is not None
    ]
    if not rows:
        return Opening()
    rows = [row for row in rows if row.site == rows[-1].site]
    name = layers.get(rows[0].site, rows[0].site)
    lowest = min(rows, key=lambda row: known(row.auroc.value))
    of = lowest.auroc
    line = (
        f"From least to most along a class's direction in {name}: AUROC at least "
        f"{number(of.value)}, random {number(of.control)}."
    )
    return Opening(
        panels=(
            Panel(
                "directions",
                f"Each class is a direction in {name}",
                (line,),
                _DIRECTIONS,
                30,
                evidence=(
                    f"lowest: class {lowest.class_}, {number(of.value, '.3f')} "
                    f"[{number(of.lo, '.3f')}, {number(of.hi, '.3f')}], n = {of.n}; 97.5 % of "
                    f"random directions below {number(of.control_hi, '.3f')}"
                ),
                strips=tuple(_strips(audit, rows, finding.arrays.get(_STRIPS))),
            ),
        )
    )


def _strips(audit: Folder, rows: Sequence[DirectionRow], strips: np.ndarray | None) -> list[Strip]:
    """Film strips of some classes, those whose directions tell them best."""
    if strips is None:
        return []
    place = {name: i for i, name in enumerate(audit.provenance.get("classes", []))}
    order = sorted(rows, key=lambda row: -known(row.auroc.value))
    named = [row for row in order if row.class_ in place and (strips[place[row.class_]] >= 0).all()]
    return [
        Strip(
            quoted(row.class_),
            tuple(Example(int(e)) for e in strips[place[row.class_]]),
            Card(row.class_),
        )
        for row in named[:_SHOWN]
    ]
