"""Removes all units of one verdict together, beside random sets of as many units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses._contract import Context
from holistic.lenses._parts import with_q
from holistic.lenses.ablation._removal import Removal, remove_orders
from holistic.lenses.agreement import schemas
from holistic.lenses.agreement.removed_statements import statements
from holistic.lenses.agreement.schemas import RemovedTogether
from holistic.replacing.budget import afforded, replay_work
from holistic.replacing.controls import few_sets, random_sets
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.control import Control
from holistic.stats.intervals import paired_accuracy_interval
from holistic.study.subject import Subject

__all__ = ["remove_together"]

_SETS = 200
_LEAST = 20
"""Sets that are compared with at least."""
_BUDGET, _MOST = 2e11, 8e11
"""Multiplications that a site's sets may cost, and those from which on examples are fewer."""
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
    rows = list[RemovedTogether]()
    for done, site in enumerate(subject.hidden_sites, 1):
        here = verdicts.where(site=site.name)
        units, words = here.column("unit").astype(np.int64), here.column("verdict")
        chosen = {
            kind: np.sort(units[np.isin(words.astype(str), own)]) for kind, own in _KINDS.items()
        }
        rows += _site_rows(subject, site, chosen)
        context.progress("removing units together", done, len(subject.hidden_sites))
    drops = with_q([row.drop for row in rows])
    rows = [replace(row, drop=drop) for row, drop in zip(rows, drops, strict=True)]
    table = Table.from_rows(RemovedTogether, rows)
    return Finding(schemas.REMOVED, table, tuple(statements(rows, _TOGETHER)), _CAVEATS)


_CAVEATS = (
    "A verdict is of a unit by itself, with all others in place. Units that stand in for each "
    "other are called 'neither' one by one and can be needed together.",
    "The verdicts rest on the evaluation split, so sets are removed on the selection split: the "
    "accuracy before differs a little from that of other findings.",
    "Removed units hold their class-balanced means over the selection split, as in `ablation`.",
)


def _site_rows(
    subject: Subject, site: Site, chosen: dict[str, np.ndarray]
) -> Iterator[RemovedTogether]:
    seen = set[tuple[int, ...]]()
    for kind, units in chosen.items():
        if not len(units) or tuple(units) in seen:
            continue
        seen.add(tuple(units))
        own = _removed(subject, site, units[None])
        lost, gained = own.lost[0, 1].sum(), own.gained[0, 1].sum()
        right, count = own.right.sum(), own.count.sum()
        low, high = paired_accuracy_interval(lost, gained, count)
        drop = Estimate(float((lost - gained) / count), float(-high), float(-low))
        orders, every = _others(subject, site, units)
        yield RemovedTogether(
            site=site.name,
            units_that=kind,
            removed=len(units),
            accuracy_before=float(right / count),
            accuracy_after=float((right - lost + gained) / count),
            drop=_against_others(subject, site, orders, drop),
            sets=len(orders),
            every_set=every,
            n=int(count),
        )


def _others(subject: Subject, site: Site, units: np.ndarray) -> tuple[np.ndarray, bool]:
    """Random sets of as many units, `[O, K]`, and whether they are all that the site has."""
    cost = affordable_examples(subject, site) * replay_work(subject, site) * len(_KINDS)
    most, own = afforded(_BUDGET, cost, least=_LEAST, most=_SETS), {site.name: units.tolist()}
    drawn = random_sets(own, lambda _: site, most, subject.seed)
    orders = np.array([one[site.name] for one in drawn], np.int64).reshape(len(drawn), len(units))
    return orders, few_sets({site.name: len(units)}, lambda _: site, most)


def affordable_examples(subject: Subject, site: Site) -> int:
    """Selection examples on which sets are removed: all, but where the model is very costly."""
    cost = _LEAST * replay_work(subject, site) * len(_KINDS)
    whole = len(subject.selection)
    return min(whole, afforded(_MOST, cost, least=5 * len(subject.classes), most=whole))


def _against_others(subject: Subject, site: Site, orders: np.ndarray, drop: Estimate) -> Estimate:
    """Compare a drop with those of other sets of as many units, where there are any."""
    if not len(orders) or drop.value is None:
        return drop
    removal = _removed(subject, site, orders)
    drops = (removal.lost[:, 1] - removal.gained[:, 1]).sum(1) / removal.count.sum()
    found = Control.of(drops, drop.value, alternative="less")
    control, lo, hi, p = map(float, (found.mean, found.lo, found.hi, found.p))
    return replace(drop, control=control, control_lo=lo, control_hi=hi, p=p)


def _removed(subject: Subject, site: Site, orders: np.ndarray) -> Removal:
    sizes = [orders.shape[1]]
    some = subject.selection.sample(affordable_examples(subject, site), seed=subject.seed)
    return remove_orders(subject, site, orders, sizes=sizes, examples=some, edit="mean")
