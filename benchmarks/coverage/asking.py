"""Edits tried without an audit: effects, accuracy lost, and tests where nothing is."""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
import torch

import holistic
from benchmarks.coverage.simulation import Kind, Simulation
from benchmarks.populations import CLASSES, drawn, population
from holistic.graph.editing import Edit
from holistic.replacing.pruned import pruned_rows
from holistic.results.columns import Estimate
from holistic.results.tables import Table

__all__ = ["SIMULATIONS"]

_UNITS = 8
What = Literal["units", "direction", "input"]


def _edit(what: What) -> Edit:
    if what == "units":
        return holistic.Mean("1", units=[0, 3])
    if what == "direction":
        return holistic.Steer("1", direction=np.arange(_UNITS) - 3.0, amount=0.3)
    return holistic.Zero("input", units=[1])


def _tested(subject: holistic.Subject, edit: Edit, controls: int = 0) -> Table:
    return holistic.test(subject, edit, controls=controls).table


@cache
def _truth(what: What) -> tuple[np.ndarray, np.ndarray]:
    """Effects and accuracy lost, `[C + 1]` each, on the whole population."""
    table = _tested(population(_UNITS), _edit(what))
    return table.column("effect"), table.column("drop")


def _intervals(what: What, number: Literal["effect", "drop"], n: int) -> Simulation:
    lo, hi = ("lo", "hi") if number == "effect" else ("drop_lo", "drop_hi")

    def draw(seed: int) -> tuple[int, int]:
        table = _tested(drawn(population(_UNITS), n, seed), _edit(what))
        truth = _truth(what)[number == "drop"]
        low, high = table.column(lo), table.column(hi)
        known = ~np.isnan(low)
        held = (low <= truth + 1e-6) & (truth - 1e-6 <= high) & known
        return int(held.sum()), int(known.sum())

    # accuracy is lost in whole examples of a class
    few = n // CLASSES
    return Simulation("test", f"{number} of {what}", "interval", few, draw, 200, 20,
                      conservative=number == "drop")  # fmt: skip


def _donors(subject: holistic.Subject, seed: int) -> Edit:
    """Another image of the same class in each one's place: no effect on average."""
    rng = np.random.default_rng([seed, 3])
    whole, labels = population(_UNITS).evaluation, subject.evaluation.labels.numpy()
    rows = np.empty(len(labels), np.int64)
    for c in range(CLASSES):
        own = labels == c
        rows[own] = rng.choice(np.flatnonzero(whole.labels.numpy() == c), own.sum())
    source = subject.capture("1", whole.images[torch.from_numpy(rows)])["1"]
    return holistic.Patch("1", source=source)


def _null(kind: Kind, column: str, n: int) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        subject = drawn(population(_UNITS), n, seed)
        found = _tested(subject, _donors(subject, seed)).column(column)
        if kind == "q":
            return int((found < 0.05).any()), 1
        return int((found < 0.05).sum()), int((~np.isnan(found)).sum())

    words = f"{column}, images of the same class in one another's place"
    return Simulation("test", words, kind, n // CLASSES, draw, 400, 24)


def _null_sets(column: str) -> Simulation:
    """Random units are no more than other random units."""

    def draw(seed: int) -> tuple[int, int]:
        units = np.random.default_rng([seed, 5]).permutation(24)[:3]
        subject = drawn(population(24), 200, seed)
        found = _tested(subject, holistic.Mean("1", units=units), controls=99).column(column)
        return int((found < 0.05).sum()), len(found)

    return Simulation("test", f"{column}, random units", "p", 50, draw, 300, 16)


@cache
def _removed() -> tuple[Edit, ...]:
    """Units of a network that can go together, chosen on the population's selection split."""
    return holistic.removable(population(24), 0.02).edits


def _lost(subject: holistic.Subject) -> Estimate:
    return pruned_rows(subject, {"together": _removed()}, [])[0].drop


@cache
def _true_loss() -> float:
    return _lost(population(24)).value or 0.0


def _together(n: int) -> Simulation:
    def draw(seed: int) -> tuple[int, int]:
        found = _lost(drawn(population(24), n, seed))
        assert found.lo is not None
        assert found.hi is not None
        return int(found.lo <= _true_loss() <= found.hi), 1

    return Simulation("removable", "accuracy lost", "interval", n, draw, 400, 40, True)


SIMULATIONS = (
    _together(100),
    _together(800),
    *(
        _intervals(what, number, n)
        for what in ("units", "direction", "input")
        for number in ("effect", "drop")
        for n in (200, 1600)
    ),
    _null("p", "p", 200),
    _null("p", "drop_p", 200),
    _null("q", "q", 200),
    _null_sets("control_p"),
    _null_sets("drop_control_p"),
)
