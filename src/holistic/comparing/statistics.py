"""Puts the numbers of every finding side by side over the audits, row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from holistic.comparing._compared import Compared
from holistic.comparing._layers import Places
from holistic.comparing.schemas import STATISTICS, Statistic
from holistic.results.columns import Column, Estimate, of_sites
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.intervals import standard_error
from holistic.stats.trainings import limits, over_trainings

__all__ = ["statistics"]

_LEVEL = 0.05


@dataclass(frozen=True)
class _Number:
    """A column of a finding that was measured, and what stands beside it."""

    column: Column
    lo: str
    hi: str
    q: str


def statistics(compared: Compared) -> Finding:
    """Return `compare.statistics`: rows of findings that mean the same in every training."""
    rows = list[Statistic]()
    for name in dict.fromkeys(n for audit in compared.audits for n in audit.names):
        both = zip(compared.audits, compared.places, strict=True)
        having = [(audit, places) for audit, places in both if name in audit.names]
        if len(having) > 1 and not having[0][0].schema(name).apart:
            tables = [(audit[name], places) for audit, places in having]
            rows += _of_finding(name, tables, compared.shared)
    return Finding(STATISTICS, Table.from_rows(Statistic, rows))


def _of_finding(
    name: str, given: Sequence[tuple[Table, Places]], shared: float
) -> Iterator[Statistic]:
    tables = [table for table, _ in given]
    keys = [column for column in tables[0].columns if column.role in ("key", "along")]
    if not keys or any(column.own for column in keys):
        return
    names = [column.name for column in keys]
    if any(set(names) - set(table.names) for table in tables):
        return
    places = [_places(table, names, common) for table, common in given]
    lasting = [at for at in places[0] if sum(at in other for other in places) > 1]
    for number in _numbers(tables[0].columns):
        if all(number.column.name in table.names for table in tables):
            yield from _of_number(name, number, (tables, places, lasting, names), shared)


def _places(table: Table, names: Sequence[str], common: Places) -> dict[tuple[object, ...], int]:
    """Row of each name, where no two rows have the same."""
    sites = {column.name for column in table.columns if of_sites(column)}
    found = list(
        zip(
            *(
                [common.get(cell, cell) if name in sites else cell for cell in table.cells(name)]
                for name in names
            ),
            strict=True,
        )
    )
    return {at: i for i, at in enumerate(found)} if len(set(found)) == len(found) else {}


def _numbers(columns: Sequence[Column]) -> Iterator[_Number]:
    for column in columns:
        if column.role == "value":
            parts = {c.role: c.name for c in columns if column.name in c.of.split()}
            yield _Number(column, *(parts.get(role, "") for role in ("lo", "hi", "q")))


def _of_number(
    finding: str,
    number: _Number,
    where: tuple[
        Sequence[Table],
        Sequence[Mapping[tuple[object, ...], int]],
        Sequence[tuple[object, ...]],
        Sequence[str],
    ],
    shared: float,
) -> Iterator[Statistic]:
    tables, places, lasting, names = where
    read = [
        _lined_up(number, table, [place.get(at) for at in lasting])
        for table, place in zip(tables, places, strict=True)
    ]
    values, lo, hi, q = (np.array([one[i] for one in read]) for i in range(4))  # [n, M] each
    ends = limits(number.column.unit, values, lo, hi)
    over = over_trainings(values, standard_error(lo, hi), shared=shared).within(*ends)
    sampling = np.ma.masked_invalid(standard_error(lo, hi)).mean(0).filled(np.nan)
    sides = np.sign(values - number.column.neutral) * (q < _LEVEL)
    commoner = np.maximum((sides > 0).sum(0), (sides < 0).sum(0))
    tested = np.isfinite(q).sum(0)
    for i in np.flatnonzero(over.n > 1).tolist():
        at = dict(zip(names, lasting[i], strict=True))
        yield Statistic(
            finding,
            number.column.name,
            ", ".join(f"{name} {value}" for name, value in at.items()),
            str(at.get("class") or ""),
            str(at.get("site") or ""),
            Estimate(float(over.mean[i]), float(over.lo[i]), float(over.hi[i]), int(over.n[i])),
            float(over.next_lo[i]),
            float(over.next_hi[i]),
            float(over.spread[i]),
            float(sampling[i]),
            int(commoner[i]) if tested[i] else None,
            int(tested[i]) if tested[i] else None,
        )


def _lined_up(
    number: _Number, table: Table, rows: Sequence[int | None]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Value, ends and q of the rows of a number; NaN where the table has no such row or column."""
    there = np.array([row is not None for row in rows])
    at = np.array([row or 0 for row in rows], int)

    def column(name: str) -> np.ndarray:
        if not name or name not in table.names or not len(table):
            return np.full(len(rows), np.nan)
        return np.where(there, table.column(name).astype(float)[at], np.nan)

    value, lo, hi, q = map(column, (number.column.name, number.lo, number.hi, number.q))
    return value, lo, hi, q
