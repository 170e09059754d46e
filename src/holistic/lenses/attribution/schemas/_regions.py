"""Declares the finding about regions: which parts of its images a class rests on."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Array, Schema

__all__ = ["REGIONS", "RegionRow"]


@dataclass(frozen=True)
class RegionRow:
    """Row of the finding `attribution.regions`: one region of one class."""

    class_: str = key("class whose evaluation images are looked at", name="class")
    region: int = key(
        "counts a class's regions by what erasing them costs on the selection split, from 0 on"
    )
    place: str = col(
        "where it lies, or which features or steps it holds", words="where the region lies"
    )
    share: float = col(
        "share of what the class's images show on their background that lies in it; elsewhere "
        "share of the input",
        unit="share",
        role="",
    )
    effect: Estimate = estimate(
        "score with the region erased minus score before, mean over images; negative: the class "
        "needs what was there",
        unit="score",
        words="change of the score without the region",
        prefix="",
        parts="lo hi control control_lo control_hi",
        meanings={
            "control": "the same without as much elsewhere on the same images: connected regions "
            "of the same size, or as much of what pictures show; of features, as many others",
            "control_lo": "lower end of the control's 95 % interval over images",
            "control_hi": "upper end of the control's 95 % interval over images",
        },
        called={"control": "control (as much elsewhere)", "control_lo": "95 % interval"},
        worse=-1,
        signed=True,
    )
    n: int = col("evaluation images of the class", unit="images", role="n")
    difference: Estimate = estimate(
        "effect minus the control's on the same images; negative: the class rests on the region "
        "more than on as much elsewhere",
        unit="score",
        words="beyond as much elsewhere",
        parts="lo hi p q",
        names={"p": "p", "q": "q"},
        meanings={
            "p": "two-sided p of no difference, on the same images",
            "q": "Benjamini-Hochberg over all rows",
        },
        called={"p": "p (paired, two-sided)", "q": "q over all rows"},
        signed=True,
        beyond=True,
    )
    next_region: int | None = col(
        "the class's next region that shares nothing with this one; missing where there is none"
    )
    beyond_next: Estimate = estimate(
        "effect minus that of that next region, on the same images; negative: the class rests on "
        "this one more",
        unit="score",
        words="beyond the next region",
        prefix="next_",
        parts="lo hi p q",
        meanings={
            "p": "two-sided p of no difference, on the same images",
            "q": "Benjamini-Hochberg over all rows",
        },
        called={"p": "p (paired, two-sided)", "q": "q over all rows"},
        signed=True,
        beyond=True,
    )


REGIONS = Schema(
    "attribution.regions",
    "Which parts of its images a class rests on",
    RegionRow,
    lead="Does a class rest on one part of its images more than on as much elsewhere?",
    arrays={
        "region_masks": Array(
            "float32", "regions any any", "1 in the region of a row, 0 elsewhere"
        ),
    },
)
