"""How does accuracy fall as more of a class's units are removed, and how for random ones?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holistic.data import stratified_sample
from holistic.findings import Finding, Table, col
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation.rankings import (
    RANKINGS,
    mean_activations,
    rankings,
    unit_effects,
)
from holistic.progress import Progress
from holistic.sites import Site
from holistic.stats.intervals import paired_accuracy_interval
from holistic.stats.tests import permutation_p
from holistic.subject import Examples, Subject
from holistic.sweeps import replacements

__all__ = ["Removal", "TopK", "matched_sets", "remove_orders", "remove_sets"]

_BATCH = 1024
_HEADLINE = 10
_MATCHED_SIZES = (5, 10, 20)
_LEAST_EXAMPLES = 200


@dataclass(frozen=True)
class TopK:
    """Row of `ablation.topk`: a site without the k units that a ranking puts first for a class."""

    site: str = col("site whose units are removed")
    class_: str = col("class that the units were ranked for, on the selection split", name="class")
    ranking: str = col("what ranked the units, on the selection split")
    k: int = col("units removed", unit="units")
    accuracy_before: float = col("accuracy on all evaluation examples", unit="share")
    accuracy_after: float = col("accuracy without the k units", unit="share")
    drop: float = col("accuracy before minus after; positive = the units help", unit="share")
    lo: float = col("lower end of the 95 % interval of the drop", unit="share")
    hi: float = col("upper end of the 95 % interval of the drop", unit="share")
    control_drop: float = col("mean drop over random sets of k units of the site", unit="share")
    control_lo: float = col("2.5 % quantile of the drop over the random sets", unit="share")
    control_hi: float = col("97.5 % quantile of the drop over the random sets", unit="share")
    p: float = col("share of random sets that drop as much, (1 + b) / (1 + B)")
    n: int = col("evaluation examples", unit="examples")
    class_accuracy_before: float = col("accuracy on the class's own examples", unit="share")
    class_accuracy_after: float = col("the same without the k units", unit="share")
    class_drop: float = col("accuracy on the class before minus after", unit="share")
    class_lo: float = col("lower end of the 95 % interval of the class's drop", unit="share")
    class_hi: float = col("upper end of the 95 % interval of the class's drop", unit="share")
    class_control_drop: float = col("mean class drop over random sets of k units", unit="share")
    class_control_lo: float = col("2.5 % quantile over the random sets", unit="share")
    class_control_hi: float = col("97.5 % quantile over the random sets", unit="share")
    class_p: float = col("share of random sets that drop the class as much, (1 + b) / (1 + B)")
    class_matched_drop: float | None = col(
        "mean class drop over sets matched on mean activation", unit="share"
    )
    class_matched_lo: float | None = col("2.5 % quantile over the matched sets", unit="share")
    class_matched_hi: float | None = col("97.5 % quantile over the matched sets", unit="share")
    class_matched_p: float | None = col("share of matched sets that drop the class as much")
    class_n: int = col("evaluation examples of the class", unit="examples")


@dataclass(frozen=True)
class Removal:
    """Flips as units are removed one after another.

    Attributes
    ----------
    lost, gained
        `[O, K + 1, C]`, examples of each class that turned wrong, and right, without the first k
        units of each order.
    right, count
        `[C]`, examples of each class that were right before, and all of them.
    """

    lost: np.ndarray
    gained: np.ndarray
    right: np.ndarray
    count: np.ndarray


def remove_orders(
    subject: Subject, site: Site, orders: Tensor, examples: Examples, edit: str
) -> Removal:
    """Remove units in the given orders `[O, K]` and count the flips of each class."""
    classes = len(subject.classes)
    lost = torch.zeros(len(orders), orders.shape[1] + 1, classes)
    gained = torch.zeros_like(lost)
    right = torch.zeros(classes)
    for start in range(0, len(examples), _BATCH):
        labels = examples.labels[start : start + _BATCH]
        onehot = torch.nn.functional.one_hot(labels, classes).float()  # [B, C]
        images = examples.images[start : start + _BATCH]
        value = next(replacements(subject, site, edit, torch.arange(start, start + len(labels)), 1))
        stage = subject.stage(site.name, images, value)
        before = stage.base.argmax(1) == labels
        right += before.float() @ onehot
        for k, chosen, logits in stage.orders(orders):
            after = logits.argmax(2) == labels  # [O', B]
            lost[chosen, k] += (before & ~after).float() @ onehot
            gained[chosen, k] += (~before & after).float() @ onehot
    count = torch.bincount(examples.labels, minlength=classes)
    return Removal(lost.double().numpy(), gained.double().numpy(), right.numpy(), count.numpy())


def remove_sets(subject: Subject, lens: Ablation, chosen: Table, progress: Progress) -> Finding:
    """Remove the top k units of each class by each ranking, beside random and matched sets."""
    tables: list[dict[str, np.ndarray]] = []
    caveats: list[str] = []
    sites = subject.hidden_sites
    for done, site in enumerate(sites):
        progress("removing sets of units", done, len(sites))
        activations = mean_activations(subject, site)
        ranked = rankings(activations, unit_effects(subject, site, chosen))
        examples = _affordable(subject, site, lens)
        if len(examples) < len(subject.evaluation):
            caveats.append(
                f"Site '{site.name}' is costly to replay: its curves are measured on "
                f"{len(examples)} of {len(subject.evaluation)} evaluation examples, stratified."
            )
        tables.append(_site_columns(subject, site, lens, ranked, activations, examples))
    progress("removing sets of units", len(sites), len(sites))
    columns = {name: np.concatenate([t[name] for t in tables]) for name in tables[0]}
    table = Table.build(TopK, columns)
    statements = [_headline(subject, table, site.name, lens) for site in sites]
    return Finding("ablation.topk", table, tuple(s for s in statements if s), tuple(caveats))


def _affordable(subject: Subject, site: Site, lens: Ablation) -> Examples:
    """As many evaluation examples, stratified, as the budget of bytes allows."""
    examples = subject.evaluation
    probe = subject.stage(site.name, examples.images[:2], subject.mean(site.name))
    orders = lens.sets + len(RANKINGS) * len(subject.classes)
    per_example = orders * min(lens.depth, site.units) * probe.row_bytes
    least = max(_LEAST_EXAMPLES, 2 * len(subject.classes))
    allowed = max(least, int(lens.budget * 1e9 / per_example))
    if allowed >= len(examples):
        return examples
    rows = stratified_sample(examples.labels, allowed, seed=subject.seed)
    places = torch.from_numpy(rows)
    return Examples(examples.indices[rows], examples.images[places], examples.labels[places])


def _site_columns(
    subject: Subject,
    site: Site,
    lens: Ablation,
    ranked: dict[str, np.ndarray],
    activations: np.ndarray,
    examples: Examples,
) -> dict[str, np.ndarray]:
    depth, classes = min(lens.depth, site.units), len(subject.classes)
    rng = np.random.default_rng([subject.seed, site.depth])
    random = np.stack([rng.permutation(site.units)[:depth] for _ in range(lens.sets)])
    chosen = np.concatenate([ranked[name][:, :depth] for name in RANKINGS])  # [R·C, K]
    orders = torch.from_numpy(np.concatenate([chosen, random]))
    removal = remove_orders(subject, site, orders, examples, lens.edit)
    columns = _curve_columns(removal, len(chosen), classes)
    matched = _matched_drops(subject, site, lens, chosen, activations, examples)
    rows = len(chosen) * (depth + 1)
    names = np.array(subject.classes)
    return {
        "site": np.repeat(np.array([site.name]), rows),
        "class": np.tile(np.repeat(names, depth + 1), len(RANKINGS)),
        "ranking": np.repeat(np.array(RANKINGS), classes * (depth + 1)),
        "k": np.tile(np.arange(depth + 1), len(chosen)),
        **columns,
        **_matched_columns(matched, columns["class_drop"]),
    }


def _curve_columns(removal: Removal, chosen: int, classes: int) -> dict[str, np.ndarray]:
    """Columns of the curves `[R·C·(K + 1)]` and their random controls."""
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
    """Compare the first `chosen` of the orders `[O, K + 1]` with the random rest."""
    share = max(count, 1)
    drops = (lost - gained) / share
    low, high = paired_accuracy_interval(lost[:chosen], gained[:chosen], count)
    control = drops[chosen:]
    quantiles = np.quantile(control, [0.025, 0.975], axis=0)
    before = np.full(drops[:chosen].shape, right / share)
    columns = {
        "accuracy_before": before,
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


def matched_sets(units: np.ndarray, strength: np.ndarray, sets: int, seed: list[int]) -> np.ndarray:
    """Draw sets of other units with nearly the same mean activations.

    Parameters
    ----------
    units
        `[K]`, the set to match.
    strength
        `[U]`, mean activation of each unit of the site.
    sets
        How many to draw.
    seed
        Decides them.

    Returns
    -------
    np.ndarray
        `[sets, K]`: each unit is replaced by a random one of the `max(8, U // 8)` units outside
        the set that are nearest in mean activation, none twice; where none is left it stays.
    """
    rng = np.random.default_rng(seed)
    others = np.setdiff1d(np.arange(len(strength)), units)
    width = max(8, len(strength) // 8)
    taken = np.zeros((sets, len(strength)), dtype=bool)
    drawn = np.empty((sets, len(units)), dtype=np.int64)
    for j in rng.permutation(len(units)):
        distance = np.abs(strength[others] - strength[units[j]])
        pool = others[np.argsort(distance, kind="stable")[:width]]
        lots = np.where(taken[:, pool], -1.0, rng.random((sets, len(pool))))
        pick = np.full(sets, units[j])
        if len(pool):
            free = lots.max(1) >= 0
            pick[free] = pool[lots.argmax(1)][free]
        taken[np.arange(sets), pick] = True
        drawn[:, j] = pick
    return drawn


def _matched_drops(
    subject: Subject,
    site: Site,
    lens: Ablation,
    chosen: np.ndarray,
    activations: np.ndarray,
    examples: Examples,
) -> np.ndarray:
    """Class drops of matched sets `[R·C·(K + 1), sets]`, NaN where k isn't compared."""
    classes, depth = len(subject.classes), chosen.shape[1]
    sizes = [k for k in _MATCHED_SIZES if k <= min(depth, site.units // 2)]
    drops = np.full((len(chosen), depth + 1, lens.sets), np.nan)
    for c in range(classes):
        rows = torch.from_numpy(np.flatnonzero(examples.labels.numpy() == c))
        if len(rows) == 0 or not sizes:
            continue
        labels = examples.labels[rows]
        value = next(replacements(subject, site, lens.edit, rows, 1))
        stage = subject.stage(site.name, examples.images[rows], value)
        before = (stage.base.argmax(1) == labels).double().mean()
        for i in range(c, len(chosen), classes):
            for k in sizes:
                seed = [subject.seed, site.depth, i, k]
                drawn = matched_sets(chosen[i, :k], activations.mean(0), lens.sets, seed)
                masks = torch.zeros(lens.sets, site.units, dtype=torch.bool)
                masks[torch.arange(lens.sets)[:, None], torch.from_numpy(drawn)] = True
                for part, logits in stage.sets(masks):
                    after = (logits.argmax(2) == labels).double().mean(1)
                    drops[i, k, part] = (before - after).numpy()
    return drops.reshape(-1, lens.sets)


def _matched_columns(drops: np.ndarray, observed: np.ndarray) -> dict[str, np.ndarray]:
    """Columns from the class drops of matched sets `[rows, sets]` and those observed `[rows]`."""
    measured = ~np.isnan(drops).all(1)
    columns = {name: np.full(len(drops), np.nan) for name in ("drop", "lo", "hi", "p")}
    if measured.any():
        kept = drops[measured]
        columns["drop"][measured] = kept.mean(1)
        columns["lo"][measured], columns["hi"][measured] = np.quantile(kept, [0.025, 0.975], axis=1)
        columns["p"][measured] = permutation_p(observed[measured], kept.T)
    return {f"class_matched_{name}": values for name, values in columns.items()}


def _headline(subject: Subject, table: Table, site: str, lens: Ablation) -> str:
    """The class that loses most when its own top units go, in words."""
    rows = table.where(site=site, ranking="effect")
    size = min(_HEADLINE, int(rows.column("k").max()))
    rows = rows.where(k=size).sort("class_drop", descending=True)
    if len(rows) == 0:
        return ""
    row = next(iter(rows.head(1).rows()))
    return (
        f"Removing the {size} units of site '{site}' on which class {row['class']} depends most "
        f"takes its accuracy from {row['class_accuracy_before']:.1%} to "
        f"{row['class_accuracy_after']:.1%} (drop {row['class_drop']:.1%} "
        f"[{row['class_lo']:.1%}, {row['class_hi']:.1%}], n = {row['class_n']}); {lens.sets} "
        f"random sets of {size}: drop {row['class_control_drop']:.1%} "
        f"[{row['class_control_lo']:.1%}, {row['class_control_hi']:.1%}], "
        f"p = {row['class_p']:.2g}."
    )
