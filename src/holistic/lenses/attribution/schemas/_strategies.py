"""Declares the finding about strategies: classes that are recognised in several ways."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Array, Schema

__all__ = ["STRATEGIES", "StrategyRow"]


@dataclass(frozen=True)
class StrategyRow:
    """Row of the finding `attribution.strategies`: one of several strategies of a class."""

    class_: str = key("class that is recognised in several ways", name="class")
    strategy: int = key("counts a class's strategies from 0 on, the commonest first")
    place: str = col(
        "where its images' maps have more than those of the class's other images",
        words="where it looks",
    )
    share: float = col(
        "share of the class's evaluation images whose maps are of this strategy",
        unit="share",
        role="",
    )
    separation: Estimate = estimate(
        "how far resampled maps of the selection split give the same two parts: adjusted Rand "
        "index; the p is of as many evaluation maps between the parts as in one of them",
        words="agreement of resampled parts",
        prefix="separation_",
        parts="p q",
        meanings={
            "p": "one-sided p of a single peak, by two exact binomial tests on evaluation maps",
            "q": "Benjamini-Hochberg over the classes that were tried",
        },
        called={"p": "p (a single peak)", "q": "q over classes"},
    )
    effect: Estimate = estimate(
        "score without the place minus score before, mean over evaluation images of the strategy",
        unit="score",
        words="change of the score without the place",
        prefix="",
        parts="lo hi control",
        meanings={"control": "the same without as much elsewhere on the same images"},
        called={"control": "control (as much elsewhere)"},
        worse=-1,
        signed=True,
    )
    n: int = col("evaluation images of the strategy", unit="images", role="n")
    other_effect: float = col(
        "score without the place minus score before, mean over the class's other images",
        unit="score",
        words="the same on the class's other images",
    )
    others: int = col("the class's other evaluation images", unit="images", role="n")
    difference: Estimate = estimate(
        "how far the effect goes beyond as much elsewhere on images of the strategy, minus the "
        "same on the class's other images; negative: its own images rest on the place more",
        unit="score",
        words="beyond the class's other images",
        parts="lo hi p q",
        names={"p": "p", "q": "q"},
        meanings={
            "p": "two-sided p of no difference (Welch)",
            "q": "Benjamini-Hochberg over all rows",
        },
        called={"p": "p (two-sided)", "q": "q over all rows"},
        signed=True,
        beyond=True,
    )


STRATEGIES = Schema(
    "attribution.strategies",
    "Classes that are recognised in several ways",
    StrategyRow,
    lead="Does the model look at one place on some images of a class, and elsewhere on the others?",
    arrays={
        "strategy_masks": Array("float32", "strategies any any", "1 in the place of a row"),
        "strategy_images": Array(
            "uint8", "strategies any any rgb", "mean selection image of each row's strategy"
        ),
    },
    view="still",
)
