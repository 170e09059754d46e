"""Findings of the lens `attribution`: what each row, array and page of them says."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import col
from holistic.results.schema import Array, Schema

__all__ = ["CONTRASTS", "METHODS", "ContrastRow", "MethodRow"]


@dataclass(frozen=True)
class MethodRow:
    """Row of the finding `attribution.methods`."""

    method: str = col("attribution method; 'edge' and 'random' are controls that see no model")
    metric: str = col(
        "deletion_auc and insertion_auc: mean probability of the own class while pixels are "
        "removed or put in; completeness: relative error of the map's sum; randomisation: rank "
        "correlation with the map of an untrained copy; randomisation_nonzero: the same over the "
        "pixels that aren't zero in the image; edge_similarity: with an edge filter's map",
        words="test",
    )
    better: str = col("whether a 'lower' or a 'higher' value is better")
    value: float | None = col("mean of the metric over images", words="mean over images")
    lo: float | None = col("lower bound of the value, 95 %")
    hi: float | None = col("upper bound of the value, 95 %")
    n: int = col("images on which the value is defined", unit="images")
    control: float | None = col(
        "the same of the control: a random order of pixels; another image's change; two untrained "
        "copies; another image's edges",
        of="value",
        words="control",
    )
    difference: float | None = col(
        "value minus control on the same images, where it is a mean", words="beyond the control"
    )
    difference_lo: float | None = col("lower bound of the difference, 95 %")
    difference_hi: float | None = col("upper bound of the difference, 95 %")
    p: float | None = col(
        "two-sided p of no difference, on the same images",
        of="difference",
        words="p (paired, two-sided)",
    )
    q: float | None = col(
        "Benjamini-Hochberg q of p over all rows", of="difference", words="q over all rows"
    )
    passed: bool | None = col(
        "deletion and insertion: better than the random order at q < 0.05; "
        "the others: the upper bound lies below the threshold of the lens's settings, and for "
        "completeness below the control; a resemblance to an untrained copy must also be less than "
        "that of two untrained copies, or negligible (a lower bound of at most 0.1)"
    )


METHODS = Schema(
    "attribution.methods",
    "Methods and their gates",
    MethodRow,
    answers=True,
    arrays={
        "class_maps": Array("float32", "methods classes any any"),
        "class_images": Array("uint8", "classes any any rgb"),
        "example_maps": Array("float32", "methods examples any any"),
        "example_images": Array("uint8", "examples any any rgb"),
        "example_ids": Array("int64", "examples"),
        "example_labels": Array("int64", "examples"),
        "curves": Array("float32", "curves 2 steps"),
        "curve_bounds": Array("float32", "curves 2 2 steps"),
    },
)


@dataclass(frozen=True)
class ContrastRow:
    """Row of the finding `attribution.contrasts`."""

    class_: str = col("class whose evaluation images are looked at", name="class")
    rival: str = col(
        "class that the model takes it for, chosen on the selection split", words="rather than"
    )
    confused: int = col(
        "selection examples of the two classes that are taken for the other", unit="examples"
    )
    share: float = col("pixels that are removed", unit="share of pixels")
    change: float = col(
        "change of logit(class) - logit(rival) without the pixels that speak most for the class "
        "rather than the rival; negative: they did speak for it",
        unit="logit",
        words="change of logit against the other's",
    )
    lo: float = col("lower bound of the change, 95 %", unit="logit")
    hi: float = col("upper bound of the change, 95 %", unit="logit")
    n: int = col("evaluation images of the class", unit="images")
    control_change: float = col(
        "the same without as many random pixels",
        unit="logit",
        of="change",
        words="control (as many random pixels)",
    )
    control_lo: float = col("lower bound, 95 %, over images", unit="logit", words="95 % interval")
    control_hi: float = col("upper bound, 95 %, over images", unit="logit")
    plain_change: float = col(
        "the same without the top pixels of the map of the class's logit alone",
        unit="logit",
        words="without the pixels of one logit's map",
    )
    plain_lo: float = col("lower bound, 95 %", unit="logit")
    plain_hi: float = col("upper bound, 95 %", unit="logit")
    difference: float = col(
        "change minus the control's on the same images", unit="logit", words="beyond the control"
    )
    difference_lo: float = col("lower bound, 95 %", unit="logit")
    difference_hi: float = col("upper bound, 95 %", unit="logit")
    p: float = col(
        "two-sided p of no difference on the same images",
        of="difference",
        words="p (paired, two-sided)",
    )
    q: float | None = col(
        "Benjamini-Hochberg, over the rows of the table", of="difference", words="q over all rows"
    )
    beyond_plain: float = col(
        "change minus the plain map's on the same images; negative: the contrast finds more",
        unit="logit",
        words="beyond the map of one logit",
    )
    beyond_lo: float = col("lower bound, 95 %", unit="logit")
    beyond_hi: float = col("upper bound, 95 %", unit="logit")


CONTRASTS = Schema(
    "attribution.contrasts",
    "One class rather than another",
    ContrastRow,
    arrays={
        "contrast_maps": Array("float32", "pairs 2 any any"),
        "contrast_images": Array("uint8", "pairs 2 any any rgb"),
    },
)
