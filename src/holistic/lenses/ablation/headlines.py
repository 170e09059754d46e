"""Which removals of sets of units should a reader hear of first?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from holistic.tables import Table
from holistic.words import percent

__all__ = ["headline_size", "headlines"]

_MOST = 10
_LINES = 10
_RANKING, _OTHER = "effect", "class_minus_rest"


def headline_size(sizes: Sequence[int], units: int) -> int:
    """Choose how many of a site's units are spoken of: ten, but no more than half of them.

    >>> headline_size([0, 1, 2, 5, 10, 20], 16), headline_size([0, 1, 2, 5, 10, 20], 256)
    (5, 10)
    """
    return max(k for k in sizes if k <= max(1, min(_MOST, units // 2)))


def headlines(table: Table, sets: int, units: Mapping[str, int]) -> tuple[str, ...]:
    """Say which class loses most at each site, then what every class loses at the second site.

    Where there are many classes, only those that lose most there are told.
    """
    sites = list(dict.fromkeys(table.column("site").tolist()))
    lines = [_site_line(_worst_first(table, site, units), sets) for site in sites]
    # the class that loses most there is told already
    others = _worst_first(table, sites[min(1, len(sites) - 1)], units)[1:_LINES]
    told = (_class_line(row, other, sets) for row, other in others)
    return (*lines, *(line[0].upper() + line[1:] for line in told))


_Pair = tuple[dict[str, Any], dict[str, Any]]


def _worst_first(table: Table, site: str, units: Mapping[str, int]) -> list[_Pair]:
    """Rows of the two rankings for each class, the class that loses most in front."""
    rows = table.where(site=site)
    rows = rows.where(k=headline_size(rows.column("k").tolist(), units[site]))
    both = (list(rows.where(ranking=name).rows()) for name in (_RANKING, _OTHER))
    pairs = [pair for pair in zip(*both, strict=True) if pair[0]["class_n"]]
    return sorted(pairs, key=lambda pair: -pair[0]["class_drop"])


def _site_line(pairs: list[_Pair], sets: int) -> str:
    row, other = pairs[0]
    return (
        f"Of {len(pairs)} classes, class {row['class']} loses most on these examples: "
        f"{_class_line(row, other, sets)}"
    )


def _class_line(row: dict[str, Any], other: dict[str, Any], sets: int) -> str:
    before, k = row["class_accuracy_before"], row["k"]
    line = (
        f"without its top {k} units of site '{row['site']}' (ranked by effect) the accuracy of "
        f"class {row['class']} goes from {percent(before)} to {_after(row, 'class')} "
        f"(n = {row['class_n']}), ranked by class minus rest to {_after(other, 'class')}; "
        f"{sets} random sets of {k}: {_after(row, 'class_control')}, p = {row['class_p']:.2g}"
    )
    if row["class_matched_p"] is not None:
        line += (
            f"; {sets} sets of like activation: {_after(row, 'class_matched')}, "
            f"p = {row['class_matched_p']:.2g}"
        )
    return line + "."


def _after(row: dict[str, Any], kind: str) -> str:
    """Accuracy afterwards with its interval, or over control sets with their 95 % range."""
    before = row["class_accuracy_before"]
    drop, lo, hi = (row[f"{kind}_{name}"] for name in ("drop", "lo", "hi"))
    ends = (min(max(before - end, 0.0), 1.0) for end in (drop, hi, lo))
    return percent(*ends)
