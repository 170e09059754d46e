"""Removes units in random orders and shares the score out among them: Shapley values."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from holistic.graph.engine import Stage
from holistic.graph.loops import batches, replays
from holistic.graph.sites import Site
from holistic.lenses.ablation import Ablation, schemas
from holistic.lenses.ablation._budget import SHAPLEY_GROUPS, afforded_rows, measured_sites
from holistic.lenses.ablation.schemas import ShapleyValue
from holistic.lenses.ablation.shapley_statements import share_statement
from holistic.pieces import every, kept
from holistic.progress import Progress
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.means import Means
from holistic.stats.tests import benjamini_hochberg
from holistic.study.examples import Examples
from holistic.study.scores import resolution
from holistic.study.subject import Subject
from holistic.words import percent, unbounded

__all__ = ["Shares", "sample_shares", "share_means", "share_out"]

_EXAMPLES = 64
_STEPS = 16
"""Removals that are scored at once."""
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Shares:
    """Shapley values estimated by groups of orders, each on examples of its own.

    Attributes
    ----------
    groups
        `[G, U, C + 1]`, mean contribution of each unit; NaN for classes without an example in the
        group. No example is in two groups, so that groups are independent draws of both.
    orders
        Orders of removal, over all groups.
    truncated
        Share of the removals that were cut off.
    seen
        `[C + 1]`, different examples that were replayed, of each class and in all.
    """

    groups: np.ndarray
    orders: int
    truncated: float
    seen: np.ndarray


def share_out(subject: Subject, lens: Ablation, units: Table, progress: Progress) -> Finding:
    """Estimate Shapley values of every hidden unit by permutation sampling.

    References
    ----------
    Ghorbani & Zou 2020, Neuron Shapley; Castro, Gómez & Tejada 2009, the sampling estimator.
    """
    sites, dear = measured_sites(subject, lens, "shares")
    parts, shares = list[dict[str, np.ndarray]](), list[Shares]()
    for done, site in enumerate(sites):
        progress("shares of units", done, len(sites))
        found = sample_shares(subject, site, lens)
        parts.append(_site_columns(subject, site, found, units.where(site=site.name)))
        shares.append(found)
    progress("shares of units", len(sites), len(sites))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    table = Table.build(ShapleyValue, {**columns, "q": benjamini_hochberg(columns["p"])})
    return Finding(
        schemas.SHAPLEY,
        table,
        tuple(
            share_statement(subject, site, found, table.where(site=site.name, class_="all"))
            for site, found in zip(sites, shares, strict=True)
        ),
        (
            "The shares of a site add up to the score with all its units minus that with none "
            f"of them, short of at most {percent(lens.truncation, decimals=0)} that truncated "
            "orders leave out.",
            "Each group of orders sees examples that no other group sees, so that intervals cover "
            "both: the orders drawn, and the examples drawn.",
            *dear,
            *unbounded(int(np.isnan(columns["lo"]).sum()), len(table), "shares"),
        ),
    )


def sample_shares(subject: Subject, site: Site, lens: Ablation) -> Shares:
    """Remove the units of a site in random orders, each group of orders on a fold of examples."""
    rng = np.random.default_rng([subject.seed, site.depth, 5])
    size, each = _batch_size(subject, site, lens)
    examples = subject.evaluation.sample(size * SHAPLEY_GROUPS, seed=subject.seed + 7919)
    labels = examples.labels.cpu().numpy()
    # at random, not class by class: then folds differ as other examples of the data would
    folds = np.array_split(rng.permutation(len(examples)), min(SHAPLEY_GROUPS, len(examples)))
    drawn = [np.stack([rng.permutation(site.units) for _ in range(each)]) for _ in folds]
    asked = (
        (subject, site, examples.at(np.sort(fold)), orders, lens)
        for fold, orders in zip(folds, drawn, strict=True)
    )
    found = [part for parts in every(_of_fold, asked) for part in parts]
    groups, skipped = [shares for shares, _ in found], sum(left_out for _, left_out in found)
    orders = len(folds) * each
    count = np.bincount(labels, minlength=len(subject.classes))
    seen = np.append(count, count.sum())
    return Shares(np.stack(groups), orders, skipped / (orders * site.units), seen)


def _batch_size(subject: Subject, site: Site, lens: Ablation) -> tuple[int, int]:
    """Examples, and orders, of one group: as many orders as examples are few, where afforded."""
    allowed = afforded_rows(subject, site, lens) / (SHAPLEY_GROUPS * site.units)
    orders = max(1, lens.permutations // SHAPLEY_GROUPS)
    whole = -(-len(subject.evaluation) // SHAPLEY_GROUPS)
    least = min(2 * len(subject.classes), whole)
    size = max(least, min(_EXAMPLES, whole, int(allowed / orders)))
    return size, max(1, min(orders * _EXAMPLES // size, int(allowed / size)))


@kept
def _of_fold(
    subject: Subject, site: Site, some: Examples, orders: np.ndarray, lens: Ablation
) -> list[tuple[np.ndarray, int]]:
    """What each batch of a fold's examples gives, as `_contributions` returns it."""
    return [
        _contributions(subject, batch.stage, some.labels[batch.rows], orders, lens.truncation)
        for batch in replays(subject, site, some.images, lens.edit)
    ]


@kept
def _contributions(
    subject: Subject, stage: Stage, labels: Tensor, orders: np.ndarray, tolerance: float
) -> tuple[np.ndarray, int]:
    """Mean contribution of each unit `[U, C + 1]` over the orders, and removals left out."""
    classes, units = len(subject.classes), orders.shape[1]
    means = _class_weights(labels, classes)  # [B, C + 1]
    before = subject.score_of(stage.base, labels).double()
    (_, none), *_ = stage.sets(torch.ones(1, units, dtype=torch.bool))
    bare = subject.score_of(none[0], labels).double()
    near = tolerance * float((before - bare).abs().mean())
    # of an accuracy only means of equal scores round
    least = _ROUNDING if subject.score == "accuracy" else float(resolution(stage.base).mean())
    shares, made = np.zeros((units, classes + 1)), 0
    for rows in batches(len(orders), stage.copies):
        some = orders[rows]
        value = (before @ means).expand(1, len(some), -1).cpu().numpy()  # [1, O', C + 1]
        going, steps = np.ones((1, len(some)), dtype=bool), stage.orders(torch.from_numpy(some))
        for part in batches(units, _STEPS):
            if not going[-1].any():
                break
            logits = torch.stack([step for _, _, step in islice(steps, _STEPS)])  # [S, O', B, C]
            many = labels.repeat(logits.shape[0] * logits.shape[1])
            after = subject.score_of(logits.flatten(0, 2), many).double().view(logits.shape[:3])
            value = np.concatenate([value[-1:], (after @ means).cpu().numpy()])
            far = ((after - bare).abs().mean(2) > near).cpu().numpy()
            going = np.logical_and.accumulate(np.concatenate([going[-1:], far]))
            lost = np.where(going[:-1, :, None], value[:-1] - value[1:], 0)
            lost[np.abs(lost) <= least] = 0
            np.add.at(shares, some[:, part].T, lost)
            made += int(going[:-1].sum())
    return shares / len(orders), orders.size - made


def _class_weights(labels: Tensor, classes: int) -> Tensor:
    """Weights `[B, C + 1]` averaging over each class's examples and over all; NaN for none."""
    onehot = torch.nn.functional.one_hot(labels, classes).double()
    onehot = torch.cat([onehot, torch.ones(len(labels), 1, dtype=torch.float64)], 1)
    return onehot / onehot.sum(0)


def share_means(groups: np.ndarray) -> Means:
    """Means `[U, C + 1]` over those groups that have examples of the class."""
    columns = [groups[:, :, c] for c in range(groups.shape[2])]
    return Means.stack([Means.of(own[~np.isnan(own).any(1)].T) for own in columns])


def _site_columns(
    subject: Subject, site: Site, found: Shares, units: Table
) -> dict[str, np.ndarray]:
    means, names = share_means(found.groups), np.array([*subject.classes, "all"])
    mean, (lo, hi) = means.mean, means.interval()
    columns = {
        "shapley": mean,
        "se": np.sqrt(means.variance / np.maximum(means.count, 1)),
        "lo": lo,
        "hi": hi,
        "shapley_expected": np.broadcast_to(mean.mean(0), mean.shape),
        "p": means.p(),
    }
    rows = mean.size
    return {
        "site": np.repeat(np.array([site.name]), rows),
        "unit": np.repeat(np.arange(site.units), len(names)),
        "class": np.tile(names, site.units),
        **{name: values.reshape(-1) for name, values in columns.items()},
        "effect": units.column("effect"),
        "orders": np.full(rows, found.orders),
        "truncated": np.full(rows, found.truncated),
        "n": np.tile(found.seen, site.units),
    }
