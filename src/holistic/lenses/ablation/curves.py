"""Removes and keeps each class's top units, from none to all, and as many random ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from holistic.graph.engine import Stage
from holistic.graph.loops import order_groups, replays
from holistic.graph.sites import Site
from holistic.lenses.ablation import Ablation, schemas
from holistic.lenses.ablation._budget import (
    afforded_examples,
    afforded_rows,
    measured_sites,
    order_rows,
)
from holistic.lenses.ablation._controls import family_q, least_p
from holistic.lenses.ablation._matched_controls import stratum_orders
from holistic.lenses.ablation._rankings import RANKINGS, rank_units
from holistic.lenses.ablation.areas import (
    KINDS,
    MEASURED,
    Curve,
    area_row,
    headline_accuracies,
    headline_units,
    point_columns,
)
from holistic.lenses.ablation.areas_statements import area_statement
from holistic.lenses.ablation.curves_statements import curve_statement
from holistic.lenses.ablation.schemas import CurveArea, CurvePoint
from holistic.pieces import every, kept
from holistic.progress import Progress
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.means import Means
from holistic.study.examples import Examples
from holistic.study.subject import Subject
from holistic.words import unbounded

__all__ = ["control_sizes", "replay_orders", "whole_curves"]

_GRID = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
_EVERY = 512

_BATCH = 1024


def whole_curves(
    subject: Subject, lens: Ablation, chosen: Table, progress: Progress
) -> Iterator[Finding]:
    """Remove and keep top units of each class up to all; `chosen` sweeps the selection split.

    Yields `ablation.curves` and `ablation.areas`.
    """
    points, areas = list[dict[str, np.ndarray]](), list[tuple[CurveArea, Means]]()
    headlines = list[_Headline]()
    sites, dear = measured_sites(subject, lens, "curves")
    for done, site in enumerate(sites):
        progress("whole curves", done, len(sites))
        controls, size = list[tuple[np.ndarray, np.ndarray]](), 1
        for curve in _site_curves(subject, site, lens, chosen):
            points.append(point_columns(curve))
            if curve.labels[2] in MEASURED:
                areas.append(area_row(curve, subject.seed))
            if curve.labels[2] == "keep_top":
                controls.append(headline_accuracies(curve))
                size = headline_units(curve)
        headlines.append(_Headline(site.name, size, controls))
    progress("whole curves", len(sites), len(sites))
    notes = (*_caveats(subject, lens), *dear)
    yield _curves_finding(points, headlines, lens.sets, notes)
    yield _areas_finding(areas, lens.sets, notes)


@dataclass(frozen=True)
class _Headline:
    """How many kept units of a site are spoken of, and accuracies with control sets by class."""

    site: str
    size: int
    controls: Sequence[tuple[np.ndarray, np.ndarray]]


def _curves_finding(
    points: Sequence[dict[str, np.ndarray]],
    headlines: Sequence[_Headline],
    sets: int,
    notes: tuple[str, ...],
) -> Finding:
    columns = {name: np.concatenate([part[name] for part in points]) for name in points[0]}
    kind = np.unique(columns["kind"], return_inverse=True)[1]
    family = np.unique(np.stack([kind, columns["k"]]), axis=1, return_inverse=True)[1].reshape(-1)
    for name in ("random", "matched"):
        columns[f"{name}_q"] = family_q(columns[f"{name}_p"], family)
    table = Table.build(CurvePoint, columns)
    lines = (curve_statement(table.where(site=h.site), h.size, sets, h.controls) for h in headlines)
    return Finding(schemas.CURVES, table, tuple(lines), notes)


def _areas_finding(
    areas: Sequence[tuple[CurveArea, Means]], sets: int, notes: tuple[str, ...]
) -> Finding:
    rows = [row for row, _ in areas]
    names = [f"{row.site}\n{row.kind}" for row in rows]
    family = np.unique(names, return_inverse=True)[1]
    q, matched = (
        family_q(np.array(p, float), family)
        for p in ([row.area.p for row in rows], [row.matched_p for row in rows])
    )
    rows = [
        replace(row, area=replace(row.area, q=float(a)), matched_q=float(b))
        for row, a, b in zip(rows, q, matched, strict=True)
    ]
    table = Table.from_rows(CurveArea, rows)
    lines, classes = list[str](), len({row.class_ for row in rows})
    for site in dict.fromkeys(row.site for row in rows):
        own = {
            kind: Means.stack([m for r, m in areas if (r.site, r.kind) == (site, kind)])
            for kind in MEASURED
        }
        lines.append(area_statement(table, site, sets, own))
    floor = f"With {sets} orders p is at least {least_p(sets):.2g}, and the q of one class alone "
    least = min(1.0, classes * least_p(sets))
    rare = unbounded(int(np.isnan(table.column("lo")).sum()), len(table), "areas")
    return Finding(schemas.AREAS, table, tuple(lines), (*notes, floor + f"{least:.2g}.", *rare))


def control_sizes(units: int, most: float = np.inf) -> np.ndarray:
    """Numbers of removed units at which controls are measured: as many kept as removed.

    No more than `most` of them, but at least none, all, and about half.
    """
    some = [k for k in _GRID if k < units]
    while len(some) > 1 and 2 * len(some) > most:
        del some[len(some) // 2]
    half = {units // 2, units - units // 2}
    return np.array(sorted({*some, *(units - k for k in some), *half}))


@dataclass(frozen=True)
class _Orders:
    """Whole orders of a site's units and where they are measured.

    Attributes
    ----------
    ranked
        `[C, U]`, the unit that matters most in front.
    strength
        `[U]`, mean activation.
    every, some
        Numbers of removed units at which ranked orders and controls are measured.
    """

    ranked: np.ndarray
    strength: np.ndarray
    every: np.ndarray
    some: np.ndarray


def _orders(subject: Subject, site: Site, lens: Ablation, chosen: Table) -> _Orders:
    ranked, classes = rank_units(subject, site, chosen), len(subject.classes)
    first = RANKINGS.index(lens.ranking) * classes
    most = afforded_rows(subject, site, lens) / (3 * lens.sets * lens.fewest)
    some = control_sizes(site.units, most)
    every = np.arange(site.units + 1) if site.units <= _EVERY else some
    return _Orders(ranked.orders[first : first + classes], ranked.strength, every, some)


def _site_curves(subject: Subject, site: Site, lens: Ablation, chosen: Table) -> Iterator[Curve]:
    orders = _orders(subject, site, lens, chosen)
    replays = 3 * lens.sets * order_rows(subject, site, site.units, len(orders.some))
    examples = afforded_examples(subject, site, lens, replays)
    rng = np.random.default_rng([subject.seed, site.depth, 3])
    random = rng.permuted(np.tile(np.arange(site.units), (lens.sets, 1)), axis=1)
    free = replay_orders(subject, site, random, orders.some, examples=examples, edit=lens.edit)
    for c, name in enumerate(subject.classes):
        rows = np.flatnonzero(examples.labels.cpu().numpy() == c)
        own = examples.at(rows)
        top, bottom = orders.ranked[c], orders.ranked[c, ::-1]
        seed = [subject.seed, site.depth, c, 4]
        like = [stratum_orders(o, orders.strength, lens.sets, seed) for o in (top, bottom)]
        both, matched = (
            replay_orders(subject, site, np.concatenate(o), sizes, examples=own, edit=lens.edit)
            for o, sizes in (((top[None], bottom[None]), orders.every), (like, orders.some))
        )
        for kind in KINDS:
            end, back = int(kind != "remove_top"), -1 if kind == "keep_top" else 1
            yield Curve(
                (site.name, name, kind, lens.ranking),
                sizes=orders.every,
                controls=orders.some,
                right=both[end, ::back],
                random=free[:, ::back, rows],
                matched=matched[end * lens.sets : (end + 1) * lens.sets, ::back],
            )


def replay_orders(
    subject: Subject,
    site: Site,
    orders: np.ndarray,
    sizes: Sequence[int] | np.ndarray,
    *,
    examples: Examples,
    edit: str,
) -> np.ndarray:
    """Say which examples are right without the first units of each order.

    Parameters
    ----------
    subject, site
        Whose units.
    orders
        `[O, K]`, units in the order in which they go.
    sizes
        The S numbers of units, in rising order.
    examples
        The N examples that are replayed.
    edit
        What a removed unit holds instead.

    Returns
    -------
    np.ndarray
        `[O, S, N]` bool.
    """
    places = {int(k): s for s, k in enumerate(sizes)}
    right = np.zeros((len(orders), len(places), len(examples)), dtype=bool)
    wanted = [k for k in places if k]
    for batch in replays(subject, site, examples.images, edit):
        stage, part = batch.stage, batch.rows
        labels = examples.labels[part]
        if 0 in places:
            right[:, places[0], part] = (stage.base.argmax(1) == labels).cpu().numpy()
        groups = list(order_groups(stage, len(orders)))
        asked = ((stage, orders[group], wanted, labels) for group in groups)
        for group, own in zip(groups, every(_in_order, asked), strict=True):
            right[group, [places[k] for k in wanted], part] = own
    return right


@kept
def _in_order(stage: Stage, orders: np.ndarray, sizes: list[int], labels: Tensor) -> np.ndarray:
    """Say which examples are right, `[O, S, B]`, as units go one after another."""
    right = np.empty((len(orders), len(sizes), len(labels)), dtype=bool)
    place = {k: s for s, k in enumerate(sizes)}
    for k, chosen, still in stage.right(torch.from_numpy(orders.copy()), labels, sizes):
        right[chosen, place[k]] = still.cpu().numpy()
    return right


def _caveats(subject: Subject, lens: Ablation) -> tuple[str, ...]:
    most = min(lens.examples, len(subject.evaluation))
    return (
        f"Measured on at most {most} of {len(subject.evaluation)} evaluation examples, "
        "stratified; each row says on how many.",
        "Sets of like activation are orders in which units change places with others of their "
        "stratum of eight in mean activation: every set has as many units of each stratum.",
        "q of curves is over sites and classes, at each kind and k by itself; of whole curves "
        "`ablation.areas` tells.",
        "Without all units the network says the same class whatever it sees, and is right on it.",
    )
