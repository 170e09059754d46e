"""Measures what other classes lose when the units go that one class depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses.ablation import schemas
from holistic.lenses.ablation._budget import Extent
from holistic.lenses.ablation._controls import MoreSets, control_p
from holistic.lenses.ablation._rankings import RANKINGS
from holistic.lenses.ablation._removal import Removal
from holistic.lenses.ablation._site_losses import headline_size
from holistic.lenses.ablation.off_target_statements import describe_off_target
from holistic.lenses.ablation.schemas import OffTarget
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.control import band
from holistic.stats.intervals import paired_accuracy_interval
from holistic.stats.tests import benjamini_hochberg, mcnemar, permutation_p
from holistic.study.subject import Subject

__all__ = ["combine_off_target", "off_target_columns"]

_RANKING = RANKINGS.index("effect")


def off_target_columns(
    subject: Subject,
    site: Site,
    measured: Extent,
    removal: Removal,
    more: Mapping[int, MoreSets],
) -> dict[str, np.ndarray]:
    """Columns of the `C × C` rows of a site, from the flips of ranked and random orders."""
    classes, sizes = len(subject.classes), (0, *measured.sizes)
    place = sizes.index(headline_size(sizes, site.units))
    chosen = slice(_RANKING * classes, (_RANKING + 1) * classes)
    lost, gained = (flips[:, place] for flips in (removal.lost, removal.gained))  # [O, C]
    with np.errstate(invalid="ignore"):
        drops = (lost - gained) / removal.count
    control = drops[len(RANKINGS) * classes :]
    low, high = paired_accuracy_interval(lost[chosen], gained[chosen], removal.count)
    p = np.where(removal.count > 0, mcnemar(lost[chosen], gained[chosen]), np.nan)
    among = _control_p(drops[chosen], control, removal.count, more.get(sizes[place]))
    if sizes[place] == site.units:  # every set is the same one
        among[:] = np.nan
    names, ends = np.array(subject.classes), band(control)
    columns = {
        "site": np.array(site.name),
        "removed_for": names[:, None],
        "class": names,
        "k": np.array(sizes[place]),
        "drop": drops[chosen],
        "lo": -high,
        "hi": -low,
        "lost": lost[chosen].astype(int),
        "gained": gained[chosen].astype(int),
        "n": removal.count.astype(int),
        "p": p,
        "control_drop": control.mean(0),
        "control_lo": ends[0],
        "control_hi": ends[1],
        "control_p": among,
        "control_q": benjamini_hochberg(among),
    }
    return {name: np.broadcast_to(v, (classes, classes)).ravel() for name, v in columns.items()}


def _control_p(
    drops: np.ndarray, control: np.ndarray, count: np.ndarray, more: MoreSets | None
) -> np.ndarray:
    """Compare drops `[C, C]` with those of random sets `[M, C]`, and of further ones."""
    if more is None:
        return permutation_p(drops, control[:, None])
    with np.errstate(invalid="ignore"):
        further = more.net / count
    return control_p(drops, control[:, None], further[:, None], every=more.every)[0]


def combine_off_target(
    sites: Sequence[dict[str, np.ndarray]], sets: int, caveats: tuple[str, ...]
) -> Finding:
    """Put the sites' matrices into one finding."""
    columns = {name: np.concatenate([part[name] for part in sites]) for name in sites[0]}
    table = Table.build(OffTarget, {**columns, "q": benjamini_hochberg(columns["p"])})
    names = dict.fromkeys(columns["site"].tolist())
    lines = tuple(describe_off_target(table.where(site=name), sets) for name in names)
    return Finding(
        schemas.OFF_TARGET,
        table,
        lines,
        (*caveats, "Rows of one removal share their units, so they don't fail independently."),
    )
