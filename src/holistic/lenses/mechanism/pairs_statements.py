"""Writes the sentences of `mechanism.pairs`: how many units vary together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holistic.lenses.mechanism._columns import Columns
from holistic.lenses.mechanism._correlations import Counts
from holistic.lenses.mechanism.schemas import NOT_ALL
from holistic.stats.tests import benjamini_hochberg
from holistic.words import percent

if TYPE_CHECKING:
    from holistic.lenses.mechanism._many import Many
    from holistic.lenses.mechanism.pairs import Evidence

__all__ = ["caveats", "caveats_of_many", "statements", "statements_of_many"]

_ALPHA = 0.05
_MOST = 0.5
"""Share of significant pairs above which significance says little."""


@dataclass(frozen=True)
class _Numbers:
    """What the sentences say of pairs: counts of all, and of those that are looked at closely."""

    raw: Counts
    beyond: Counts
    tested: int
    n: int
    closely: str
    sure: int
    again: int


def statements(evidence: Evidence) -> tuple[str, ...]:
    """Count the pairs above the threshold and those of shuffles and of controls."""
    columns, threshold = evidence.columns, evidence.threshold
    upper = np.triu_indices(len(columns.site), 1)
    raw, beyond = (Counts.of(c.r, columns, threshold) for c in (evidence.raw, evidence.within))
    high = evidence.raw.r[upper] > threshold
    numbers = _Numbers(
        raw=raw,
        beyond=beyond,
        tested=int(np.isfinite(evidence.raw.r[upper]).sum()),
        n=evidence.raw.n,
        closely=f"the {raw.total:,} pairs",
        sure=int((evidence.raw.interval(*upper)[0] > threshold).sum()),
        again=int((evidence.selection[upper][high] > threshold).sum()),
    )
    return _sentences(numbers, evidence)


def statements_of_many(many: Many, sample: Evidence) -> tuple[str, ...]:
    """Count the pairs of many units; what shuffles leave is that of a sample of the units."""
    threshold, high = sample.threshold, many.raw.r > sample.threshold
    numbers = _Numbers(
        raw=many.found.counts,
        beyond=many.found.counts_within,
        tested=many.tested,
        n=many.n,
        closely=f"the {high.sum():,} of these pairs that are listed",
        sure=int((many.raw.lo > threshold).sum()),
        again=int((many.selection[high] > threshold).sum()),
    )
    return _sentences(numbers, sample)


def _sentences(numbers: _Numbers, evidence: Evidence) -> tuple[str, ...]:
    if not numbers.tested:
        return ("No two hidden units vary, so no pair could be correlated.",)
    threshold, fresh, raw = evidence.threshold, evidence.untrained, numbers.raw
    upper = np.triu_indices(len(evidence.columns.site), 1)
    shares = [
        _share(benjamini_hochberg(p[np.isfinite(p)]) < _ALPHA)
        for p in (evidence.raw.p[upper], evidence.within.p[upper])
    ]
    return (
        f"{raw.inside:,} pairs of units within one site correlate above r = {threshold:g}, "
        f"{raw.total:,} counting pairs of different sites, of {numbers.tested:,} "
        f"(n = {numbers.n:,}); "
        f"{raw.negative:,} lie below -{threshold:g}. {len(fresh.counts)} randomly initialised "
        f"controls have {_spread([c.inside for c in fresh.counts])} and "
        f"{_spread([c.total for c in fresh.counts])} (n = {fresh.examples:,}); shuffling each "
        f"unit's values over the examples leaves {np.mean(evidence.shuffled):.1f}.",
        f"With class means removed {numbers.beyond.total:,} pairs lie above {threshold:g} "
        f"(shuffled within classes: {np.mean(evidence.beyond_class):.1f}; randomly initialised "
        f"controls: {_spread([c.total for c in fresh.counts_within])}); class preference alone, "
        f"which that shuffle keeps, gives {np.mean(evidence.by_class):,.1f}.",
        f"Of {numbers.closely}, {numbers.sure:,} have their whole 95 % interval above "
        f"{threshold:g} and {numbers.again:,} exceed it on the selection split, too. At q < "
        f"{_ALPHA:g} {percent(shares[0])} of all pairs correlate, {percent(shares[1])} within "
        "classes"
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
    both = evidence.raw, evidence.within
    constant, rare = (np.array([getattr(c, name) for c in both]) for name in ("constant", "rare"))
    lines = _of_units(evidence.columns, evidence.untrained.examples, constant, rare)
    if above > shown:
        lines.append(f"{above:,} pairs lie above the threshold; the {shown:,} largest {NOT_ALL}")
    return tuple(lines)


def caveats_of_many(many: Many, sample: Evidence, partners: int) -> tuple[str, ...]:
    """Say also what is listed of many units, and what was measured on a sample of them."""
    lines = _of_units(many.columns, sample.untrained.examples, many.constant, many.rare)
    drawn, listed = len(sample.columns.unit), len(many.raw.r)
    return (
        *lines,
        "Counts of shuffles, and shares at q, are those of the pairs of "
        f"{drawn:,} units drawn at random; randomly initialised controls are read at random units "
        "as well. Counts are scaled to all units.",
        "q takes pairs that aren't listed for ones without any evidence (p = 1), so it is rather "
        "too large than too small.",
        f"{many.found.above:,} pairs lie above the threshold; {listed:,}, up to {partners} of the "
        f"strongest of each unit (setting partners), {NOT_ALL}",
    )


def _of_units(columns: Columns, few: int, constant: np.ndarray, rare: np.ndarray) -> list[str]:
    """Say what a unit is and which were left out; masks `[2, T]` are raw and within classes."""
    lines = [
        "A unit is its mean over positions; correlation is linear, and no evidence that one unit "
        "acts on the other.",
        f"Randomly initialised controls were read on {few:,} examples of the selection split.",
    ]
    for mask, reason in (
        (constant[0], "dead or constant, the same on every evaluation example"),
        (rare[0], "their variance rests on fewer than 10 examples (n / kurtosis)"),
    ):
        if mask.any():
            lines.append(f"Units left out, {mask.sum()} in all: {columns.named(mask)}: {reason}.")
    only = (constant[1] | rare[1]) & ~(constant[0] | rare[0])
    if only.any():
        lines.append(
            f"Units left out within classes only, for the same reasons: {columns.named(only)}."
        )
    if sum(columns.counts) > len(columns.unit):
        lines.append(
            f"{len(columns.unit):,} of {sum(columns.counts):,} units were correlated: in each site "
            "those that vary most on the selection split (setting most_units)."
        )
    return lines
