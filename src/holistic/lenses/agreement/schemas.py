"""Findings of the lens `agreement`: what each row, array and page of them says."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import col
from holistic.results.schema import Schema

__all__ = [
    "LENSES",
    "PAIRS",
    "REMOVED",
    "UNITS",
    "VERDICTS",
    "LensPair",
    "OverClasses",
    "RemovedTogether",
    "UnitVerdict",
]

VERDICTS = (
    "causal and selective",
    "selective, causal for another class",
    "selective, not causal",
    "causal, not selective",
    "neither",
    "not measured",
    "dead",
)


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
    lo: float = col(
        "lower end of the 95 % interval of the rank correlation, over what `interval_over` says"
    )
    hi: float = col("upper end of the 95 % interval of the rank correlation")
    interval_over: str = col(
        "what the interval is over: 'images', with the site's units as they are, or 'units', as if "
        "others like them could have been there, with what was measured of them taken as exact"
    )
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


LENSES = Schema(
    "agreement.lenses",
    "Lens against lens",
    LensPair,
    answers=True,
)


@dataclass(frozen=True)
class OverClasses:
    """Row of the finding `agreement.pairs`: two lenses at one site, over the classes."""

    site: str = col("site whose units are ranked")
    lens_a: str = col("first lens", words="lens")
    lens_b: str = col("second lens", words="other lens")
    median: float = col(
        "median over the classes of the rank correlation of the two rankings",
        words="median rank correlation",
    )
    lo: float = col("lower end of its 95 % interval, over what `interval_over` says")
    hi: float = col("upper end of its 95 % interval")
    interval_over: str = col("what the interval is over: 'images' or 'units'")
    n: int = col("units that both lenses rank, most over the classes", unit="units", of="median")
    classes: int = col("classes in which both lenses rank units", unit="classes")
    least: float = col("least of the classes' rank correlations", words="least over the classes")
    most: float = col("largest of the classes' rank correlations", words="most over the classes")
    control_lo: float = col(
        "2.5 % quantile of the same when one lens's units are shuffled, in all classes alike",
        of="median",
        words="control (95 % of shuffled units)",
    )
    control_hi: float = col("97.5 % quantile of the same", of="median")
    p: float = col(
        "two-sided p of the median among those of shuffled units",
        of="median",
        words="p (shuffled units, two-sided)",
    )
    q: float = col("Benjamini-Hochberg q of p over all rows", of="median", words="q over all rows")


PAIRS = Schema(
    "agreement.pairs",
    "Lens against lens, over the classes",
    OverClasses,
)


@dataclass(frozen=True)
class UnitVerdict:
    """Row of the finding `agreement.units`: what the lenses say of one unit."""

    site: str = col("site of the unit")
    unit: int = col("index of the unit in its site")
    preferred_class: str | None = col("class that the unit responds to most; null for dead units")
    ablation: float = col(
        "score that the preferred class loses when the unit is replaced by its mean",
        unit="score",
        words="what the class loses without it",
    )
    ablation_lo: float = col("lower end of its 95 % interval", unit="score")
    ablation_hi: float = col("upper end of its 95 % interval", unit="score")
    ablation_n: int = col("examples of the class", unit="examples", of="ablation")
    control_ablation: float = col(
        "the same of the site's median unit",
        unit="score",
        of="ablation",
        words="control (the site's median unit)",
    )
    activation: float = col(
        "AUROC of the unit's activation for the preferred class",
        unit="share",
        words="AUROC for its class",
    )
    activation_lo: float = col("lower end of its 95 % interval (DeLong)", unit="share")
    activation_hi: float = col("upper end of its 95 % interval (DeLong)", unit="share")
    activation_n: int = col(
        "evaluation examples, of all classes", unit="examples", of="activation d_prime"
    )
    selective_bound: float = col(
        "AUROC for their favourite class that 95 % of the site's units stay below in untrained "
        "copies and with shuffled labels, on the selection split",
        unit="share",
        of="activation",
        words="control (95 % of untrained units stay below)",
    )
    d_prime: float = col(
        "mean of the unit's activation in the preferred class minus mean in the rest, over the "
        "root mean square of their standard deviations",
        unit="standard deviations",
        words="d′ for its class",
    )
    d_prime_lo: float = col("lower end of its 95 % interval", unit="standard deviations")
    d_prime_hi: float = col("upper end of its 95 % interval", unit="standard deviations")
    d_prime_bound: float = col(
        "d′ that 95 % of the site's units stay below in the same way",
        unit="standard deviations",
        of="d_prime",
        words="control (95 % of untrained units stay below)",
    )
    attribution: float = col(
        "gradient × (activation - mean) for the preferred class, estimating `ablation`",
        unit="score",
        words="gradient × activation",
    )
    attribution_lo: float = col("lower end of its 95 % interval", unit="score")
    attribution_hi: float = col("upper end of its 95 % interval", unit="score")
    attribution_n: int = col("examples of the class", unit="examples", of="attribution")
    control_attribution: float = col(
        "the same of the site's median unit for that class",
        unit="score",
        of="attribution",
        words="control (the site's median unit)",
    )
    mechanism: float = col(
        "mean AUROC for the preferred class of the other units of the unit's cluster",
        unit="share",
        words="mean AUROC of its cluster",
    )
    mechanism_lo: float = col(
        "lower end of its 95 % interval over images; missing where they are too dear", unit="share"
    )
    mechanism_hi: float = col("upper end of its 95 % interval over images", unit="share")
    mechanism_n: int = col("evaluation examples", unit="examples", of="mechanism")
    control_mechanism: float = col(
        "mean AUROC for that class of all units of the site that aren't dead",
        unit="share",
        of="mechanism",
        words="control (all units of the site)",
    )
    tracing: float = col(
        "share of the preferred class's decision that the unit takes away when it gets another "
        "class's value",
        unit="share",
        words="share of the decision that it takes away",
    )
    tracing_lo: float = col("lower end of its 95 % interval", unit="share")
    tracing_hi: float = col("upper end of its 95 % interval", unit="share")
    tracing_n: int = col("pairs of images", unit="pairs", of="tracing")
    control_tracing: float = col(
        "the same with the value of another image of the same class",
        unit="share",
        of="tracing",
        words="control (another image of the own class)",
    )
    selective: bool = col(
        "whether the unit tells its preferred class better than 95 % of untrained units tell theirs"
    )
    selective_by: str = col(
        "the number that says so: 'AUROC' against `selective_bound`, or, where untrained units "
        "reach nearly 1 too and it can't, 'd′' against `d_prime_bound`",
        words="selective by",
    )
    causal: bool = col("whether some class depends on the unit: `causal_class`")
    causal_class: str | None = col(
        "class that depends on the unit: the preferred one if it does, else the class that depends "
        "most on the selection split, if it does on the evaluation split",
        words="class that depends on it",
    )
    told_class: str | None = col(
        "class that the numbers from here on are of: `causal_class`, or where no class depends on "
        "the unit the one that is most affected",
        words="class that the causes are of",
    )
    causal_share: float | None = col(
        "share of that class's decision that it takes away; null where no pair of images could be "
        "patched",
        unit="share",
        words="share of that class's decision",
    )
    causal_lo: float | None = col("lower end of its 95 % interval", unit="share")
    causal_hi: float | None = col("upper end of its 95 % interval", unit="share")
    causal_n: int | None = col("pairs of images", unit="pairs", of="causal_share")
    causal_bound: float | None = col(
        "share, either way, that 95 % of the site's units stay below when they get the value of "
        "another image of the same class, on the selection split",
        unit="share",
        of="causal_share",
        words="control (95 % of the site's units stay below)",
    )
    causal_q: float | None = col(
        "Benjamini-Hochberg q of the share, over all units and the classes that they are asked for",
        of="causal_share",
        words="q over all units",
    )
    accuracy_drop: float = col(
        "accuracy that that class loses without the unit",
        unit="share",
        words="accuracy that it loses",
    )
    accuracy_lo: float = col("lower end of its 95 % interval (Tango, paired)", unit="share")
    accuracy_hi: float = col("upper end of its 95 % interval (Tango, paired)", unit="share")
    accuracy_n: int = col("examples of the class", unit="examples", of="accuracy_drop")
    accuracy_q: float | None = col(
        "Benjamini-Hochberg q of McNemar's p in the same family",
        of="accuracy_drop",
        words="q over all units (McNemar)",
    )
    verdict: str = col(
        "the two answers in words, for the classes in `preferred_class` and `causal_class`: "
        + "; ".join(f"'{v}'" for v in VERDICTS)
    )


UNITS = Schema(
    "agreement.units",
    "Verdicts",
    UnitVerdict,
)


@dataclass(frozen=True)
class RemovedTogether:
    """Row of the finding `agreement.removed`: units of one site replaced by their means at once."""

    site: str = col("site of the units")
    units_that: str = col(
        "verdict of the units that are removed; 'not causal' for all of these together",
        words="units that are",
    )
    removed: int = col("units that are removed", unit="units", of="drop")
    accuracy_before: float = col("accuracy with all units", unit="share")
    accuracy_after: float = col("accuracy without these", unit="share")
    drop: float = col("before minus after; positive = they are needed together", unit="share")
    lo: float = col("lower end of the 95 % interval of the drop (Tango, paired)", unit="share")
    hi: float = col("upper end of the 95 % interval of the drop (Tango, paired)", unit="share")
    n: int = col(
        "examples of the selection split: verdicts rest on tests on the other", unit="examples"
    )
    control_drop: float | None = col(
        "mean drop without as many random units of the site",
        unit="share",
        of="drop",
        words="control (as many random units)",
    )
    control_lo: float | None = col(
        "2.5 % quantile of the random sets", unit="share", words="95 % of them"
    )
    control_hi: float | None = col("97.5 % quantile of the random sets", unit="share")
    p: float | None = col(
        "share of the random sets that cost as little, (1+b)/(1+B); no test where all units of the "
        "site are removed",
        of="drop",
        words="p (random sets, one-sided)",
    )
    q: float | None = col(
        "Benjamini-Hochberg q of p over all rows", of="drop", words="q over all rows"
    )


REMOVED = Schema(
    "agreement.removed",
    "Units removed together",
    RemovedTogether,
)
