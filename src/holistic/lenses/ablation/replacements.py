"""Ranks the units under every ablation value, and compares the rankings."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np

from holistic.graph.edits import edit_names
from holistic.graph.sites import Site
from holistic.lenses._parts import with_q
from holistic.lenses.ablation import Ablation, schemas
from holistic.lenses.ablation._budget import afforded_examples, measured_sites
from holistic.lenses.ablation._effects import unit_effects_on
from holistic.lenses.ablation._resampled import Agreed, redrawn_agreements
from holistic.lenses.ablation.replacements_statements import describe_agreement, unrated
from holistic.lenses.ablation.schemas import Agreement
from holistic.pieces import every, kept
from holistic.progress import Progress
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.agreement import Overlap, Shuffles, spearman, topk_overlap
from holistic.stats.control import Control
from holistic.stats.means import Means
from holistic.study.subject import Subject

__all__ = ["compare_replacements"]

_TOP = 10
_SHUFFLES = 1000


def compare_replacements(subject: Subject, lens: Ablation, progress: Progress) -> Finding:
    """Rank the units of each site under every ablation value and compare the rankings."""
    rows = list[Agreement]()
    sites, dear = measured_sites(subject, lens, "ablation values")
    progress("ablation values compared", 0, len(sites))
    for done, own in enumerate(every(_site_rows, ((subject, s, lens) for s in sites)), 1):
        rows += own
        progress("ablation values compared", done, len(sites))
    table = Table.from_rows(Agreement, _with_q(rows))
    return Finding(
        schemas.REPLACEMENTS,
        table,
        tuple(describe_agreement(table, site.name) for site in sites),
        (
            "Mean and zero take a value away for good; resample puts in a value that belongs to "
            "another example (one draw each), so its effects are noisier.",
            "Intervals are over images, drawn again within each class: they hold what as many "
            "others would give. Noise in the effects lowers a rank correlation; more images raise "
            "it.",
            *dear,
            *_unvarying(table),
            *(note for site in sites if (note := unrated(table, site))),
        ),
    )


def _unvarying(table: Table) -> tuple[str, ...]:
    """Say how many rank correlations have no interval, since all draws of images give the same."""
    found = [row.spearman for row in table.rows(Agreement) if row.spearman.value is not None]
    bare = sum(one.lo is None for one in found)
    if not bare:
        return ()
    return (
        f"{bare:,} of {len(found):,} rank correlations have no interval: images drawn again rank "
        "the units in the same order every time, or are too few.",
    )


def _with_q(rows: list[Agreement]) -> list[Agreement]:
    """Add q, over all rows, to the rank correlations and to the overlaps."""
    ranks, overlaps = with_q([r.spearman for r in rows]), with_q([r.overlap for r in rows])
    found = zip(rows, ranks, overlaps, strict=True)
    return [replace(row, spearman=rank, overlap=overlap) for row, rank, overlap in found]


@kept
def _site_rows(subject: Subject, site: Site, lens: Ablation) -> list[Agreement]:
    kinds = edit_names()
    examples = afforded_examples(subject, site, lens, site.units * len(kinds))
    labels, names = examples.labels.cpu().numpy(), [*subject.classes, "all"]
    classes, k = len(subject.classes), min(_TOP, max(1, site.units // 4))
    effects = {
        kind: unit_effects_on(subject, site, examples, kind, (subject.score,))[0] for kind in kinds
    }
    means = {kind: Means.by_class(own, labels, classes) for kind, own in effects.items()}
    with np.errstate(invalid="ignore"):
        redrawn = redrawn_agreements(effects, labels, classes, k=k, seed=subject.seed)
    shuffles, nothing = Shuffles(subject.seed, _SHUFFLES), Agreed(*[float("nan")] * 4)
    return [
        _row(
            site,
            (names[c], a, b),
            (means[a].mean[:, c], means[b].mean[:, c]),
            (int(n), redrawn.get((a, b, c), nothing)),
            shuffles,
        )
        for a, b in combinations(kinds, 2)
        for c, n in enumerate(means[a].count[0])
    ]


def _row(
    site: Site,
    labels: tuple[str, str, str],
    effects: tuple[np.ndarray, np.ndarray],
    sure: tuple[int, Agreed],
    shuffles: Shuffles,
) -> Agreement:
    (a, b), (examples, redrawn) = effects, sure
    rank, k = spearman(a, b), min(_TOP, max(1, site.units // 4))
    null = shuffles.spearman(a, b)
    chance = Control.of(null, rank.r, alternative="two-sided")
    rated = [side[np.isfinite(a) & np.isfinite(b)] for side in (a, b)]
    # of units without any difference no k are the top
    overlap = Overlap(np.nan, np.nan, np.nan)
    if rank.n >= k and all(np.ptp(side) for side in rated):
        overlap = topk_overlap(-a, -b, k)
    return Agreement(
        site.name,
        *labels,
        spearman=Estimate(
            rank.r,
            redrawn.spearman_lo if np.isfinite(rank.r) else np.nan,
            redrawn.spearman_hi if np.isfinite(rank.r) else np.nan,
            control_lo=float(chance.lo),
            control_hi=float(chance.hi),
            p=float(chance.p),
        ),
        n=rank.n,
        k=k,
        overlap=Estimate(
            overlap.share,
            redrawn.overlap_lo if np.isfinite(overlap.share) else np.nan,
            redrawn.overlap_hi if np.isfinite(overlap.share) else np.nan,
            control=overlap.expected,
            p=overlap.p,
        ),
        examples=examples,
    )
