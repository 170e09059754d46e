"""The finding that says of every unit what all lenses together say."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, ends, estimate, key
from holistic.results.schema import Schema

__all__ = ["PLAYS", "UNITS", "VERDICTS", "UnitVerdict"]

VERDICTS = (
    "causal and selective",
    "selective, causal for another class",
    "selective, not causal",
    "causal, not selective",
    "neither",
    "not measured",
    "dead",
)
PLAYS = (
    "carries its class",
    "carries another class",
    "vetoes a class",
    "suppressor",
    "needed but not selective",
    "redundant",
    "fires but isn't needed",
    "not needed",
    "not settled",
    "dead",
)
"""What a unit is to the classes, all lenses taken together."""
_TANGO = ends(" (Tango, paired)")
_DELONG = ends(" (DeLong)")
_OF_CLASS = "examples of the class"
_MEDIAN_UNIT = "control (the site's median unit)"
_UNTRAINED = "control (95 % of randomly initialised units stay below)"


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
    causal_images: int | None = col(
        "different images on the side of these pairs that has fewer",
        unit="images",
        of="causal_share",
        words="different images",
    )
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
    idle: bool = col(
        "whether no class that was asked about depends on the unit: the whole interval of each "
        "one's share lies within the bound"
    )
    settling_images: int | None = col(
        "examples of `cause_class`, in place of `causal_images`, that would settle whether it "
        "depends on the unit, with a chance of 80 % averaged over what the share may be; null "
        "where that is settled, or where a million wouldn't do",
        unit="examples",
        of="causal_share",
        words="examples that would settle it",
    )
    partner: int | None = col(
        "of the units of the site the one that stands in for it most: removed together they cost "
        "more than twice the sum of what they cost alone, at q < 0.05; null for none",
        words="unit that stands in for it",
    )
    partner_class: str | None = col(
        "class that both are needed for together, or 'all'",
        of="partner",
        words="class that both are needed for",
    )
    redundancy: Estimate = estimate(
        "effect of removing both minus the sum of their effects; negative = they stand in for each "
        "other",
        unit="score",
        words="effect of both beyond the sum",
        parts="lo hi n control_lo control_hi q",
        meanings={
            "n": "evaluation examples",
            "control_lo": "2.5 % quantile of the same of the site's random pairs",
            "control_hi": "97.5 % quantile of the same",
            "q": "Benjamini-Hochberg q over all pairs of units and classes that were removed",
        },
        called={
            "control_lo": "control (95 % of the site's random pairs)",
            "q": "q over all pairs and classes",
        },
        worse=-1,
        beyond=True,
    )
    plays: str = col(
        "what the unit is to the classes, of a fixed choice: " + "; ".join(f"'{p}'" for p in PLAYS),
        words="what it is",
    )
    in_words: str = col(
        "verdict of all lenses in words, with its classes; 'not settled' where the interval holds "
        "both no effect and one that counts",
        words="verdict in words",
    )
    verdict: str = col(
        "the two answers of the tests alone, where what isn't significant counts as no, for the "
        "classes in `preferred_class` and `causal_class`: " + "; ".join(f"'{v}'" for v in VERDICTS)
    )


UNITS = Schema(
    "agreement.units",
    "Verdicts",
    UnitVerdict,
    lead="Is a unit that responds to a class also one that the class depends on?",
)
