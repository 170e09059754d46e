"""Ablation: units removed in an order: first k, whole curves, their areas, and random orders."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from benchmarks.coverage.simulation import Kind, Simulation, held, small
from benchmarks.populations import CLASSES, drawn, population
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation.areas import Curve, area_row
from holistic.lenses.ablation.curves import replay_orders, whole_curves
from holistic.lenses.ablation.topk import remove_sets
from holistic.progress import silent
from holistic.results.columns import col
from holistic.results.tables import Table
from holistic.stats.intervals import paired_accuracy_interval

__all__ = ["SIMULATIONS"]

_LENS = Ablation(depth=4, sets=60)
_UNITS = 6
_NAMES = np.array([*map(str, range(CLASSES)), "all"])


@dataclass(frozen=True)
class _Chosen:
    """Row of a sweep that ranks units."""

    site: str = col("site")
    effect: float = col("effect")
    class_: str = col("class", name="class")


def _random_order(units: int, seed: int) -> Table:
    """A sweep whose effects say nothing of the units."""
    rows = np.random.default_rng([seed, units]).normal(size=units * (CLASSES + 1))
    return Table.build(_Chosen, {"site": "1", "effect": rows, "class": np.tile(_NAMES, units)})


@cache
def _random_sets(units: int, seed: int) -> dict[str, Table]:
    subject = drawn(population(units), 200, seed)
    topk, others = remove_sets(subject, _LENS, _random_order(units, seed), silent)
    return {topk.name: topk.table.where(ranking="effect"), others.name: others.table}


def _headline(table: Table) -> Table:
    """Rows of the size that is spoken of."""
    first = table.column("k") == table.where(rank=1).column("k")[0]
    return Table(table.columns, table.data.filter(first))


@cache
def _random_curves(units: int, seed: int) -> dict[str, Table]:
    subject = drawn(population(units), 100, seed)
    found = whole_curves(subject, _LENS, _random_order(units, seed), silent)
    return {f.name: f.table for f in found}


def _any(table: Table, column: str) -> tuple[int, int]:
    """Count the families in which any q is below 0.05; those of curves are a kind and a k each."""
    names = [n for n in ("kind", "k") if n in table.names and "accuracy" in table.names]
    keys = list(zip(*(table.column(n).tolist() for n in names), strict=True)) if names else []
    values = table.column(column)
    own = keys or [()] * len(values)
    known = {key for key, q in zip(own, values, strict=True) if np.isfinite(q)}
    return len({key for key, q in zip(own, values, strict=True) if q < 0.05}), len(known)


def _null_orders(kind: Kind, finding: str, column: str, units: int = 16) -> Simulation:
    """Units in an order that says nothing: the top k of a class are as random as the control.

    Shuffled labels alone would be no null: a class's accuracy is then how often the network says
    the class, and the units by which it does are found.
    """
    curves = finding in ("ablation.curves", "ablation.areas")

    def draw(seed: int) -> tuple[int, int]:
        tables = _random_curves(units, seed) if curves else _random_sets(units, seed)
        table = tables[finding]
        # sets of like activation are drawn at a few sizes only
        if finding == "ablation.topk" and "matched" not in column:
            table = _headline(table)
        return small(table.column(column)) if kind == "p" else _any(table, column)

    words = f"{column}, {units} units in random order"
    return Simulation(finding, words, kind, 100 if curves else 200, draw, 200, 8)


def _drops(n: int) -> Simulation:
    """Accuracy that is lost without the first k units of a ranking."""

    def draw(seed: int) -> tuple[int, int]:
        subject = drawn(population(_UNITS), n, seed)
        sizes, orders = [0, 1, 2, 3], _orders(1)
        [site], examples = subject.hidden_sites, subject.evaluation
        right = replay_orders(subject, site, orders, sizes, examples=examples, edit="mean")[0]
        before, after = right[0], right[1:]
        lost, gained = (before & ~after).sum(1), (~before & after).sum(1)
        low, high = paired_accuracy_interval(lost, gained, n)
        whole = _population_right()[0]
        truth = whole[1:4].mean(1) - whole[0].mean()
        return held(low, high, truth)

    return Simulation("ablation.topk", "accuracy lost", "interval", n, draw, 200, 20, n < 200)


def _orders(count: int) -> np.ndarray:
    return np.random.default_rng(5).permuted(np.tile(np.arange(_UNITS), (count, 1)), axis=1)


@cache
def _population_right() -> np.ndarray:
    """Which images of the population are right without the first units of 41 orders."""
    subject = population(_UNITS)
    return replay_orders(
        subject, subject.hidden_sites[0], _orders(41), np.arange(_UNITS + 1),
        examples=subject.evaluation, edit="mean",
    )  # fmt: skip


def _areas(n: int) -> Simulation:
    def curve(rows: np.ndarray) -> Curve:
        right = _population_right()[:, :, rows]
        sizes = np.arange(_UNITS + 1)
        return Curve(("1", "0", "remove_top", "effect"), sizes=sizes, controls=sizes,
                     right=right[0], random=right[1:], matched=right[1:])  # fmt: skip

    @cache
    def truth() -> float:
        whole = area_row(curve(np.arange(_population_right().shape[2])), 0)[0].area.value
        return np.nan if whole is None else whole

    def draw(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng([seed, n])
        rows = rng.choice(_population_right().shape[2], n, replace=False)
        area = area_row(curve(rows), 0)[0].area
        ends = np.array([area.lo, area.hi], float)
        return held(ends[:1], ends[1:], np.array([truth()]))

    return Simulation("ablation.areas", "area", "interval", n, draw, 1000, 60, n < 200)


def _halves(n: int) -> Simulation:
    """Units after which half of the accuracy is gone, in a network that loses it step by step."""
    shares = 1 / (1 + np.exp((np.arange(41) - 20.5) / 4))  # [K], right without so many units
    truth = int((shares <= shares[0] / 2).argmax())

    def draw(seed: int) -> tuple[int, int]:
        rng, found = np.random.default_rng([seed, n]), 0
        for _ in range(20):
            right = rng.random((1, n)) < shares[:, None]
            curve = Curve(("1", "0", "remove_top", "effect"), sizes=np.arange(41),
                          controls=np.arange(41), right=right, random=right[None],
                          matched=right[None])  # fmt: skip
            half = area_row(curve, seed)[0].half
            found += half.lo is not None and half.lo <= truth <= (half.hi or np.inf)
        return found, 20

    # a number of units: whole numbers hold more often than they say
    return Simulation("ablation.areas", "units to half", "interval", n, draw, 100, 8, True)


SIMULATIONS = (
    _null_orders("p", "ablation.topk", "class_p"),
    _null_orders("q", "ablation.topk", "class_q"),
    _null_orders("q", "ablation.topk", "class_q", 4),
    _null_orders("q", "ablation.topk", "q"),
    _null_orders("p", "ablation.topk", "class_matched_p"),
    _null_orders("q", "ablation.topk", "class_matched_q"),
    _null_orders("p", "ablation.off_target", "control_p"),
    _null_orders("q", "ablation.off_target", "control_q"),
    _null_orders("p", "ablation.areas", "p"),
    _null_orders("q", "ablation.areas", "q"),
    _null_orders("p", "ablation.areas", "matched_p"),
    _null_orders("q", "ablation.areas", "matched_q"),
    _null_orders("p", "ablation.curves", "random_p"),
    _null_orders("q", "ablation.curves", "random_q"),
    _null_orders("p", "ablation.curves", "matched_p"),
    _null_orders("q", "ablation.curves", "matched_q"),
    *(_drops(n) for n in (50, 200)),
    *(_areas(n) for n in (50, 200)),
    *(_halves(n) for n in (50, 200)),
)
