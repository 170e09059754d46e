"""Writes the sentences of `mechanism.pairs`: how many units vary together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from holistic.lenses.mechanism._correlations import Counts
from holistic.stats.tests import benjamini_hochberg
from holistic.words import percent

if TYPE_CHECKING:
    from holistic.lenses.mechanism.pairs import Evidence

__all__ = ["caveats", "statements"]

_ALPHA = 0.05
_MOST = 0.5
"""Share of significant pairs above which significance says little."""


def statements(evidence: Evidence) -> tuple[str, ...]:
    """Count the pairs above the threshold and those of shuffles and of controls."""
    columns, threshold = evidence.columns, evidence.threshold
    upper = np.triu_indices(len(columns.site), 1)
    tested = int(np.isfinite(evidence.raw.r[upper]).sum())
    if not tested:
        return ("No two hidden units vary, so no pair could be correlated.",)
    raw, beyond = (Counts.of(c.r, columns, threshold) for c in (evidence.raw, evidence.within))
    fresh = evidence.untrained
    high = evidence.raw.r[upper] > threshold
    again = int((evidence.selection[upper][high] > threshold).sum())
    sure = int((evidence.raw.interval(*upper)[0] > threshold).sum())
    shares = [
        _share(benjamini_hochberg(p[np.isfinite(p)]) < _ALPHA)
        for p in (evidence.raw.p[upper], evidence.within.p[upper])
    ]
    return (
        f"{raw.inside:,} pairs of units within one site correlate above r = {threshold:g}, "
        f"{raw.total:,} counting pairs of different sites, of {tested:,} (n = {evidence.raw.n:,}); "
        f"{raw.negative:,} lie below -{threshold:g}. {len(fresh.counts)} randomly initialised "
        f"controls have {_spread([c.inside for c in fresh.counts])} and "
        f"{_spread([c.total for c in fresh.counts])} (n = {fresh.examples:,}); shuffling each "
        f"unit's values over the examples leaves {np.mean(evidence.shuffled):.1f}.",
        f"With class means removed {beyond.total:,} pairs lie above {threshold:g} (shuffled "
        f"within classes: {np.mean(evidence.beyond_class):.1f}; randomly initialised controls: "
        f"{_spread([c.total for c in fresh.counts_within])}); class preference alone, which "
        f"that shuffle keeps, gives {np.mean(evidence.by_class):,.1f}.",
        f"Of the {raw.total:,} pairs, {sure:,} have their whole 95 % interval above {threshold:g} "
        f"and {again:,} exceed it on the selection split, too. At q < {_ALPHA:g} "
        f"{percent(shares[0])} of all pairs correlate, {percent(shares[1])} within classes"
        + (": at this n the size of r says more than its q." if max(shares) > _MOST else "."),
    )


def _share(which: np.ndarray) -> float:
    """Share of them, NaN where nothing was tested."""
    return float(which.mean()) if len(which) else float("nan")


def _spread(counts: Sequence[int]) -> str:
    """Write the mean of counts and, where they differ, between which they lie."""
    ends = f" (least {min(counts):,}, most {max(counts):,})" if min(counts) < max(counts) else ""
    return f"{np.mean(counts):,.1f}".removesuffix(".0") + ends


def caveats(evidence: Evidence, shown: int, above: int) -> tuple[str, ...]:
    """Say which units were left out, and how many of the pairs above the threshold are listed."""
    columns, raw, within = evidence.columns, evidence.raw, evidence.within
    lines = [
        "A unit is its mean over positions; correlation is linear, and no evidence that one unit "
        "acts on the other.",
        f"Randomly initialised controls were read on {evidence.untrained.examples:,} examples of "
        "the selection split.",
    ]
    for mask, reason in (
        (raw.constant, "dead or constant, the same on every evaluation example"),
        (raw.rare, "their variance rests on fewer than 10 examples (n / kurtosis)"),
    ):
        if mask.any():
            lines.append(f"Units left out, {mask.sum()} in all: {columns.named(mask)}: {reason}.")
    only = within.left_out & ~raw.left_out
    if only.any():
        lines.append(
            f"Units left out within classes only, for the same reasons: {columns.named(only)}."
        )
    if sum(columns.counts) > len(columns.unit):
        lines.append(
            f"{len(columns.unit):,} of {sum(columns.counts):,} units were correlated: in each site "
            "those that vary most on the selection split (setting most_units)."
        )
    if above > shown:
        lines.append(f"{above:,} pairs lie above the threshold; the {shown:,} largest are listed.")
    return tuple(lines)
