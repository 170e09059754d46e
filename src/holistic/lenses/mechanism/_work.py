"""Counts what the lens is going to take."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from holistic.lenses._work import MEGABYTE, Scene, Work

if TYPE_CHECKING:
    from holistic.lenses.mechanism import Mechanism

from holistic.lenses.mechanism._many import SAMPLED

__all__ = ["work"]

_PRODUCT, _DISTANCE, _FIT, _ALIKE, _SITE = 1.3e-10, 3.6e-7, 1e-10, 3e-9, 0.012
_TILE, _INTERVAL = 3.5e-11, 1e-8
"""Seconds beside the model: for a product of two units' values, for a pair of clustered units at
each number of clusters, for a step of a probe's fit, for a pair of examples, and for each draw or
control of a site; then for a pair of many units and an example, where all are correlated and
where the closest are measured."""


def work(scene: Scene, lens: Mechanism) -> Work:
    """Seconds of each of the lens's tasks, and the memory that it takes."""
    sums, sites = scene.sums, scene.sites
    listed = min(lens.most_units, lens.listed_units, scene.units)
    many = _many(scene, lens)
    taken = min(listed, SAMPLED) if many else listed
    few = min(lens.control_examples, scene.counts[0])
    clustered = [min(site.units, lens.clustered_units) for site in sites]
    grouped = sum(c * c for c in clustered) * _DISTANCE * min(lens.most_clusters, 12) / 12
    copies = (lens.controls + 1) * (
        scene.forward(few) + sums(2 * grouped + _PRODUCT * listed**2 * few + _SITE * len(sites))
    )
    copies += sums(0.04 * len(scene.subject.all_sites))
    passes = scene.counts[1] * (2 + 2 * 3 * lens.shuffles + 4) + scene.counts[0]
    pairs = scene.forward(3 * sum(scene.counts)) + sums(
        _PRODUCT * passes * taken**2 + 1.2e-7 * taken**2 + 6e-8 * 9 * taken * scene.counts[1] + 0.5
    )
    return Work(
        {
            "randomly initialised controls": copies,
            "pairs of units": pairs,
            **many,
            "clusters of units": _clusters(scene, lens, grouped),
            "class information by site": _probes(scene, lens),
            "edges between sites": _edges(scene, lens),
        },
        MEGABYTE * (400 if many else 80)
        + 8 * 14 * listed**2
        + 8 * 3 * lens.geometry_examples**2 / 10,
    )


def _many(scene: Scene, lens: Mechanism) -> dict[str, float]:
    """Seconds of the tasks that there are where not all pairs are listed."""
    taken = min(lens.most_units, scene.units)
    if taken <= lens.listed_units:
        return {}
    tiles = _TILE * taken**2 * scene.counts[1] + 1e-8 * taken**2
    rows = min(lens.partners * taken, taken**2 / 2)
    return {
        "pairs of many units": scene.forward(scene.counts[1])
        + scene.sums(tiles + 1e-7 * taken * scene.counts[1]),
        "intervals of close pairs": scene.forward(scene.counts[0])
        + scene.sums(_INTERVAL * rows * scene.counts[1] + 1e-7 * taken * scene.counts[0]),
    }


def _clusters(scene: Scene, lens: Mechanism, grouped: float) -> float:
    n = [min(lens.clustered_examples, count) for count in scene.counts]
    read = scene.forward(sum(n))
    return read + scene.sums(
        lens.draws * (grouped + _SITE * len(scene.sites))
        + 2e-8 * scene.units * sum(n)
        + lens.draws
        * n[0]
        * _PRODUCT
        * 3
        * sum(min(s.units, lens.clustered_units) ** 2 for s in scene.sites)
    )


def _probes(scene: Scene, lens: Mechanism) -> float:
    """Probes of each site with true, shuffled and untrained features, and how examples lie."""
    n = [min(lens.probe_examples, count) for count in scene.counts]
    alike, total = min(lens.geometry_examples, scene.counts[1]), 0.0
    inputs = scene.subject.images[0].numel()
    for width in (inputs, *(site.units for site in scene.sites)):
        features = min(width, lens.probe_features)
        fits = 3 * 2 * 100 * n[0] * features * scene.classes
        total += scene.forward(4 * sum(n)) + scene.sums(_FIT * fits + _ALIKE * alike**2 * 20 + 0.03)
    return total


def _edges(scene: Scene, lens: Mechanism) -> float:
    n = [min(lens.edge_examples, count) for count in scene.counts]
    total = 0.0
    for before, after in pairwise(scene.sites):
        units = min(lens.edge_units, before.units)
        runs = units * (n[0] + 2 * n[1])
        total += scene.forward(runs + 3 * sum(n)) + scene.sums(
            1e-8 * runs * after.units + 0.009 * units
        )
    return total
