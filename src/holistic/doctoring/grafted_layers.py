"""Plants a layer after a site of the user's own model: edges that are known, and groups."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from holistic.doctoring.grafted import Layered, Telling, copy_of, look, place_of
from holistic.doctoring.zoo.planting import Planted, claims
from holistic.graph.copies import copied
from holistic.graph.sites import Site
from holistic.lenses.mechanism._values import most_varying
from holistic.study.subject import Subject

__all__ = ["graft_clusters", "graft_edges"]

_LOOKED_AT = 16
"""Units of a site whose edges the lens measures."""
_EDGES, _GROUPS, _EACH = 8, 3, 6
_ABOVE = 2.0
"""Standard deviations that a unit of the layer lies above the bend of its ReLU."""
_ALIKE = 0.5
"""Correlation of groups from which on they aren't apart."""
_LAYER = "act"


def graft_edges(subject: Subject, site: Site, seed: int = 0) -> Planted | str:
    """Let each unit of a further layer read one unit of the site, and nothing else.

    Half of the units that vary most are read; the others, correlated with them as they are, and
    the sources of other units, are decoys.
    """
    found = look(subject, site, 1)
    if isinstance(found, str):
        return found
    seen = most_varying(found.values, _LOOKED_AT)
    seen = seen[found.alive[seen]]
    if len(seen) < 4:
        return f"it has {len(seen)} units that vary, and edges need 4"
    rng = np.random.default_rng([seed, 70])
    sources = rng.permutation(seen)[: min(_EDGES, len(seen) // 2)]
    read = np.zeros((len(sources), site.units))
    read[np.arange(len(sources)), sources] = 1 / found.spread[sources]
    planted = _layered(subject, site, found, read, seed)
    names = [site.name for site in planted.hidden_sites]

    def at(a: int, b: int) -> dict[str, object]:
        return {"site_a": names[0], "unit_a": a, "site_b": names[1], "unit_b": b, "class": "all"}

    edges = [(int(a), b) for b, a in enumerate(sources)]
    decoys = [(int(a), b) for a in seen for b in range(len(sources)) if (int(a), b) not in edges]
    return Planted(planted, claims("edge", (at(*e) for e in edges), (at(*e) for e in decoys)))


def graft_clusters(subject: Subject, site: Site, seed: int = 0) -> Planted | str:
    """Let the units of a further layer go in three groups that read one unit each, and noise.

    The units that are read are those that vary together least; each unit of a group reads another
    unit of the site at half the weight.
    """
    found = look(subject, site, 1)
    if isinstance(found, str):
        return found
    count, each = _GROUPS * _EACH, np.repeat(np.arange(_GROUPS), _EACH)
    alive = np.flatnonzero(found.alive)
    if len(alive) < _GROUPS + count:
        return f"it has {len(alive)} units that vary, and groups need {_GROUPS + count}"
    heads = _apart(found, alive)
    r = np.corrcoef(found.standard[:, heads].T)
    if np.abs(r[np.triu_indices(_GROUPS, 1)]).max() >= _ALIKE:
        return "no three of its units vary apart from each other"
    rng = np.random.default_rng([seed, 71])
    noise = rng.permutation(np.setdiff1d(alive, heads))[:count]
    read = np.zeros((count, site.units))
    read[np.arange(count), heads[each]] = 1 / found.spread[heads[each]]
    read[np.arange(count), noise] = 0.5 / found.spread[noise]
    planted = _layered(subject, site, found, read, seed)
    units = {
        alike: [
            {"site": _LAYER, "unit": a, "with": b}
            for a, b in combinations(range(count), 2)
            if (each[a] == each[b]) == alike
        ]
        for alike in (True, False)
    }
    return Planted(planted, claims("same cluster", units[True], units[False]))


def _apart(found: Telling, alive: np.ndarray) -> np.ndarray:
    """Units that vary together least: the first varies most, each next is least like those."""
    z = found.standard[:, alive]
    r = np.abs(z.T @ z / len(z))
    chosen = [int(np.argmax(found.spread[alive]))]
    while len(chosen) < _GROUPS:
        chosen.append(int(np.argmin(np.where(np.isin(range(len(r)), chosen), 2, r[chosen].max(0)))))
    return alive[chosen]


def _layered(subject: Subject, site: Site, found: Telling, read: np.ndarray, seed: int) -> Subject:
    """Copy the model with a layer that reads the site; logits tell classes by its units' means."""
    bias = _ABOVE - read @ found.mean
    values = np.maximum(found.values @ read.T + bias, 0)
    labels = subject.labels.cpu().numpy()
    means = np.stack([values[labels == c].mean(0) for c in range(len(subject.classes))])
    head = (means - values.mean(0)) / values.std(0)
    model = Layered(copied(subject.model), place_of(site), (read, bias), head)
    return copy_of(subject, site, model, seed, more=(_LAYER,))
