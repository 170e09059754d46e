"""Findings on two units: their interaction, and what the rest of the network makes up for."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.lenses.ablation.schemas._texts import CLASS
from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Schema

__all__ = ["BACKUP", "DIRECT", "INTERACTIONS", "Backup", "Direct", "Interaction"]


@dataclass(frozen=True)
class Interaction:
    """Row of `ablation.interactions`: two units removed together against one at a time."""

    site: str = key("site of both units")
    unit_a: int = key("index of the first unit", words="first unit")
    unit_b: int = key("index of the second unit", words="second unit")
    class_: str = key(CLASS, name="class")
    kind: str = key(
        "'top' for pairs of the units with the largest effects on the selection split, 'random' "
        "for the control pairs, 'other' for all further pairs, over all examples only",
        words="pairs chosen as",
    )
    effect_a: Estimate = estimate(
        "mean score change without the first unit",
        unit="score",
        words="effect without the first",
        worse=-1,
        signed=True,
    )
    effect_b: Estimate = estimate(
        "mean score change without the second unit",
        unit="score",
        words="effect without the second",
        worse=-1,
        signed=True,
    )
    effect_ab: Estimate = estimate(
        "mean score change without both",
        unit="score",
        words="effect without both",
        worse=-1,
        signed=True,
    )
    interaction: Estimate = estimate(
        "effect_ab - effect_a - effect_b; where both help, negative = they stand in for each other "
        "(redundancy), positive = they work only together (synergy); where both harm, the reverse",
        unit="score",
        words="effect of both beyond the sum",
        prefix="",
        parts="lo hi control_lo control_hi p q",
        names={"control_lo": "control_interaction_lo", "control_hi": "control_interaction_hi"},
        meanings={
            "lo": "lower end of the 95 % interval of the interaction",
            "hi": "upper end of the 95 % interval of the interaction",
            "control_lo": "2.5 % quantile of the interactions of the site's random pairs",
            "control_hi": "97.5 % quantile of the same",
            "p": "two-sided p of no interaction, as its interval says",
            "q": "Benjamini-Hochberg q over all pairs and classes",
        },
        called={
            "control_lo": "control (95 % of the site's random pairs)",
            "p": "p (mean of zero, two-sided)",
            "q": "q over all pairs and classes",
        },
        worse=-1,
        signed=True,
        beyond=True,
    )
    n: int = col("evaluation examples", unit="examples", role="n")
    verdict: str = col(
        "where q < 0.05 and the interaction is a fifth or more of what both do, together or one by "
        "one: 'redundant' if removing both does more of what each does than the sum, "
        "'synergistic' if less, 'mixed' if one unit helps and the other harms; else 'none'"
    )


INTERACTIONS = Schema(
    "ablation.interactions",
    "Pairs of units",
    Interaction,
    lead="Shows which pairs of units do more, or less, when removed together than one at a time.",
    across="unit_a unit_b",
)


@dataclass(frozen=True)
class Direct:
    """Row of `ablation.direct`: a unit's effect with what follows free, and frozen."""

    site: str = key("site of the unit")
    unit: int = key("index of the unit in its site")
    kind: str = key(
        "'top' for the largest effects on the selection split, 'random' for controls",
        words="units chosen as",
    )
    path: str = key(
        "how the direct effect is carried: 'frozen', with every later hidden site held at its "
        "unedited value; 'gates', where no change passes those, along the tangent of the network "
        "at the unedited run (later units keep their slopes)",
        words="direct path held by",
    )
    total: Estimate = estimate(
        "mean score after minus before; negative = the unit helps",
        unit="score",
        words="effect of removing it",
        worse=-1,
        signed=True,
    )
    direct: Estimate = estimate(
        "the same along the direct path only",
        unit="score",
        words="direct effect of removing it",
        worse=-1,
        signed=True,
    )
    response: Estimate = estimate(
        "total minus direct: the answer of what follows; against the sign of direct = self-repair",
        unit="score",
        words="answer of what follows (total − direct)",
        prefix="",
        parts="lo hi control_lo control_hi p q",
        names={"control_lo": "control_response_lo", "control_hi": "control_response_hi"},
        meanings={
            "lo": "lower end of the 95 % interval of the response",
            "hi": "upper end of the 95 % interval of the response",
            "control_lo": "2.5 % quantile of the responses to the site's random units",
            "control_hi": "97.5 % quantile of the same",
            "p": "two-sided p of no response, as its interval says",
            "q": "Benjamini-Hochberg q over all rows",
        },
        called={
            "control_lo": "control (95 % of the site's random units)",
            "p": "p (mean of zero, two-sided)",
            "q": "q over all rows",
        },
        worse=-1,
        signed=True,
    )
    n: int = col("evaluation examples", unit="examples", role="n")


DIRECT = Schema(
    "ablation.direct",
    "Direct effects and the network's answer",
    Direct,
    lead="Shows how much of a unit's effect reaches the output directly, and how much what "
    "follows takes back or adds.",
)


@dataclass(frozen=True)
class Backup:
    """Row of `ablation.backup`: a unit's effect with another unit in place, and with it gone."""

    site: str = key("site of the unit that is gone")
    unit: int = key("the unit that is gone", words="unit removed")
    kind: str = key(
        "'top' for the largest effects on the selection split, 'random' for controls",
        words="units chosen as",
    )
    backup_site: str = key(
        "site of the unit that may step in", words="site of the unit that may step in"
    )
    backup_unit: int = key("the unit that may step in", words="unit that may step in")
    effect: Estimate = estimate(
        "its effect with the other in place; negative = it helps",
        unit="score",
        words="its effect with the other in place",
        worse=-1,
        signed=True,
    )
    effect_gone: Estimate = estimate(
        "its effect with the other gone",
        unit="score",
        words="its effect with the other gone",
        worse=-1,
        signed=True,
    )
    removed_effect: Estimate = estimate(
        "effect of removing the other, alone; positive = the other harms",
        unit="score",
        words="effect of removing the other",
        worse=-1,
        signed=True,
    )
    growth: Estimate = estimate(
        "effect_gone - effect; negative = it helps more, or harms less, once the other is gone",
        unit="score",
        words="change of its effect once the other is gone",
        prefix="",
        parts="lo hi control_lo control_hi p q",
        names={"control_lo": "control_growth_lo", "control_hi": "control_growth_hi"},
        meanings={
            "lo": "lower end of the 95 % interval of the growth",
            "hi": "upper end of the 95 % interval of the growth",
            "control_lo": "2.5 % quantile of the growths once one of the site's random units is "
            "gone",
            "control_hi": "97.5 % quantile of the same",
            "p": "two-sided p of no growth, as its interval says",
            "q": "Benjamini-Hochberg q over all rows",
        },
        called={
            "control_lo": "control (95 % for random units that go)",
            "p": "p (mean of zero, two-sided)",
            "q": "q over all rows",
        },
        worse=-1,
        signed=True,
        beyond=True,
    )
    n: int = col("evaluation examples", unit="examples", role="n")
    backup: bool = col(
        "whether it steps in: it helps more once the other is gone (q < 0.05 and negative growth, "
        "a fifth or more of what both do), "
        "it does help then (effect_gone_hi below 0), and the other is none that harms "
        "(removed_effect_lo not above 0)",
        words="steps in",
    )


BACKUP = Schema(
    "ablation.backup",
    "Units that step in",
    Backup,
    lead="Shows which units help more once another unit is removed, and so stand in for it.",
)
