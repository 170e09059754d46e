"""Correlates the units of sites that are too many for a list of all pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holistic.lenses.mechanism._close_pairs import Measured, measured, products_on
from holistic.lenses.mechanism._columns import Columns
from holistic.lenses.mechanism._tiles import Found, correlated
from holistic.lenses.mechanism._unit_file import Parts, UnitFile, standardised_file
from holistic.progress import Progress
from holistic.stats.tests import benjamini_hochberg
from holistic.study.subject import Subject

if TYPE_CHECKING:
    from holistic.lenses.mechanism import Mechanism

__all__ = ["SAMPLED", "Many", "many"]

SAMPLED = 1024
"""Units of many at which values are shuffled at most."""


@dataclass(frozen=True)
class Many:
    """The correlated pairs of many units, and what was measured of the closest ones.

    Attributes
    ----------
    columns
        The units.
    found
        Counts of all pairs, and the closest of each unit.
    raw, within
        Correlations of these on the evaluation split, and those within classes.
    q, q_within
        `[K]`, false discovery rates where pairs that aren't listed count as p = 1.
    selection
        `[K]`, raw correlations on the selection split.
    n, n_selection
        Examples of the two splits.
    tested
        Pairs of units that have a correlation.
    constant, rare
        `[2, T]`, units left out, raw and within classes.
    """

    columns: Columns
    found: Found
    raw: Measured
    within: Measured
    q: np.ndarray
    q_within: np.ndarray
    selection: np.ndarray
    n: int
    n_selection: int
    tested: int
    constant: np.ndarray
    rare: np.ndarray


def many(subject: Subject, columns: Columns, *, settings: Mechanism, progress: Progress) -> Many:
    """Correlate many units a tile at a time, and measure the closest pairs of each.

    Parameters
    ----------
    subject
        The model under study.
    columns
        The units.
    settings
        Settings of the lens: threshold, and how many pairs of each unit are kept.
    progress
        Told how much is done.
    """
    site = columns.site
    with UnitFile(len(site)) as file:
        parts = standardised_file(subject, columns, subject.evaluation, file)
        found = correlated(
            parts,
            site,
            threshold=settings.threshold,
            partners=settings.partners,
            progress=progress,
        )
        raw, within = measured(parts, found, progress)
    with UnitFile(len(site)) as file:
        other = standardised_file(subject, columns, subject.selection, file)
        selection = products_on(other, found.a, found.b)
    pairs = [_pairs(parts, within) for within in (0, 1)]
    return Many(
        columns=columns,
        found=found,
        raw=raw,
        within=within,
        q=_bounded(raw.p, pairs[0]),
        q_within=_bounded(within.p, pairs[1]),
        selection=selection,
        n=len(parts.labels),
        n_selection=len(other.labels),
        tested=pairs[0],
        constant=parts.constant,
        rare=parts.rare,
    )


def _pairs(parts: Parts, within: int) -> int:
    """Return how many pairs of units have a correlation."""
    kept = int(parts.kept[within].sum())
    return kept * (kept - 1) // 2


def _bounded(p: np.ndarray, tests: int) -> np.ndarray:
    """Return q among so many tests, those that aren't listed with p = 1."""
    listed = int(np.isfinite(p).sum())
    return np.minimum(benjamini_hochberg(p) * (tests / max(listed, 1)), 1)
