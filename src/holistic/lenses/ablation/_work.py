"""Counts what the lens is going to take."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from holistic.graph.edits import edit_names
from holistic.graph.sites import Site
from holistic.lenses._work import MEGABYTE, Scene, Work
from holistic.lenses.ablation._budget import (
    SHAPLEY_GROUPS,
    Kind,
    afforded_examples,
    afforded_rows,
    extent,
    measured_sites,
    order_rows,
)
from holistic.lenses.ablation._rankings import RANKINGS
from holistic.lenses.ablation.curves import control_sizes
from holistic.replacing.budget import sample_stage, sweep_operations
from holistic.replacing.sample import affordable_rows
from holistic.study.optimal import searched_rows

if TYPE_CHECKING:
    from holistic.lenses.ablation import Ablation

__all__ = ["work"]

_ROW, _PAIR, _LABEL, _FLIP, _SITE = 1.0e-7, 7e-8, 3.4e-7, 1.1e-10, 0.15
"""Seconds beside the model: for a replayed row, for a pair's row, for a row's score of a label, for
a number under a sign flip, and for each measurement of a site."""
_FEW = 16
_STEP = 2.5e-4
"""Seconds for one step of an order of units, whatever it replays."""


def work(scene: Scene, lens: Ablation) -> Work:
    """Seconds of each of the lens's tasks, and the memory that it takes."""
    seconds = {
        "every unit × every class": _sweeps(scene, lens),
        "units in every score": _each(scene, lens, _scores),
        "ablation values compared": _each(scene, lens, _replacements, "ablation values"),
        "removing sets of units": _each(scene, lens, _sets),
        "whole curves": _each(scene, lens, _curves, "curves"),
        "pairs of units": _each(scene, lens, _pairs),
        "backups": _each(scene, lens, _backups, "backups"),
        "shares of units": _each(scene, lens, _shares, "shares"),
    }
    most = max(site.units for site in scene.sites)
    pairs = min(most, lens.all_pairs) ** 2 / 2
    return Work(seconds, MEGABYTE * (100 + most * scene.classes * 0.05 + pairs * 0.004))


def _each(
    scene: Scene,
    lens: Ablation,
    of: Callable[[Scene, Ablation, Site], float],
    kind: Kind | None = None,
) -> float:
    sites = measured_sites(scene.subject, lens, kind)[0] if kind else scene.sites
    return sum(of(scene, lens, site) for site in sites)


def _sweeps(scene: Scene, lens: Ablation) -> float:
    """Both splits, as far as the operations allow."""
    allowed = float("inf") if lens.exact else lens.operations
    price, total = sweep_operations(scene.subject, scene.sites), 0.0
    for count in scene.counts:
        examples, share = affordable_rows(scene.subject, count, price, allowed, fewest=lens.fewest)
        total += sum(
            share * examples * (scene.replayed(site, site.units) + scene.sums(_ROW * site.units))
            for site in scene.sites
        )
        total += scene.backward(count + examples) if share < 1 else 0.0
    return total


def _scores(scene: Scene, lens: Ablation, site: Site) -> float:
    n = len(afforded_examples(scene.subject, site, lens, site.units))
    rows = n * site.units
    other = _LABEL * scene.classes * rows + _FLIP * 4 * rows * lens.familywise
    return scene.replayed(site, rows) + scene.sums(other + _SITE)


def _replacements(scene: Scene, lens: Ablation, site: Site) -> float:
    kinds = len(edit_names())
    n = len(afforded_examples(scene.subject, site, lens, site.units * kinds))
    rows = n * site.units * kinds
    search = searched_rows(site.units, sample_stage(scene.subject, site).row_cost)
    other = 3.7e-7 * rows + _ROW * search + 2 * _SITE
    return scene.replayed(site, rows + search) + scene.sums(other)


def _sets(scene: Scene, lens: Ablation, site: Site) -> float:
    measured = extent(scene.subject, site, lens)
    n, sizes = len(measured.examples), len(measured.sizes)
    depth = min(lens.depth, site.units)
    orders = lens.sets + len(RANKINGS) * scene.classes
    curves = orders * order_rows(scene.subject, site, depth, sizes) * n
    matched = (
        lens.sets
        * len(RANKINGS)
        * sum(order_rows(scene.subject, site, k, 1) for k in measured.matched)
        * n
    )
    further = min(lens.sets * 3, 1000) * 2 * n
    share = 0.7 if site.positions else 0.6  # of single units most outcomes are known beforehand
    parts = [curves, matched, further]
    if site.units <= _FEW:  # the same sets come again and again
        parts = [min(part, 2**site.units * n) for part in parts]
    return share * scene.replayed(site, sum(parts)) + scene.sums(4 * _SITE)


def _curves(scene: Scene, lens: Ablation, site: Site) -> float:
    most = afforded_rows(scene.subject, site, lens) / (3 * lens.sets * lens.fewest)
    sizes = len(control_sizes(site.units, most))
    replays = 3 * lens.sets * order_rows(scene.subject, site, site.units, sizes)
    n = len(afforded_examples(scene.subject, site, lens, replays))
    other = 3e-9 * n * 500 * 4 * lens.sets + 6 * _SITE
    return scene.replayed(site, replays * n) + scene.sums(other)


def _pairs(scene: Scene, lens: Ablation, site: Site) -> float:
    few = lens.partners * (lens.partners - 1)
    kept = min(site.units, lens.all_pairs)
    kept = min(kept, int((2 * afforded_rows(scene.subject, site, lens) / lens.fewest) ** 0.5) + 1)
    total = 0.0
    for pairs in (few, kept * (kept - 1) // 2):
        n = len(afforded_examples(scene.subject, site, lens, pairs))
        rows = pairs * n * order_rows(scene.subject, site, 2, 1)
        total += scene.replayed(site, rows) + scene.sums(_PAIR * scene.classes / 10 * 4 * pairs * n)
    return total + scene.sums(_SITE)


def _backups(scene: Scene, lens: Ablation, site: Site) -> float:
    gone = 2 * min(lens.partners, site.units)
    pairs = gone * (site.units - 1)
    n = len(afforded_examples(scene.subject, site, lens, pairs))
    rows = pairs * n * order_rows(scene.subject, site, 2, 1)
    direct = 4 * gone * len(afforded_examples(scene.subject, site, lens, 4 * gone))
    same = scene.replayed(site, rows) + scene.sums(_PAIR * scene.classes / 10 * 4 * pairs * n)
    return same + scene.rerun(site, direct) + scene.forward(42 * n) + scene.sums(2 * _SITE)


def _shares(scene: Scene, lens: Ablation, site: Site) -> float:
    orders, whole = (
        max(1, lens.permutations // SHAPLEY_GROUPS),
        -(-scene.counts[1] // SHAPLEY_GROUPS),
    )
    allowed = afforded_rows(scene.subject, site, lens) / (SHAPLEY_GROUPS * site.units)
    size = max(min(2 * scene.classes, whole), min(64, whole, int(allowed / orders)))
    each = max(1, min(orders * 64 // size, int(allowed / size)))
    rows, steps = SHAPLEY_GROUPS * size * each * site.units, SHAPLEY_GROUPS * site.units
    return scene.replayed(site, rows) + scene.sums(_STEP * steps + 4e-7 * rows)
