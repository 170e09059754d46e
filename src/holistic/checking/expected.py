"""What lenses are expected to take here, and what they would take on a machine of known speed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from holistic.lenses._contract import Lens
from holistic.lenses._work import Scene
from holistic.replacing.pace import Pace, measure_pace, nominal_pace
from holistic.study.references import References

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = ["REPORT", "expected_seconds", "nominal_scene_of", "scene_of"]

_PACES: WeakKeyDictionary[References, Pace] = WeakKeyDictionary()
REPORT = 2.0
"""Seconds for the report."""


def scene_of(subject: Subject) -> Scene:
    """Measure how long passes of the model take here; once for each subject."""
    if subject.references not in _PACES:
        _PACES[subject.references] = measure_pace(subject)
    return Scene(subject, _PACES[subject.references])


def nominal_scene_of(subject: Subject) -> Scene:
    """Count how long passes of the model would take on one core of a known speed.

    What is planned by it is the same on every machine, and whenever a run is gone on with.
    """
    return Scene(subject, nominal_pace(subject))


def expected_seconds(scene: Scene, lenses: Iterable[Lens]) -> float:
    """Seconds of a run, as far as its lenses say."""
    works = [lens.work(scene) for lens in lenses]
    return sum(work.total for work in works if work) + REPORT
