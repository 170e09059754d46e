"""Ablation: what follows a lost unit, units that step in, and units that decide single images."""

from __future__ import annotations

from functools import cache

import numpy as np

import holistic
from benchmarks.coverage.simulation import Simulation
from benchmarks.populations import CLASSES, drawn, population
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation.backup import find_backups
from holistic.lenses.ablation.images import deciding_units
from holistic.progress import silent
from holistic.results.tables import Table

__all__ = ["SIMULATIONS"]

_UNITS, _PARTNERS = 6, 3
_LENS = Ablation(partners=_PARTNERS, examples=20_000, extra=1e6, deciding=3)
_INTERVALS = {
    "ablation.direct": {
        "total": ("total_lo", "total_hi"),
        "direct": ("direct_lo", "direct_hi"),
        "response": ("lo", "hi"),
    },
    "ablation.backup": {
        "effect": ("effect_lo", "effect_hi"),
        "effect_gone": ("effect_gone_lo", "effect_gone_hi"),
        "growth": ("lo", "hi"),
    },
}


def _subject() -> holistic.Subject:
    """Two hidden layers: of the last one nothing is left that could answer."""
    return population(_UNITS, layers=2)


@cache
def _chosen() -> Table:
    """The sweep that ranks units, on the selection split: the same units in every draw."""
    return holistic.sweep(_subject(), split="selection")


def _tables(subject: holistic.Subject) -> dict[str, Table]:
    return {f.name: f.table for f in find_backups(subject, _LENS, _chosen(), silent)}


@cache
def _found(n: int, seed: int) -> dict[str, Table]:
    """Both findings of one draw: every number of them is looked at."""
    return _tables(drawn(_subject(), n, seed))


@cache
def _truth() -> dict[str, Table]:
    return _tables(_subject())


def _rows(finding: str, number: str, n: int) -> Simulation:
    """Every row of a finding against the same row on the whole population."""

    def draw(seed: int) -> tuple[int, int]:
        table = _found(n, seed)[finding]
        lo, hi = (table.column(end) for end in _INTERVALS[finding][number])
        truth = _truth()[finding].column(number)
        known = np.isfinite(lo) & (hi - lo > 0)  # nothing follows the last site: 0 without error
        slack = 1e-6 * (1 + np.abs(truth))
        held = (lo <= truth + slack) & (truth - slack <= hi) & known
        return int(held.sum()), int(known.sum())

    return Simulation(finding, number, "interval", n, draw, 200, 10, n < 200)


def _of_class(n: int) -> Simulation:
    """What units do to a class that were searched for on one of its images."""

    @cache
    def truth() -> np.ndarray:
        effects = holistic.sweep(_subject()).column("effect")
        return effects.reshape(-1, CLASSES + 1)  # units of both sites, one after the other

    def draw(seed: int) -> tuple[int, int]:
        subject = drawn(_subject(), n, seed)
        table = deciding_units(subject, _LENS, holistic.sweep(subject)).table
        names = [site.name for site in subject.hidden_sites]
        place = [names.index(site) * _UNITS for site in table.column("site")]
        own = truth()[np.array(place) + table.column("unit"), table.column("label").astype(int)]
        lo, hi = table.column("class_lo"), table.column("class_hi")
        known = np.isfinite(lo)
        return int(((lo <= own) & (own <= hi) & known).sum()), int(known.sum())

    what = "effect on its class"
    return Simulation("ablation.images", what, "interval", n // CLASSES, draw, 200, 10)


SIMULATIONS = (
    *(
        _rows(finding, number, n)
        for finding, numbers in _INTERVALS.items()
        for number in numbers
        for n in (50, 200)
    ),
    *(_of_class(n) for n in (200, 800)),
)
