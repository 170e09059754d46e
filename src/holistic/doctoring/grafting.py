"""Plants answers into copies of the user's own model, at some of its hidden sites."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from holistic.doctoring.grafted import Grafted, look, read_copy
from holistic.doctoring.grafted_directions import graft_directions
from holistic.doctoring.grafted_layers import graft_clusters, graft_edges
from holistic.doctoring.zoo.planting import Claim, Planted, claims
from holistic.errors import HolisticError, shortened
from holistic.graph.accompanied import extras_of
from holistic.graph.sites import Site
from holistic.study.subject import Subject

__all__ = ["Graft", "Grafted", "graft", "graft_pairs", "graft_suppressors", "grafts"]

_SITES = 3
"""Sites that are planted into at most, from the first to the last."""
_HOLDING = 0.5
"""Part of what a carrier does for its class that a suppressor undoes."""


@dataclass(frozen=True)
class Graft:
    """What was planted at a site of a copy, in words, and the copies."""

    truth: str
    planted: tuple[Planted, ...]


_Plant = Callable[[Subject, Site, int], "tuple[Planted, ...] | Planted | str"]


def grafts(subject: Subject, seed: int = 0) -> Iterator[Graft | str]:
    """Plant answers at some hidden sites of copies of a model; where it can't be done, say why.

    Parameters
    ----------
    subject
        The model with its data; it isn't changed.
    seed
        Decides which examples are taken.
    """
    if extras_of(subject.images):
        yield f"Nothing was planted into {subject.name}: it is given more than one input."
        return
    modules = dict(subject.model.named_modules())
    sites = [site for site in subject.hidden_sites if site.name in modules and site.name]
    if not sites:
        yield f"Nothing was planted into {subject.name}: no hidden site is a module's output."
        return
    places = np.unique(np.linspace(0, len(sites) - 1, _SITES).round().astype(int))
    kinds: list[tuple[str, _Plant, int]] = [
        *(("units of {} carry classes", graft, int(p)) for p in places),
        *((words, plant, int(places[-1])) for words, plant in _AT_THE_LAST),
    ]
    for words, plant, place in kinds:
        truth = words.format(f"'{sites[place].name}'")
        try:
            found = plant(subject, sites[place], seed)
        except HolisticError as error:
            found = shortened(str(error))
        if isinstance(found, str):
            yield f"Not planted in {subject.name}: {truth}, because {found}."
        else:
            yield Graft(truth, (found,) if isinstance(found, Planted) else found)


def graft(subject: Subject, site: Site, seed: int = 0) -> Planted | str:
    """Let one unit a class carry it alone, and say so; every other unit of the site is a decoy.

    The units that tell the classes best are taken, one to one; a carrier whose value tells its
    class badly (AUROC below 0.8 over all examples) is asked nothing, since it carries little. Of
    the other units those that tell a class best move all logits alike, which decides nothing.
    """
    found = look(subject, site, 1)
    if isinstance(found, str):
        return found
    [units] = found.one_to_one()
    rest = np.abs(found.area)
    rest[units] = -1.0
    unread = rest.argmax(0)
    read = found.reading(units)
    alike = np.setdiff1d(unread[found.alive[unread]], units)
    read[:, alike] = 1 / found.spread[alike]
    kinds = np.zeros(len(units))
    planted = read_copy(subject, site, (np.stack([read, 0 * read]), found.mean, kinds), seed)
    asked = np.flatnonzero(found.clear(units)).tolist()
    return Planted(planted, _carrying(planted, units, asked, unread=unread))


def graft_pairs(subject: Subject, site: Site, seed: int = 0) -> Planted | str:
    """Let two units carry each class: either is enough for one class, the next needs both.

    Of the units that tell the classes best each class has two; pairs of which one tells its class
    badly are asked nothing. Units of different classes are decoys: what they do adds up.
    """
    found = look(subject, site, 2)
    if isinstance(found, str):
        return found
    units = found.one_to_one(2)  # [2, C]
    kinds = np.where(np.arange(units.shape[1]) % 2 == 0, 1.0, -1.0)
    read = np.stack([found.reading(own) for own in units])
    planted = read_copy(subject, site, (read, found.mean, kinds), seed, score="logit")
    asked = [c for c, (a, b) in enumerate(found.clear(units).T) if a and b]
    [here] = planted.hidden_sites

    def at(a: int, b: int) -> dict[str, object]:
        low, high = sorted((a, b))
        return {"site": here.name, "unit_a": low, "unit_b": high, "class": "all"}

    pairs = [at(*units[:, c].tolist()) for c in asked]
    apart = [at(int(units[0, c]), int(units[1, c - 1])) for c in range(units.shape[1])]
    either, both = (
        [p for p, c in zip(pairs, asked, strict=True) if kinds[c] == k] for k in (1, -1)
    )
    return Planted(
        planted,
        (
            *claims("redundant", either, [*both, *apart]),
            *claims("synergistic", both, [*either, *apart]),
        ),
    )


def graft_suppressors(subject: Subject, site: Site, seed: int = 0) -> Planted | str:
    """Let one unit a class carry it, and another that tells the class as well hold it back.

    The second undoes half of what the first does. Classes of which one tells badly are asked
    nothing; carriers, and units that nothing reads, are decoys.
    """
    found = look(subject, site, 2)
    if isinstance(found, str):
        return found
    units = found.one_to_one(2)  # [2, C]
    read = found.reading(units[0]) - _HOLDING * found.reading(units[1])
    kinds = np.zeros(units.shape[1])
    planted = read_copy(subject, site, (np.stack([read, 0 * read]), found.mean, kinds), seed)
    asked = np.flatnonzero(found.clear(units).all(0)).tolist()
    [here] = planted.hidden_sites
    others = np.setdiff1d(np.arange(here.units), units[1]).tolist()
    holding = [(int(units[1, c]), planted.classes[c]) for c in asked]
    return Planted(
        planted,
        claims(
            "harmed",
            ({"site": here.name, "unit": u, "causal_class": c} for u, c in holding),
            ({"site": here.name, "unit": u} for u in others),
        ),
    )


def _carrying(
    planted: Subject, units: np.ndarray, asked: list[int], *, unread: np.ndarray
) -> tuple[Claim, ...]:
    """Say which units carry a class; `unread` `[C]` tell each class best of all that carry none."""
    [site] = planted.hidden_sites
    others = np.setdiff1d(np.arange(site.units), units).tolist()
    carriers = [(int(units[c]), planted.classes[c]) for c in asked]
    idle = [*zip(unread.tolist(), planted.classes, strict=True)] * bool(others)

    def at(unit: int, **more: object) -> dict[str, object]:
        return {"site": site.name, "unit": unit, **more}

    return (
        *claims("causal", (at(unit) for unit, _ in carriers), map(at, others)),
        *claims(
            "patched",
            (at(unit, clean=c) for unit, c in carriers),
            (at(unit, clean=c) for unit, c in idle),
        ),
        *claims(
            "needed",
            (at(unit, **{"class": c, "sign": -1}) for unit, c in carriers),
            (at(unit, **{"class": c, "sign": -1}) for unit, c in idle),
        ),
    )


_AT_THE_LAST: tuple[tuple[str, _Plant], ...] = (
    ("units of {} hold classes back", graft_suppressors),
    ("directions of {} tell classes, and are read or not", graft_directions),
    ("units of a layer each read one unit of {}", graft_edges),
    ("units of a layer after {} go in groups", graft_clusters),
    ("two units of {} stand in for each other, or work only together", graft_pairs),
)
