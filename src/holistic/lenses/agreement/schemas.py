"""Declares the findings of the lens `agreement`: their rows and their pages."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, ends, estimate, key
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
_TANGO = ends(" (Tango, paired)")
_DELONG = ends(" (DeLong)")
_OF_CLASS = "examples of the class"
_MEDIAN_UNIT = "control (the site's median unit)"
_UNTRAINED = "control (95 % of randomly initialised units stay below)"


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


@dataclass(frozen=True)
class UnitVerdict:
    """Row of the finding `agreement.units`: what the lenses say of one unit."""

    site: str = key("site of the unit")
    unit: int = key("index of the unit in its site")
    preferred_class: str | None = col("class that the unit responds to most; null for dead units")
    ablation: Estimate = estimate(
        "score that the preferred class loses when the unit is replaced by its mean",
        unit="score",
        words="what the class loses without it",
        parts="lo hi n control",
        names={"control": "control_ablation"},
        meanings={"n": _OF_CLASS, "control": "the same of the site's median unit"},
        called={"control": _MEDIAN_UNIT},
    )
    activation: Estimate = estimate(
        "AUROC of the unit's activation for the preferred class",
        unit="share",
        words="AUROC for its class",
        parts="lo hi control",
        names={"control": "selective_bound"},
        meanings={
            **_DELONG,
            "control": "AUROC for their favourite class that 95 % of the site's units stay below "
            "in randomly initialised controls and with shuffled labels, on the selection split",
        },
        called={"control": _UNTRAINED},
        neutral=0.5,
    )
    activation_n: int = col(
        "evaluation examples, of all classes",
        unit="examples",
        of="activation d_prime",
        role="n",
    )
    d_prime: Estimate = estimate(
        "mean of the unit's activation in the preferred class minus mean in the rest, over the "
        "root mean square of their standard deviations",
        unit="standard deviations",
        words="d′ for its class",
        parts="lo hi control",
        names={"control": "d_prime_bound"},
        meanings={
            "control": "d′ that 95 % of the site's units stay below in the same way",
        },
        called={"control": _UNTRAINED},
    )
    attribution: Estimate = estimate(
        "gradient × (activation - mean) for the preferred class, estimating `ablation`",
        unit="score",
        words="gradient × activation",
        parts="lo hi n control",
        names={"control": "control_attribution"},
        meanings={
            "n": _OF_CLASS,
            "control": "the same of the site's median unit for that class",
        },
        called={"control": _MEDIAN_UNIT},
    )
    mechanism: Estimate = estimate(
        "mean AUROC for the preferred class of the other units of the unit's cluster",
        unit="share",
        words="mean AUROC of its cluster",
        parts="lo hi n control",
        names={"control": "control_mechanism"},
        meanings={
            "lo": "lower end of its 95 % interval over images; missing where they are too dear",
            "hi": "upper end of its 95 % interval over images",
            "n": "evaluation examples",
            "control": "mean AUROC for that class of all units of the site that aren't dead",
        },
        called={"control": "control (all units of the site)"},
        neutral=0.5,
    )
    tracing: Estimate = estimate(
        "share of the preferred class's decision that the unit takes away when it gets another "
        "class's value",
        unit="share",
        words="share of the decision that it takes away",
        parts="lo hi control",
        names={"control": "control_tracing"},
        meanings={
            "control": "the same with the value of another image of the same class",
        },
        called={"control": "control (another image of the own class)"},
    )
    tracing_n: int = col("pairs of images", unit="pairs", of="tracing", role="n")
    selective: bool = col(
        "whether the unit tells its preferred class better than 95 % of randomly initialised "
        "units tell theirs"
    )
    selective_by: str = col(
        "the number that says so: 'AUROC' against `selective_bound`, or, where randomly "
        "initialised units reach nearly 1 too and it can't, 'd′' against `d_prime_bound`",
        words="selective by",
    )
    causal: bool = col("whether some class depends on the unit, or is harmed: `causal_class`")
    causal_class: str | None = col(
        "class that depends on the unit: the one that a selective unit prefers if it does, else "
        "`strongest_class`",
        words="class that depends on it",
    )
    needs_it: str | None = col(
        "how that class needs the unit: 'firing', 'silent' where the unit holds less on the class "
        "than its mean, or 'harmed' where the class does better with another class's value",
        of="causal_class",
        words="how it needs it",
    )
    strongest_class: str | None = col(
        "of the classes that depend on the unit on the evaluation split the one that depends most "
        "on the selection split",
        of="causal_class",
        words="class that depends most",
    )
    cause_class: str | None = col(
        "class that the numbers from here on are of: `causal_class`, or where no class depends on "
        "the unit the one that is most affected",
        words="class that the causes are of",
    )
    causal_share: Estimate = estimate(
        "share of that class's decision that it takes away; null where no pair of images could be "
        "patched",
        unit="share",
        words="share of that class's decision",
        prefix="causal_",
        parts="lo hi control q",
        names={"control": "causal_bound"},
        meanings={
            "control": "share, either way, that shows nothing, on the selection split: as much the "
            "unit moves some class when it gets the value of another image of that class, and a "
            "fiftieth of what the site's strongest unit carries",
            "q": "Benjamini-Hochberg q of the share, over all units and the classes that they are "
            "asked for",
        },
        called={
            "control": "control (share that shows nothing)",
            "q": "q over all units",
        },
    )
    causal_n: int | None = col("pairs of images", unit="pairs", of="causal_share", role="n")
    accuracy_drop: Estimate = estimate(
        "accuracy that that class loses without the unit",
        unit="share",
        words="accuracy that it loses",
        prefix="accuracy_",
        parts="lo hi n q",
        meanings={
            **_TANGO,
            "n": _OF_CLASS,
            "q": "Benjamini-Hochberg q of McNemar's p in the same family",
        },
        called={"q": "q over all units (McNemar)"},
        worse=1,
        signed=True,
    )
    verdict: str = col(
        "the two answers in words, for the classes in `preferred_class` and `causal_class`: "
        + "; ".join(f"'{v}'" for v in VERDICTS)
    )


UNITS = Schema(
    "agreement.units",
    "Verdicts",
    UnitVerdict,
    lead="Is a unit that responds to a class also one that the class depends on?",
)


@dataclass(frozen=True)
class RemovedTogether:
    """Row of the finding `agreement.removed`: units of one site replaced by their means at once."""

    site: str = key("site of the units")
    units_that: str = key(
        "verdict of the units that are removed; 'not causal' for all of these together",
        words="units that are",
    )
    removed: int = col("units that are removed", unit="units", of="drop")
    accuracy_before: float = col("accuracy with all units", unit="share")
    accuracy_after: float = col("accuracy without these", unit="share")
    drop: Estimate = estimate(
        "before minus after; positive = they are needed together",
        unit="share",
        prefix="",
        parts="lo hi control control_lo control_hi p q",
        names={"control": "control_drop"},
        meanings={
            "lo": "lower end of the 95 % interval of the drop (Tango, paired)",
            "hi": "upper end of the 95 % interval of the drop (Tango, paired)",
            "control": "mean drop without as many random units of the site",
            "control_lo": "2.5 % quantile of the random sets",
            "control_hi": "97.5 % quantile of the random sets",
            "p": "share of the random sets that cost as little, (1+b)/(1+B), or of all sets where "
            "there are few; no test where all units of the site are removed",
            "q": "Benjamini-Hochberg q of p over all rows",
        },
        called={
            "control": "control (as many random units)",
            "control_lo": "95 % of them",
            "p": "p (random sets, one-sided)",
            "q": "q over all rows",
        },
        worse=1,
        signed=True,
    )
    sets: int = col("other sets of as many units behind the control", unit="sets", of="drop")
    every_set: bool = col("whether these are all others that the site has", of="drop")
    n: int = col(
        "examples of the selection split: verdicts rest on tests on the other",
        unit="examples",
        role="n",
    )


REMOVED = Schema(
    "agreement.removed",
    "Units removed together",
    RemovedTogether,
    lead="What does the model lose when all units that nothing depends on are removed together?",
)
