"""How far does the ranking of units hang on what a removed unit holds instead?"""

from __future__ import annotations

from itertools import combinations
from typing import Any, get_args

import numpy as np

from holistic.graph.edits import Replacement
from holistic.graph.sites import Site
from holistic.lenses.ablation import Ablation, schemas
from holistic.lenses.ablation._budget import affordable, between
from holistic.lenses.ablation._effects import unit_effects_on
from holistic.lenses.ablation._resampled import Agreed, redrawn_agreements
from holistic.lenses.ablation.schemas import Agreement
from holistic.progress import Progress
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.agreement import Overlap, Shuffles, spearman, topk_overlap
from holistic.stats.means import Means
from holistic.stats.tests import benjamini_hochberg, permutation_p
from holistic.study.subject import Subject
from holistic.words import number, percent

__all__ = ["compare_replacements"]

_TOP = 10
_SHUFFLES = 1000


def compare_replacements(subject: Subject, lens: Ablation, progress: Progress) -> Finding:
    """Rank the units of each site under every replacement and compare the rankings."""
    rows, sites = list[Agreement](), subject.hidden_sites
    for done, site in enumerate(sites):
        progress("replacements compared", done, len(sites))
        rows += _site_rows(subject, site, lens)
    progress("replacements compared", len(sites), len(sites))
    table = Table.from_rows(Agreement, rows)
    whole = {c: table.column(c) for c in table.names} | {
        name + "q": benjamini_hochberg(table.column(name + "p")) for name in ("", "overlap_")
    }
    table = Table.build(Agreement, whole)
    return Finding(
        schemas.REPLACEMENTS,
        table,
        tuple(_statement(table, site.name) for site in sites),
        (
            "Mean and zero take a value away for good; resample puts in a value that belongs to "
            "another example (one draw each), so its effects are noisier.",
            "Intervals are over images, drawn again within each class: they hold what as many "
            "others would give. Noise in the effects lowers a rank correlation; more images raise "
            "it.",
            *(note for site in sites if (note := _unrated(table, site))),
        ),
    )


def _site_rows(subject: Subject, site: Site, lens: Ablation) -> list[Agreement]:
    kinds: tuple[str, ...] = get_args(Replacement)
    examples = affordable(subject, site, lens, site.units * len(kinds))
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
    chance = np.quantile(null, (0.025, 0.975)) if len(null) else (np.nan, np.nan)
    rated = [side[np.isfinite(a) & np.isfinite(b)] for side in (a, b)]
    # of units without any difference no k are the top
    overlap = Overlap(np.nan, np.nan, np.nan)
    if rank.n >= k and all(np.ptp(side) for side in rated):
        overlap = topk_overlap(-a, -b, k)
    return Agreement(
        site.name,
        *labels,
        spearman=rank.r,
        lo=redrawn.spearman_lo if np.isfinite(rank.r) else np.nan,
        hi=redrawn.spearman_hi if np.isfinite(rank.r) else np.nan,
        spearman_chance_lo=float(chance[0]),
        spearman_chance_hi=float(chance[1]),
        n=rank.n,
        p=float(permutation_p(rank.r, null, alternative="two-sided")) if len(null) else np.nan,
        q=np.nan,
        k=k,
        overlap=overlap.share,
        overlap_lo=redrawn.overlap_lo if np.isfinite(overlap.share) else np.nan,
        overlap_hi=redrawn.overlap_hi if np.isfinite(overlap.share) else np.nan,
        overlap_chance=overlap.expected,
        overlap_p=overlap.p,
        overlap_q=np.nan,
        examples=examples,
    )


def _statement(table: Table, site: str) -> str:
    """Say how far each pair of replacements agrees over all examples of a site."""
    whole = table.where(site=site, class_="all")
    parts, first = [_alike(row) for row in whole.rows()], next(whole.rows())
    lo, hi = (number(first[f"spearman_chance_{end}"], "z.2f") for end in ("lo", "hi"))
    return (
        f"Rank agreement of replacements at site '{site}' (n = {between(whole.column('n'))} units, "
        f"by effects on {first['examples']} examples, over which intervals are; shuffled units "
        f"[{lo}, {hi}]): "
        f"{'; '.join(parts)}."
    )


def _alike(row: dict[str, Any]) -> str:
    both = f"{row['replacement_a']} and {row['replacement_b']}"
    if row["overlap"] is None:
        return f"{both} can't be compared"
    return (
        f"{both} {number(row['spearman'], 'z.2f')} [{number(row['lo'], 'z.2f')}, "
        f"{number(row['hi'], 'z.2f')}], "
        f"{percent(row['overlap'], row['overlap_lo'], row['overlap_hi'], decimals=0)} of the top "
        f"{row['k']} (chance {percent(row['overlap_chance'], decimals=0)})"
    )


def _unrated(table: Table, site: Site) -> str:
    """Say which replacements leave some units of a site without a score."""
    parts = [
        f"{row['replacement_a']} and {row['replacement_b']} only {row['n']}"
        for row in table.where(site=site.name, class_="all").rows()
        if row["n"] < site.units
    ]
    if not parts:
        return ""
    return (
        f"Of the {site.units} units of site '{site.name}', both of two replacements can rate: "
        f"{', '.join(parts)}; without the others some score is NaN or infinite. What can't be "
        "compared has no rank correlation and no overlap."
    )
