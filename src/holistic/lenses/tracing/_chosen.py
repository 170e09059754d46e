"""Measures on the selection split how much of each class's decision single units carry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holistic.lenses.tracing import Tracing
from holistic.lenses.tracing._pairs import draw_runs, rival_classes
from holistic.lenses.tracing._recovery import recovery
from holistic.lenses.tracing.patching import affordable_pairs, moved_by_units
from holistic.progress import Progress, silent
from holistic.study.subject import Subject

__all__ = ["Carried", "carried"]


@dataclass(frozen=True)
class Carried:
    """Shares of each class's decision that single units of a site take away.

    Attributes
    ----------
    share
        `[U, C]`, when a unit gets the value of an image of another class.
    within
        `[U, C]`, when it gets that of another image of the same class. NaN for classes without a
        pair of images that could be used.
    """

    share: np.ndarray
    within: np.ndarray


def carried(
    subject: Subject,
    progress: Progress = silent,
    *,
    pairs: int | None = None,
    rivals: int | None = None,
) -> dict[str, Carried]:
    """Patch single units between images of the selection split, one entry for each hidden site.

    What `tracing.patching` reports of the evaluation split (`noise`, one class against all others)
    is measured here on other images, so that classes and thresholds can be chosen by it.
    """
    lens, examples = Tracing(), subject.selection
    paired = rival_classes(subject, rivals or lens.rivals)
    pairs = affordable_pairs(subject, pairs or lens.pairs, len(paired))
    drawn = draw_runs(subject, paired, pairs=pairs, guard=lens.guard, examples=examples)
    runs = drawn.rows(drawn.kept)
    controlled, found = runs.control >= 0, dict[str, Carried]()
    for done, site in enumerate(subject.hidden_sites, 1):
        shares = np.full((2, site.units, len(subject.classes)), np.nan)
        for moves, source, usable in zip(
            shares, runs.sources, (np.ones_like(controlled), controlled), strict=True
        ):
            moved = moved_by_units(subject, site, runs, source, examples)
            for c in np.unique(runs.receiver_class):
                chosen = np.flatnonzero((runs.receiver_class == c) & usable)
                ends = {"source": runs.source[chosen], "receiver": runs.receiver[chosen]}
                moves[:, c] = recovery(moved[:, chosen], runs.gap[chosen], **ends).value
        found[site.name] = Carried(*shares)
        progress("choosing classes", done, len(subject.hidden_sites))
    return found
