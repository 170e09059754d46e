"""Which units vary together, and is it more than preferring the same classes?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holistic.examples import Examples
from holistic.findings import Finding
from holistic.lenses.mechanism.columns import Columns, columns_of
from holistic.lenses.mechanism.correlations import (
    Correlations,
    Powers,
    shuffled_in_class,
    standardised,
)
from holistic.progress import Progress
from holistic.stats.moments import CrossMoments
from holistic.stats.tests import benjamini_hochberg
from holistic.subject import Subject
from holistic.tables import Table, col
from holistic.words import percent

if TYPE_CHECKING:
    from holistic.lenses.mechanism import Mechanism

__all__ = ["Counts", "UnitPair", "pairs"]

_ROWS = 50_000
_ALPHA = 0.05


@dataclass(frozen=True)
class UnitPair:
    """Row of the finding `mechanism.pairs`: how two units vary together."""

    site_a: str = col("site of the first unit")
    unit_a: int = col("index of the first unit in its site", words="first unit")
    site_b: str = col("site of the second unit: the same, or a later one")
    unit_b: int = col("index of the second unit in its site", words="second unit")
    r: float = col(
        "Pearson correlation of the units' position means over evaluation examples",
        words="correlation",
    )
    lo: float = col("lower end of the 95 % interval of r")
    hi: float = col("upper end of the 95 % interval of r")
    control_r_lo: float = col(
        "2.5 % quantile of r over pairs of these sites in an untrained copy",
        of="r",
        words="control (95 % of pairs in an untrained copy)",
    )
    control_r_hi: float = col("97.5 % quantile of the same", of="r")
    r_within: float = col(
        "the same within classes: class means removed first", words="correlation within classes"
    )
    r_within_lo: float = col("lower end of the 95 % interval of r_within")
    r_within_hi: float = col("upper end of the 95 % interval of r_within")
    control_r_within_lo: float = col(
        "2.5 % quantile of r_within in the untrained copy",
        of="r_within",
        words="control (95 % of pairs in an untrained copy)",
    )
    control_r_within_hi: float = col("97.5 % quantile of the same", of="r_within")
    r_selection: float = col(
        "r on the selection split: the same pair on other examples",
        words="correlation on the selection split",
    )
    p: float = col("two-sided p of no correlation, for r (t)", of="r", words="p (t, two-sided)")
    q: float = col(
        "Benjamini-Hochberg q of p over all pairs, listed or not", of="r", words="q over all pairs"
    )
    r_within_p: float = col(
        "two-sided p of no correlation, for r_within (t)", of="r_within", words="p (t, two-sided)"
    )
    r_within_q: float = col(
        "Benjamini-Hochberg q of r_within_p over all pairs, listed or not",
        of="r_within",
        words="q over all pairs",
    )
    n: int = col("evaluation examples", unit="examples")


@dataclass(frozen=True)
class Counts:
    """How many pairs correlate above a threshold: inside one site, in all, and below minus it."""

    inside: int
    total: int
    negative: int

    @classmethod
    def of(cls, r: np.ndarray, columns: Columns, threshold: float) -> Counts:
        """Count pairs of columns `[T, T]`, each pair once; NaN isn't counted."""
        high = np.triu(r > threshold, 1)
        inside = int((high & (columns.site[:, None] == columns.site)).sum())
        return cls(inside, int(high.sum()), int(np.triu(r < -threshold, 1).sum()))


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
    untrained
        Pairs above the threshold in the untrained copy, on the evaluation split.
    ordinary
        `[2, S, S]` of `r` and `r_within`: what 2.5 % of the pairs of two sites fall below and
        exceed in the untrained copy.
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
    untrained: Counts
    ordinary: dict[str, np.ndarray]
    shuffled: tuple[int, ...]
    by_class: tuple[int, ...]
    beyond_class: tuple[int, ...]


def pairs(
    subject: Subject, untrained: Subject, *, settings: Mechanism, progress: Progress
) -> Finding:
    """Correlate every pair of hidden units, raw and within classes.

    Parameters
    ----------
    subject
        The model under study.
    untrained
        The control: the same architecture with fresh weights.
    settings
        Settings of the lens.
    progress
        Told how many of the passes over the data are done.

    Returns
    -------
    Finding
        `mechanism.pairs`: one row per pair with |r| or |r_within| above the threshold. Arrays
        `mechanism.correlation.<i>` and `mechanism.correlation_within.<i>` `[U, U]` of the i-th
        hidden site.

    References
    ----------
    Benjamini & Hochberg 1995 (q); Devlin, Gnanadesikan & Kettenring 1975 (intervals).
    """
    evidence = _evidence(subject, untrained, settings, progress)
    table, above = _table(evidence)
    return Finding(
        "mechanism.pairs",
        table,
        _statements(evidence),
        _caveats(evidence, len(table), above),
        _matrices(evidence),
    )


def _evidence(
    subject: Subject, untrained: Subject, settings: Mechanism, progress: Progress
) -> Evidence:
    task, threshold = "pairs of units", settings.threshold
    columns = columns_of(subject, settings.most_units)
    progress(task, 0, 4)
    cross = _crossed(subject, subject.evaluation, columns)
    progress(task, 1, 4)
    raw, within, null = _second_pass(subject, columns, cross, settings.shuffles)
    progress(task, 2, 4)
    selection = _crossed(subject, subject.selection, columns).correlation().r
    progress(task, 3, 4)
    fresh = _crossed(untrained, subject.evaluation, columns)
    progress(task, 4, 4)
    counts = [[Counts.of(r, columns, threshold).total for r in shuffle] for shuffle in null]
    shuffled, by_class, beyond_class = zip(*counts, strict=True)
    return Evidence(
        columns=columns,
        threshold=threshold,
        raw=raw,
        within=within,
        selection=selection,
        untrained=Counts.of(fresh.correlation().r, columns, threshold),
        ordinary={
            name: _ordinary(fresh.correlation(within=within).r, columns)
            for name, within in (("r", False), ("r_within", True))
        },
        shuffled=shuffled,
        by_class=by_class,
        beyond_class=beyond_class,
    )


def _ordinary(r: np.ndarray, columns: Columns) -> np.ndarray:
    """Quantiles `[2, S, S]` of the correlations of each two sites' pairs, each pair once."""
    sites = len(columns.sites)
    ends = np.full((2, sites, sites), np.nan)
    once = np.triu(np.isfinite(r), 1)
    for i in range(sites):
        for j in range(i, sites):
            block = columns.block(i), columns.block(j)
            if once[block].any():
                ends[:, i, j] = np.quantile(r[block][once[block]], (0.025, 0.975))
    return ends


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
    powers = Powers.empty(width), Powers.empty(width)
    null = np.zeros((shuffles, 3, width, width))
    rng = np.random.default_rng(subject.seed)
    for values, labels in columns.batches(subject, subject.evaluation, subject.seed):
        z, beyond = standardised(total, values), standardised(cross.left, values, labels)
        powers[0].update(z)
        powers[1].update(beyond)
        for products in null:
            mixes = (
                rng.permuted(z, axis=0),
                shuffled_in_class(z, labels, rng),
                shuffled_in_class(beyond, labels, rng),
            )
            for product, mixed in zip(products, mixes, strict=True):
                product += mixed.T @ mixed / cross.rows.sum()
    return (
        Correlations.of(cross, powers[0], within=False),
        Correlations.of(cross, powers[1], within=True),
        null,
    )


def _table(evidence: Evidence) -> tuple[Table, int]:
    """List the pairs above the threshold; also how many there are, listed or not."""
    columns, raw, within = evidence.columns, evidence.raw, evidence.within
    a, b = np.triu_indices(len(columns.site), 1)
    q, q_within = (benjamini_hochberg(c.p[a, b]) for c in (raw, within))
    strength = np.fmax(np.abs(raw.r[a, b]), np.abs(within.r[a, b]))
    above = np.flatnonzero(np.nan_to_num(strength) > evidence.threshold)
    shown = np.sort(above[np.argsort(-strength[above], kind="stable")[:_ROWS]])
    a, b = a[shown], b[shown]
    names = np.array(columns.sites, dtype=object)
    values: dict[str, np.ndarray] = {
        "site_a": names[columns.site[a]],
        "unit_a": columns.unit[a],
        "site_b": names[columns.site[b]],
        "unit_b": columns.unit[b],
        "r_selection": evidence.selection[a, b],
        "q": q[shown],
        "r_within_q": q_within[shown],
        "n": np.full(len(a), raw.n),
    }
    for name, found, bare in (("r", raw, ""), ("r_within", within, "r_within_")):
        values[name], values[bare + "p"] = found.r[a, b], found.p[a, b]
        values[bare + "lo"], values[bare + "hi"] = found.interval(a, b)
        ordinary = evidence.ordinary[name]
        for end, quantile in zip(("lo", "hi"), ordinary, strict=True):
            values[f"control_{name}_{end}"] = quantile[columns.site[a], columns.site[b]]
    return Table.build(UnitPair, values), len(above)


def _statements(evidence: Evidence) -> tuple[str, ...]:
    columns, threshold = evidence.columns, evidence.threshold
    upper = np.triu_indices(len(columns.site), 1)
    tested = int(np.isfinite(evidence.raw.r[upper]).sum())
    if not tested:
        return ("No two hidden units vary, so no pair could be correlated.",)
    raw, beyond = (Counts.of(c.r, columns, threshold) for c in (evidence.raw, evidence.within))
    high = evidence.raw.r[upper] > threshold
    again = int((evidence.selection[upper][high] > threshold).sum())
    sure = int((evidence.raw.interval(*upper)[0] > threshold).sum())
    shares = [
        float(np.mean(benjamini_hochberg(c.p[upper][np.isfinite(c.p[upper])]) < _ALPHA))
        for c in (evidence.raw, evidence.within)
    ]
    return (
        f"{raw.inside:,} pairs of units within one site correlate above r = {threshold:g}, "
        f"{raw.total:,} counting pairs of different sites, of {tested:,} (n = {evidence.raw.n:,}); "
        f"{raw.negative:,} lie below -{threshold:g}. The untrained copy has "
        f"{evidence.untrained.inside:,} and {evidence.untrained.total:,}; shuffling each unit's "
        f"values over the examples leaves {np.mean(evidence.shuffled):.1f}.",
        f"With class means removed {beyond.total:,} pairs lie above {threshold:g} (shuffled "
        f"within classes: {np.mean(evidence.beyond_class):.1f}); class preference alone, which "
        f"that shuffle keeps, gives {np.mean(evidence.by_class):,.1f}.",
        f"Of the {raw.total:,} pairs, {sure:,} have their whole 95 % interval above {threshold:g} "
        f"and {again:,} exceed it on the selection split, too. At q < {_ALPHA:g} "
        f"{percent(shares[0])} of all pairs correlate, {percent(shares[1])} within classes: at "
        "this n the size of r says more than its q.",
    )


def _caveats(evidence: Evidence, shown: int, above: int) -> tuple[str, ...]:
    columns, raw, within = evidence.columns, evidence.raw, evidence.within
    caveats = [
        "A unit is its mean over positions; correlation is linear, and no evidence that one unit "
        "acts on the other."
    ]
    for mask, reason in (
        (raw.constant, "dead or constant, the same on every evaluation example"),
        (raw.rare, "their variance rests on fewer than 10 examples (n / kurtosis)"),
    ):
        if mask.any():
            caveats.append(f"Units left out, {mask.sum()} in all: {columns.named(mask)}: {reason}.")
    only = within.left_out & ~raw.left_out
    if only.any():
        caveats.append(
            f"Units left out within classes only, for the same reasons: {columns.named(only)}."
        )
    if sum(columns.counts) > len(columns.unit):
        caveats.append(
            f"{len(columns.unit):,} of {sum(columns.counts):,} units were correlated: in each site "
            "those that vary most on the selection split (setting most_units)."
        )
    if above > shown:
        caveats.append(
            f"{above:,} pairs lie above the threshold; the {shown:,} largest are listed."
        )
    return tuple(caveats)


def _matrices(evidence: Evidence) -> dict[str, np.ndarray]:
    """Return the correlations inside each site whose units were all taken, `[U, U]` float32."""
    arrays: dict[str, np.ndarray] = {}
    for name, found in (("correlation", evidence.raw), ("correlation_within", evidence.within)):
        for i, count in enumerate(evidence.columns.counts):
            block = evidence.columns.block(i)
            if block.stop - block.start == count:
                arrays[f"mechanism.{name}.{i}"] = found.r[block, block].astype(np.float32)
    return arrays
