"""Declares the findings of the lens `activation`: rows, arrays, titles and lead sentences."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Array, Schema

__all__ = [
    "CONCEPTS",
    "DEPTH",
    "EXAMPLES",
    "TUNING",
    "UNITS",
    "VISUALISATIONS",
    "ConceptRow",
    "DepthRow",
    "ExampleRow",
    "TuningRow",
    "UnitRow",
    "Visualisation",
]

_SITE, _UNIT = "name of the site", "unit of the site"
_BOUNDS = {"lo": "lower bound, 95 %", "hi": "upper bound, 95 %"}
_WILSON = {"lo": "lower bound, 95 % (Wilson)", "hi": "upper bound, 95 % (Wilson)"}
_DELONG = {"lo": "lower bound, 95 % (DeLong)", "hi": "upper bound, 95 % (DeLong)"}
_LOGIT = {"lo": "lower bound, 95 % (logit)", "hi": "upper bound, 95 % (logit)"}
_DELTA = {
    "lo": "lower bound, 95 % (delta method); missing where few examples carry it",
    "hi": "upper bound, 95 %",
}
_UNTRAINED = {"control": "the same of the median unit of a randomly initialised control"}
_UNTRAINED_CALLED = {"control": "control (median unit of a randomly initialised control)"}
_REPEATS = "lower bound, 95 % (over phases and places); missing where all repeats say the same"


@dataclass(frozen=True)
class UnitRow:
    """Row of the finding `activation.units`."""

    site: str = key(_SITE)
    unit: int = key(_UNIT)
    class_: str = key("class of the examples; 'all' for all of them", name="class")
    n: int = col("evaluation examples", unit="examples", role="n")
    mean: Estimate = estimate(
        "mean of the unit's value, reduced over positions",
        unit="activation",
        words="mean activation",
        meanings=_BOUNDS,
    )
    std: float | None = col(
        "standard deviation of the same", unit="activation", of="mean", words="standard deviation"
    )
    active_fraction: Estimate = estimate(
        "examples and positions at which it is above zero",
        unit="share",
        words="share above zero",
        prefix="active_",
        parts="lo hi control",
        names={"control": "control_active"},
        meanings={**_WILSON, **_UNTRAINED},
        called=_UNTRAINED_CALLED,
    )
    auroc: Estimate = estimate(
        "how often an example of the class has a larger value than one of the rest, ties half; "
        "0.5 tells nothing, below it the unit is smaller in the class",
        unit="share of pairs",
        words="AUROC for the class",
        parts="lo hi control_hi",
        names={"control_hi": "control_auroc_hi"},
        meanings={
            **_DELONG,
            "control_hi": (
                "shuffled labels: no AUROC of the site is further from 0.5 in 95 % of the shuffles"
            ),
        },
        called={"control_hi": "control (labels shuffled: 95 % stay below)"},
        neutral=0.5,
    )
    average_precision: Estimate = estimate(
        "precision of retrieving the class by large values of the unit, averaged over its recall",
        unit="share",
        prefix="precision_",
        parts="lo hi control",
        names={"control": "control_average_precision"},
        meanings={
            **_LOGIT,
            "control": "the same for a unit that tells nothing: the share of the class",
        },
        called={"control": "control (share of the class)"},
    )
    d_prime: Estimate = estimate(
        "mean in the class minus mean in the rest, over the root mean square of their standard "
        "deviations; positive: larger in the class; in 'all' rows of the preferred class",
        unit="standard deviations",
        words="d′",
        parts="lo hi control",
        names={"control": "control_d_prime"},
        meanings={**_DELTA, **_UNTRAINED},
        called=_UNTRAINED_CALLED,
    )
    selectivity: Estimate = estimate(
        "(mean - rest) / (mean + rest), rest being the mean of the other classes' means; in 'all' "
        "rows of the preferred class; missing for units that go below zero",
        words="selectivity (mean − rest) / (mean + rest)",
        parts="lo hi control",
        names={"control": "control_selectivity"},
        meanings={**_DELTA, **_UNTRAINED},
        called=_UNTRAINED_CALLED,
    )
    preferred_class: str = col("class with the unit's largest mean on the selection split")
    second_class: str = col("class with the second largest mean on the selection split")
    preferred_margin: Estimate = estimate(
        "mean in the preferred class minus mean in the second; below zero where the evaluation "
        "split turns the order round",
        unit="activation",
        words="mean beyond the second class",
        prefix="margin_",
        meanings=_BOUNDS,
        beyond=True,
    )
    dead: bool = col("whether the unit holds one value on all examples of both splits")
    constant: bool = col("whether it is dead and that value isn't zero, so that it acts as a bias")
    saturated_fraction: Estimate = estimate(
        "examples and positions within 1 % of an end of the nonlinearity at which its gradient "
        "vanishes; missing where it has none",
        unit="share",
        prefix="saturated_",
        meanings=_WILSON,
    )
    saturated: bool = col("whether that share is at least 0.95")


UNITS = Schema(
    "activation.units",
    "Units and classes",
    UnitRow,
    lead="What does each unit do in each class, and how well does its value tell the class?",
    across="unit class",
    answers=True,
    size="auroc",
)


@dataclass(frozen=True)
class ExampleRow:
    """Row of the finding `activation.examples`."""

    site: str = key(_SITE)
    unit: int = key(_UNIT)
    kind: str = key("why the example is shown: top, quantile or random", words="shown as")
    rank: int = key("place among the unit's examples of this kind, from 1 on; larger values first")
    example: int = col("place of the example in the data that the subject was given")
    value: float = col(
        "the unit's value on the example, reduced over positions",
        unit="activation",
        words="activation",
    )
    label: str = col("class of the example")
    top_edge: int | None = col(
        "first row of the input that the unit sees where its value is largest; the box is missing "
        "where units don't repeat over a plane",
        unit="pixels",
    )
    left_edge: int | None = col("first column of the same box", unit="pixels")
    height: int | None = col("rows of the same box", unit="pixels")
    width: int | None = col("columns of the same box", unit="pixels")


EXAMPLES = Schema(
    "activation.examples",
    "What units see",
    ExampleRow,
    lead="Which examples drive each unit most, and which stand for its usual values?",
    arrays={
        "images": Array(
            "uint8", "images any any rgb", "every example that is shown, once", pictures="images"
        ),
        "image_plane": Array("int64", "2", "rows and columns of an input", pictures="plane"),
        "image_ids": Array("int64", "images", "places of the examples in the data", pictures="ids"),
        "image_labels": Array("int64", "images", "their class indices", pictures="labels"),
        "image_predictions": Array(
            "int64", "images", "class indices that the model says", pictures="predictions"
        ),
    },
)


@dataclass(frozen=True)
class DepthRow:
    """Row of the finding `activation.depth`."""

    measure: str = key(
        "auroc, d_prime or selectivity of the preferred class; property: correlation with the "
        "image property that fits best; tuning grating: sharpness of tuning to gratings; larger is "
        "more"
    )
    site: str = key("name of the site; 'all' for the trend over the sites")
    depth: int | None = key("rank of the site among all sites; missing for the trend", along=True)
    n: int = col("units that have the measure", unit="units", role="n")
    value: Estimate = estimate(
        "median over the units; for the trend Spearman's r with depth",
        words="median over the units",
        prefix="",
        parts="lo hi control control_lo control_hi p q",
        meanings={
            "lo": "lower bound, 95 %, over what `interval_over` says",
            "hi": "upper bound, 95 %",
            "control": "median of the same number over randomly initialised controls",
            "control_lo": "2.5 % point of the controls",
            "control_hi": "97.5 % point of the controls",
            "p": "share of the controls as far from the others as the number is, either way",
            "q": (
                "share of the controls that are as far out in any row of the table (familywise, "
                "which bounds the false discovery rate)"
            ),
        },
        called={
            "control": "control (randomly initialised, median)",
            "control_lo": "95 % of them",
            "p": "p (randomly initialised controls, two-sided)",
            "q": "q over all rows (familywise)",
        },
    )
    interval_over: str = col(
        "what the interval is over: 'images', with the units as they are, or 'units', as if they "
        "were drawn independently"
    )
    lower_quartile: float | None = col(
        "first quartile over the units", words="first quartile", role=""
    )
    upper_quartile: float | None = col(
        "third quartile over the units", words="third quartile", role=""
    )


DEPTH = Schema(
    "activation.depth",
    "From general to class-specific",
    DepthRow,
    lead="Do units get more class-specific with depth, and more so than in randomly initialised "
    "networks?",
)


@dataclass(frozen=True)
class ConceptRow:
    """Row of the finding `activation.concepts`."""

    site: str = key(_SITE)
    unit: int = key(_UNIT)
    concept: str | None = col(
        "class, or high or low value of a measured property, whose presence correlates most with "
        "the unit on the selection split; missing for units that are constant there",
        words="word",
    )
    kind: str | None = key("class or property")
    correlation: Estimate = estimate(
        "of the unit's value with the presence of the concept; positive: larger where it is there",
        parts="lo hi control p q",
        names={"control": "untrained_correlation", "p": "learned_p", "q": "learned_q"},
        meanings={
            "lo": "lower bound, 95 % (delta method)",
            "hi": "upper bound, 95 %",
            "control": (
                "median over the units of randomly initialised controls, each with its own best "
                "concept"
            ),
            "p": "share of the randomly initialised controls' units with as large a correlation",
            "q": "Benjamini-Hochberg of the same over all units of the table",
        },
        called={
            "control": "control (median unit of randomly initialised controls)",
            "p": "p (units of randomly initialised controls, one-sided)",
            "q": "q of that over all units",
        },
    )
    threshold: float | None = col(
        "value from which on the unit says that the concept is there, chosen on the selection "
        "split",
        unit="activation",
        words="says so from",
        role="",
    )
    f1: Estimate = estimate(
        "F1 of what it says then",
        words="F1 of the word",
        parts="lo hi control control_hi p q",
        names={"control": "control_f1", "control_hi": "control_f1_hi", "p": "p", "q": "q"},
        meanings={
            "lo": "lower bound, 95 %, of the F1",
            "hi": "upper bound, 95 %, of the F1",
            "control": "mean F1 over all ways to shuffle the concept over the examples",
            "control_hi": "F1 that 95 % of the shuffles stay below",
            "p": "share of all shuffles with as large an F1, exactly",
            "q": "Benjamini-Hochberg over all units of the table",
        },
        called={
            "control": "control (word shuffled)",
            "control_hi": "95 % of the shuffles stay below",
            "p": "p (shuffles, exact, one-sided)",
            "q": "q over all units",
        },
    )
    iou: Estimate = estimate(
        "intersection over union of what it says and what is there",
        words="intersection over union",
        meanings=_WILSON,
    )
    average_precision: Estimate = estimate(
        "precision averaged over recall, without a threshold", prefix="precision_", meanings=_LOGIT
    )
    prevalence: float | None = col(
        "examples in which the concept is there", unit="share", words="share of examples with it"
    )
    n: int = col("evaluation examples", unit="examples", role="n")


CONCEPTS = Schema(
    "activation.concepts",
    "Words for units",
    ConceptRow,
    lead="Which class or property of the image fits each unit best, and how well?",
)


@dataclass(frozen=True)
class TuningRow:
    """Row of the finding `activation.tuning`."""

    site: str = key(_SITE)
    unit: int = key(_UNIT)
    stimulus: str = key("what was shown: gratings, bars or edges")
    orientation: Estimate = estimate(
        "orientation of the lines that it prefers, counter-clockwise from horizontal",
        unit="degrees",
        words="preferred orientation",
        prefix="",
        meanings={"lo": _REPEATS, "hi": "upper bound, 95 %; may pass 180 or fall below 0"},
    )
    tuning: Estimate = estimate(
        "1 - circular variance: 1 if it responds to one orientation only, 0 to all alike",
        words="sharpness of tuning (1 − circular variance)",
        parts="lo hi control p q",
        names={"control": "control_tuning", "p": "p", "q": "q"},
        meanings={
            "lo": _REPEATS,
            "hi": "upper bound, 95 %",
            "control": "median of 1 - circular variance in randomly initialised controls",
            "p": "share of the randomly initialised controls' units that are tuned as sharply",
            "q": "Benjamini-Hochberg, over all units and stimuli of the table",
        },
        called={
            "control": "control (median of randomly initialised controls)",
            "p": "p (units of randomly initialised controls, one-sided)",
            "q": "q over all units and stimuli",
        },
    )
    orientation_index: float | None = col(
        "(preferred - orthogonal) / (preferred + orthogonal), the preferred orientation chosen on "
        "other phases and places",
        words="orientation index",
    )
    frequency: float | None = col(
        "spatial frequency of the gratings that it prefers",
        unit="cycles per picture",
        words="preferred frequency",
    )
    peak: float | None = col(
        "mean value at the preferred orientation", unit="activation", words="activation at the peak"
    )
    n: int = col(
        "stimuli behind the numbers, each orientation equally often", unit="stimuli", role="n"
    )


TUNING = Schema(
    "activation.tuning",
    "Tuning to oriented stimuli",
    TuningRow,
    lead="To which orientation and spatial frequency is each unit tuned, and more than by chance?",
    arrays={
        "tuning": Array(
            "float32",
            "any any",
            "mean value of each unit at each orientation, of one kind of stimulus",
            sites=True,
        ),
        "weights": Array("float32", "any any any", "weights of the first layer as pictures"),
    },
)


@dataclass(frozen=True)
class Visualisation:
    """Row of the finding `activation.visualisations`."""

    site: str = key(_SITE)
    unit: int = key(_UNIT)
    start: int = key("number of the random start, from 1 on")
    picture: int = col(
        "place of the input in the array `activation.visualisations`; made up, not real"
    )
    value: Estimate = estimate(
        "the unit's value on it",
        unit="activation",
        words="activation",
        parts="control",
        names={"control": "natural_top"},
        meanings={"control": "its largest value on an evaluation example"},
        called={"control": "control (largest on a real example)"},
    )
    start_value: float = col(
        "its value before the ascent", unit="activation", words="activation before the ascent"
    )
    alike: Estimate = estimate(
        "mean correlation of the pixels with those of the unit's other starts; 1: the same picture",
        words="correlation with its other starts",
        parts="control",
        names={"control": "control_alike"},
        meanings={
            "control": "mean correlation with the pictures of the other units of the site",
        },
        called={"control": "control (with pictures of other units)"},
    )


VISUALISATIONS = Schema(
    "activation.visualisations",
    "Feature visualisations",
    Visualisation,
    lead="Which made-up input drives a unit most, and do different starts end alike?",
    arrays={
        "visualisations": Array("uint8", "rows any any rgb", "the inputs that were made up"),
    },
)
