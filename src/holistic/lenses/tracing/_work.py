"""Counts what the lens is going to take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holistic.graph.sites import Site
from holistic.lenses._work import MEGABYTE, Scene, Work
from holistic.lenses.tracing.patching import affordable_pairs
from holistic.replacing.budget import afforded, replay_work

if TYPE_CHECKING:
    from holistic.lenses.tracing import Tracing

__all__ = ["work"]

_ROW, _MOVED, _FIT = 1.3e-7, 6e-8, 6e-10
"""Seconds beside the model: for a replayed row, for a unit of a run in each group, and for a step
of a direction's fit."""


def work(scene: Scene, lens: Tracing) -> Work:
    """Seconds of each of the lens's tasks, and the memory that it takes."""
    rivals = min(lens.rivals, scene.classes - 1) * scene.classes // 2
    runs = 2 * max(1, rivals) * affordable_pairs(scene.subject, lens.pairs, max(1, rivals))
    others = [s for s in scene.subject.all_sites if s.block and not s.hidden]
    patched = sum(_patched(scene, site, runs) for site in scene.sites)
    patched += scene.forward(6 * runs * len(others)) + scene.sums(0.02 * len(others))
    directions = sum(_directions(scene, lens, site) for site in scene.sites)
    read = scene.forward(sum(scene.counts)) + scene.sums(
        2e-9 * 200 * sum(scene.counts) * scene.units / 10 + 0.2 + 1.5e-4 * sum(scene.counts)
    )
    values = sum(scene.counts) * scene.units
    return Work(
        {
            "activation patching": patched,
            "reading sites": read,
            "class directions": directions,
        },
        MEGABYTE * 60 + 8 * values + 8 * 2 * runs * max(s.units for s in scene.sites),
    )


def _patched(scene: Scene, site: Site, runs: int) -> float:
    rows = 2 * runs * site.units
    whole = scene.forward(6 * runs) + scene.rerun(site, 2 * runs)
    other = _ROW * rows + _MOVED * rows * 4 + 3e-5 * 100 * 4
    return scene.replayed(site, rows) + whole + scene.sums(other)


def _directions(scene: Scene, lens: Tracing, site: Site) -> float:
    """Steering along directions, erasing them, and again with more random ones."""
    work = max(1, replay_work(scene.subject, site))
    cost = work * lens.controls * 8
    least, count = min(10 * scene.classes, lens.examples), scene.counts[1]
    steered = min(count, afforded(lens.operations, cost, least=least, most=lens.examples))
    erased = min(count, afforded(lens.operations, cost / 8, least=least, most=8 * lens.examples))
    runs = steered * (8 * lens.controls + 8 * scene.classes) + erased * (lens.controls + 4)
    again = min(2.0, 20 * scene.classes * len(scene.sites) / max(lens.controls, 1) / 4)
    runs += min(again * runs, 4 * lens.operations / work)
    fit = _FIT * 100 * scene.counts[0] * site.units * scene.classes
    other = fit + 1.8e-7 * runs * scene.classes / 10 + 0.05
    return scene.rerun(site, runs) + scene.sums(other)
