"""Declares the findings about maps: tests of methods, and contrasts of confused classes."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Array, Schema

__all__ = ["CONTRASTS", "CONTROLS", "METHODS", "ContrastRow", "MethodRow"]

CONTROLS = ("edge", "random")
"""Methods that see no model."""

_BOUNDS = {"lo": "lower bound, 95 %", "hi": "upper bound, 95 %"}


@dataclass(frozen=True)
class MethodRow:
    """Row of the finding `attribution.methods`."""

    method: str = key("attribution method; 'edge' and 'random' are controls that see no model")
    metric: str = key(
        "deletion_auc and insertion_auc: mean probability of the own class while pixels are "
        "removed or put in, replaced by the mean image, or (blur, road) by the blurred image or "
        "from neighbours; completeness: relative error of the map's sum; randomisation: rank "
        "correlation with the map of a randomly initialised control; randomisation_nonzero: the "
        "same over the pixels that aren't zero in the image; cascading: with sign, with maps of "
        "networks whose last layers were redrawn; edge_similarity: with an edge filter's map; "
        "infidelity: share of what blanking windows changes that the map's sums don't foresee; "
        "sensitivity: how far the map moves, in its own length, under noise of 2 % of the range; "
        "baseline_dependence: how far maps from four baselines are apart, 0 where they are the "
        "same and 1 where they share nothing",
        words="test",
    )
    better: str = col("whether a 'lower' or a 'higher' value is better")
    value: Estimate = estimate(
        "mean of the metric over images",
        words="mean over images",
        prefix="",
        parts="lo hi control",
        meanings={
            "lo": "lower bound of the value, 95 %",
            "hi": "upper bound of the value, 95 %",
            "control": (
                "the same of the control: a random order of pixels; another image's change; two "
                "randomly initialised, or redrawn, controls; another image's edges, or maps; "
                "random numbers"
            ),
        },
        called={"control": "control"},
    )
    n: int = col("images on which the value is defined", unit="images", role="n")
    difference: Estimate = estimate(
        "value minus control on the same images, where it is a mean",
        words="beyond the control",
        parts="lo hi p q",
        names={"p": "p", "q": "q"},
        meanings={
            "lo": "lower bound of the difference, 95 %",
            "hi": "upper bound of the difference, 95 %",
            "p": "two-sided p of no difference, on the same images",
            "q": "Benjamini-Hochberg q of p over all rows",
        },
        called={"p": "p (paired, two-sided)", "q": "q over all rows"},
        signed=True,
        beyond=True,
    )
    passed: bool | None = col(
        "deletion, insertion and infidelity: better than the control at q < 0.05; sensitivity "
        "has no bound; "
        "the others: the upper bound lies below the threshold of the lens's settings, and for "
        "completeness below the control; a resemblance to a randomly initialised control must "
        "also be less than that of two randomly initialised controls, or negligible (a lower "
        "bound of at most 0.1); baseline_dependence is no test"
    )
    method_name: str = col("the method as sentences and pages write it", words="called")


METHODS = Schema(
    "attribution.methods",
    "Methods and their gates",
    MethodRow,
    lead="Which attribution methods pass the tests that a wrong map would fail?",
    across="method metric",
    arrays={
        "class_maps": Array(
            "float32",
            "methods classes any any",
            "mean share of each pixel in the size of a map, over the images of a class",
        ),
        "class_spread": Array(
            "float32",
            "methods classes any any",
            "standard deviation of `class_maps` over the images of a class: small where they "
            "agree; NaN of fewer than two images",
        ),
        "class_counts": Array("int64", "classes", "images of each class behind its maps"),
        "class_images": Array(
            "uint8",
            "classes any any rgb",
            "mean image of each class's selection examples; black where there is none",
        ),
        "example_maps": Array(
            "float32",
            "methods examples any any",
            "share of each pixel in the size of the map of a single image: positive where it "
            "speaks for the image's class, negative where against it; edges have no sign",
        ),
        "example_images": Array("uint8", "examples any any rgb", "the single images"),
        "example_ids": Array("int64", "examples", "places of the single images in the data"),
        "example_labels": Array("int64", "examples", "class indices of the single images"),
        "curves": Array(
            "float32",
            "curves 2 steps",
            "mean probability of the own class as pixels are removed, and as they are put in; "
            "methods in the order of the table, last a random order",
        ),
        "curve_bounds": Array(
            "float32",
            "curves 2 2 steps",
            "lower and upper end of the 95 % interval of `curves`, for removing and putting in",
        ),
    },
)


@dataclass(frozen=True)
class ContrastRow:
    """Row of the finding `attribution.contrasts`."""

    class_: str = key("class whose evaluation images are looked at", name="class")
    rival: str = key(
        "class that the model takes it for, or nearly, chosen on the selection split",
        words="rather than",
    )
    confused: int = col(
        "selection examples of the two classes that are taken for the other", unit="examples"
    )
    chosen: str = col(
        "why the two are contrasted: confused: among the pairs most often taken for each other; "
        "nearest: one's logit lies least below the other's on average; closest: the next such pair",
        words="contrasted because",
    )
    share: float = col("pixels that are removed", unit="share of pixels", role="")
    change: Estimate = estimate(
        "change of logit(class) - logit(rival) without the pixels that speak most for the class "
        "rather than the rival; negative: they did speak for it",
        unit="logit",
        words="change of logit against the other's",
        prefix="",
        parts="lo hi control control_lo control_hi",
        names={"control": "control_change"},
        meanings={
            "lo": "lower bound of the change, 95 %",
            "hi": "upper bound of the change, 95 %",
            "control": "the same without as many random pixels",
            "control_lo": "lower bound, 95 %, over images",
            "control_hi": "upper bound, 95 %, over images",
        },
        called={
            "control": "control (as many random pixels)",
            "control_lo": "95 % interval",
        },
        signed=True,
    )
    n: int = col("evaluation images of the class", unit="images", role="n")
    plain_change: Estimate = estimate(
        "the same without the top pixels of the map of the class's logit alone",
        unit="logit",
        words="without the pixels of one logit's map",
        prefix="plain_",
        meanings=_BOUNDS,
        signed=True,
    )
    difference: Estimate = estimate(
        "change minus the control's on the same images",
        unit="logit",
        words="beyond the control",
        parts="lo hi p q",
        names={"p": "p", "q": "q"},
        meanings={
            **_BOUNDS,
            "p": "two-sided p of no difference on the same images",
            "q": "Benjamini-Hochberg, over the rows of the table",
        },
        called={"p": "p (paired, two-sided)", "q": "q over all rows"},
        signed=True,
        beyond=True,
    )
    beyond_plain: Estimate = estimate(
        "change minus the plain map's on the same images; negative: the contrast finds more",
        unit="logit",
        words="beyond the map of one logit",
        prefix="beyond_",
        meanings=_BOUNDS,
        beyond=True,
    )


CONTRASTS = Schema(
    "attribution.contrasts",
    "One class rather than another",
    ContrastRow,
    lead="Which pixels speak for a class rather than for one that it is, or may be, taken for?",
    arrays={
        "contrast_maps": Array(
            "float32",
            "pairs 2 any any",
            "signed attributions of the first class's logit minus the second's, on the typical "
            "image of each",
        ),
        "contrast_images": Array("uint8", "pairs 2 any any rgb", "the typical images"),
    },
)
