"""Correlates every two hidden units over images, with and without the means of the classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holistic.lenses.mechanism import schemas
from holistic.lenses.mechanism._columns import Columns
from holistic.lenses.mechanism._correlations import Correlations, Counts, standardised
from holistic.lenses.mechanism._influences import Influences
from holistic.lenses.mechanism._many import SAMPLED, Many, many
from holistic.lenses.mechanism._shuffles import ShuffledProducts, shuffled_in_class
from holistic.lenses.mechanism._untrained import Copies
from holistic.lenses.mechanism.pairs_statements import (
    caveats,
    caveats_of_many,
    statements,
    statements_of_many,
)
from holistic.lenses.mechanism.schemas import UnitPair
from holistic.progress import Progress
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.moments import CrossMoments
from holistic.stats.tests import benjamini_hochberg
from holistic.study.examples import Examples
from holistic.study.subject import Subject

if TYPE_CHECKING:
    from holistic.lenses.mechanism import Mechanism

__all__ = ["pairs"]


@dataclass(frozen=True)
class Evidence:
    """Correlations of all pairs of columns, and their controls.

    Attributes
    ----------
    columns
        The units.
    threshold
        Correlation above which a pair counts.
    raw, within
        Correlations on the evaluation split, and those within classes.
    selection
        `[T, T]`, raw correlations on the selection split.
    n_selection
        Its examples.
    untrained
        The same in randomly initialised controls.
    shuffled
        `[shuffles]`: those left when each unit's values are shuffled over all examples;
        `by_class` when they are shuffled inside classes, `beyond_class` the same with class means
        removed.
    """

    columns: Columns
    threshold: float
    raw: Correlations
    within: Correlations
    selection: np.ndarray
    n_selection: int
    untrained: Copies
    shuffled: tuple[int, ...]
    by_class: tuple[int, ...]
    beyond_class: tuple[int, ...]


def pairs(
    subject: Subject,
    columns: Columns,
    untrained: Copies,
    *,
    settings: Mechanism,
    progress: Progress,
) -> Finding:
    """Correlate every pair of hidden units, raw and within classes.

    Parameters
    ----------
    subject
        The model under study.
    columns
        The units.
    untrained
        The control: what randomly initialised controls show.
    settings
        Settings of the lens.
    progress
        Told how many of the passes over the data are done.

    Returns
    -------
    Finding
        `mechanism.pairs`: one row per pair with |r| or |r_within| above the threshold. Arrays
        `mechanism.correlation.<i>` and `mechanism.correlation_within.<i>` `[U, U]` of the i-th
        hidden site. Of more than `listed_units` units the strongest `partners` pairs of each are
        listed, and there are no arrays.

    References
    ----------
    Benjamini & Hochberg 1995 (q); Devlin, Gnanadesikan & Kettenring 1975 (intervals).
    """
    sample = columns.drawn(settings.listed_units, subject.seed)
    if sample is not columns:
        sample = columns.drawn(min(settings.listed_units, SAMPLED), subject.seed)
    evidence = _evidence(subject, sample, untrained, settings=settings, progress=progress)
    if sample is not columns:
        found = many(subject, columns, settings=settings, progress=progress)
        return Finding(
            schemas.PAIRS,
            _table_of_many(found, untrained),
            statements_of_many(found, evidence),
            caveats_of_many(found, evidence, settings.partners),
        )
    table, above = _table(evidence)
    return Finding(
        schemas.PAIRS,
        table,
        statements(evidence),
        caveats(evidence, len(table), above),
        _matrices(evidence),
    )


def _evidence(
    subject: Subject,
    columns: Columns,
    untrained: Copies,
    *,
    settings: Mechanism,
    progress: Progress,
) -> Evidence:
    task, threshold = "pairs of units", settings.threshold
    progress(task, 0, 3)
    cross = _crossed(subject, subject.evaluation, columns)
    progress(task, 1, 3)
    raw, within, null = _second_pass(subject, columns, cross, settings.shuffles)
    progress(task, 2, 3)
    selection = _crossed(subject, subject.selection, columns).correlation()
    progress(task, 3, 3)
    counts = [[Counts.of(r, columns, threshold).total for r in shuffle] for shuffle in null]
    shuffled, by_class, beyond_class = zip(*counts, strict=True)
    return Evidence(
        columns=columns,
        threshold=threshold,
        raw=raw,
        within=within,
        selection=selection.r,
        n_selection=selection.n,
        untrained=untrained,
        shuffled=shuffled,
        by_class=by_class,
        beyond_class=beyond_class,
    )


def _crossed(subject: Subject, examples: Examples, columns: Columns) -> CrossMoments:
    cross = CrossMoments.empty(len(columns.site), len(columns.site), len(subject.classes))
    for values, labels in columns.batches(subject, examples, subject.seed):
        cross.update(values, values, labels)
    return cross


def _second_pass(
    subject: Subject, columns: Columns, cross: CrossMoments, shuffles: int
) -> tuple[Correlations, Correlations, np.ndarray]:
    """Go over the evaluation examples again, with means and spreads known.

    Returns
    -------
    raw, within, null
        Correlations with intervals, and `[shuffles, 3, T, T]` correlations of shuffled values:
        over all examples, in classes, and in classes with class means removed.
    """
    total, width = cross.left.total(), len(columns.site)
    known = [Influences.of(cross.correlation(within=w).r) for w in (False, True)]
    sums = [ShuffledProducts.empty(width, classes) for classes in (1, len(cross.rows))]
    null = np.zeros((shuffles, 3, width, width))
    rng = np.random.default_rng(subject.seed)
    for values, labels in columns.batches(subject, subject.evaluation, subject.seed):
        z, beyond = standardised(total, values), standardised(cross.left, values, labels)
        for influences, own in zip(known, (z, beyond), strict=True):
            influences.update(own)
        sums[0].update(z)
        sums[1].update(beyond, labels)
        for products in null:
            mixes = (
                rng.permuted(z, axis=0),
                shuffled_in_class(z, labels, rng),
                shuffled_in_class(beyond, labels, rng),
            )
            for product, mixed in zip(products, mixes, strict=True):
                product += mixed.T @ mixed / cross.rows.sum()
    raw, within = (Correlations.of(cross, known[w], sums[w], within=bool(w)) for w in (0, 1))
    return raw, within, null


def _table(evidence: Evidence) -> tuple[Table, int]:
    """List the pairs above the threshold; also how many there are, listed or not."""
    columns, raw, within = evidence.columns, evidence.raw, evidence.within
    a, b = np.triu_indices(len(columns.site), 1)
    q, q_within = (benjamini_hochberg(c.p[a, b]) for c in (raw, within))
    strength = np.fmax(np.abs(raw.r[a, b]), np.abs(within.r[a, b]))
    above = np.flatnonzero(np.nan_to_num(strength) > evidence.threshold)
    shown = np.sort(above[np.argsort(-strength[above], kind="stable")[: schemas.LISTED]])
    a, b = a[shown], b[shown]
    values: dict[str, np.ndarray] = {
        "r_selection": evidence.selection[a, b],
        "n_selection": np.full(len(a), evidence.n_selection),
        "q": q[shown],
        "r_within_q": q_within[shown],
        "n": np.full(len(a), raw.n),
    }
    for name, found, bare in (("r", raw, ""), ("r_within", within, "r_within_")):
        values[name], values[bare + "p"] = found.r[a, b], found.p[a, b]
        values[bare + "lo"], values[bare + "hi"] = found.interval(a, b)
    return _listed(columns, evidence.untrained, (a, b), values), len(above)


def _table_of_many(found: Many, untrained: Copies) -> Table:
    """List the closest pairs of each unit."""
    values: dict[str, np.ndarray] = {
        "r_selection": found.selection,
        "n_selection": np.full(len(found.selection), found.n_selection),
        "q": found.q,
        "r_within_q": found.q_within,
        "n": np.full(len(found.selection), found.n),
    }
    for name, own, bare in (("r", found.raw, ""), ("r_within", found.within, "r_within_")):
        values[name], values[bare + "p"] = own.r, own.p
        values[bare + "lo"], values[bare + "hi"] = own.lo, own.hi
    return _listed(found.columns, untrained, (found.found.a, found.found.b), values)


def _listed(
    columns: Columns,
    untrained: Copies,
    pair: tuple[np.ndarray, np.ndarray],
    values: dict[str, np.ndarray],
) -> Table:
    """Make rows of pairs of columns, with what the controls show of their sites."""
    a, b = pair
    names = np.array(columns.sites, dtype=object)
    values |= {
        "site_a": names[columns.site[a]],
        "unit_a": columns.unit[a],
        "site_b": names[columns.site[b]],
        "unit_b": columns.unit[b],
    }
    for name in ("r", "r_within"):
        for end, quantile in zip(("lo", "hi"), untrained.ordinary[name], strict=True):
            values[f"control_{name}_{end}"] = quantile[columns.site[a], columns.site[b]]
    return Table.build(UnitPair, values)


def _matrices(evidence: Evidence) -> dict[str, np.ndarray]:
    """Return the correlations inside each site whose units were all taken, `[U, U]` float32."""
    arrays: dict[str, np.ndarray] = {}
    for name, found in (("correlation", evidence.raw), ("correlation_within", evidence.within)):
        for i, count in enumerate(evidence.columns.counts):
            block = evidence.columns.block(i)
            if block.stop - block.start == count:
                arrays[f"mechanism.{name}.{i}"] = found.r[block, block].astype(np.float32)
    return arrays
