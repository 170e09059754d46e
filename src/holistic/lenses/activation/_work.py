"""Counts what the lens is going to take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holistic.lenses._work import MEGABYTE, Scene, Work
from holistic.lenses.activation._stimuli import drawable

if TYPE_CHECKING:
    from holistic.lenses.activation import Activation

__all__ = ["work"]

_STIMULI = 72
"""Oriented stimuli of each phase."""
_AREA, _UNIT, _COPY, _CLIMB, _REST = 2.6e-8, 5e-5, 0.003, 1.3e-3, 1.0
"""Seconds beside the model: for a value's place among those of its unit, for what is measured of a
unit of a control, for making a control, for a step of a visualisation, and for tables."""


def work(scene: Scene, lens: Activation) -> Work:
    """Seconds of each of the lens's tasks, and the memory that it takes."""
    counts = [min(count, lens.most_examples) for count in scene.counts]
    shown = 2 * min(lens.probes, *counts)
    pictures = drawable(scene.subject.images)
    stimuli = _STIMULI * lens.phases if pictures else 0
    values = scene.units * sum(counts)
    each = scene.units * (_UNIT + _AREA * (shown * (1 + scene.classes / 4) + stimuli))
    copies = (lens.controls + 1) * (
        scene.forward(shown + stimuli) + scene.sums(each + _COPY)
    ) + scene.sums(25 * scene.units * _AREA * shown * scene.classes / 4)
    climbed = lens.visualised * lens.starts * lens.steps * len(scene.sites)
    other = _AREA * values * (8 + scene.classes / 2 + lens.shuffles / 40) + _REST
    steps = lens.steps * len(scene.sites) * min(1, lens.visualised)
    return Work(
        {
            "reading units": scene.forward(2.5 * sum(counts)) + scene.sums(other),
            "randomly initialised controls": copies,
            "maps over images": scene.forward(1.5 * shown) + scene.backward(0.5 * shown)
            if pictures
            else 0.0,
            "visualising features": scene.backward(climbed) + scene.sums(_CLIMB * steps)
            if pictures
            else 0.0,
        },
        MEGABYTE * 50 + 8 * 6 * values / max(1, len(scene.sites)) + 8 * 3 * scene.units * shown,
    )
