"""Writes the sentences of `mechanism.edges`: what units do to those of the next site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from holistic.stats.intervals import bootstrap_interval
from holistic.stats.tests import benjamini_hochberg
from holistic.study.subject import Subject
from holistic.words import number, unbounded

if TYPE_CHECKING:
    from holistic.lenses.mechanism import Mechanism
    from holistic.lenses.mechanism.edges import Bundle

__all__ = ["caveats", "statements"]

_ALPHA = 0.05
_NAMED = 3
"""Steps from site to site of which a sentence names the first edge."""
_ALIKE = 0.8
"""Share of edges with a significant change, of random ones against the largest, from which the
words say that significance doesn't tell them apart."""


def statements(subject: Subject, bundles: Sequence[Bundle]) -> tuple[str, ...]:
    """Compare the chosen edges with random ones, and name the first one of the last sites."""
    top, random = ([b for b in bundles if b.choice.kind == kind] for kind in ("top", "random"))
    if not top:
        return ()
    firsts = [b for b in bundles if b.choice.first is not None]
    named = (_first(subject, b) for b in firsts[-_NAMED:])
    return (_sizes(top, random), _counts(top, random), *named)


def _sizes(top: Sequence[Bundle], random: Sequence[Bundle]) -> str:
    """Say how large the chosen edges are, and random ones."""
    every, control = (
        np.concatenate([np.empty(0), *map(_relative_sizes, b)]) for b in (top, random)
    )
    controls = ""
    if len(control):
        controls = f"; {len(control):,} random pairs of units, the control, by {_median(control)}, "
        controls += f"95 % of them by less than {np.quantile(control, 0.95):.2g}"
    return (
        f"The {len(every):,} largest edges on the selection split: replacing the first unit by its "
        f"mean changes the second by {_median(every)} of its standard deviations (median root mean "
        f"square, n = {int(top[0].changes.count[0, -1]):,}){controls}."
    )


def _median(values: np.ndarray) -> str:
    """Write a median over edges, with the interval that comes of resampling edges, not images."""
    lo, hi = bootstrap_interval(values, np.median, seed=0)
    ends = f" [{lo:.2g}, {hi:.2g}, edges resampled]" if len(values) > 1 else ""
    return f"{np.median(values):.2g}{ends}"


def _counts(top: Sequence[Bundle], random: Sequence[Bundle]) -> str:
    """Say how many edges change their unit at all, and whether random ones do as well."""
    shares, counts = zip(*map(_significant, (top, random)), strict=True)
    controls = f", and for {counts[1]} random pairs" if random else ""
    alike = shares[1] >= _ALIKE * shares[0] > 0
    return f"The mean of some class changes (q < {_ALPHA:g}) for {counts[0]} of these{controls}" + (
        ": not significance but size tells the largest from random ones." if alike else "."
    )


def _significant(bundles: Sequence[Bundle]) -> tuple[float, str]:
    """Return the share of edges that change their unit's mean in some class, and it in words."""
    if not bundles:
        return 0.0, ""
    p = np.concatenate([b.changes.p() for b in bundles])
    sure = np.any(benjamini_hochberg(p)[:, :-1] < _ALPHA, axis=1)
    return float(sure.mean()), f"{sure.sum():,} of {len(sure):,}"


def _relative_sizes(bundle: Bundle) -> np.ndarray:
    """Return the change of each edge over all examples, in standard deviations of unit b, `[E]`."""
    spread = np.where(bundle.spread > 0, bundle.spread, np.inf)
    return bundle.size[:, -1] / spread


def _first(subject: Subject, bundle: Bundle) -> str:
    choice = bundle.choice
    assert choice.first is not None
    edge, label = choice.first
    change = bundle.changes[edge, label]
    lo, hi = (number(end, ".3g") for end in change.interval())
    return (
        f"From site '{choice.sites[0]}' to site '{choice.sites[1]}' the edge that ranks first on "
        f"the selection split is unit {choice.unit_a[edge]} to unit {choice.unit_b[edge]}: without "
        f"the one the other changes by {change.mean:+.3g} [{lo}, {hi}] on class "
        f"{subject.classes[label]} (n = {int(change.count):,}; the other's standard deviation "
        f"is {bundle.spread[edge]:.3g})."
    )


def _rare(bundles: Sequence[Bundle]) -> tuple[str, ...]:
    """Count the rows that have neither interval nor p."""
    rare = [b.changes.rare for b in bundles]
    return unbounded(sum(int(r.sum()) for r in rare), sum(r.size for r in rare), "rows")


def caveats(
    bundles: Sequence[Bundle],
    settings: Mechanism,
    examples: int,
    bare: Sequence[tuple[str, str]],
) -> tuple[str, ...]:
    """Say which edges were looked at, and what one edge by itself can't show.

    Parameters
    ----------
    bundles
        The edges that were measured.
    settings
        Settings of the lens.
    examples
        Examples of the selection split that the edges were chosen on.
    bare
        Neighbouring sites without edges.
    """
    lines = [
        f"From each site the {settings.edge_units} units that vary most were replaced (chosen, as "
        f"the edges were, on {examples:,} examples of the selection split), and at most "
        f"{settings.edges} edges kept; other units may have larger ones.",
        "A replaced unit's mean is class-balanced over the selection split, so in class 'all' "
        "what some classes lose and others gain cancels: read the classes, or `size`.",
        "Edges go to the next hidden site only, and are those of one unit with all others as they "
        "are: redundant units hide each other.",
    ]
    if bare:
        named = ", ".join(f"site '{a}' to site '{b}'" for a, b in bare)
        lines.append(f"No edges where the first site doesn't reach the second: {named}.")
    return (*lines, *_rare(bundles))
