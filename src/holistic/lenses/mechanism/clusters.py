"""Into which groups do the units of a site fall, and which class does each group prefer?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holistic.examples import Examples
from holistic.findings import Finding
from holistic.lenses.mechanism.rows import ClusteredUnit
from holistic.lenses.mechanism.specialisation import Specialisation, specialisation
from holistic.lenses.mechanism.values import (
    Activations,
    activations,
    in_words,
    most_varying,
    sampled,
)
from holistic.progress import Progress
from holistic.sites import Site
from holistic.stats.agreement import adjusted_rand
from holistic.stats.clusters import Clusters, cluster_units, side_by_side
from holistic.stats.moments import Moments
from holistic.stats.tests import benjamini_hochberg
from holistic.subject import Subject
from holistic.tables import Table

if TYPE_CHECKING:
    from holistic.lenses.mechanism import Mechanism

__all__ = ["ClusteredUnit", "clusters", "silhouettes"]

_ALPHA = 0.05
_STABLE = 0.5
_TOLD = 4
_READ_UNITS = 8192

Both = tuple[Activations, Activations]
"""What units hold on the selection and on the evaluation split."""


@dataclass(frozen=True)
class SiteClusters:
    """The clusters of one site.

    Attributes
    ----------
    studied
        Indices of the units that were clustered; arrays over units are in their order.
    raw, within
        Clusters chosen on the selection split, by plain correlation and within classes.
    silhouette
        `[studied]`, silhouettes of `raw` on the evaluation split.
    order
        `[studied]`, places of the units when alike ones stand side by side; -1 for none.
    special
        What the clusters prefer; None where there are none.
    untrained_k, untrained_silhouette
        Number of clusters in the untrained copy, and their mean silhouette there.
    """

    site: Site
    studied: np.ndarray
    raw: Clusters
    within: Clusters
    silhouette: np.ndarray
    order: np.ndarray
    special: Specialisation | None
    untrained_k: int
    untrained_silhouette: float


def clusters(
    subject: Subject, untrained: Subject, *, settings: Mechanism, progress: Progress
) -> Finding:
    """Cluster the units of each hidden site by how they vary together.

    Clusters and preferred classes are chosen on the selection split; silhouettes and
    specialisation are measured on the evaluation split.

    Parameters
    ----------
    subject
        The model under study.
    untrained
        The control: the same architecture with fresh weights.
    settings
        Settings of the lens.
    progress
        Told how many sites are done.

    Returns
    -------
    Finding
        `mechanism.clusters`: one row per hidden unit. Arrays `mechanism.profile.<i>` `[K, C]`:
        mean standardised activation of each cluster of the i-th hidden site in each class.

    References
    ----------
    Rousseeuw 1987 (silhouette); Ben-Hur, Elisseeff & Guyon 2002 (stability).
    """
    splits = [
        sampled(s, settings.clustered_examples, seed=subject.seed)
        for s in (subject.selection, subject.evaluation)
    ]
    task, sites, found = "clusters of units", subject.hidden_sites, list[SiteClusters]()
    progress(task, 0, len(sites))
    for site, trained, fresh in _readings(subject, untrained, splits):
        found.append(_site_clusters(subject, site, trained=trained, fresh=fresh, settings=settings))
        progress(task, len(found), len(sites))
    qs = _qs(found)
    return Finding(
        "mechanism.clusters",
        _table(subject, found, qs),
        _statements(subject, found, qs),
        _caveats(found, len(splits[0]), len(splits[1])),
        {
            f"mechanism.profile.{i}": f.special.profile.astype(np.float32)
            for i, f in enumerate(found)
            if f.special is not None
        },
    )


def _readings(
    subject: Subject, untrained: Subject, splits: Sequence[Examples]
) -> Iterator[tuple[Site, Both, Both]]:
    """Read sites on both splits in both models, as many at a time as fit."""
    waiting = list(subject.hidden_sites)
    while waiting:
        counts = np.cumsum([site.units for site in waiting])
        group = waiting[: max(1, int((counts <= _READ_UNITS).sum()))]
        waiting = waiting[len(group) :]
        names = [site.name for site in group]
        trained, fresh = ([activations(m, names, s) for s in splits] for m in (subject, untrained))
        for site in group:
            name = site.name
            yield site, (trained[0][name], trained[1][name]), (fresh[0][name], fresh[1][name])


def _site_clusters(
    subject: Subject, site: Site, *, trained: Both, fresh: Both, settings: Mechanism
) -> SiteClusters:
    seed = subject.seed
    studied, raw, silhouette = _clustered(trained, settings, seed)
    _, control, control_silhouette = _clustered(fresh, settings, seed)
    selection, evaluation = (split.of_units(studied) for split in trained)
    within = cluster_units(
        selection.values,
        selection.labels,
        k_range=(2, settings.most_clusters),
        draws=settings.draws,
        seed=seed,
    )
    special = (
        specialisation(selection, evaluation, raw.labels, classes=len(subject.classes), seed=seed)
        if raw.k > 1
        else None
    )
    return SiteClusters(
        site=site,
        studied=studied,
        raw=raw,
        within=within,
        silhouette=silhouette,
        order=side_by_side(evaluation.values, raw.labels),
        special=special,
        untrained_k=control.k,
        untrained_silhouette=_mean(control_silhouette),
    )


def _clustered(
    splits: Both, settings: Mechanism, seed: int
) -> tuple[np.ndarray, Clusters, np.ndarray]:
    """Return the units studied, their clusters, and their silhouettes on the evaluation split."""
    studied = most_varying(splits[0].values, settings.clustered_units)
    selection, evaluation = (split.of_units(studied) for split in splits)
    found = cluster_units(
        selection.values, k_range=(2, settings.most_clusters), draws=settings.draws, seed=seed
    )
    return studied, found, silhouettes(evaluation.values, found.labels)


def silhouettes(values: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Return how well each unit sits in its cluster on given examples.

    Parameters
    ----------
    values
        `[N, U]`.
    members
        `[U]`, cluster of each unit; -1 for none.

    Returns
    -------
    np.ndarray
        `[U]`, silhouettes for the distance 1 - r; NaN for units in no cluster, units that don't
        vary on these examples, and where fewer than 2 clusters are left.

    References
    ----------
    Rousseeuw 1987, eq. 2.
    """
    from sklearn.metrics import silhouette_samples

    result = np.full(len(members), np.nan)
    kept = np.flatnonzero((members >= 0) & ~Moments.of(values).constant())
    if 2 <= len(np.unique(members[kept])) < len(kept):
        distance = 1 - np.corrcoef(values[:, kept].T)
        np.fill_diagonal(distance, 0)
        result[kept] = silhouette_samples(
            np.maximum(distance, 0), members[kept], metric="precomputed"
        )
    return result


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _qs(found: Sequence[SiteClusters]) -> list[np.ndarray]:
    """Return q of each site's clusters, over the clusters of all sites."""
    ps = [f.special.p if f.special is not None else np.empty(0) for f in found]
    ends = np.cumsum([len(p) for p in ps])[:-1]
    return np.split(benjamini_hochberg(np.concatenate(ps)), ends)


def _table(subject: Subject, found: Sequence[SiteClusters], qs: Sequence[np.ndarray]) -> Table:
    parts = [_columns(subject, f, q) for f, q in zip(found, qs, strict=True)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Table.build(ClusteredUnit, columns)


def _columns(subject: Subject, found: SiteClusters, q: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of one site's units, those that were not studied included."""
    units, special = found.site.units, found.special
    member, inner, order = (np.full(units, -1) for _ in range(3))
    order[found.studied] = found.order
    silhouette = np.full(units, np.nan)
    silhouette[found.studied] = found.silhouette
    if found.raw.k > 1:
        member[found.studied] = found.raw.labels
    if found.within.k > 1:
        inner[found.studied] = found.within.labels

    def of_cluster(values: np.ndarray | None) -> np.ndarray:
        return np.append([] if values is None else values, np.nan)[member]

    names = [subject.classes[c] for c in special.preferred] if special is not None else []
    columns: dict[str, np.ndarray] = {
        "unit": np.arange(units),
        "cluster": _or_none(member),
        "silhouette": silhouette,
        "preferred_class": np.array([*names, None], dtype=object)[member],
        "specialisation": of_cluster(special and special.value),
        "lo": of_cluster(special and special.lo),
        "hi": of_cluster(special and special.hi),
        "random_specialisation": of_cluster(special and special.random),
        "p": of_cluster(special and special.p),
        "q": of_cluster(q),
        "n": np.array([*(special.n.tolist() if special else []), None], dtype=object)[member],
        "cluster_within": _or_none(inner),
        "order": _or_none(order),
    }
    of_site = {
        "site": found.site.name,
        "stability": found.raw.stability,
        "k": found.raw.k,
        "site_silhouette": _mean(found.silhouette),
        "null_silhouette": _mean(found.raw.null_scores),
        "untrained_k": found.untrained_k,
        "untrained_silhouette": found.untrained_silhouette,
    }
    return columns | {name: np.full(units, value) for name, value in of_site.items()}


def _or_none(numbers: np.ndarray) -> np.ndarray:
    """Return numbers with None in place of -1."""
    return np.array([None if n < 0 else n for n in numbers.tolist()], dtype=object)


def _statements(
    subject: Subject, found: Sequence[SiteClusters], qs: Sequence[np.ndarray]
) -> tuple[str, ...]:
    """Tell of the deepest sites with clusters, and of the sites without."""
    told = [(f, q) for f, q in zip(found, qs, strict=True) if f.special is not None][-_TOLD:]
    none = [f for f in found if f.special is None]
    statements = [_told(subject, f, f.special, q) for f, q in told if f.special is not None]
    if none:
        reasons = "; ".join(_why_none(f) for f in none[:_TOLD])
        more = f"; and {len(none) - _TOLD} more sites" if len(none) > _TOLD else ""
        statements.append(f"No clusters: {reasons}{more}.")
    return tuple(statements)


def _told(subject: Subject, found: SiteClusters, special: Specialisation, q: np.ndarray) -> str:
    raw, within = found.raw, found.within
    sizes = np.bincount(raw.labels[raw.labels >= 0])
    sure = [int(c) for c in np.argsort(-special.value, kind="stable") if q[c] < _ALPHA]
    preferences = ", ".join(
        f"{c} → class {subject.classes[special.preferred[c]]} ({sizes[c]} units, "
        f"{special.value[c]:+.2f} SD [{special.lo[c]:.2f}, {special.hi[c]:.2f}], random units "
        f"{special.random[c]:+.2f}, q = {q[c]:.2g})"
        for c in sure[:_TOLD]
    )
    fresh = f"{found.untrained_k} clusters" if found.untrained_k > 1 else "no clusters"
    beyond = f"{within.k} clusters" if within.k > 1 else "no clusters"
    agreement = f" (ARI {adjusted_rand(raw.labels, within.labels):.2f} with these)"
    return (
        f"The {int((raw.labels >= 0).sum())} units of '{found.site.name}' form {raw.k} clusters: "
        f"mean silhouette {_mean(found.silhouette):.2f} on the evaluation split (data without "
        f"groups: {_mean(raw.null_scores):.2f}), stability {raw.stability:.2f}; the untrained copy "
        f"has {fresh}; with class means removed there are {beyond}"
        f"{agreement if within.k > 1 else ''}. {len(sure)} of the {raw.k} are more specialised in "
        f"a class than random units (q < {_ALPHA:g})"
        + (f": cluster {preferences}." if preferences else ".")
    )


def _why_none(found: SiteClusters) -> str:
    raw, name = found.raw, found.site.name
    if not len(raw.scores):
        return f"'{name}' has too few units that vary"
    best = raw.counts[raw.scores.argmax()]
    reason = f"the best partition of '{name}' ({best} clusters, silhouette {raw.scores.max():.2f}) "
    if raw.stability < _STABLE:
        return reason + f"isn't stable (adjusted Rand index {raw.stability:.2f} < {_STABLE:g})"
    return reason + f"isn't better than that of data without groups (p = {raw.p:.2g})"


def _caveats(found: Sequence[SiteClusters], *examples: int) -> tuple[str, ...]:
    caveats = [
        f"Clusters were chosen on {examples[0]:,} examples of the selection split and measured on "
        f"{examples[1]:,} of the evaluation split; a unit is its mean over positions, and opposed "
        "units are far apart."
    ]
    dead = {f.site.name: f.studied[f.raw.labels < 0] for f in found if (f.raw.labels < 0).any()}
    if dead:
        named = "; ".join(f"{in_words(units)} of '{site}'" for site, units in dead.items())
        caveats.append(f"Left out for never changing on the selection split: {named}.")
    cut = [
        f"{len(f.studied)} of {f.site.units} of '{f.site.name}'"
        for f in found
        if len(f.studied) < f.site.units
    ]
    if cut:
        caveats.append(f"Only the units that vary most were clustered: {'; '.join(cut)}.")
    return tuple(caveats)
