"""Counts what the lens is going to take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holistic.graph.sites import Site
from holistic.lenses._work import MEGABYTE, Scene, Work
from holistic.lenses.agreement.removed import affordable_examples
from holistic.lenses.tracing.patching import affordable_pairs
from holistic.replacing.budget import afforded, replay_work, sweep_operations
from holistic.replacing.sample import affordable_rows

if TYPE_CHECKING:
    from holistic.lenses.agreement import Agreement

__all__ = ["work"]

_REPLAYS, _BUDGET, _VALUES = 1e11, 2e11, 3e8
_ROW, _AREA, _SHUFFLE, _DRAW, _READ = 1.0e-7, 1e-8, 2.5e-9, 1e-9, 6e-4
"""Seconds beside the model: for a replayed row, for a value's place among those of its unit, for a
unit that is shuffled, for a unit's value on images drawn again, and for an example."""


def work(scene: Scene, lens: Agreement) -> Work:
    """Seconds of each of the lens's tasks, and the memory that it takes."""
    n = min(lens.examples, scene.counts[1])
    pairs, sums = 10 * (scene.classes + 1), scene.sums
    read = sum(_read(scene, site, n) for site in scene.sites)
    compared = (
        pairs * (lens.shuffles + 100) * scene.units * _SHUFFLE + 0.2 + _READ * sum(scene.counts)
    )
    compared += pairs * len(scene.sites) * 0.0015
    return Work(
        {
            "reading the lenses": read + sums(compared),
            "choosing classes": _chosen(scene, lens),
            "judging units": _judged(scene, lens),
            "removing units together": sum(_removed(scene, site) for site in scene.sites),
        },
        MEGABYTE * 80 + 8 * 4 * n * max(site.units for site in scene.sites),
    )


def _read(scene: Scene, site: Site, n: int) -> float:
    total = scene.forward(2 * n) + scene.backward(n) + scene.sums(0.02)
    if n * site.units * 50 > _VALUES:
        return total
    redrawn = 50 * n * site.units * _DRAW * 6 + _AREA * n * site.units * scene.classes
    if n * site.units * replay_work(scene.subject, site) <= _REPLAYS:
        total += scene.replayed(site, n * site.units) + scene.sums(_ROW * n * site.units)
    return total + scene.sums(redrawn)


def _chosen(scene: Scene, lens: Agreement) -> float:
    rivals = max(1, min(lens.rivals, scene.classes - 1) * scene.classes // 2)
    runs = 2 * rivals * affordable_pairs(scene.subject, lens.pairs, rivals)
    rows = {site: 2 * runs * site.units for site in scene.sites}
    moved = sum(scene.replayed(s, n) + scene.sums(2 * _ROW * n) for s, n in rows.items())
    return moved + scene.forward(4 * runs * len(scene.sites))


def _judged(scene: Scene, lens: Agreement) -> float:
    count = scene.counts[0]
    areas = 2 * lens.controls * scene.units * count * (_AREA * (1 + scene.classes / 2))
    price = sweep_operations(scene.subject, scene.sites)
    examples, share = affordable_rows(
        scene.subject, count, price, lens.operations, fewest=lens.fewest
    )
    swept = sum(
        share * examples * (scene.replayed(site, site.units) + scene.sums(_ROW * site.units))
        for site in scene.sites
    )
    return swept + scene.forward((lens.controls + 1) * count) + scene.sums(areas + 0.2)


def _removed(scene: Scene, site: Site) -> float:
    count, rows = affordable_examples(scene.subject, site), 4
    cost = max(1, count * replay_work(scene.subject, site) * rows)
    sets = afforded(_BUDGET, cost, least=20, most=200)
    return scene.rerun(site, rows * sets * count * 0.3) + scene.sums(0.03)
