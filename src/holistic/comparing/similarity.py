"""Compares how every two sites of every two audits lay out the same examples."""

from __future__ import annotations

import numpy as np

from holistic.comparing._compared import Compared, Pair
from holistic.comparing.schemas import SIMILARITY, Similar
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.agreement import debiased_cka
from holistic.stats.jackknife import jackknifed

__all__ = ["Alike", "similarity"]

Alike = dict[tuple[str, str, str], str]
"""By two audits and a site of the first, the site of the second that it is compared with."""
_MOST = 300
"""Examples that similarities are measured on."""


def similarity(compared: Compared, *, seed: int) -> tuple[Finding, Alike]:
    """Return `compare.similarity`, and which sites belong together.

    A site belongs to that at the same place, and else to the most similar one.
    """
    rows, alike = list[Similar](), Alike()
    for pair in compared.pairs:
        own = list(_of_pair(compared, pair, seed))
        rows += own
        ours, theirs = ({v: k for k, v in places.items()} for places in pair.places)
        for site in dict.fromkeys(row.site_a for row in own):
            near = [row for row in own if row.site_a == site and row.cka.value is not None]
            best = max(near, key=lambda row: row.cka.value or 0.0, default=None)
            if any(row.site_a == row.site_b == site for row in own):
                alike[*pair.names, ours[site]] = theirs[site]
            elif best is not None:
                alike[*pair.names, ours[site]] = theirs[best.site_b]
    return Finding(SIMILARITY, Table.from_rows(Similar, rows)), alike


def _of_pair(compared: Compared, pair: Pair, seed: int) -> list[Similar]:
    ours, theirs = compared.hidden(pair.first), compared.hidden(pair.second)
    rows = list[Similar]()
    for i, site in enumerate(ours):
        for j, other in enumerate(theirs):
            one, two, _ = pair.values(i, j)
            places = pair.places[0][site], pair.places[1][other]
            rows.append(Similar(*pair.names, *places, _cka(one[:_MOST], two[:_MOST], seed)))
    return rows


def _cka(one: np.ndarray, two: np.ndarray, seed: int) -> Estimate:
    if len(one) < 20:
        return Estimate(None)
    found = jackknifed(
        lambda rows: debiased_cka(one[rows], two[rows]), len(one), limits=(-1.0, 1.0), seed=seed
    )
    shuffled = np.random.default_rng(seed).permutation(len(one))
    control = debiased_cka(one, two[shuffled])
    return Estimate(found.value, found.lo, found.hi, len(one), control)
