"""Which rows of a long table has the page room for?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from holistic.results.tables import Table

__all__ = ["held"]

_CELLS = 360_000
_UNIT_CELLS = 2_000_000
_SIZE = {"activation.units": "auroc"}
"""What a row's size is where it isn't the first number with an interval."""
_CURVE = 8
"""Different k from which on rows are points of curves."""
_RANKS = 10
"""Ranks up to which a row goes before others: pages tell of no more."""


def held(table: Table, name: str) -> tuple[Table, str]:
    """Choose the rows that the page has room for, and say in words which these are.

    Parameters
    ----------
    table
        Table of a finding.
    name
        Name of the finding.

    Returns
    -------
    tuple
        These rows in their order, and how they were chosen; no words if there is room for all.
    """
    rows = (_UNIT_CELLS if name == "ablation.units" else _CELLS) // max(1, len(table.columns))
    if len(table) <= rows:
        return table, ""
    places, words = _along_curves(table, rows) or _strongest(table, rows, _SIZE.get(name))
    return Table(table.columns, table.data.take(np.sort(places))), words


def _along_curves(table: Table, rows: int) -> tuple[np.ndarray, str] | None:
    """Of curves over k keep where a control was measured, and the other k evenly."""
    if "k" not in table.names or len(np.unique(table.column("k"))) < _CURVE:
        return None
    controls = [
        c.name for c in table.columns if c.of and c.kind == "float64" and c.name[-2:] != "_p"
    ]
    k, whole = table.column("k"), np.zeros(len(table), bool)
    for name in controls:
        whole |= ~np.isnan(table.column(name).astype(float))
    whole = whole if whole.sum() <= rows else np.zeros(len(table), bool)
    sizes = np.unique(k[~whole])
    for step in range(1, len(sizes) + 1):
        kept = whole | np.isin(k, [*sizes[::-step], *sizes[:1]])
        if kept.sum() <= rows:
            return np.flatnonzero(kept), f"with a control and every {step}th other k"
    return None


def _strongest(table: Table, rows: int, by: str | None) -> tuple[np.ndarray, str]:
    """Keep what pages tell of, then the rows furthest from nothing.

    That is, in this order: whole kinds, the smallest first, so that a control that is told beside
    the rest is never counted in part, and what tells of whole sites; the first ranks; one row of
    every unit, its preferred class's where there is one; and the largest. A row's size is the
    first number that has an interval; where rows are of several scores, each is compared with its
    own.
    """
    columns = [c for c in table.columns if c.name != "se"]
    plain = [c.name for c in columns]
    # an angle has no size
    numbers = [c.name for c in columns if c.kind == "float64" and c.unit != "degrees"]
    if not numbers:
        return np.arange(rows), "that come first"
    bounded = [n for n in numbers if plain[plain.index(n) + 1 :][:1] in (["lo"], [f"{n}_lo"])]
    by = by if by in plain else [*bounded, *numbers][0]
    nothing = 0.5 if "auroc" in by else 0.0
    size = np.nan_to_num(np.abs(table.column(by).astype(float) - nothing), nan=-1.0)
    if "score" in plain:
        size = _shares(size, _groups(table, ["score"]))
    first, rank, one = _first(table, rows), _ranks(table), _one_of_each_unit(table, size)
    order = np.lexsort((-size, ~one, rank, ~first))[:rows]
    before = ["the first ranks"] * ("rank" in plain) + ["one of every unit"] * bool(one.any())
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
