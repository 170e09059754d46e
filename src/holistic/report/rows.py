"""Chooses the rows of a long table that a page has room for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from holistic.results.schema import Schema
from holistic.results.tables import Table

__all__ = ["fitting"]

_MOST = 2_000_000
"""Cells that a page can open with, whatever a schema that came with an audit asks for."""
_CURVE = 8
"""Different places along an axis from which on rows are points of curves."""
_RANKS = 10
"""Ranks up to which a row goes before others: pages show no more."""
_CONTROLS = ("control", "control_lo", "control_hi")


def fitting(table: Table, schema: Schema) -> tuple[Table, str]:
    """Choose the rows that the page has room for, and say in words which these are.

    Parameters
    ----------
    table
        Table of a finding.
    schema
        What was declared of it: how many cells there is room for, and what a row's size is.

    Returns
    -------
    tuple
        These rows in their order, and how they were chosen; no words if there is room for all.
    """
    rows = min(schema.cells, _MOST) // max(1, len(table.columns))
    if len(table) <= rows:
        return table, ""
    places, words = _along_curves(table, rows) or _strongest(table, rows, schema.size)
    return Table(table.columns, table.data.take(np.sort(places))), words


def _along_curves(table: Table, rows: int) -> tuple[np.ndarray, str] | None:
    """Of curves along an axis keep where a control was measured, and the other places evenly."""
    axis = next((c.name for c in table.columns if c.role == "along"), None)
    if axis is None or len(np.unique(table.column(axis))) < _CURVE:
        return None
    k, whole = table.column(axis), np.zeros(len(table), bool)
    for name in (c.name for c in table.columns if c.role in _CONTROLS):
        whole |= ~np.isnan(table.column(name).astype(float))
    whole = whole if whole.sum() <= rows else np.zeros(len(table), bool)
    sizes = np.unique(k[~whole])
    for step in range(1, len(sizes) + 1):
        kept = whole | np.isin(k, [*sizes[::-step], *sizes[:1]])
        if kept.sum() <= rows:
            return np.flatnonzero(kept), f"with a control and every {step}th other {axis}"
    return None


def _strongest(table: Table, rows: int, by: str) -> tuple[np.ndarray, str]:
    """Keep what pages show first, then the rows furthest from a number that says nothing.

    That is, in this order: whole kinds, the smallest first, so that a control that is shown with
    the rest is never counted in part, and rows of whole sites; the first ranks; one row of every
    unit, its preferred class's where there is one; and the largest. Where rows are of several
    scores, each is compared with its own.
    """
    # an angle has no size
    numbers = [
        c.name for c in table.columns
        if c.role == "value" and c.kind == "float64" and c.unit != "degrees"
    ]  # fmt: skip
    if not numbers:
        return np.arange(rows), "that come first"
    bounded = {c.of for c in table.columns if c.role == "lo"}
    if by not in numbers:
        by = next((name for name in numbers if name in bounded), numbers[0])
    neutral = next(c.neutral for c in table.columns if c.name == by)
    size = np.nan_to_num(np.abs(table.column(by).astype(float) - neutral), nan=-1.0)
    if "score" in table.names:
        size = _shares(size, _groups(table, ["score"]))
    first, rank, one = _first(table, rows), _ranks(table), _one_of_each_unit(table, size)
    order = np.lexsort((-size, ~one, rank, ~first))[:rows]
    before = ["the first ranks"] * ("rank" in table.names)
    before += ["one of every unit"] * bool(one.any())
    words = f", after {' and '.join(before)}" if before else ""
    return order, f"with the largest {by.replace('_', ' ')}{words}"


def _first(table: Table, rows: int) -> np.ndarray:
    """Rows of the smallest kinds, up to half of the room, and of no single unit, if they fit."""
    first = np.zeros(len(table), bool)
    if "kind" in table.names:
        kind = _groups(table, ["kind"])
        counts = np.bincount(kind)
        order = np.argsort(counts, kind="stable")
        first |= np.isin(kind, order[np.cumsum(counts[order]) <= rows // 2])
    if "unit" in table.names:
        sites = ~table.data["unit"].is_valid().to_numpy()
        first |= sites if (first | sites).sum() <= rows else False
    return first


def _ranks(table: Table) -> np.ndarray:
    """Place of a row's rank among those of its site and class, up to a limit; the rest beyond."""
    place = np.full(len(table), _RANKS)
    if "rank" not in table.names:
        return place
    rank = table.column("rank").astype(float)
    group = _groups(table, [n for n in ("site", "class") if n in table.names])
    order = np.lexsort((rank, group))
    order = order[~np.isnan(rank[order])]
    of, at = group[order], rank[order]
    starts = np.diff(of, prepend=-1) != 0
    steps = np.cumsum(starts | (np.diff(at, prepend=np.nan) != 0))
    begun = np.maximum.accumulate(np.where(starts, steps, 0))
    place[order] = np.minimum(steps - begun, _RANKS)
    return place


def _one_of_each_unit(table: Table, size: np.ndarray) -> np.ndarray:
    """The largest row of every unit, or that of its preferred class."""
    one = np.zeros(len(table), bool)
    if not {"site", "unit", "class"} <= set(table.names):
        return one
    if "preferred_class" in table.names:
        return table.column("class") == table.column("preferred_class")
    unit = _groups(table, ["site", "unit"])
    order = np.lexsort((-size, unit))
    one[order[np.diff(unit[order], prepend=-1) != 0]] = True
    return one


def _shares(size: np.ndarray, group: np.ndarray) -> np.ndarray:
    """How large each is among those of its group, from 0 to 1."""
    shares = np.zeros(len(size))
    for one in np.unique(group):
        own = np.flatnonzero(group == one)
        shares[own[np.argsort(size[own], kind="stable")]] = np.arange(len(own)) / len(own)
    return shares


def _groups(table: Table, names: Sequence[str]) -> np.ndarray:
    """Rows that hold the same values in these columns have the same number."""
    codes = np.zeros(len(table), np.int64)
    for name in names:
        own = table.data[name].combine_chunks().dictionary_encode()
        codes = (
            codes * (len(own.dictionary) + 1)
            + own.indices.fill_null(len(own.dictionary)).to_numpy()
        )
    return np.unique(codes, return_inverse=True)[1]
