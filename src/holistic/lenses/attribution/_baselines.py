"""Measures how far maps depend on what stands for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from holistic.attributing.baselines import BASELINES, distance
from holistic.attributing.maps import Question, maps_by
from holistic.attributing.method import Method
from holistic.attributing.registry import METHODS
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution._checks import dependence
from holistic.lenses.attribution._maps import finite_maps, settings_of
from holistic.lenses.attribution._sample import balanced
from holistic.lenses.attribution.schemas import MethodRow
from holistic.pieces import kept
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["FEW", "baseline_rows"]

FEW = 50
"""Images whose maps are made from each baseline."""


def baseline_rows(
    subject: Subject, lens: Attribution, methods: Sequence[Method], sample: Examples
) -> Iterator[MethodRow]:
    """Compare each method's maps from four baselines, beside maps of different images."""
    some = balanced(sample, min(FEW, max(4, lens.examples // 4)), subject.seed)
    for method in methods:
        if method.baseline:
            own, strangers = _distances(subject, lens, method.name, some)
            yield dependence(method.name, own, strangers)


@kept
def _distances(
    subject: Subject, lens: Attribution, name: str, some: Examples
) -> tuple[np.ndarray, np.ndarray]:
    """How far each image's maps from different baselines are apart, and from the next image's."""
    method, maps = METHODS[name], []
    for baseline in BASELINES:
        question = Question(lens.objective, baseline, settings_of(method, lens))
        maps.append(maps_by(subject, method, some.images, some.labels, question))
    own = distance(maps)
    strangers = np.mean([distance([a, b.roll(1, 0)]) for a, b in combinations(maps, 2)], 0)
    known = np.all([finite_maps(values).numpy() for values in maps], 0)
    # an image next to one without a map has no stranger
    strangers = np.where(known & np.roll(known, 1), strangers, np.nan)
    return np.where(known, own, np.nan), strangers
