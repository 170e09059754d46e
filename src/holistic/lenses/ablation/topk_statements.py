"""Which removals of sets of units should a reader hear of first?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation._rankings import Ranked
from holistic.lenses.ablation._removal import remove_orders
from holistic.results.tables import Table
from holistic.study.subject import Subject
from holistic.words import percent

__all__ = ["HEADLINE", "SiteLoss", "headline_size", "headlines", "site_loss", "site_ranks"]

HEADLINE = "effect"
"""The ranking that is spoken of first."""
_MOST = 10
_LINES = 10
_OTHER = "class_minus_rest"


def headline_size(sizes: Sequence[int], units: int, most: int = _MOST) -> int:
    """Choose how many of a site's units are spoken of: ten, but no more than half of them.

    >>> headline_size([0, 1, 2, 5, 10, 20], 16), headline_size([0, 1, 2, 5, 10, 20], 256)
    (5, 10)
    """
    return max(k for k in sizes if k <= max(1, min(most, units // 2)))


@dataclass(frozen=True)
class SiteLoss:
    """What classes lose on the selection split without their top k units of one site.

    Attributes
    ----------
    k
        Units that are removed together.
    drop, effect
        `[C]`, share of the class's examples that are lost, and the sum of the units' effects
        alone, which decides between equal drops. NaN for a class without examples.
    """

    k: int
    drop: np.ndarray
    effect: np.ndarray


def site_loss(subject: Subject, site: Site, lens: Ablation, ranked: Ranked, k: int) -> SiteLoss:
    """Remove each class's top k units on the class's own examples of the selection split."""
    orders = ranked.by(HEADLINE)[:, :k]
    some = subject.selection.sample(lens.examples, seed=subject.seed)
    labels, drop = some.labels.cpu().numpy(), np.full(len(orders), np.nan)
    for c, order in enumerate(orders):
        own = some.at(np.flatnonzero(labels == c))
        if len(own):
            removal = remove_orders(
                subject, site, order[None], sizes=(k,), examples=own, edit=lens.edit
            )
            drop[c] = (removal.lost - removal.gained)[0, 1, c] / len(own)
    effects = np.take_along_axis(ranked.effects, orders, 1).sum(1)
    return SiteLoss(k, drop, effects)


def site_ranks(losses: Sequence[SiteLoss]) -> np.ndarray:
    """Places of the sites for each class, `[sites, C]` from 1 on: 1 where it loses most."""
    drops = np.stack([-np.nan_to_num(loss.drop) for loss in losses])
    effects = np.stack([np.nan_to_num(loss.effect) for loss in losses])
    order = np.lexsort((effects, drops), axis=0)  # [sites, C]
    return order.argsort(0) + 1


def headlines(table: Table) -> tuple[str, ...]:
    """Say what every class loses at the site where the selection split says that it loses most.

    Where there are many classes, only those that lose most are told.
    """
    first = table.where(rank=1)
    others = table.where(ranking=_OTHER)
    pairs = [
        (row, next(others.where(site=row["site"], class_=row["class"], k=row["k"]).rows()))
        for row in first.rows()
        if row["class_n"]
    ]
    pairs.sort(key=lambda pair: -pair[0]["class_drop"])
    lines = [_class_line(row, other) for row, other in pairs[:_LINES]]
    lines = [line[0].upper() + line[1:] for line in lines]
    if lines:
        row, other = pairs[0]
        lines[0] = (
            f"Of {len(pairs)} classes, each without its top units of the site that the selection "
            f"split chose for it, class {row['class']} loses most on these examples: "
            f"{_class_line(row, other)}"
        )
    return tuple(lines)


def _class_line(row: dict[str, Any], other: dict[str, Any]) -> str:
    before, k, sets = row["class_accuracy_before"], row["k"], row["sets"]
    line = (
        f"without its top {k} units of site '{row['site']}' (ranked by effect; {_needed(row)}) the "
        f"accuracy of class {row['class']} goes from {percent(before)} to {_after(row, 'class')} "
        f"(n = {row['class_n']}), ranked by class minus rest to {_after(other, 'class')}"
    )
    if row["class_p"] is not None:
        every = sets * row["least_p"] >= 1 - 1e-9
        line += (
            f"; {'all ' if every else ''}{sets} {'' if every else 'random '}sets of {k}: "
            f"{_after(row, 'class_control')}, p = {row['class_p']:.2g}, q = {row['class_q']:.2g}"
        )
    if row["class_matched_p"] is not None:
        line += (
            f"; sets of like activation: {_after(row, 'class_matched')}, "
            f"p = {row['class_matched_p']:.2g}, q = {row['class_matched_q']:.2g}"
        )
    return line + "".join(_doubt(row)) + "."


def _doubt(row: dict[str, Any]) -> Iterator[str]:
    """Say plainly where the two ways to be sure disagree."""
    if row["class_q"] is not None and row["class_q"] < 0.05 and row["class_lo"] <= 0:
        yield (
            "; more than random sets cost, and yet on other images of the class the loss may be "
            "none, since its interval holds 0"
        )


def _needed(row: dict[str, Any]) -> str:
    """Say how many of the units fire on the class, and how many it needs silent."""
    fires, k = row["firing"], row["k"]
    if fires in (0, k):
        return f"{'it' if k == 1 else 'all'} {'firing on it' if fires else 'silent on it'}"
    return f"{fires} firing on it, {k - fires} silent"


def _after(row: dict[str, Any], kind: str) -> str:
    """Accuracy afterwards with its interval, or over control sets with their 95 % range."""
    before = row["class_accuracy_before"]
    drop, lo, hi = (row[f"{kind}_{name}"] for name in ("drop", "lo", "hi"))
    ends = (min(max(before - end, 0.0), 1.0) for end in (drop, hi, lo))
    return percent(*ends)
