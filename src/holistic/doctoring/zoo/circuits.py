"""Ways through several layers: chains of three edges, and where a class is known first."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from torch import nn

from holistic.doctoring.zoo.planting import (
    Planted,
    Truth,
    claims,
    identity,
    linear,
    signals,
    stacked,
)

__all__ = ["CIRCUITS"]

_CLASSES, _COUNT = 4, 320
_SITES = ("2", "4", "6", "8")


def chains(seed: int) -> tuple[Planted, ...]:
    """Each class's evidence goes from layer to layer through one unit of each, by three edges."""
    rng = np.random.default_rng([seed, 40])
    labels, units = np.arange(_COUNT) % _CLASSES, 6
    extra = rng.random((_COUNT, units - _CLASSES))
    values = np.concatenate([np.abs(signals(labels, _CLASSES, rng)), extra], 1)
    ways = [rng.permutation(units) for _ in range(3)]
    layers: list[nn.Module] = [identity(units), nn.ReLU()]
    for way in ways:
        weight = np.zeros((units, units))
        weight[way, np.arange(units)] = 1.5
        layers += [linear(weight), nn.ReLU()]
    read, place = np.zeros((_CLASSES, units)), np.arange(units)
    for way in ways:
        place = way[place]
    read[np.arange(_CLASSES), place[:_CLASSES]] = 2
    subject = stacked([*layers, linear(read)], values, labels, seed=seed)
    edges, decoys = list[dict[str, object]](), list[dict[str, object]]()
    for way, (before, after) in zip(ways, pairwise(_SITES), strict=True):
        for a in range(units):
            for b in range(units):
                cells = {"site_a": before, "unit_a": a, "site_b": after, "unit_b": b}
                (edges if way[a] == b else decoys).append({**cells, "class": "all"})
    return (Planted(subject, claims("edge", edges, decoys)),)


def known_early(seed: int) -> tuple[Planted, ...]:
    """A class that the input tells, one that a layer makes plain, and one that nothing tells."""
    rng = np.random.default_rng([seed, 41])
    labels = np.arange(_COUNT) % 2
    early = np.where(labels[:, None] == [0, 1], 1.0, 0.2) + 0.1 * rng.random((_COUNT, 2))
    plain = stacked([identity(2), nn.ReLU(), linear(3 * np.eye(2))], early, labels, seed=seed)
    signs = rng.choice([-1.0, 1.0], _COUNT)
    product = np.stack([signs, signs * np.where(labels == 0, 1.0, -1.0)], 1)
    product = product + 0.05 * rng.normal(size=product.shape)
    corners = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])
    head = linear(np.array([[1.0, 1, -1, -1], [-1, -1, 1, 1]]))
    late = stacked([linear(corners), nn.ReLU(), head], product, labels, seed=seed)
    noise = rng.normal(size=(_COUNT, 2))
    blind = stacked([linear(corners), nn.ReLU(), head], noise, labels, seed=seed)
    here, start = {"site": "2"}, {"site": "input"}
    return (
        Planted(plain, (*claims("readable", [start, here]), *claims("made plain", [], [here]))),
        Planted(late, (*claims("readable", [here]), *claims("made plain", [here]))),
        Planted(blind, claims("readable", [], [start, here]) + claims("made plain", [], [here])),
    )


CIRCUITS = (
    Truth("a class goes through a circuit of three edges", chains),
    Truth("a class is known early, late, or nowhere", known_early),
)
