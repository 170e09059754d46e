"""How far do two lenses rank a site's units alike?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.lenses.agreement import schemas
from holistic.lenses.agreement._scores import LENSES, SiteScores
from holistic.lenses.agreement.pairs import (
    Compared,
    correlated,
    over_classes,
    over_images,
    resampled,
)
from holistic.lenses.agreement.schemas import LensPair, OverClasses
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.agreement import Shuffles, spearman, topk_overlap
from holistic.stats.tests import benjamini_hochberg, permutation_p
from holistic.study.subject import Subject
from holistic.words import number

if TYPE_CHECKING:
    from holistic.lenses.agreement import Agreement

__all__ = ["compare_lenses"]


def compare_lenses(
    subject: Subject, lens: Agreement, scores: list[SiteScores]
) -> tuple[Finding, Finding]:
    """Compare every two lenses' rankings of the units, for every site and class, and over classes.

    Parameters
    ----------
    subject
        The model under study.
    lens
        The settings: `shuffles`.
    scores
        What the lenses say, by site.

    Returns
    -------
    Finding, Finding
        `agreement.lenses` and `agreement.pairs`.

    References
    ----------
    Krishna et al. 2022 (rank and top-feature agreement).
    """
    shuffles = Shuffles(subject.seed, lens.shuffles)
    rows, over = list[dict[str, Any]](), list[dict[str, Any]]()
    for said in scores:
        for a, b in combinations(LENSES, 2):
            pair = {"site": said.site.name, "lens_a": a, "lens_b": b}
            found = list(_by_class(said, (a, b), subject, shuffles))
            rows += [pair | compared.row for compared in found]
            over.append(pair | over_classes(found[:-1]))
    tables = (_with_q(LensPair, rows), _with_q(OverClasses, over))
    told = (*_statements(*tables), *_unranked(scores))
    return (
        Finding(schemas.LENSES, tables[0], told, _CAVEATS),
        Finding(schemas.PAIRS, tables[1], (), _CAVEATS[:2]),
    )


def _with_q(kind: type, rows: Sequence[dict[str, Any]]) -> Table:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return Table.build(kind, {**columns, "q": benjamini_hochberg(columns["p"])})


def _by_class(
    said: SiteScores, pair: tuple[str, str], subject: Subject, shuffles: Shuffles
) -> Iterator[Compared]:
    """Compare two lenses at a site for every class, and last for 'all'."""
    again = [said.redrawn.get(lens) for lens in pair]  # [D, U, C] each, or None
    for c, name in enumerate([*subject.classes, "all"]):
        sides = [_ranking(said.scores[lens], c)[~said.dead] for lens in pair]
        finite = np.isfinite(sides[0]) & np.isfinite(sides[1])
        draws = [None if d is None else _ranking(d, c)[:, ~said.dead][:, finite] for d in again]
        row, null = _compared(sides[0][finite], sides[1][finite], shuffles)
        drawn = (
            correlated(draws[0], draws[1])
            if draws[0] is not None and draws[1] is not None
            else np.empty(0)
        )
        ends, over = (row["lo"], row["hi"]), "units"
        wide = over_images(row["spearman"], drawn)
        if np.isfinite(wide[0]):
            ends, over = wide, "images"
        by_units = resampled(sides[0][finite], sides[1][finite], subject.seed)
        row |= {"class": name, "lo": ends[0], "hi": ends[1], "interval_over": over}
        yield Compared(row, null, drawn if over == "images" else by_units)


def _ranking(scores: np.ndarray, c: int) -> np.ndarray:
    """Scores `[…, U, C]` for class c, or the largest over the classes after the last: `[…, U]`."""
    if c < scores.shape[-1]:
        return scores[..., c]
    return np.where(np.isnan(scores), -np.inf, scores).max(-1)  # -inf where none is known


def _compared(
    a: np.ndarray, b: np.ndarray, shuffles: Shuffles
) -> tuple[dict[str, Any], np.ndarray]:
    """Columns of one comparison of `[N]` finite scores, and the correlations of shuffled units."""
    units, null = len(a), np.empty(0)
    row: dict[str, Any] = dict.fromkeys(
        ("control_lo", "control_hi", "p", "topk_overlap", "topk_expected", "topk_p"), np.nan
    )
    found = spearman(a, b)
    row |= {"spearman": found.r, "lo": found.lo, "hi": found.hi, "n": units}
    row["k"] = k = min(10, max(1, round(units / 10)))
    if np.isfinite(found.r):
        null = shuffles.spearman(a, b)
        row["control_lo"], row["control_hi"] = np.quantile(null, [0.025, 0.975])
        row["p"] = float(permutation_p(found.r, null, alternative="two-sided"))
        overlap = topk_overlap(a, b, k)
        row |= {
            "topk_overlap": overlap.share,
            "topk_expected": overlap.expected,
            "topk_p": overlap.p,
        }
    return row, null


_CAVEATS = (
    "Ablation, attribution and tracing intervene on or differentiate the same network, and "
    "mechanism averages the activations of a unit's cluster, so no two lenses are independent.",
    "Behind the last hidden site a network is linear: there ablation by the mean and attribution, "
    "its first order, agree by construction.",
    "Where an interval is over images, the site's units are taken as they are and images are drawn "
    "again; what noise takes off a rank correlation is allowed for. Where it is over units, what "
    "the lenses say of them is taken as exact.",
    "Dead units, which all lenses rate zero, are left out: they would inflate every agreement.",
    "Activation and mechanism rank by how far an AUROC lies from 0.5, either way; the class 'all' "
    "ranks a unit by the class that it matters most to.",
)


_NO_RANKS = {
    "attribution": "the model has no gradients there",
    "mechanism": "the site has no stable clusters",
    "tracing": "no pair of images could be patched",
}


def _unranked(scores: Sequence[SiteScores]) -> Iterator[str]:
    """Say why a lens has no number at a site."""
    alive = [said for said in scores if not said.dead.all()]
    for said in scores:
        if said.dead.all():
            yield f"No lens ranks the units of '{said.site.name}': all of them are dead."
    for lens in LENSES:
        silent = [s.site.name for s in alive if not np.isfinite(s.scores[lens][~s.dead]).any()]
        if silent:
            named = ", ".join(f"'{name}'" for name in silent)
            why = _NO_RANKS.get(lens, "nothing was measured")
            yield f"At {named} {lens} ranks no units ({why}), so nothing can agree with it there."


def _statements(table: Table, over: Table) -> Iterator[str]:
    pairs = [row for row in over.rows() if row["median"] is not None]
    if not pairs:
        yield "No two lenses rate the same 4 units of a site."
        return
    for pick, word in ((max, "most"), (min, "least")):
        row = pick(pairs, key=lambda row: row["median"])
        said = _said(row, table)
        yield f"Of {len(pairs)} pairs of lenses, site by site, two agree {word}: {said}"
    for row in pairs:
        if (row["lens_a"], row["lens_b"]) == ("ablation", "activation"):
            said = _said(row, table)
            yield said[0].upper() + said[1:]


def _said(row: dict[str, Any], table: Table) -> str:
    """Say how far two lenses agree over the classes, and when each unit has its own class."""
    site, a, b = row["site"], row["lens_a"], row["lens_b"]
    [whole] = table.where(site=site, lens_a=a, lens_b=b, class_="all").rows()
    own = (
        ""
        if whole["spearman"] is None
        else f"; for class 'all' {whole['spearman']:.3f} [{number(whole['lo'], '.3f')}, "
        f"{number(whole['hi'], '.3f')}], shuffled units [{whole['control_lo']:.2f}, "
        f"{whole['control_hi']:.2f}]"
    )
    if {a, b} == {"ablation", "attribution"}:
        own += "; behind the last hidden site these two agree by construction"
    return (
        f"{a} and {b} at '{site}' have a median rank correlation of {row['median']:.3f} "
        f"[{number(row['lo'], '.3f')}, {number(row['hi'], '.3f')}] over {row['classes']} classes "
        f"(from {row['least']:.3f} to {row['most']:.3f}; n = {row['n']} units, intervals over "
        f"{row['interval_over']}; the same median with units shuffled "
        f"[{row['control_lo']:.2f}, {row['control_hi']:.2f}]){own}."
    )
