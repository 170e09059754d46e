"""Findings on how far two lenses rank the units of a site alike."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Schema

__all__ = ["LENSES", "PAIRS", "LensPair", "OverClasses"]


@dataclass(frozen=True)
class LensPair:
    """Row of the finding `agreement.lenses`: two lenses' rankings of one site's units."""

    site: str = key("site whose units are ranked")
    class_: str = key(
        "class that the units are ranked for; 'all' ranks by the largest score over the classes",
        name="class",
        words="class",
    )
    lens_a: str = key("first lens", words="lens")
    lens_b: str = key("second lens", words="other lens")
    spearman: Estimate = estimate(
        "rank correlation of the two rankings; 1 = the same, 0 = unrelated",
        words="rank correlation",
        prefix="",
        parts="lo hi control_lo control_hi p q",
        meanings={
            "lo": "lower end of the 95 % interval of the rank correlation, over what "
            "`interval_over` says",
            "hi": "upper end of the 95 % interval of the rank correlation",
            "control_lo": "2.5 % quantile when one lens's units are shuffled",
            "control_hi": "97.5 % quantile when one lens's units are shuffled",
            "p": "two-sided p of the rank correlation among those of shuffled units",
            "q": "Benjamini-Hochberg q of p over all rows",
        },
        called={
            "control_lo": "control (95 % of shuffled units)",
            "p": "p (shuffled units, two-sided)",
            "q": "q over all rows",
        },
    )
    interval_over: str = col(
        "what the interval is over: 'images', with the site's units as they are, or 'units', as if "
        "others like them could have been there, with what was measured of them taken as exact"
    )
    n: int = col(
        "units that both lenses rank; dead ones are left out",
        unit="units",
        of="spearman",
        role="n",
    )
    k: int = col(
        "size of the two top choices: a tenth of the units, at most 10",
        unit="units",
        of="topk_overlap",
        words="k, units compared",
    )
    topk_overlap: Estimate = estimate(
        "share of the top k of one lens that the other has too",
        unit="share",
        words="share of the top k in both",
        prefix="topk_",
        parts="control p",
        names={"control": "topk_expected"},
        meanings={
            "control": "share that two random choices of k would have",
            "p": "chance that random choices of k share at least as many",
        },
        called={
            "control": "control (two random choices)",
            "p": "p (random choices, one-sided)",
        },
    )


LENSES = Schema(
    "agreement.lenses",
    "Lens against lens",
    LensPair,
    lead="Do two lenses rank the units of a site alike, class by class?",
    across="lens_a lens_b",
    answers=True,
)


@dataclass(frozen=True)
class OverClasses:
    """Row of the finding `agreement.pairs`: two lenses at one site, over the classes."""

    site: str = key("site whose units are ranked")
    lens_a: str = key("first lens", words="lens")
    lens_b: str = key("second lens", words="other lens")
    median: Estimate = estimate(
        "median over the classes of the rank correlation of the two rankings",
        words="median rank correlation",
        prefix="",
        parts="lo hi control_lo control_hi p q",
        meanings={
            "lo": "lower end of its 95 % interval, over what `interval_over` says",
            "hi": "upper end of its 95 % interval",
            "control_lo": "2.5 % quantile of the same when one lens's units are shuffled, in all "
            "classes alike",
            "control_hi": "97.5 % quantile of the same",
            "p": "two-sided p of the median among those of shuffled units",
            "q": "Benjamini-Hochberg q of p over all rows",
        },
        called={
            "control_lo": "control (95 % of shuffled units)",
            "p": "p (shuffled units, two-sided)",
            "q": "q over all rows",
        },
    )
    interval_over: str = col("what the interval is over: 'images' or 'units'")
    n: int = col(
        "units that both lenses rank, most over the classes",
        unit="units",
        of="median",
        role="n",
    )
    classes: int = col("classes in which both lenses rank units", unit="classes")
    least: float = col("least of the classes' rank correlations", words="least over the classes")
    most: float = col("largest of the classes' rank correlations", words="most over the classes")


PAIRS = Schema(
    "agreement.pairs",
    "Lens against lens, over the classes",
    OverClasses,
    lead="How far do two lenses agree about a site's units over all classes?",
    across="lens_a lens_b",
)
