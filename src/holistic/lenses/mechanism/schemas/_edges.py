"""Declares `mechanism.edges`."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Schema

__all__ = ["EDGES", "UnitEdge"]


@dataclass(frozen=True)
class UnitEdge:
    """Row of the finding `mechanism.edges`: what replacing a unit does to one of the next site."""

    site_a: str = key("site of the unit that is replaced by its mean", words="from site")
    unit_a: int = key("index of that unit in its site", words="from unit")
    site_b: str = key("next hidden site", words="to site")
    unit_b: int = key("index of the unit that is watched there", words="to unit")
    class_: str = key("class of the examples; 'all' for every example", name="class")
    effect: Estimate = estimate(
        "mean activation of unit_b (position mean) with unit_a replaced minus without",
        unit="activation",
        words="change of the second unit's activation",
        prefix="",
        parts="lo hi p q",
        meanings={
            "lo": "lower end of the 95 % interval of the effect",
            "hi": "upper end of the 95 % interval of the effect",
            "p": "two-sided p of no mean change (paired, by the larger of Student's and Hall's)",
            "q": "Benjamini-Hochberg q of p over the rows of the same kind",
        },
        called={"p": "p (paired, two-sided)", "q": "q over the rows of a kind"},
        signed=True,
    )
    size: Estimate = estimate(
        "root mean square of the change over these examples, whatever its sign",
        unit="activation",
    )
    spread: float = col(
        "standard deviation of unit_b over all examples, to compare with",
        unit="activation",
        of="effect",
        words="standard deviation of that unit",
    )
    n: int = col(
        "evaluation examples, each without and with the ablation", unit="examples", role="n"
    )
    kind: str = col("'top' = chosen on the selection split; 'random' = the control, drawn")
    rank: int | None = col(
        "place among the chosen edges, over all sites, by the effect on the class on the selection "
        "split in standard deviations of unit_b; 1 = the largest either way; none for random edges"
    )


EDGES = Schema(
    "mechanism.edges",
    "Flow of evidence from layer to layer",
    UnitEdge,
    lead="Which units of the next site change when a unit is replaced by its mean?",
    across="unit_a unit_b",
    answers=True,
)
