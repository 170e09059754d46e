"""Says where a run has too few random sets to find any loss, whatever was lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from holistic.lenses.ablation.highlights import Removed
from holistic.results.folder import Folder
from holistic.results.tables import Table
from holistic.stats.families import least_q
from holistic.stats.intervals import wilson
from holistic.words import named, number

__all__ = ["Limit", "beyond", "cannot_tell", "limit_of", "limits", "measured_on", "orders_help"]

_LEVEL = 0.05
_SLACK = 1e-9
_MOST = 10_000
"""The most sets that can be asked for."""


@dataclass(frozen=True)
class Limit:
    """How small p can be at one site and size, and in how large a family of tests.

    `own` of the `tests` are of this site, of whose units so many sets `exist`.
    """

    p: float
    tests: int
    own: int
    exist: float

    @property
    def alone(self) -> float:
        """The least q of one test that stands alone."""
        return least_q(self.p, self.tests)

    @property
    def every(self) -> bool:
        """Whether all sets were tried."""
        return self.exist * self.p <= 1 + _SLACK

    @property
    def wanted(self) -> int:
        """Sets with which one test alone can be significant; 0 where there can't be so many."""
        # (1 + b) / (1 + B) of that many sets, times the tests, is below the level
        sets = round(self.tests / _LEVEL)
        return sets if sets <= min(self.exist, _MOST) else 0

    @property
    def help(self) -> str:
        """Say what would let one test alone be significant; empty where nothing does."""
        ways = ["more `sets`"] if self.wanted else []
        if self.own < self.tests and least_q(self.p, self.own) < _LEVEL:
            ways.append("fewer sites")
        return f"; {' or '.join(ways)} help" if ways else ""


def limits(audit: Folder) -> dict[tuple[str, int], Limit]:
    """Return the limits of the tests that are spoken of first, by site and number of units."""
    table = audit["ablation.topk"]
    if not {"least_p", "rank"} <= set(table.names):
        return {}
    found = dict[tuple[str, int], Limit]()
    sites = audit["sites"].rows() if "sites" in audit else ()
    units = {row["site"]: row["units"] for row in sites}
    spoken = Table(table.columns, table.data.filter(~np.isnan(_floats(table, "rank"))))
    for k, ranking in {(int(row["k"]), row["ranking"]) for row in spoken.rows()}:
        family = table.where(k=k, ranking=ranking)
        for site in np.unique(spoken.where(k=k, ranking=ranking).column("site")):
            exist = comb(units[site], k) if site in units else np.inf
            if own := limit_of(family, str(site), exist):
                found[str(site), k] = own
    return found


def limit_of(family: Table, site: str, exist: float) -> Limit | None:
    """Return the limit of a site's tests in their family; None where it has none.

    Parameters
    ----------
    family
        Rows of `ablation.topk` with the same number of units and ranking.
    site, exist
        One of their sites, and how many sets of so many of its units there are.
    """
    rows = family.where(site=site)
    least = _floats(rows, "least_p")
    if not np.isfinite(least).any():
        return None
    return Limit(float(np.nanmin(least)), _tests(family), _tests(rows), exist)


def _tests(rows: Table) -> int:
    return int(np.isfinite(_floats(rows, "class_p")).sum())


def _floats(table: Table, name: str) -> np.ndarray:
    return table.column(name).astype(float)


def beyond(row: Removed) -> float:
    """Return what a class loses beyond what random units cost it."""
    return row.drop - (row.before - row.random_after)


def cannot_tell(audit: Folder, removed: Sequence[Removed]) -> str:
    """Say that no loss could be significant alone, which is the largest, and what would help.

    Nothing where some loss is significant, or where random units surely cost as much in more than
    5 % of the sets, so that no larger number of them would make a loss significant.
    """
    bounds = limits(audit)
    known = [(r, bounds[r.site, r.k]) for r in removed if (r.site, r.k) in bounds]
    if any(row.q < _LEVEL for row, _ in known):
        return ""
    open_ = [(row, limit) for row, limit in known if limit.alone >= _LEVEL and _open(row, limit)]
    if not open_:
        return ""
    row, limit = max(open_, key=lambda pair: beyond(pair[0]))
    begin = "Too few sets of units exist to tell" if limit.every else "Too few sets to tell"
    lost, random = (number(100 * v, "z.1f") for v in (row.drop, row.before - row.random_after))
    return (
        f"{begin}: {named(row.class_)} loses {lost} points without its top "
        f"unit{'s' * (row.k != 1)}, {random} without "
        f"{'a random one' if row.k == 1 else 'random ones'}{limit.help}."
    )


def _open(row: Removed, limit: Limit) -> bool:
    """Whether a class loses, and maybe more than 95 % of all random sets cost it."""
    if not (row.drop > 0 and beyond(row) > 0 and np.isfinite(row.p)):
        return False
    as_large, sets = (max(0, round(v / limit.p) - 1) for v in (row.p, 1.0))
    return not sets or float(wilson(min(as_large, sets), sets)[0]) < _LEVEL


def orders_help(audit: Folder, tests: int) -> str:
    """Say what would help where random orders of whole curves are too few; else nothing."""
    sets = (audit.provenance.get("settings", {}).get("ablation") or {}).get("sets")
    if not sets or not tests or least_q(1 / (1 + sets), tests) < _LEVEL:
        return ""
    return "; more `sets` help"


def measured_on(audit: Folder) -> str:
    """Say on how many of the evaluation examples sets were removed; empty where on all.

    Sites that are costly to replay are measured on fewer.
    """
    total = audit.provenance.get("counts", {}).get("evaluation")
    counts = audit["ablation.topk"].where(rank=1).column("n").astype(int)
    if not total or not len(counts) or counts.min() >= total:
        return ""
    low, high = int(counts.min()), int(counts.max())
    return f"on {low:,}{f' to {high:,}' if high > low else ''} of {total:,} examples"
