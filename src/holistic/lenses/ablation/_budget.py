"""Decides on how many examples, and at how many sizes, a site's curves are measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from holistic.errors import listed
from holistic.graph.edits import edit_names
from holistic.graph.sites import Site
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation._rankings import RANKINGS
from holistic.replacing.budget import afforded, sample_stage
from holistic.stats.control import band
from holistic.study.examples import Examples
from holistic.study.optimal import searched_rows
from holistic.study.subject import Subject

__all__ = [
    "SHAPLEY_GROUPS",
    "Extent",
    "afforded_examples",
    "afforded_rows",
    "between",
    "extent",
    "measured_sites",
    "order_rows",
    "random_range",
]

_GRIDS = ((1, 2, 3, 5, 7, 10, 14, 20, 30, 50, 70, 100, 140, 200), (1, 3, 10, 30, 100))
_MATCHED = (1, 5, 10)
_HEADLINE = 10
Kind = Literal["ablation values", "curves", "backups", "shares"]
SHAPLEY_GROUPS = 20
"""Groups of orders, each with examples of its own, that shares are estimated from."""
_FULL_SITES = 3
"""Sites that have the whole budget each; more share what three have."""


@dataclass(frozen=True)
class Extent:
    """What is measured at one site.

    Attributes
    ----------
    sizes
        Numbers of units, 1 or more, that are removed together.
    matched
        Those of them that are compared with sets of like activation.
    examples
        The evaluation examples, or some of them.
    caveat
        What was left out, or empty.
    """

    sizes: tuple[int, ...]
    matched: tuple[int, ...]
    examples: Examples
    caveat: str = ""


def extent(subject: Subject, site: Site, lens: Ablation) -> Extent:
    """Everything if the budget allows it; else fewer sizes, and then fewer examples."""
    depth = min(lens.depth, site.units)
    # larger sets leave too few other units to match them with
    matched = tuple(k for k in _MATCHED if k <= min(depth, site.units // 2))
    whole = Extent(tuple(range(1, depth + 1)), matched, subject.evaluation)
    if _allowed(subject, site, lens, whole) >= len(subject.evaluation):
        return whole
    some, allowed, least = whole, 0, 2 * max(lens.fewest, len(subject.classes))
    for grid in _GRIDS:
        if allowed < least:
            sizes = (*(k for k in grid if k < depth), depth)
            few = tuple(k for k in matched if k <= _HEADLINE and k in sizes)[-1:]
            some = Extent(sizes, few, whole.examples)
            allowed = _allowed(subject, site, lens, some)
    examples = subject.evaluation.sample(max(allowed, least), seed=subject.seed)
    caveat = _caveat(subject, site, examples, some.sizes)
    return Extent(some.sizes, some.matched, examples, caveat)


def afforded_examples(subject: Subject, site: Site, lens: Ablation, replays: float) -> Examples:
    """Stratified evaluation examples for a measurement that replays each of them so many times.

    At most `lens.examples` of them, and fewer where the site's part of `lens.extra` would be
    passed, but never fewer than `lens.fewest` or two of each class.
    """
    rows, least = afforded_rows(subject, site, lens), _fewest(subject, lens)
    count = afforded(rows, replays, least=least, most=lens.examples)
    return subject.evaluation.sample(count, seed=subject.seed)


def afforded_rows(subject: Subject, site: Site, lens: Ablation) -> float:
    """Replayed rows in a site's part of `lens.extra`, which all hidden sites share evenly."""
    cost = sample_stage(subject, site).row_cost
    return lens.extra * 1e9 / len(subject.hidden_sites) / cost


def measured_sites(
    subject: Subject, lens: Ablation, kind: Kind
) -> tuple[tuple[Site, ...], tuple[str, ...]]:
    """Sites at which a further measurement isn't too dear, and a caveat that names the others.

    The cheapest site is always among them.
    """
    sites = subject.hidden_sites
    over = [
        _least_rows(subject, site, lens, kind) / max(afforded_rows(subject, site, lens), 1e-9)
        for site in sites
    ]
    most = max(lens.overrun, min(over))
    kept = tuple(site for site, times in zip(sites, over, strict=True) if times <= most)
    dear = [site.name for site, times in zip(sites, over, strict=True) if times > most]
    if not dear:
        return kept, ()
    return kept, (
        f"Not measured at {listed(dear, 20)}: even on the fewest examples it would cost more than "
        f"{lens.overrun:g} times what `extra` allows; a larger `overrun` measures it there, too.",
    )


def _least_rows(subject: Subject, site: Site, lens: Ablation, kind: Kind) -> float:
    """Rows that a measurement replays at a site on the fewest examples."""
    fewest, units = _fewest(subject, lens), site.units
    if kind == "ablation values":
        search = searched_rows(units, sample_stage(subject, site).row_cost)
        return fewest * units * len(edit_names()) + search
    if kind == "curves":
        return fewest * 3 * lens.sets * order_rows(subject, site, units, 2)
    if kind == "backups":
        gone = 2 * min(lens.partners, units)
        return fewest * gone * units * order_rows(subject, site, 2, 1)
    return SHAPLEY_GROUPS * units * min(2 * len(subject.classes), len(subject.evaluation))


def _fewest(subject: Subject, lens: Ablation) -> int:
    return max(lens.fewest, 2 * len(subject.classes))


def order_rows(subject: Subject, site: Site, length: int, sizes: int) -> float:
    """Replayed rows that cost as much as one order of a site's units with logits at some sizes."""
    stage = sample_stage(subject, site)
    return stage.order_cost(length, sizes) / stage.row_cost


def _allowed(subject: Subject, site: Site, lens: Ablation, whole: Extent) -> int:
    """Examples that the budget of bytes allows for the curves and both controls."""
    stage = sample_stage(subject, site)
    orders = lens.sets + len(RANKINGS) * len(subject.classes)
    curves = min(orders * len(whole.sizes), 2 ** min(site.units, 62))
    # each class has its own matched sets, but only its own examples see them
    matched = min(lens.sets * len(RANKINGS) * len(whole.matched), 2 ** min(site.units, 62))
    share = min(1.0, _FULL_SITES / len(subject.hidden_sites))
    return int(share * lens.budget * 1e9 / ((curves + matched) * stage.row_cost))


def _caveat(subject: Subject, site: Site, examples: Examples, sizes: tuple[int, ...]) -> str:
    return (
        f"Site '{site.name}' is costly to replay: its curves are measured on {len(examples)} of "
        f"{len(subject.evaluation)} evaluation examples, stratified, and after "
        f"{', '.join(map(str, sizes))} units only; a larger `budget` measures more."
    )


def random_range(
    columns: Mapping[str, np.ndarray], value: str, by: Sequence[str]
) -> dict[str, np.ndarray]:
    """Columns that hold the middle 95 % of a value over the rows of kind 'random'.

    Every row has the bounds of the random rows that it shares the columns `by` with; NaN where
    there are none.
    """
    keys = list(zip(*(columns[name].tolist() for name in by), strict=True))
    drawn = defaultdict[tuple[Any, ...], list[float]](list)
    for key, kind, size in zip(keys, columns["kind"], columns[value], strict=True):
        if kind == "random" and np.isfinite(size):
            drawn[key].append(size)
    ends = {key: band(sizes) for key, sizes in drawn.items()}
    bounds = np.array([ends.get(key, (np.nan, np.nan)) for key in keys])
    return {f"control_{value}_lo": bounds[:, 0], f"control_{value}_hi": bounds[:, 1]}


def between(counts: np.ndarray) -> str:
    """Say on how many examples: one number where all counts are the same.

    >>> between(np.array([9, 9])), between(np.array([9.0, 12.0]))
    ('9', '9 to 12')
    """
    low, high = int(counts.min()), int(counts.max())
    return f"{low}" if low == high else f"{low} to {high}"
