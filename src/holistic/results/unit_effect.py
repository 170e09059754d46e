"""The row of every sweep: what replacing one unit does to one class."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import col

__all__ = ["UnitEffect"]


@dataclass(frozen=True)
class UnitEffect:
    """Row of a sweep: what replacing one unit does to one class."""

    site: str = col("site of the unit")
    unit: int = col("index of the unit in its site")
    class_: str = col("class of the examples; 'all' for every example", name="class")
    effect: float = col(
        "mean score after minus before; negative = the unit helps",
        unit="score",
        words="effect of removing it",
    )
    lo: float = col("lower end of the 95 % interval of the effect", unit="score")
    hi: float = col("upper end of the 95 % interval of the effect", unit="score")
    n: int = col("examples, each scored before and after", unit="examples")
    control_effect: float = col(
        "effect of the site's median unit on the class",
        unit="score",
        of="effect",
        words="control (the site's median unit)",
    )
    control_lo: float = col(
        "effect that 2.5 % of the site's units fall below",
        unit="score",
        words="95 % of the site's units",
    )
    control_hi: float = col("effect that 2.5 % of the site's units exceed", unit="score")
    kind: str = col(
        "'exact' = every example of the split was replayed, 'sample' = n of them, 'first order' = "
        "not replayed: gradient times change, with the error of like units as its interval",
        words="measured by",
    )
    accuracy_drop: float = col(
        "accuracy before minus after; positive = the unit helps",
        unit="share",
        words="accuracy lost without it",
    )
    accuracy_lo: float = col("lower end of its 95 % interval (Tango, paired)", unit="share")
    accuracy_hi: float = col("upper end of its 95 % interval (Tango, paired)", unit="share")
    lost: int = col(
        "examples that were right before and wrong after",
        unit="examples",
        of="accuracy_drop",
        words="right before and wrong after",
    )
    gained: int = col(
        "examples that were wrong before and right after",
        unit="examples",
        of="accuracy_drop",
        words="wrong before and right after",
    )
    p: float = col(
        "exact two-sided McNemar p of lost against gained",
        of="accuracy_drop",
        words="p (exact McNemar, two-sided)",
    )
    q: float = col(
        "Benjamini-Hochberg q over all sites, units and classes",
        of="accuracy_drop",
        words="q over all sites, units and classes",
    )
