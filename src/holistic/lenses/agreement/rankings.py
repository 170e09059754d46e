"""How far do two lenses rank a site's units alike?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.findings import Finding
from holistic.lenses.agreement.scores import LENSES, SiteScores
from holistic.stats.agreement import Shuffles, spearman, topk_overlap
from holistic.stats.tests import benjamini_hochberg, permutation_p
from holistic.subject import Subject
from holistic.tables import Table, col

if TYPE_CHECKING:
    from holistic.lenses.agreement import Agreement

__all__ = ["LensPair", "compare_lenses"]


@dataclass(frozen=True)
class LensPair:
    """Row of the finding `agreement.lenses`: two lenses' rankings of one site's units."""

    site: str = col("site whose units are ranked")
    class_: str = col(
        "class that the units are ranked for; 'all' ranks by the largest score over the classes",
        name="class",
        words="class",
    )
    lens_a: str = col("first lens", words="lens")
    lens_b: str = col("second lens", words="other lens")
    spearman: float = col(
        "rank correlation of the two rankings; 1 = the same, 0 = unrelated",
        words="rank correlation",
    )
    lo: float = col("lower end of the 95 % interval of the rank correlation")
    hi: float = col("upper end of the 95 % interval of the rank correlation")
    n: int = col("units that both lenses rank; dead ones are left out", unit="units", of="spearman")
    control_lo: float = col(
        "2.5 % quantile when one lens's units are shuffled",
        of="spearman",
        words="control (95 % of shuffled units)",
    )
    control_hi: float = col("97.5 % quantile when one lens's units are shuffled", of="spearman")
    p: float = col(
        "two-sided p of the rank correlation among those of shuffled units",
        of="spearman",
        words="p (shuffled units, two-sided)",
    )
    q: float = col(
        "Benjamini-Hochberg q of p over all rows", of="spearman", words="q over all rows"
    )
    k: int = col(
        "size of the two top choices: a tenth of the units, at most 10",
        unit="units",
        of="topk_overlap",
        words="k, units compared",
    )
    topk_overlap: float = col(
        "share of the top k of one lens that the other has too",
        unit="share",
        words="share of the top k in both",
    )
    topk_expected: float = col(
        "share that two random choices of k would have",
        unit="share",
        of="topk_overlap",
        words="control (two random choices)",
    )
    topk_p: float = col(
        "chance that random choices of k share at least as many",
        of="topk_overlap",
        words="p (random choices, one-sided)",
    )


def compare_lenses(subject: Subject, lens: Agreement, scores: list[SiteScores]) -> Finding:
    """Compare every two lenses' rankings of the units, for every site and class.

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
    Finding
        `agreement.lenses`.

    References
    ----------
    Krishna et al. 2022 (rank and top-feature agreement).
    """
    columns: dict[str, list[Any]] = defaultdict(list)
    shuffles = Shuffles(subject.seed, lens.shuffles)
    for said in scores:
        for row in _site_rows(said, subject.classes, shuffles):
            for name, value in row.items():
                columns[name].append(value)
    q = benjamini_hochberg(np.array(columns["p"], np.float64))
    table = Table.build(LensPair, {**columns, "q": q})
    told = (*_statements(table), *_unranked(scores))
    return Finding("agreement.lenses", table, told, _CAVEATS)


def _site_rows(
    said: SiteScores, classes: Sequence[str], shuffles: Shuffles
) -> Iterator[dict[str, Any]]:
    for a, b in combinations(LENSES, 2):
        for c, name in enumerate([*classes, "all"]):
            sides = [_ranking(said.scores[lens], c)[~said.dead] for lens in (a, b)]
            finite = np.isfinite(sides[0]) & np.isfinite(sides[1])
            pair = {"site": said.site.name, "class": name, "lens_a": a, "lens_b": b}
            yield pair | _compared(sides[0][finite], sides[1][finite], shuffles)


def _ranking(scores: np.ndarray, c: int) -> np.ndarray:
    """Scores for class c, or the largest over the classes after the last: `[U]`."""
    if c < scores.shape[1]:
        return scores[:, c]
    return np.where(np.isnan(scores), -np.inf, scores).max(1)  # -inf where none is known


def _compared(a: np.ndarray, b: np.ndarray, shuffles: Shuffles) -> dict[str, Any]:
    """Columns of one comparison of `[N]` finite scores."""
    units = len(a)
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
    return row


_CAVEATS = (
    "Ablation, attribution and tracing intervene on or differentiate the same network, and "
    "mechanism averages the activations of a unit's cluster, so no two lenses are independent.",
    "Behind the last hidden site a network is linear: there ablation by the mean and attribution, "
    "its first order, agree by construction.",
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


def _statements(table: Table) -> Iterator[str]:
    rows = [r for r in table.rows() if r["spearman"] is not None]
    whole = {(r["site"], r["lens_a"], r["lens_b"]): r for r in rows if r["class"] == "all"}
    rows = [r for r in rows if r["class"] != "all"]
    if not rows:
        yield "No two lenses rate the same 4 units of a site."
        return
    pairs: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        pairs[row["site"], row["lens_a"], row["lens_b"]].append(row)
    medians = {
        key: float(np.median([r["spearman"] for r in group])) for key, group in pairs.items()
    }
    for key, word in (
        (max(medians, key=medians.__getitem__), "most"),
        (min(medians, key=medians.__getitem__), "least"),
    ):
        said = _said(key, pairs[key], whole.get(key))
        yield f"Of {len(medians)} pairs of lenses, site by site, two agree {word}: {said}"
    for site in dict.fromkeys(key[0] for key in medians):
        key = (site, "ablation", "activation")
        if key in medians:
            said = _said(key, pairs[key], whole.get(key))
            yield said[0].upper() + said[1:]


def _said(
    key: tuple[str, str, str], group: list[dict[str, Any]], whole: dict[str, Any] | None
) -> str:
    """Say how far two lenses agree over the classes, and when each unit has its own class."""
    values = [r["spearman"] for r in group]
    lo, hi = (float(np.median([r[c] for r in group])) for c in ("control_lo", "control_hi"))
    site, a, b = key
    own = (
        f"; for class 'all' {whole['spearman']:.3f} [{whole['lo']:.3f}, {whole['hi']:.3f}], "
        f"shuffled units [{whole['control_lo']:.2f}, {whole['control_hi']:.2f}]"
        if whole
        else ""
    )
    if {a, b} == {"ablation", "attribution"}:
        own += "; behind the last hidden site these two agree by construction"
    return (
        f"{a} and {b} at '{site}' have a median rank correlation of {np.median(values):.3f} over "
        f"{len(values)} classes (from {min(values):.3f} to {max(values):.3f}; n = "
        f"{group[0]['n']} units; shuffled units, medians over the classes, [{lo:.2f}, "
        f"{hi:.2f}]){own}."
    )
