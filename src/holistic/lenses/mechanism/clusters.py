"""Clusters the units of each site by how they vary together, and tabulates the clusters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from holistic.graph.sites import Site
from holistic.lenses.mechanism import schemas
from holistic.lenses.mechanism._site_clusters import SiteClusters, site_clusters
from holistic.lenses.mechanism._untrained import Copies
from holistic.lenses.mechanism._values import Activations, activations, sampled
from holistic.lenses.mechanism.clusters_statements import caveats, statements
from holistic.lenses.mechanism.schemas import ClusteredUnit
from holistic.pieces import every
from holistic.progress import Progress
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.control import band
from holistic.stats.tests import benjamini_hochberg
from holistic.study.examples import Examples
from holistic.study.subject import Subject

if TYPE_CHECKING:
    from holistic.lenses.mechanism import Mechanism

__all__ = ["ClusteredUnit", "clusters"]

_READ_UNITS = 8192


def clusters(
    subject: Subject, untrained: Copies, *, settings: Mechanism, progress: Progress
) -> Finding:
    """Cluster the units of each hidden site by how they vary together.

    Clusters and preferred classes are chosen on the selection split; silhouettes and
    specialisation are measured on the evaluation split. A site has clusters where they beat both
    data without groups and randomly initialised controls.

    Parameters
    ----------
    subject
        The model under study.
    untrained
        The control: what randomly initialised controls show.
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
    clustered = partial(
        site_clusters, classes=len(subject.classes), settings=settings, seed=subject.seed
    )
    asked = (
        (site, both, (untrained.own[site.name], untrained.groups[site.name]))
        for site, both in _readings(subject, splits)
    )
    for one in every(clustered, asked):
        found.append(one)
        progress(task, len(found), len(sites))
    qs = _qs(found)
    chosen, measured = (len(split) for split in splits)
    few = untrained.examples
    return Finding(
        schemas.CLUSTERS,
        _table(subject, found, qs, counts=(chosen, measured, few)),
        statements(subject.classes, found, qs),
        caveats(found, chosen=chosen, measured=measured, few=few),
        {
            f"mechanism.profile.{i}": f.special.profile.astype(np.float32)
            for i, f in enumerate(found)
            if f.special is not None
        },
    )


def _readings(
    subject: Subject, splits: Sequence[Examples]
) -> Iterator[tuple[Site, tuple[Activations, Activations]]]:
    """Read sites on both splits, as many at a time as fit."""
    waiting = list(subject.hidden_sites)
    while waiting:
        counts = np.cumsum([site.units for site in waiting])
        group = waiting[: max(1, int((counts <= _READ_UNITS).sum()))]
        waiting = waiting[len(group) :]
        selection, evaluation = (
            activations(subject, [site.name for site in group], split) for split in splits
        )
        for site in group:
            yield site, (selection[site.name], evaluation[site.name])


def _qs(found: Sequence[SiteClusters]) -> list[np.ndarray]:
    """Return q of each site's clusters, over the clusters of all sites."""
    ps = [f.special.p if f.special is not None else np.empty(0) for f in found]
    ends = np.cumsum([len(p) for p in ps])[:-1]
    return np.split(benjamini_hochberg(np.concatenate(ps)), ends)


def _table(
    subject: Subject,
    found: Sequence[SiteClusters],
    qs: Sequence[np.ndarray],
    *,
    counts: tuple[int, int, int],
) -> Table:
    tests = [
        benjamini_hochberg(ps) for ps in zip(*((f.raw.p, f.against.p) for f in found), strict=True)
    ]
    parts = [
        _of_units(subject, f, q) | _of_site(f, (tests[0][i], tests[1][i]), counts)
        for i, (f, q) in enumerate(zip(found, qs, strict=True))
    ]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Table.build(ClusteredUnit, columns)


def _of_units(subject: Subject, found: SiteClusters, q: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of one site's units, those that were not studied included."""
    units, special, measured = found.site.units, found.special, found.silhouettes
    member, inner, order = (np.full(units, -1) for _ in range(3))
    order[found.studied] = found.order
    if found.raw.k > 1:
        member[found.studied] = found.raw.labels
    if found.within.k > 1:
        inner[found.studied] = found.within.labels

    def of_unit(values: np.ndarray) -> np.ndarray:
        every = np.full(units, np.nan)
        every[found.studied] = values
        return every

    def of_cluster(values: np.ndarray | None) -> np.ndarray:
        return np.append([] if values is None else values, np.nan)[member]

    names = [subject.classes[c] for c in special.preferred] if special is not None else []
    return {
        "unit": np.arange(units),
        "cluster": _or_none(member),
        "silhouette": of_unit(measured.value),
        "silhouette_lo": of_unit(measured.lo),
        "silhouette_hi": of_unit(measured.hi),
        "preferred_class": np.array([*names, None], dtype=object)[member],
        "specialisation": of_cluster(special and special.value),
        "lo": of_cluster(special and special.lo),
        "hi": of_cluster(special and special.hi),
        "shuffled_specialisation": of_cluster(special and special.shuffled),
        "random_specialisation": of_cluster(special and special.random),
        "random_specialisation_lo": of_cluster(special and special.random_lo),
        "random_specialisation_hi": of_cluster(special and special.random_hi),
        "p": of_cluster(special and special.p),
        "q": of_cluster(q),
        "n": np.array([*(special.n.tolist() if special else []), None], dtype=object)[member],
        "cluster_within": _or_none(inner),
        "order": _or_none(order),
    }


def _of_site(
    found: SiteClusters, qs: tuple[float, float], counts: tuple[int, int, int]
) -> dict[str, np.ndarray]:
    """Return the columns that are the same for all units of a site."""
    raw, against, (mean, lo, hi) = found.raw, found.against, found.silhouettes.mean
    ks, stable = _counts(raw.ks), band(raw.agreements)
    usual_ks, usual_scores = band(against.ks), band(against.scores)
    values = {
        "site": found.site.name,
        "k": raw.k,
        "k_lo": ks[0],
        "k_hi": ks[1],
        "untrained_k": against.ks.mean(),
        "untrained_k_lo": float(usual_ks[0]),
        "untrained_k_hi": float(usual_ks[1]),
        "stability": raw.stability,
        "stability_lo": float(stable[0]),
        "stability_hi": float(stable[1]),
        "site_silhouette": mean,
        "site_silhouette_lo": lo,
        "site_silhouette_hi": hi,
        "best_silhouette": raw.score,
        "null_silhouette": raw.null_scores.mean() if len(raw.null_scores) else np.nan,
        "null_p": raw.p,
        "null_q": qs[0],
        "n_chosen": counts[0],
        "n_silhouette": counts[1],
        "few_silhouette": against.own.score,
        "untrained_silhouette": against.scores.mean(),
        "untrained_silhouette_lo": float(usual_scores[0]),
        "untrained_silhouette_hi": float(usual_scores[1]),
        "untrained_p": against.p,
        "untrained_q": qs[1],
        "n_few": counts[2],
        "controls": len(against.others),
    }
    units = found.site.units
    return {
        name: np.full(units, value, dtype=object if value is None else None)
        for name, value in values.items()
    }


def _counts(draws: np.ndarray) -> tuple[int | None, int | None]:
    """Return which two of some counts 95 % of them lie between; None of none."""
    ends = band(draws, method="inverted_cdf")
    return (int(ends[0]), int(ends[1])) if len(draws) else (None, None)


def _or_none(numbers: np.ndarray) -> np.ndarray:
    """Return numbers with None in place of -1."""
    return np.array([None if n < 0 else n for n in numbers.tolist()], dtype=object)
