"""What share of the score is each unit's, averaged over all company that it may keep?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.findings import Finding
from holistic.graph.engine import Stage
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation.extents import afforded_rows
from holistic.lenses.ablation.pairs import site_stages
from holistic.progress import Progress
from holistic.scores import SCORE_UNITS, resolution
from holistic.sites import Site
from holistic.stats.agreement import Spearman, spearman
from holistic.stats.intervals import mean_interval
from holistic.stats.tests import benjamini_hochberg, mean_p
from holistic.subject import Subject
from holistic.tables import Table, col
from holistic.words import percent

__all__ = ["ShapleyValue", "Shares", "sample_shares", "share_out"]

_GROUPS = 20
_EXAMPLES = 64
_TOP = 10
_ROUNDING = 1e-12


@dataclass(frozen=True)
class ShapleyValue:
    """Row of `ablation.shapley`: one unit's share in a class's score."""

    site: str = col("site of the unit")
    unit: int = col("index of the unit in its site")
    class_: str = col("class of the examples; 'all' for every example", name="class")
    shapley: float = col(
        "mean score that the unit adds to the units still in place when the site's units are "
        "removed in random order; positive = the unit helps",
        unit="score",
        words="Shapley value, score that it adds",
    )
    se: float = col(
        "standard error, over orders and examples",
        unit="score",
        of="shapley",
        words="standard error",
    )
    lo: float = col("lower end of the 95 % interval", unit="score")
    hi: float = col("upper end of the 95 % interval", unit="score")
    shapley_expected: float = col(
        "the share of each unit if all had the same",
        unit="score",
        of="shapley",
        words="control (an equal share for every unit)",
    )
    p: float = col(
        "two-sided p of the t test over groups of orders",
        of="shapley",
        words="p (t over groups of orders, two-sided)",
    )
    q: float = col(
        "Benjamini-Hochberg q over all sites, units and classes",
        of="shapley",
        words="q over all sites, units and classes",
    )
    effect: float = col(
        "effect of removing it alone, from ablation.units",
        unit="score",
        words="effect of removing it alone",
    )
    orders: int = col("random orders of removal", of="shapley", words="random orders")
    truncated: float = col(
        "share of removals cut off because nothing was left to lose",
        unit="share",
        of="shapley",
        words="share of removals cut off",
    )
    n: int = col(
        "evaluation examples of the class that the orders saw in turn",
        unit="examples",
        of="shapley",
    )


@dataclass(frozen=True)
class Shares:
    """Shapley values estimated by groups of orders, each on examples of its own.

    Attributes
    ----------
    groups
        `[G, U, C + 1]`, mean contribution of each unit; NaN for classes without an example.
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
    sites, parts = subject.hidden_sites, list[dict[str, np.ndarray]]()
    for done, site in enumerate(sites):
        progress("shares of units", done, len(sites))
        parts.append(_site_columns(subject, site, lens, units.where(site=site.name)))
    progress("shares of units", len(sites), len(sites))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    table = Table.build(ShapleyValue, {**columns, "q": benjamini_hochberg(columns["p"])})
    return Finding(
        "ablation.shapley",
        table,
        tuple(_statement(subject, table.where(site=site.name)) for site in sites),
        (
            "The shares of a site add up to the score with all its units minus that with none "
            f"of them, short of at most {percent(lens.truncation, decimals=0)} that truncated "
            "orders leave out.",
            "Examples differ from group to group of orders, so the standard error covers both.",
        ),
    )


def sample_shares(subject: Subject, site: Site, lens: Ablation) -> Shares:
    """Remove the units of a site in random orders, a group of orders on each draw of examples."""
    rng = np.random.default_rng([subject.seed, site.depth, 5])
    examples, (size, each) = subject.evaluation, _batch_size(subject, site, lens)
    many = _GROUPS
    groups, skipped, seen = list[np.ndarray](), 0, set[int]()
    for group in range(many):
        some = examples.sample(size, seed=subject.seed + 7919 * (group + 1))
        orders = np.stack([rng.permutation(site.units) for _ in range(each)])
        for stage, labels, _ in site_stages(subject, site, some, lens.edit):
            shares, left_out = _contributions(subject, stage, labels, orders, lens.truncation)
            groups.append(shares)
            skipped += left_out
        seen.update(some.indices.tolist())
    orders = many * each
    labels = subject.labels[torch.tensor(sorted(seen))]
    count = np.bincount(labels.cpu().numpy(), minlength=len(subject.classes))
    seen_of = np.append(count, count.sum())
    return Shares(np.stack(groups), orders, skipped / (orders * site.units), seen_of)


def _batch_size(subject: Subject, site: Site, lens: Ablation) -> tuple[int, int]:
    """Examples, and orders, of one group: few orders only where few examples cost too much."""
    allowed = afforded_rows(subject, site, lens) / (_GROUPS * site.units)
    orders = max(1, lens.permutations // _GROUPS)
    least = min(2 * len(subject.classes), len(subject.evaluation))
    size = max(least, min(_EXAMPLES, len(subject.evaluation), int(allowed / orders)))
    return size, max(1, min(orders, int(allowed / size)))


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
    shares, skipped = np.zeros((units, classes + 1)), 0
    for start in range(0, len(orders), stage.copies):
        some = orders[start : start + stage.copies]
        value = np.tile((before @ means).cpu().numpy(), (len(some), 1))  # [O', C + 1]
        going = np.ones(len(some), dtype=bool)
        for k, part, logits in stage.orders(torch.from_numpy(some)):
            after = subject.score_of(logits.flatten(0, 1), labels.repeat(len(logits)))
            after = after.double().view(len(logits), -1)  # [O', B]
            now = (after @ means).cpu().numpy()
            lost = np.where(going[part, None], value[part] - now, 0)
            lost[np.abs(lost) <= least] = 0
            np.add.at(shares, some[part, k - 1], lost)
            skipped += int((~going[part]).sum())
            going[part] &= ((after - bare).abs().mean(1) > near).cpu().numpy()
            value[part] = now
            if not going.any():
                skipped += (units - k) * len(some)
                break
    return shares / len(orders), skipped


def _class_weights(labels: Tensor, classes: int) -> Tensor:
    """Weights `[B, C + 1]` averaging over each class's examples and over all; NaN for none."""
    onehot = torch.nn.functional.one_hot(labels, classes).double()
    onehot = torch.cat([onehot, torch.ones(len(labels), 1, dtype=torch.float64)], 1)
    return onehot / onehot.sum(0)


def _site_columns(
    subject: Subject, site: Site, lens: Ablation, units: Table
) -> dict[str, np.ndarray]:
    found = sample_shares(subject, site, lens)
    many, names = len(found.groups), np.array([*subject.classes, "all"])
    mean = found.groups.mean(0)  # [U, C + 1]
    m2 = ((found.groups - mean) ** 2).sum(0)
    lo, hi = mean_interval(many, mean, m2)
    columns = {
        "shapley": mean,
        "se": np.sqrt(m2 / (many - 1) / many),
        "lo": lo,
        "hi": hi,
        "shapley_expected": np.broadcast_to(mean.mean(0), mean.shape),
        "p": np.where(np.isnan(mean), np.nan, mean_p(many, mean, m2)),
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


def _statement(subject: Subject, table: Table) -> str:
    """Name the unit with the largest share, beside an equal share and the ranking by effect."""
    rows, unit = table.where(class_="all"), SCORE_UNITS[subject.score]
    values, total = rows.column("shapley"), float(rows.column("shapley").sum())
    first = next(rows.sort("shapley", descending=True).head(1).rows())
    rank = spearman(values, -rows.column("effect"))
    k = max(1, min(_TOP, len(rows) // 2))
    top = np.sort(values)[::-1][:k].sum() / total if total else float("nan")
    return (
        f"Of the {len(rows)} units of site '{first['site']}', unit {first['unit']} has the largest "
        f"share in the {subject.score} on these examples: {first['shapley']:+.3g} {unit} "
        f"[{first['lo']:+.3g}, {first['hi']:+.3g}] (equal shares: {total / len(rows):+.2g}; "
        f"{first['orders']} orders, n = {first['n']}); the {k} largest have "
        f"{percent(top, decimals=0)} of the sum of {total:.3g} (equal shares: "
        f"{percent(k / len(rows), decimals=0)}), "
        f"{int((rows.column('q') < 0.05).sum())} differ from zero (q < 0.05)."
        f" {_alike(rank)}"
    )


def _alike(rank: Spearman) -> str:
    """Say how far the shares rank the units as removing one alone does."""
    if np.isnan(rank.r):
        return "The ranking can't be compared with that of removing one unit alone: " + (
            f"{rank.n} units are too few." if rank.n < 4 else "one of them has ties only."
        )
    return (
        f"Rank agreement with removing one unit alone: {rank.r:z.2f} [{rank.lo:z.2f}, "
        f"{rank.hi:z.2f}] (n = {rank.n} units)."
    )
