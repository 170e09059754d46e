"""What is lost when all units of one verdict are removed together?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses._contract import Context
from holistic.lenses.ablation._removal import Removal, remove_orders
from holistic.lenses.agreement import schemas
from holistic.lenses.agreement.schemas import RemovedTogether
from holistic.lenses.tracing._work import affordable, replay_work
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.intervals import paired_accuracy_interval
from holistic.stats.tests import benjamini_hochberg, permutation_p
from holistic.study.subject import Subject
from holistic.words import percent

__all__ = ["remove_together"]

_SETS = 200
_BUDGET = 2e11
"""Multiplications that the random sets of one site may take, over all its rows."""
_TOGETHER = "not causal"
_KINDS = {
    "neither": ("neither",),
    "selective, not causal": ("selective, not causal",),
    "dead": ("dead",),
    _TOGETHER: ("neither", "selective, not causal", "dead"),
}
"""What is removed together: the units of which no class depends on any one by itself."""


def remove_together(subject: Subject, verdicts: Table, context: Context) -> Finding:
    """Remove the units that no class depends on, all at once, beside random sets of as many.

    Parameters
    ----------
    subject
        The model under study.
    verdicts
        `agreement.units`.
    context
        Told how many sites are done.

    Returns
    -------
    Finding
        `agreement.removed`.
    """
    rows = list[dict[str, Any]]()
    for done, site in enumerate(subject.hidden_sites, 1):
        told = verdicts.where(site=site.name)
        units, words = told.column("unit").astype(np.int64), told.column("verdict")
        chosen = {
            kind: np.sort(units[np.isin(words.astype(str), own)]) for kind, own in _KINDS.items()
        }
        rows += _site_rows(subject, site, chosen)
        context.progress("removing units together", done, len(subject.hidden_sites))
    q = benjamini_hochberg([row["p"] for row in rows])
    table = Table.from_rows(
        RemovedTogether, [RemovedTogether(**r, q=float(v)) for r, v in zip(rows, q, strict=True)]
    )
    return Finding(schemas.REMOVED, table, tuple(_statements(table)), _CAVEATS)


_CAVEATS = (
    "A verdict is of a unit by itself, with all others in place. Units that stand in for each "
    "other are called 'neither' one by one and can be needed together.",
    "Removed units hold their class-balanced means over the selection split, as in `ablation`.",
)


def _site_rows(
    subject: Subject, site: Site, chosen: dict[str, np.ndarray]
) -> Iterator[dict[str, Any]]:
    seen = set[tuple[int, ...]]()
    for kind, units in chosen.items():
        if not len(units) or tuple(units) in seen:
            continue
        seen.add(tuple(units))
        own = _removed(subject, site, units[None])
        lost, gained = own.lost[0, 1].sum(), own.gained[0, 1].sum()
        right, count = own.right.sum(), own.count.sum()
        low, high = paired_accuracy_interval(lost, gained, count)
        yield {
            "site": site.name,
            "units_that": kind,
            "removed": len(units),
            "accuracy_before": float(right / count),
            "accuracy_after": float((right - lost + gained) / count),
            "drop": float((lost - gained) / count),
            "lo": float(-high),
            "hi": float(-low),
            "n": int(count),
            **_beside(subject, site, len(units), float((lost - gained) / count)),
        }


def _beside(subject: Subject, site: Site, k: int, drop: float) -> dict[str, float]:
    """Remove random sets of as many units, of all units of the site."""
    names = ("control_drop", "control_lo", "control_hi", "p")
    if k >= site.units:
        return dict.fromkeys(names, float("nan"))
    cost = len(subject.selection) * replay_work(subject, site) * len(_KINDS)
    sets = affordable(_BUDGET, cost, least=20, most=_SETS)
    rng = np.random.default_rng([subject.seed, site.depth, k])
    orders = np.stack([rng.permutation(site.units)[:k] for _ in range(sets)])
    found = _removed(subject, site, orders)
    drops = (found.lost[:, 1] - found.gained[:, 1]).sum(1) / found.count.sum()
    p = permutation_p(drop, drops, alternative="less")
    values = (drops.mean(), *np.quantile(drops, (0.025, 0.975)), p)
    return dict(zip(names, map(float, values), strict=True))


def _removed(subject: Subject, site: Site, orders: np.ndarray) -> Removal:
    sizes = [orders.shape[1]]
    return remove_orders(
        subject, site, orders, sizes=sizes, examples=subject.selection, edit="mean"
    )


def _statements(table: Table) -> Iterator[str]:
    rows = list(table.rows())
    for site in dict.fromkeys(row["site"] for row in rows):
        here = {row["units_that"]: row for row in rows if row["site"] == site}
        row = here.get(_TOGETHER) or max(here.values(), key=lambda r: r["removed"])
        yield _said(row)
    if not rows:
        yield "Some class depends on every unit by itself: there is no set to remove together."


def _said(row: dict[str, Any]) -> str:
    control = percent(row["control_drop"], row["control_lo"], row["control_hi"])
    beside = (
        "" if row["control_drop"] is None
        else f"; as many random units of the site {control} (q = {row['q']:.2g})"
    )  # fmt: skip
    together = "; together they are needed" if row["lo"] > 0 else ""
    before, after = (percent(row[f"accuracy_{when}"]) for when in ("before", "after"))
    return (
        f"Removing together the {row['removed']} units of '{row['site']}' that are "
        f"{row['units_that']}, each by itself, costs {percent(row['drop'], row['lo'], row['hi'])} "
        f"of accuracy ({before} before, {after} after, n = {row['n']:,}){beside}{together}."
    )
