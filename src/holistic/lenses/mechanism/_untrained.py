"""Reads randomly initialised controls of the model, for counted pairs and clusters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holistic.lenses._untrained import Drawn
from holistic.lenses.mechanism._columns import Columns
from holistic.lenses.mechanism._correlations import Counts, few_correlations
from holistic.lenses.mechanism._values import (
    Activations,
    activations,
    class_indices,
    most_varying,
    sampled,
)
from holistic.pieces import every, kept
from holistic.progress import Progress
from holistic.stats.clusters import Structure, structure
from holistic.study.examples import Examples
from holistic.study.subject import Subject

if TYPE_CHECKING:
    from holistic.lenses.mechanism import Mechanism

__all__ = ["Copies", "Groups", "copies", "copies_of", "few_examples"]


@dataclass(frozen=True)
class Groups:
    """How far the units of a site fall into groups at best, by plain correlation and in classes."""

    raw: Structure
    within: Structure


@dataclass(frozen=True)
class Copies:
    """What randomly initialised controls show on a few examples of the selection split.

    Attributes
    ----------
    examples
        How many.
    counts
        Per control, pairs of columns above the threshold; `counts_within` those within classes.
    ordinary
        `[2, S, S]` of `r` and `r_within`: what 2.5 % of the pairs of two sites fall below and
        exceed, in the mean of the controls.
    groups
        By site, the groups in each control.
    own
        By site, the groups in the model under study, on the same examples.
    """

    examples: int
    counts: tuple[Counts, ...]
    counts_within: tuple[Counts, ...]
    ordinary: Mapping[str, np.ndarray]
    groups: Mapping[str, tuple[Groups, ...]]
    own: Mapping[str, Groups]


def copies(subject: Subject, *, settings: Mechanism) -> list[Drawn]:
    """Return randomly initialised controls, drawn when they are read: they share one graph."""
    return [Drawn(subject, subject.seed + place) for place in range(settings.controls)]


def few_examples(subject: Subject, settings: Mechanism) -> Examples:
    """Return the examples of the selection split that randomly initialised controls are read on."""
    return sampled(subject.selection, settings.control_examples, seed=subject.seed)


def copies_of(
    subject: Subject,
    made: Iterable[Drawn | Subject],
    columns: Columns,
    *,
    settings: Mechanism,
    progress: Progress,
) -> Copies:
    """Read randomly initialised controls, one after the other: their correlated pairs and groups
    of units.

    Parameters
    ----------
    subject
        The model under study.
    made
        The copies, as many as the setting `controls`.
    columns
        The units that are paired; of more than `listed_units` as many are drawn at random.
    settings
        Settings of the lens.
    progress
        Told how many controls are done.
    """
    task, total = "randomly initialised controls", settings.controls
    columns = columns.drawn(settings.listed_units, subject.seed)
    examples = few_examples(subject, settings)
    names = [site.name for site in subject.hidden_sites]
    counts, ends, groups = list[list[Counts]](), list[np.ndarray](), list[dict[str, Groups]]()
    progress(task, 0, total)
    read = every(_read_copy, ((copy, names, columns, examples, settings) for copy in made))
    for done, (own_counts, own_ends, own_groups) in enumerate(read, 1):
        counts.append(own_counts)
        ends.append(own_ends)
        groups.append(own_groups)
        progress(task, min(done, total), total)
    own = activations(subject, names, examples)
    raw, within = _mean(np.array(ends))  # [2, S, S] each
    return Copies(
        examples=len(examples),
        counts=tuple(own for own, _ in counts),
        counts_within=tuple(inner for _, inner in counts),
        ordinary={"r": raw, "r_within": within},
        groups={name: tuple(copy[name] for copy in groups) for name in names},
        own={name: _groups(own[name], settings) for name in names},
    )


@kept
def _read_copy(
    drawn: Drawn | Subject,
    names: list[str],
    columns: Columns,
    examples: Examples,
    settings: Mechanism,
) -> tuple[list[Counts], np.ndarray, dict[str, Groups]]:
    """Correlated pairs of one control, their middle `[2, 2, S, S]`, and its groups by site."""
    copy = drawn.made() if isinstance(drawn, Drawn) else drawn
    read = activations(copy, names, examples)
    values = columns.values({name: own.values for name, own in read.items()})
    both = few_correlations(values, class_indices(examples), len(copy.classes))
    counts = [Counts.of(r, columns, settings.threshold) for r in both]
    ends = np.stack([columns.middle(r) for r in both])
    return counts, ends, {name: _groups(read[name], settings) for name in names}


def _mean(ends: np.ndarray) -> np.ndarray:
    """Average `[copies, …]` over the controls that have a number."""
    known = np.isfinite(ends)
    return np.where(known, ends, 0).sum(0) / np.where(known.any(0), known.sum(0), np.nan)


def _groups(read: Activations, settings: Mechanism) -> Groups:
    values = read.values[:, most_varying(read.values, settings.clustered_units)]
    k_range = (2, settings.most_clusters)
    return Groups(
        structure(values, k_range=k_range), structure(values, read.labels, k_range=k_range)
    )
