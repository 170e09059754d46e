"""How does accuracy fall as more of a class's units are removed, and how for random ones?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from holistic.findings import Finding
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation.collateral import collateral, collateral_columns
from holistic.lenses.ablation.extents import Extent, extent
from holistic.lenses.ablation.headlines import headlines
from holistic.lenses.ablation.matched import matched_columns, remove_matched
from holistic.lenses.ablation.rankings import RANKINGS, Ranked, rank_units
from holistic.lenses.ablation.removal import Removal, remove_orders
from holistic.progress import Progress
from holistic.sites import Site
from holistic.stats.intervals import paired_accuracy_interval, wilson
from holistic.stats.tests import benjamini_hochberg, permutation_p
from holistic.subject import Subject
from holistic.tables import Table, col

__all__ = ["TopK", "random_orders", "remove_sets"]


@dataclass(frozen=True)
class TopK:
    """Row of `ablation.topk`: a site without the k units that a ranking puts first for a class."""

    site: str = col("site whose units are removed")
    class_: str = col(
        "class that the units were ranked for, on the selection split", name="class", words="class"
    )
    ranking: str = col("what ranked the units, on the selection split", words="units ranked by")
    k: int = col("units removed", unit="units", words="k, units removed")
    accuracy_before: float = col(
        "accuracy on all evaluation examples", unit="share", words="accuracy before"
    )
    before_lo: float = col("lower end of its 95 % interval (Wilson)", unit="share")
    before_hi: float = col("upper end of its 95 % interval (Wilson)", unit="share")
    accuracy_after: float = col(
        "accuracy without the k units", unit="share", words="accuracy after"
    )
    drop: float = col(
        "accuracy before minus after; positive = the units help",
        unit="share",
        words="accuracy lost on all classes",
    )
    lo: float = col("lower end of the 95 % interval of the drop", unit="share")
    hi: float = col("upper end of the 95 % interval of the drop", unit="share")
    control_drop: float = col(
        "mean drop over random sets of k units of the site",
        unit="share",
        of="drop",
        words="control (random sets of as many units)",
    )
    control_lo: float = col(
        "2.5 % quantile of the drop over the random sets", unit="share", words="95 % of the sets"
    )
    control_hi: float = col("97.5 % quantile of the drop over the random sets", unit="share")
    p: float = col(
        "share of random sets that drop as much, (1 + b) / (1 + B)",
        of="drop",
        words="p (random sets, one-sided)",
    )
    q: float = col("Benjamini-Hochberg q of p over all rows", of="drop", words="q over all rows")
    n: int = col("evaluation examples", unit="examples", of="drop accuracy_before accuracy_after")
    class_accuracy_before: float = col(
        "accuracy on the class's own examples", unit="share", words="accuracy on the class before"
    )
    class_before_lo: float = col("lower end of its 95 % interval (Wilson)", unit="share")
    class_before_hi: float = col("upper end of its 95 % interval (Wilson)", unit="share")
    class_accuracy_after: float = col(
        "the same without the k units", unit="share", words="accuracy on the class after"
    )
    class_drop: float = col(
        "accuracy on the class before minus after", unit="share", words="accuracy lost on the class"
    )
    class_lo: float = col("lower end of the 95 % interval of the class's drop", unit="share")
    class_hi: float = col("upper end of the 95 % interval of the class's drop", unit="share")
    class_control_drop: float = col(
        "mean class drop over random sets of k units",
        unit="share",
        of="class_drop",
        words="control (random sets of as many units)",
    )
    class_control_lo: float = col(
        "2.5 % quantile over the random sets", unit="share", words="95 % of the sets"
    )
    class_control_hi: float = col("97.5 % quantile over the random sets", unit="share")
    class_p: float = col(
        "share of random sets that drop the class as much, (1 + b) / (1 + B)",
        of="class_drop",
        words="p (random sets, one-sided)",
    )
    class_q: float = col(
        "Benjamini-Hochberg q of class_p over all rows", of="class_drop", words="q over all rows"
    )
    activation: float | None = col(
        "mean activation of the k units over the selection split, classes weighing the same",
        words="mean activation of the units",
    )
    matched_activation: float | None = col(
        "the same of the sets matched on it",
        of="activation",
        words="control (mean activation of matched sets)",
    )
    class_matched_drop: float | None = col(
        "mean class drop over sets matched on mean activation",
        unit="share",
        of="class_drop",
        words="control (sets of like activation)",
    )
    class_matched_lo: float | None = col(
        "2.5 % quantile over the matched sets", unit="share", words="95 % of those sets"
    )
    class_matched_hi: float | None = col("97.5 % quantile over the matched sets", unit="share")
    class_matched_p: float | None = col(
        "share of matched sets that drop the class as much",
        of="class_drop",
        words="p (sets of like activation, one-sided)",
    )
    class_n: int = col(
        "evaluation examples of the class",
        unit="examples",
        of="class_drop class_accuracy_before class_accuracy_after",
    )


def remove_sets(
    subject: Subject, lens: Ablation, chosen: Table, progress: Progress
) -> Iterator[Finding]:
    """Remove the top k units of each class by each ranking, beside random and matched sets.

    Yields `ablation.topk`, and `ablation.collateral` of the same removals.
    """
    tables: list[dict[str, np.ndarray]] = []
    beside: list[dict[str, np.ndarray]] = []
    caveats: list[str] = []
    sites = subject.hidden_sites
    for done, site in enumerate(sites):
        progress("removing sets of units", done, len(sites))
        measured = extent(subject, site, lens)
        ranked = rank_units(subject, site, chosen)
        removal = _removal(subject, site, lens, ranked, measured)
        tables.append(_site_columns(subject, site, lens, (ranked, removal), measured))
        beside.append(collateral_columns(subject, site, measured, removal))
        caveats += [measured.caveat] if measured.caveat else []
    progress("removing sets of units", len(sites), len(sites))
    columns = {name: np.concatenate([t[name] for t in tables]) for name in tables[0]}
    for prefix in ("", "class_"):
        columns[f"{prefix}q"] = benjamini_hochberg(columns[f"{prefix}p"])
    table = Table.build(TopK, columns)
    yield Finding(
        "ablation.topk",
        table,
        headlines(table, lens.sets, {site.name: site.units for site in sites}),
        tuple(caveats),
    )
    yield collateral(beside, lens.sets, tuple(caveats))


def random_orders(subject: Subject, site: Site, lens: Ablation) -> np.ndarray:
    """Random units of a site in random order, `[sets, K]`: every class's control."""
    depth = min(lens.depth, site.units)
    rng = np.random.default_rng([subject.seed, site.depth])
    return np.stack([rng.permutation(site.units)[:depth] for _ in range(lens.sets)])


def _removal(
    subject: Subject, site: Site, lens: Ablation, ranked: Ranked, measured: Extent
) -> Removal:
    """Flips of the ranked orders, `R·C` of them, and of the random ones after them."""
    depth = min(lens.depth, site.units)
    orders = np.concatenate([ranked.orders[:, :depth], random_orders(subject, site, lens)])
    return remove_orders(
        subject, site, orders, sizes=measured.sizes, examples=measured.examples, edit=lens.edit
    )


def _site_columns(
    subject: Subject,
    site: Site,
    lens: Ablation,
    found: tuple[Ranked, Removal],
    measured: Extent,
) -> dict[str, np.ndarray]:
    (ranked, removal), sizes = found, np.array([0, *measured.sizes])
    classes, chosen = len(subject.classes), len(ranked.orders)
    columns = _curve_columns(removal, chosen, classes)
    matched = remove_matched(subject, site, lens, ranked, measured)
    total = np.pad(np.cumsum(ranked.strength[ranked.orders], 1), ((0, 0), (1, 0)))  # [R·C, U + 1]
    with np.errstate(invalid="ignore"):
        activation = total[:, sizes] / sizes
    return {
        "site": np.repeat(np.array([site.name]), chosen * len(sizes)),
        "class": np.tile(np.repeat(np.array(subject.classes), len(sizes)), len(RANKINGS)),
        "ranking": np.repeat(np.array(RANKINGS), classes * len(sizes)),
        "k": np.tile(sizes, chosen),
        **columns,
        "activation": activation.reshape(-1),
        **matched_columns(matched, columns["class_drop"]),
    }


def _curve_columns(removal: Removal, chosen: int, classes: int) -> dict[str, np.ndarray]:
    """Columns of the curves `[R·C·(S + 1)]` and their random controls."""
    own = np.arange(chosen) % classes
    whole = _against_control(
        removal.lost.sum(2), removal.gained.sum(2), removal.right.sum(), removal.count.sum(), chosen
    )
    parts = [
        _against_control(
            np.concatenate([removal.lost[i : i + 1, :, c], removal.lost[chosen:, :, c]]),
            np.concatenate([removal.gained[i : i + 1, :, c], removal.gained[chosen:, :, c]]),
            removal.right[c],
            removal.count[c],
            1,
        )
        for i, c in enumerate(own)
    ]
    of_class = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {**whole, **{f"class_{name}": values for name, values in of_class.items()}}


def _against_control(
    lost: np.ndarray, gained: np.ndarray, right: float, count: float, chosen: int
) -> dict[str, np.ndarray]:
    """Compare the first `chosen` of the orders `[O, S + 1]` with the random rest."""
    share = count or np.nan
    drops = (lost - gained) / share
    low, high = paired_accuracy_interval(lost[:chosen], gained[:chosen], count)
    control = drops[chosen:]
    quantiles = np.quantile(control, [0.025, 0.975], axis=0)
    before = np.full(drops[:chosen].shape, right / share)
    ends = wilson(right, count)
    columns = {
        "accuracy_before": before,
        "before_lo": np.full(before.shape, ends[0]),
        "before_hi": np.full(before.shape, ends[1]),
        "accuracy_after": before - drops[:chosen],
        "drop": drops[:chosen],
        "lo": -high,
        "hi": -low,
        "control_drop": np.broadcast_to(control.mean(0), before.shape),
        "control_lo": np.broadcast_to(quantiles[0], before.shape),
        "control_hi": np.broadcast_to(quantiles[1], before.shape),
        "p": permutation_p(drops[:chosen], control[:, None]),
        "n": np.full(before.shape, int(count)),
    }
    return {name: values.reshape(-1) for name, values in columns.items()}
