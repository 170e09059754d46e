"""Removes the top k units of each class, and compares with random and with matched sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses.ablation import Ablation, schemas
from holistic.lenses.ablation._budget import Extent, extent
from holistic.lenses.ablation._controls import (
    MoreSets,
    control_p,
    family_q,
    least_p,
    random_orders,
    remove_more,
)
from holistic.lenses.ablation._matched_controls import matched_columns, remove_matched
from holistic.lenses.ablation._rankings import RANKINGS, Ranked, above_ablation_value, rank_units
from holistic.lenses.ablation._removal import Removal, remove_orders
from holistic.lenses.ablation._site_losses import (
    HEADLINE,
    SiteLoss,
    headline_size,
    site_loss,
    site_ranks,
)
from holistic.lenses.ablation.off_target import combine_off_target, off_target_columns
from holistic.lenses.ablation.schemas import TopK
from holistic.lenses.ablation.topk_statements import floors, headlines, matched_floors
from holistic.progress import Progress
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.control import band
from holistic.stats.intervals import paired_accuracy_interval, wilson
from holistic.stats.tests import permutation_p
from holistic.study.subject import Subject

__all__ = ["remove_sets"]


def remove_sets(
    subject: Subject, lens: Ablation, chosen: Table, progress: Progress
) -> Iterator[Finding]:
    """Remove the top k units of each class by each ranking, compared with random and matched sets.

    Yields `ablation.topk`, and `ablation.off_target` of the same removals.
    """
    tables: list[dict[str, np.ndarray]] = []
    damage: list[dict[str, np.ndarray]] = []
    caveats: list[str] = []
    losses = list[SiteLoss]()
    sites = subject.hidden_sites
    for done, site in enumerate(sites):
        progress("removing sets of units", done, len(sites))
        measured = extent(subject, site, lens)
        ranked = rank_units(subject, site, chosen)
        k = headline_size(measured.sizes, site.units)
        found = _Found(
            ranked,
            _removal(subject, site, lens, ranked, measured),
            remove_more(subject, site, lens, measured, k),
        )
        losses.append(site_loss(subject, site, lens, ranked, k))
        tables.append(_site_columns(subject, site, lens, found, measured))
        damage.append(off_target_columns(subject, site, measured, found.removal, found.more))
        caveats += [measured.caveat] if measured.caveat else []
    progress("removing sets of units", len(sites), len(sites))
    columns = {name: np.concatenate([t[name] for t in tables]) for name in tables[0]}
    columns["rank"] = _ranks(subject, columns, losses)
    keys = np.stack([columns["k"], columns.pop("family")])
    family = np.unique(keys, axis=1, return_inverse=True)[1].reshape(-1)
    for prefix in ("", "class_", "class_matched_"):
        columns[f"{prefix}q"] = family_q(columns[f"{prefix}p"], family)
    table = Table.build(TopK, columns)
    notes = (*caveats, *floors(table, sites), *matched_floors(table))
    yield Finding(schemas.TOPK, table, headlines(table), notes)
    yield combine_off_target(damage, lens.sets, tuple(caveats))


@dataclass(frozen=True)
class _Found:
    """A site's ranked units, the flips without them and without random ones, and further sets."""

    ranked: Ranked
    removal: Removal
    more: Mapping[int, MoreSets]


def _removal(
    subject: Subject, site: Site, lens: Ablation, ranked: Ranked, measured: Extent
) -> Removal:
    """Flips of the ranked orders, `R·C` of them, and of the random ones after them."""
    depth = min(lens.depth, site.units)
    orders = np.concatenate([ranked.orders[:, :depth], random_orders(subject, site, lens)])
    return remove_orders(
        subject, site, orders, sizes=measured.sizes, examples=measured.examples, edit=lens.edit
    )


def _ranks(
    subject: Subject, columns: Mapping[str, np.ndarray], losses: Sequence[SiteLoss]
) -> np.ndarray:
    """Place of each site for each class in the rows that are spoken of; NaN in the others."""
    places = site_ranks(losses)  # [sites, C]
    ranks = np.full(len(columns["k"]), np.nan)
    for site, loss, own in zip(subject.hidden_sites, losses, places, strict=True):
        headline = (columns["site"] == site.name) & (columns["k"] == loss.k)
        headline &= columns["ranking"] == HEADLINE
        ranks[headline] = own  # rows lie in the order of the classes
    return ranks


def _site_columns(
    subject: Subject, site: Site, lens: Ablation, found: _Found, measured: Extent
) -> dict[str, np.ndarray]:
    ranked, sizes = found.ranked, np.array([0, *measured.sizes])
    classes, chosen = len(subject.classes), len(ranked.orders)
    columns = _curve_columns(found, chosen, classes, site.units, sizes)
    matched = remove_matched(subject, site, lens, ranked, measured)
    total = np.pad(np.cumsum(ranked.strength[ranked.orders], 1), ((0, 0), (1, 0)))  # [R·C, U + 1]
    above = above_ablation_value(subject, site, ranked.activations, lens.edit)[:-1] > 0  # [C, U]
    fires = np.take_along_axis(np.tile(above, (len(RANKINGS), 1)), ranked.orders, 1)
    with np.errstate(invalid="ignore"):
        activation = total[:, sizes] / sizes
    return {
        "site": np.repeat(np.array([site.name]), chosen * len(sizes)),
        "class": np.tile(np.repeat(np.array(subject.classes), len(sizes)), len(RANKINGS)),
        "ranking": np.repeat(np.array(RANKINGS), classes * len(sizes)),
        "family": np.repeat(np.arange(len(RANKINGS)), classes * len(sizes)),
        "k": np.tile(sizes, chosen),
        "firing": np.pad(np.cumsum(fires, 1), ((0, 0), (1, 0)))[:, sizes].reshape(-1),
        **columns,
        "activation": activation.reshape(-1),
        **matched_columns(matched, columns["class_drop"]),
    }


def _curve_columns(
    found: _Found, chosen: int, classes: int, units: int, sizes: np.ndarray
) -> dict[str, np.ndarray]:
    """Columns of the curves `[R·C·(S + 1)]` and their random controls."""
    removal, own = found.removal, np.arange(chosen) % classes
    further = {int(np.searchsorted(sizes, k)): b for k, b in found.more.items()}
    # without none or all of its units every set is the same one
    same = (sizes == 0) | (sizes == units)
    whole = _against_control(
        (removal.lost.sum(2), removal.gained.sum(2)),
        (removal.right.sum(), removal.count.sum()),
        {place: replace(b, net=b.net.sum(1)) for place, b in further.items()},
        chosen,
        same,
    )
    parts = list[dict[str, np.ndarray]]()
    for c in range(classes):
        rows = np.concatenate([np.flatnonzero(own == c), np.arange(chosen, len(removal.lost))])
        parts.append(
            _against_control(
                (removal.lost[rows, :, c], removal.gained[rows, :, c]),
                (removal.right[c], removal.count[c]),
                {place: replace(b, net=b.net[:, c]) for place, b in further.items()},
                chosen // classes,
                same,
            )
        )
    order = np.argsort(np.concatenate([np.flatnonzero(own == c) for c in range(classes)]))
    of_class = {name: np.concatenate([part[name] for part in parts])[order] for name in parts[0]}
    sets, least = of_class.pop("sets"), of_class.pop("least_p")
    del whole["sets"], whole["least_p"]
    columns = {**whole, **{f"class_{name}": values for name, values in of_class.items()}}
    columns |= {"sets": sets, "least_p": least}
    return {name: values.reshape(-1) for name, values in columns.items()}


def _against_control(
    flips: tuple[np.ndarray, np.ndarray],
    before: tuple[float, float],
    further: Mapping[int, MoreSets],
    chosen: int,
    same: np.ndarray,
) -> dict[str, np.ndarray]:
    """Compare the first `chosen` of the orders `[O, S + 1]` with the random rest.

    `further` has other sets by the place of their size; at the sizes of `same` nothing differs.
    """
    (lost, gained), (right, count) = flips, before
    share = count or np.nan
    drops, control = np.split((lost - gained) / share, [chosen])
    low, high = paired_accuracy_interval(lost[:chosen], gained[:chosen], count)
    p, sets = permutation_p(drops, control[:, None]), np.full(drops.shape, len(control))
    usual = np.stack([control.mean(0), *band(control)])
    least = np.full(drops.shape, least_p(len(control)))
    for place, more in further.items():
        net = more.net / share
        p[:, place], sets[:, place] = control_p(
            drops[:, place], control[:, place], net, every=more.every
        )
        if more.every:
            usual[:, place] = net.mean(), *band(net)
        least[:, place] = least_p(len(net) + (0 if more.every else len(control)),
                                  every=more.every)  # fmt: skip
    p[:, same], least[:, same], sets[:, same] = np.nan, np.nan, 0
    base, ends = np.full(drops.shape, right / share), wilson(right, count)
    return {
        "accuracy_before": base,
        "before_lo": np.full(base.shape, ends[0]),
        "before_hi": np.full(base.shape, ends[1]),
        "accuracy_after": base - drops,
        "drop": drops,
        "lo": -high,
        "hi": -low,
        **{
            f"control_{name}": np.broadcast_to(values, base.shape)
            for name, values in zip(("drop", "lo", "hi"), usual, strict=True)
        },
        "p": p,
        "sets": sets,
        "least_p": least,
        "n": np.full(base.shape, int(count)),
    }
