"""Declares the findings of the lens `attribution`: rows, arrays, titles and lead sentences."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Array, Schema

__all__ = [
    "CONTRASTS", "CONTROLS", "EVIDENCE", "METHODS", "RESPONSE", "TOKENS", "WORDS",
    "ContrastRow", "EvidenceRow", "MethodRow", "ResponseRow", "TokenRow", "WordRow",
]  # fmt: skip

CONTROLS = ("edge", "random")
"""Methods that see no model."""

_BOUNDS = {"lo": "lower bound, 95 %", "hi": "upper bound, 95 %"}


@dataclass(frozen=True)
class MethodRow:
    """Row of the finding `attribution.methods`."""

    method: str = key("attribution method; 'edge' and 'random' are controls that see no model")
    metric: str = key(
        "deletion_auc and insertion_auc: mean probability of the own class while pixels are "
        "removed or put in; completeness: relative error of the map's sum; randomisation: rank "
        "correlation with the map of a randomly initialised control; randomisation_nonzero: the "
        "same over the pixels that aren't zero in the image; edge_similarity: with an edge "
        "filter's map",
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
                "randomly initialised controls; another image's edges"
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
        "deletion and insertion: better than the random order at q < 0.05; "
        "the others: the upper bound lies below the threshold of the lens's settings, and for "
        "completeness below the control; a resemblance to a randomly initialised control must "
        "also be less than that of two randomly initialised controls, or negligible (a lower "
        "bound of at most 0.1)"
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
        "class that the model takes it for, chosen on the selection split", words="rather than"
    )
    confused: int = col(
        "selection examples of the two classes that are taken for the other", unit="examples"
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
    lead="Which pixels speak for a class rather than for the one that the model takes it for?",
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


@dataclass(frozen=True)
class EvidenceRow:
    """Row of the finding `attribution.evidence`."""

    class_: str = key("class whose evaluation images are looked at", name="class")
    kind: str = key("erase: the window loses what it holds; add: it is filled with ink")
    top: int = key("first row of the window", unit="pixels", lasting=True)
    left: int = key(
        "first column of the window; of features the first feature", unit="pixels", lasting=True
    )
    height: int = col("rows of the window", unit="pixels")
    width: int = col("columns of the window", unit="pixels")
    part: str = col(
        "what the window holds: the feature by its name, the steps of a series; empty for pictures",
        words="what is taken out",
    )
    effect: Estimate = estimate(
        "score with the window erased or filled minus score before, mean over images; negative: "
        "the class needs what was there, or is hurt by ink there",
        unit="score",
        words="change of the score",
        prefix="",
        parts="lo hi control control_lo control_hi p q",
        meanings={
            "control": "the same in a randomly initialised network, on its own scale",
            "control_lo": "lower end of the control's 95 % interval over images",
            "control_hi": "upper end of the control's 95 % interval over images",
            "p": "two-sided p of no change (paired)",
            "q": "Benjamini-Hochberg over all rows",
        },
        called={
            "control": "control (randomly initialised)",
            "control_lo": "95 % interval",
            "p": "p (paired, two-sided)",
            "q": "q over all rows",
        },
        worse=-1,
        signed=True,
    )
    n: int = col("evaluation images of the class", unit="images", role="n")


EVIDENCE = Schema(
    "attribution.evidence",
    "Where the evidence for a class lies",
    EvidenceRow,
    lead="Where in the input does erasing, or adding, change the decision?",
    across="left top",
    answers=True,
)

_CONTROL = {
    "control": "the same in a randomly initialised network, on its own scale",
    "control_lo": "lower end of the control's 95 % interval over examples",
    "control_hi": "upper end of the control's 95 % interval over examples",
}
_CALLED = {"control": "control (randomly initialised)", "control_lo": "95 % interval"}


@dataclass(frozen=True)
class ResponseRow:
    """Row of the finding `attribution.response`: a class's chance where a feature has a value."""

    feature: str = key("feature, by its name")
    class_: str = key("class whose probability is followed", name="class")
    value: float = key("what every example's feature is set to", along=True)
    probability: Estimate = estimate(
        "mean probability of the class over evaluation examples that keep their other features",
        unit="share",
        words="mean probability of the class",
        prefix="",
        parts="lo hi control control_lo control_hi",
        meanings=_CONTROL,
        called=_CALLED,
    )
    n: int = col("evaluation examples", unit="examples", role="n")


RESPONSE = Schema(
    "attribution.response",
    "How classes follow each feature",
    ResponseRow,
    lead="How does each class's probability go along a feature's values?",
    view="curve",
)


@dataclass(frozen=True)
class WordRow:
    """Row of the finding `attribution.words`: what a class's texts lose without a word."""

    class_: str = key("class whose evaluation texts are looked at", name="class")
    word: str = key("word that is taken out, one of those in most of the class's selection texts")
    rank: int | None = col("place by the change on the selection split; 1 = the class loses most")
    effect: Estimate = estimate(
        "score without the word minus score before, mean over texts that hold it; negative: the "
        "class needs the word",
        unit="score",
        words="change of the score without it",
        prefix="",
        parts="lo hi control control_lo control_hi p q",
        meanings={
            **_CONTROL,
            "p": "two-sided p of no change (paired)",
            "q": "Benjamini-Hochberg over all rows",
        },
        called={**_CALLED, "p": "p (paired, two-sided)", "q": "q over all rows"},
        worse=-1,
        signed=True,
    )
    n: int = col("evaluation texts of the class that hold the word", unit="texts", role="n")


WORDS = Schema(
    "attribution.words",
    "Which words decide",
    WordRow,
    lead="What does each class's score lose when a word is taken out of its texts?",
    across="word class",
)


@dataclass(frozen=True)
class TokenRow:
    """Row of the finding `attribution.tokens`: one token of one text; single texts: no interval."""

    example: int = key("place of the text in the data")
    place: int = key("place of the token in the text, from 0 on")
    kind: str = col("why the text is shown: typical, close or mistaken")
    label: str = col("class of the text")
    prediction: str = col("what the model takes it for")
    token: str = col("the token")
    effect: Estimate = estimate(
        "score of the text's class without the token minus score before; one text, so no interval",
        unit="score",
        words="change of the score without the token",
        prefix="",
        parts="control",
        meanings={"control": "the same in a randomly initialised network, on its own scale"},
        called={"control": "control (randomly initialised)"},
        worse=-1,
        signed=True,
    )
    gradient: float | None = col(
        "minus the token's embedding times the gradient of the score there: to first order the "
        "change where the embedding becomes 0; one text, so no interval",
        unit="score",
        words="embedding × gradient",
        worse=-1,
        signed=True,
    )


TOKENS = Schema(
    "attribution.tokens",
    "Texts, token by token",
    TokenRow,
    lead="Which tokens of single texts decide?",
    examples=True,
)
