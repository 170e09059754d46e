"""How accurate the network is, and what a digit loses without its ten strongest neurons."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import torch

from holistic.graph.sites import Site
from holistic.lenses.ablation._matched_controls import matched_sets
from holistic.lenses.ablation._rankings import Ranked, rank_units
from holistic.lenses.ablation._removal import remove_orders
from holistic.pieces import kept
from holistic.replacing.sweep import sweep
from holistic.reproducing.measured import Measured, against
from holistic.reproducing.networks import fresh
from holistic.study.examples import Examples
from holistic.study.subject import Subject

__all__ = ["accuracy", "drops_without", "of_class", "top_ten"]

_EDITS = ("zero", "mean")
_RANKINGS = {"class_activation": "activation", "effect": "effect"}
_UNITS = 10
_SETS = 200
_FRESH = 20


@kept
def accuracy(subject: Subject) -> list[Measured]:
    """Measure the accuracy beside that of networks with newly drawn weights."""
    labels = subject.evaluation.labels
    shares = [
        float((one.predict().argmax(1) == labels).double().mean())
        for one in (subject, *fresh(subject, _FRESH))
    ]
    n, share = len(labels), shares[0]
    error = float(np.sqrt(share * (1 - share) / n))
    return [against(("baseline", "", "accuracy"), (share, error, n), shares[1:], unit="share")]


def of_class(examples: Examples, label: int) -> Examples:
    """Return the examples of one class."""
    return examples.at(np.flatnonzero(examples.labels.cpu().numpy() == label))


def drops_without(
    subject: Subject, site: Site, sets: np.ndarray, own: Examples, edit: str
) -> tuple[np.ndarray, np.ndarray]:
    """Remove sets of units from a class's own examples.

    Parameters
    ----------
    subject, site
        Whose units.
    sets
        `[M, k]`, units of each set.
    own
        Examples of one class.
    edit
        What a removed unit holds instead.

    Returns
    -------
    drops, errors
        `[M]`: accuracy that the class loses, and its standard error.
    """
    found = remove_orders(subject, site, sets, sizes=(sets.shape[1],), examples=own, edit=edit)
    lost, gained = (side[:, 1].sum(1) for side in (found.lost, found.gained))  # [M]
    n = len(own)
    drops = (lost - gained) / n
    return drops, np.sqrt(np.maximum((lost + gained) / n - drops**2, 0) / n)


@kept
@torch.no_grad()
def top_ten(subject: Subject, label: int) -> list[Measured]:
    """Remove a digit's ten strongest neurons: both replacements, both rankings, each layer.

    Beside them stand as many random neurons of the layer, and as many of like mean activation.

    Parameters
    ----------
    subject
        The network.
    label
        The digit's class.
    """
    found = list[Measured]()
    for edit, site in product(_EDITS, subject.hidden_sites):
        chosen = sweep(subject, sites=[site.name], edit=edit, split="selection")
        found += _ways(subject, site, rank_units(subject, site, chosen), label, edit)
    return found


def _ways(
    subject: Subject, site: Site, ranked: Ranked, label: int, edit: str
) -> Iterator[Measured]:
    own, layer = of_class(subject.evaluation, label), site.layer
    rng = np.random.default_rng([subject.seed, site.depth])
    random = np.stack([rng.permutation(site.units)[:_UNITS] for _ in range(_SETS)])
    free, _ = drops_without(subject, site, random, own, edit)
    for ranking, called in _RANKINGS.items():
        units = ranked.by(ranking)[label, :_UNITS]
        like = matched_sets(units, ranked.strength, _SETS, [subject.seed, site.depth, label])
        alike, _ = drops_without(subject, site, like, own, edit)
        drop, error = (
            float(part[0]) for part in drops_without(subject, site, units[None], own, edit)
        )
        way, measured = f"{edit}, by {called}, {layer}", (drop, error, len(own))
        yield against(("top_ten", way, "beside random neurons"), measured, free, unit="points")
        yield against(("top_ten", way, "beside neurons as active"), measured, alike, unit="points")
