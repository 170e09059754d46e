"""Says how every two models differ in accuracy and margin, on the same examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from holistic.comparing._compared import Compared, Pair
from holistic.comparing.schemas import DRIFT, Drift
from holistic.lenses._parts import with_q
from holistic.lenses.ablation.highlights import removed_sets
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.shared import EXAMPLES
from holistic.results.tables import Table
from holistic.stats.intervals import NORMAL, paired_accuracy_interval, standard_error
from holistic.stats.means import Means
from holistic.stats.tests import mcnemar

__all__ = ["drift"]


def drift(compared: Compared) -> Finding:
    """Return `compare.drift`: changes of every two audits, for all examples and each class."""
    rows = [row for pair in compared.pairs for row in _of_pair(compared, pair)]
    parts = ("change", "margin_change", "loss")
    tested = {part: with_q([getattr(row, part) for row in rows]) for part in parts}
    rows = [replace(row, **{part: tested[part][i] for part in parts}) for i, row in enumerate(rows)]
    return Finding(DRIFT, Table.from_rows(Drift, rows))


def _of_pair(compared: Compared, pair: Pair) -> Iterator[Drift]:
    tables = [audit[EXAMPLES.name] for audit in (pair.first, pair.second)]
    labels = tables[0].column("class")[pair.rows[0]]
    right, margins = [
        [read(table)[rows] for table, rows in zip(tables, pair.rows, strict=True)]
        for read in (
            lambda table: table.column("class") == table.column("prediction"),
            lambda table: table.column("margin").astype(float),
        )
    ]
    losses = _losses(pair)
    for name in ("all", *map(str, pair.first.provenance.get("classes", []))):
        rows = np.full(len(labels), fill_value=True) if name == "all" else labels == name
        if rows.sum() > 1:
            before, after = right[0][rows], right[1][rows]
            yield Drift(
                *pair.names,
                name,
                float(before.mean()),
                float(after.mean()),
                _accuracy(before, after),
                _margin(margins[1][rows] - margins[0][rows]),
                losses.get(name, Estimate(None)),
            )


def _accuracy(before: np.ndarray, after: np.ndarray) -> Estimate:
    lost, gained, n = int((before & ~after).sum()), int((~before & after).sum()), len(before)
    lo, hi = paired_accuracy_interval(lost, gained, n)
    p = float(mcnemar(lost, gained))
    return Estimate((gained - lost) / n, float(lo), float(hi), n, p=p)


def _margin(change: np.ndarray) -> Estimate:
    means = Means.of(change)
    lo, hi = means.interval()
    return Estimate(float(means.mean), float(lo), float(hi), p=float(means.p()))


def _losses(pair: Pair) -> dict[str, Estimate]:
    """How much more each class loses in the second model without the units it needs most."""
    from scipy.special import ndtr

    first, second = (
        {row.class_: row for row in removed_sets(audit)} for audit in (pair.first, pair.second)
    )
    found = dict[str, Estimate]()
    for name in first.keys() & second.keys():
        a, b = first[name], second[name]
        error = np.hypot(standard_error(a.lo, a.hi), standard_error(b.lo, b.hi))
        change = b.drop - a.drop
        if np.isfinite(error) and error > 0:
            half, p = NORMAL * error, 2 * float(ndtr(-abs(change) / error))
            ends = np.clip([change - half, change + half], -2.0, 2.0)
            found[name] = Estimate(change, float(ends[0]), float(ends[1]), p=p)
    return found
