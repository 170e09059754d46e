"""Draws the same edits elsewhere in their sites: random units, regions, directions or donors."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations, product
from math import comb, prod
from typing import Any

import numpy as np

from holistic.graph.editing import Edit
from holistic.graph.elsewhere import Elsewhere
from holistic.graph.engine import position_mean
from holistic.graph.sites import Site
from holistic.stats.directions import random_directions
from holistic.study.subject import Subject

__all__ = ["Controls", "draw_controls", "few_sets", "random_sets"]

_TRIES = 20
"""So many draws for each control that is wanted: where fewer differ, these are all there are."""
_WORDS = {
    "units": "units",
    "function": "units",
    "positions": "places",
    "direction": "directions",
    "rows": "donors",
}
"""By field of an edit, what a control that differs in it has drawn at random."""


@dataclass(frozen=True)
class Controls:
    """Variants of some edits, all different from these and from one another.

    Attributes
    ----------
    variants
        Each as many edits as were given, at the same sites.
    every
        Whether there are no more.
    what
        What was drawn: units, places, directions, donors; empty where nothing could be.
    """

    variants: tuple[tuple[Edit, ...], ...]
    every: bool
    what: str


def draw_controls(subject: Subject, edits: Sequence[Edit], count: int, examples: int) -> Controls:
    """Draw up to `count` variants of edits, which were checked, on so many examples.

    The same seed and edits give the same ones.
    """
    rng = np.random.default_rng([subject.seed, 17])
    sites = {edit.site: subject.site(edit.site) for edit in edits}
    directions = {name: _Directions(subject, site, rng) for name, site in sites.items()}
    seen, found = {_key(edits, edits)}, list[tuple[Edit, ...]]()
    for _ in range(_TRIES * count):
        if len(found) == count:
            break
        draws = {
            name: Elsewhere(site, rng.permutation(site.units), rng, directions[name], examples)
            for name, site in sites.items()
        }
        variant = tuple(edit.elsewhere(draws[edit.site]) for edit in edits)
        key = _key(variant, edits)
        if key not in seen:
            seen.add(key)
            found.append(variant)
    return Controls(tuple(found), len(found) < count, _description(found, edits))


def random_sets(
    units: Mapping[str, Sequence[int]], sites: Callable[[str], Site], count: int, seed: int
) -> list[dict[str, tuple[int, ...]]]:
    """Draw as many units of the same sites, `count` times; the same seed gives the same ones.

    Where there are no more than `count` other sets, these are all of them, each once: p among
    them, (1 + b) / (1 + B), is the share of all sets that do as much. Of all units of their sites
    there is no other set.
    """
    own = {name: tuple(sorted(set(some))) for name, some in units.items()}
    if few_sets({name: len(some) for name, some in own.items()}, sites, count):
        ways = [combinations(range(sites(name).units), len(some)) for name, some in own.items()]
        every = (dict(zip(own, one, strict=True)) for one in product(*ways))
        return [one for one in every if one != own] if count else []
    rng = np.random.default_rng([seed, 11])
    return [
        {
            name: tuple(rng.permutation(sites(name).units)[: len(some)].tolist())
            for name, some in units.items()
        }
        for _ in range(count)
    ]


def few_sets(sizes: Mapping[str, int], sites: Callable[[str], Site], count: int) -> bool:
    """Say whether sites have no more than `count` other sets of as many units each."""
    return prod(comb(sites(name).units, k) for name, k in sizes.items()) - 1 <= count


class _Directions:
    """Makes random directions in which a site varies over the selection split."""

    def __init__(self, subject: Subject, site: Site, rng: np.random.Generator) -> None:
        self.subject, self.site, self.rng = subject, site, rng
        self.values: np.ndarray | None = None

    def __call__(self) -> np.ndarray:
        """Return one, `[U]`."""
        if self.values is None:
            name, images = self.site.name, self.subject.selection.images
            read = self.subject.capture_batches([name], images)
            parts = [position_mean(values[name]).double().cpu().numpy() for _, values in read]
            self.values = np.concatenate(parts)
        drawn = random_directions(self.values, 1, int(self.rng.integers(2**31)))[0]
        return np.nan_to_num(drawn)


def _key(variant: Sequence[Edit], edits: Sequence[Edit]) -> Hashable:
    """Tell variants apart by what differs from the edits given."""
    pairs = zip(variant, edits, strict=True)
    return tuple(
        tuple(
            _difference(f.name, getattr(other, f.name), getattr(edit, f.name)) for f in fields(edit)
        )
        for other, edit in pairs
    )


def _difference(name: str, value: Any, own: Any) -> Hashable:
    """A value as a key; None where it is the one that was given."""
    if value is own:
        return None
    plain = _plain(name, value)
    return None if plain == _plain(name, own) else plain


def _plain(name: str, value: Any) -> Hashable:
    if value is None or callable(value):
        return value
    array = np.asarray(value)
    return frozenset(array.tolist()) if name in ("units", "positions") else array.tobytes()


def _description(found: Sequence[tuple[Edit, ...]], edits: Sequence[Edit]) -> str:
    """Say what was drawn at random."""
    drawn = dict.fromkeys(
        _WORDS.get(f.name, f.name)
        for variant in found[:1]
        for other, edit in zip(variant, edits, strict=True)
        for f in fields(edit)
        if getattr(other, f.name) is not getattr(edit, f.name)
    )
    return " and ".join(drawn)
