"""The finding on units of which one lens says something else than their removal."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Schema

__all__ = ["MISLED", "Misled"]


@dataclass(frozen=True)
class Misled:
    """Row of the finding `agreement.misled`: one unit that a lens ranks otherwise than removal."""

    site: str = key("site of the unit")
    unit: int = key("index of the unit in its site")
    class_: str = key(
        "class that the lens and the removal differ about most", name="class", words="class"
    )
    lens: str = key("lens that would mislead")
    kind: str = col(
        "'promises' where the unit is among the lens's top units of the site for the class, its "
        "interval above the lens's median unit, and the whole interval of what removing it costs "
        "lies at or below that of the median unit; 'misses' where it is the other way round"
    )
    says: Estimate = estimate(
        "what the lens says of the unit for the class: AUROC (activation), gradient × activation "
        "(attribution), mean AUROC of the other units of its cluster (mechanism), share of the "
        "decision that patching takes away (tracing)",
        words="what the lens says",
        parts="lo hi control",
        meanings={"control": "the same of the site's median unit for that class"},
        called={"control": "control (the site's median unit)"},
    )
    loss: Estimate = estimate(
        "score that the class loses when the unit is replaced by its mean",
        unit="score",
        words="what the class loses without it",
        parts="lo hi n control",
        meanings={
            "n": "evaluation examples of the class",
            "control": "the same of the site's median unit for that class",
        },
        called={"control": "control (the site's median unit)"},
    )
    apart: float = col(
        "share of the site's units that the lens's rank and that of removal lie apart",
        unit="share",
        role="value",
        words="ranks apart",
    )
    lens_rank: int = col("rank by the lens, 1 = most", of="apart", words="rank by the lens")
    loss_rank: int = col("rank by what is lost, 1 = most", of="apart", words="rank by removal")
    units: int = col("units of the site that both rank", unit="units", of="apart", role="n")
    cases: int = col(
        "units of all sites of which this lens misleads in this way, by the same rule",
        unit="units",
        of="apart",
        words="such units of this lens",
    )
    control_cases: float = col(
        "the same where removal on the selection split stands in for the lens, which differs by "
        "nothing but its images, for as many units",
        unit="units",
        of="apart",
        words="such units of removal on other images",
    )
    in_words: str = col("what the lens says and what removing the unit says, in one sentence")


MISLED = Schema(
    "agreement.misled",
    "Where one lens would have misled you",
    Misled,
    lead="Which units does one lens rank among the first of a layer, and removing them among the "
    "rest, or the reverse?",
    size="apart",
)
