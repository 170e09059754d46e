"""The row of every sweep: what replacing one unit does to one class."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, ends, estimate, key

__all__ = ["UnitEffect"]


@dataclass(frozen=True)
class UnitEffect:
    """Row of a sweep: what replacing one unit does to one class."""

    site: str = key("site of the unit")
    unit: int = key("index of the unit in its site")
    class_: str = key("class of the examples; 'all' for every example", name="class")
    effect: Estimate = estimate(
        "mean score after minus before; negative = the unit helps",
        unit="score",
        words="effect of removing it",
        prefix="",
        parts="lo hi control control_lo control_hi",
        names={"control": "control_effect"},
        meanings={
            "lo": "lower end of the 95 % interval of the effect",
            "hi": "upper end of the 95 % interval of the effect",
            "control": "effect of the site's median unit on the class",
            "control_lo": "effect that 2.5 % of the site's units fall below",
            "control_hi": "effect that 2.5 % of the site's units exceed",
        },
        called={
            "control": "control (the site's median unit)",
            "control_lo": "95 % of the site's units",
        },
        worse=-1,
        signed=True,
    )
    n: int = col("examples, each scored before and after", unit="examples", role="n")
    kind: str = col(
        "'exact' = every example of the split was replayed, 'sample' = n of them, 'first order' = "
        "not replayed: gradient times change, with the error of like units as its interval",
        words="measured by",
    )
    accuracy_drop: Estimate = estimate(
        "accuracy before minus after; positive = the unit helps",
        unit="share",
        words="accuracy lost without it",
        prefix="",
        parts="lo hi p q",
        names={"lo": "accuracy_lo", "hi": "accuracy_hi"},
        meanings={
            **ends(" (Tango, paired)"),
            "p": "exact two-sided McNemar p of lost against gained",
            "q": "Benjamini-Hochberg q over all sites, units and classes",
        },
        called={
            "p": "p (exact McNemar, two-sided)",
            "q": "q over all sites, units and classes",
        },
        worse=1,
        signed=True,
    )
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
