"""Writes the sentences of `mechanism.clusters`, also for sites that have none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from holistic.lenses.mechanism._site_clusters import ALPHA, SiteClusters
from holistic.lenses.mechanism._specialisation import Specialisation
from holistic.lenses.mechanism._values import in_words
from holistic.stats.agreement import adjusted_rand
from holistic.stats.control import band
from holistic.words import letter

__all__ = ["caveats", "statements"]

_STABLE = 0.5
_NAMED = 4


def statements(
    classes: Sequence[str], found: Sequence[SiteClusters], qs: Sequence[np.ndarray]
) -> tuple[str, ...]:
    """Describe the deepest sites with clusters, and name the sites without.

    Parameters
    ----------
    classes
        Names of the classes.
    found
        The clusters of each site.
    qs
        Per site, q of the specialisation of each of its clusters.
    """
    clustered = [(f, q) for f, q in zip(found, qs, strict=True) if f.special is not None]
    none = [f for f in found if f.special is None]
    lines = list[str]()
    for site, q in clustered[-_NAMED:]:
        if site.special is not None:
            lines += [_clustered(site), _preferences(classes, site.raw.labels, site.special, q)]
    if none:
        reasons = "; ".join(_why_none(f) for f in none[:_NAMED])
        more = f"; and {len(none) - _NAMED} more sites" if len(none) > _NAMED else ""
        lines.append(f"No clusters: {reasons}{more}.")
    return tuple(lines)


def _clustered(found: SiteClusters) -> str:
    raw, within, against = found.raw, found.within, found.against
    mean, lo, hi = found.silhouettes.mean
    spread = band(raw.agreements)
    beyond = "no clusters"
    if within.k > 1:
        agreement = adjusted_rand(raw.labels, within.labels)
        beyond = f"{within.k} clusters (ARI {agreement:.2f} with these)"
    return (
        f"{int((raw.labels >= 0).sum())} units of site '{found.site.name}' form {raw.k} clusters "
        f"({_between(raw.ks)} over resamples): mean silhouette {mean:.2f} [{lo:.2f}, {hi:.2f}] on "
        f"the evaluation split, stability {raw.stability:.2f} ({spread[0]:.2f} to "
        f"{spread[1]:.2f}). The largest silhouette beats data without groups (mean "
        f"{raw.null_scores.mean():.2f}, p = {raw.p:.2g}) and {len(against.others)} randomly "
        f"initialised controls (mean {against.scores.mean():.2f}, p = {against.p:.2g}; "
        f"{_between(against.ks)} clusters there). With class means removed there are {beyond}."
    )


def _between(counts: np.ndarray) -> str:
    """Write between which numbers 95 % of some counts lie."""
    lo, hi = band(counts, method="inverted_cdf")
    return f"{lo}" if lo == hi else f"{lo} to {hi}"


def _preferences(
    classes: Sequence[str], members: np.ndarray, special: Specialisation, q: np.ndarray
) -> str:
    sizes = np.bincount(members[members >= 0])
    sure = [int(c) for c in np.argsort(-special.value, kind="stable") if q[c] < ALPHA]
    beyond = [c for c in sure if special.value[c] > special.random_hi[c]]
    named = ", ".join(
        f"{letter(c)} → class {classes[special.preferred[c]]} ({sizes[c]} units, "
        f"{special.value[c]:+.2f} SD [{special.lo[c]:.2f}, {special.hi[c]:.2f}], "
        f"n = {special.n[c]:,}, labels shuffled {special.shuffled[c]:+.2f}, "
        f"random units {special.random[c]:+.2f}, q = {q[c]:.2g})"
        for c in sure[:_NAMED]
    )
    return (
        f"{len(sure)} of the {len(q)} clusters are specialised in a class (q < {ALPHA:g}, labels "
        f"shuffled), {len(beyond)} of them more than 95 % of random sets of units"
        + (f": cluster {named}." if named else ".")
    )


def _why_none(found: SiteClusters) -> str:
    raw, against, name = found.raw, found.against, found.site.name
    if not len(raw.agreements):
        return f"site '{name}' has too few units that vary"
    best = raw.counts[np.nanargmax(raw.scores)]
    reason = f"the best partition of site '{name}' ({best} clusters, silhouette {raw.score:.2f}) "
    if raw.p > ALPHA:
        return reason + f"isn't better than that of data without groups (p = {raw.p:.2g})"
    if raw.stability < _STABLE:
        return reason + f"isn't stable (adjusted Rand index {raw.stability:.2f} < {_STABLE:g})"
    return reason + (
        f"isn't better than those of {len(against.others)} randomly initialised controls (mean "
        f"{against.scores.mean():.2f}, p = {against.p:.2g})"
    )


def caveats(
    found: Sequence[SiteClusters], *, chosen: int, measured: int, few: int
) -> tuple[str, ...]:
    """Say on how many examples clusters were chosen, measured and compared, and what is left out.

    Parameters
    ----------
    found
        The clusters of each site.
    chosen, measured, few
        Examples of the selection and of the evaluation split, and those of randomly initialised
        controls.
    """
    lines = [
        f"Clusters were chosen on {chosen:,} examples of the selection split and measured on "
        f"{measured:,} of the evaluation split; a unit is its mean over positions, and opposed "
        "units are far apart.",
        f"Randomly initialised controls were read on {few:,} examples of the selection split. "
        "Sites have clusters where p ≤ 0.05 against both controls; q over the sites stands in the "
        "table.",
    ]
    for reason, units in (
        ("Left out for never changing on the selection split", _left_out(found)),
        ("In no cluster, each alone", {f.site.name: f.alone for f in found if len(f.alone)}),
    ):
        if units:
            named = "; ".join(f"{in_words(own)} of site '{site}'" for site, own in units.items())
            lines.append(f"{reason}: {named}.")
    cut = [
        f"{len(f.studied)} of {f.site.units} of site '{f.site.name}'"
        for f in found
        if len(f.studied) < f.site.units
    ]
    if cut:
        lines.append(f"Only the units that vary most were clustered: {'; '.join(cut)}.")
    return tuple(lines)


def _left_out(found: Sequence[SiteClusters]) -> dict[str, np.ndarray]:
    return {f.site.name: f.studied[f.raw.left_out] for f in found if f.raw.left_out.any()}
