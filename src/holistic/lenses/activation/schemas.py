"""Findings of the lens `activation`: what each row, array and page of them says."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import col
from holistic.results.schema import Array, Schema

__all__ = [
    "CONCEPTS",
    "DEPTH",
    "EXAMPLES",
    "SYNTHETIC",
    "TUNING",
    "UNITS",
    "ConceptRow",
    "DepthRow",
    "ExampleRow",
    "SyntheticRow",
    "TuningRow",
    "UnitRow",
]


@dataclass(frozen=True)
class UnitRow:
    """Row of the finding `activation.units`."""

    site: str = col("name of the site")
    unit: int = col("unit of the site")
    class_: str = col("class of the examples; 'all' for all of them", name="class")
    n: int = col("evaluation examples", unit="examples")
    mean: float = col(
        "mean of the unit's value, reduced over positions",
        unit="activation",
        words="mean activation",
    )
    mean_lo: float | None = col("lower bound, 95 %", unit="activation")
    mean_hi: float | None = col("upper bound, 95 %", unit="activation")
    std: float | None = col(
        "standard deviation of the same", unit="activation", of="mean", words="standard deviation"
    )
    active_fraction: float = col(
        "examples and positions at which it is above zero", unit="share", words="share above zero"
    )
    active_lo: float | None = col("lower bound, 95 % (Wilson)", unit="share")
    active_hi: float | None = col("upper bound, 95 % (Wilson)", unit="share")
    control_active: float | None = col(
        "the same of the median unit of an untrained copy",
        unit="share",
        of="active_fraction",
        words="control (median unit of an untrained copy)",
    )
    auroc: float | None = col(
        "how often an example of the class has a larger value than one of the rest, ties half; "
        "0.5 tells nothing, below it the unit is smaller in the class",
        unit="share of pairs",
        words="AUROC for the class",
    )
    auroc_lo: float | None = col("lower bound, 95 % (DeLong)", unit="share of pairs")
    auroc_hi: float | None = col("upper bound, 95 % (DeLong)", unit="share of pairs")
    control_auroc_hi: float | None = col(
        "shuffled labels: no AUROC of the site is further from 0.5 in 95 % of the shuffles",
        unit="share of pairs",
        of="auroc",
        words="control (labels shuffled: 95 % stay below)",
    )
    average_precision: float | None = col(
        "precision of retrieving the class by large values of the unit, averaged over its recall",
        unit="share",
    )
    precision_lo: float | None = col("lower bound, 95 % (logit)", unit="share")
    precision_hi: float | None = col("upper bound, 95 % (logit)", unit="share")
    control_average_precision: float | None = col(
        "the same for a unit that tells nothing: the share of the class",
        unit="share",
        of="average_precision",
        words="control (share of the class)",
    )
    d_prime: float | None = col(
        "mean in the class minus mean in the rest, over the root mean square of their standard "
        "deviations; positive: larger in the class; in 'all' rows of the preferred class",
        unit="standard deviations",
        words="d′",
    )
    d_prime_lo: float | None = col(
        "lower bound, 95 % (delta method); missing where few examples carry it",
        unit="standard deviations",
    )
    d_prime_hi: float | None = col("upper bound, 95 %", unit="standard deviations")
    control_d_prime: float | None = col(
        "the same of the median unit of an untrained copy",
        unit="standard deviations",
        of="d_prime",
        words="control (median unit of an untrained copy)",
    )
    selectivity: float | None = col(
        "(mean - rest) / (mean + rest), rest being the mean of the other classes' means; in 'all' "
        "rows of the preferred class; missing for units that go below zero",
        words="selectivity (mean − rest) / (mean + rest)",
    )
    selectivity_lo: float | None = col(
        "lower bound, 95 % (delta method); missing where few examples carry it"
    )
    selectivity_hi: float | None = col("upper bound, 95 %")
    control_selectivity: float | None = col(
        "the same of the median unit of an untrained copy",
        of="selectivity",
        words="control (median unit of an untrained copy)",
    )
    preferred_class: str = col("class with the unit's largest mean on the selection split")
    second_class: str = col("class with the second largest mean on the selection split")
    preferred_margin: float | None = col(
        "mean in the preferred class minus mean in the second; below zero where the evaluation "
        "split turns the order round",
        unit="activation",
        words="mean beyond the second class",
    )
    margin_lo: float | None = col("lower bound, 95 %", unit="activation")
    margin_hi: float | None = col("upper bound, 95 %", unit="activation")
    dead: bool = col("whether the unit holds one value on all examples of both splits")
    constant: bool = col("whether it is dead and that value isn't zero, so that it acts as a bias")
    saturated_fraction: float | None = col(
        "examples and positions within 1 % of an end of the nonlinearity at which its gradient "
        "vanishes; missing where it has none",
        unit="share",
    )
    saturated_lo: float | None = col("lower bound, 95 % (Wilson)", unit="share")
    saturated_hi: float | None = col("upper bound, 95 % (Wilson)", unit="share")
    saturated: bool = col("whether that share is at least 0.95")


UNITS = Schema(
    "activation.units",
    "Units and classes",
    UnitRow,
    answers=True,
    size="auroc",
)


@dataclass(frozen=True)
class ExampleRow:
    """Row of the finding `activation.examples`."""

    site: str = col("name of the site")
    unit: int = col("unit of the site")
    kind: str = col("why the example is shown: top, quantile or random", words="shown as")
    rank: int = col("place among the unit's examples of this kind, from 1 on; larger values first")
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
    arrays={
        "images": Array("uint8", "images any any rgb", pictures="images"),
        "image_plane": Array("int64", "2", pictures="plane"),
        "image_ids": Array("int64", "images", pictures="ids"),
        "image_labels": Array("int64", "images", pictures="labels"),
        "image_predictions": Array("int64", "images", pictures="predictions"),
        "weights": Array("float32", "any any any", sites=True),
    },
)


@dataclass(frozen=True)
class DepthRow:
    """Row of the finding `activation.depth`."""

    measure: str = col(
        "auroc, d_prime or selectivity of the preferred class; property: correlation with the "
        "image property that fits best; tuning grating: sharpness of tuning to gratings; larger is "
        "more"
    )
    site: str = col("name of the site; 'all' for the trend over the sites")
    depth: int | None = col("rank of the site among all sites; missing for the trend")
    n: int = col("units that have the measure", unit="units")
    value: float | None = col(
        "median over the units; for the trend Spearman's r with depth",
        words="median over the units",
    )
    lo: float | None = col("lower bound, 95 %, over what `interval_over` says")
    hi: float | None = col("upper bound, 95 %")
    interval_over: str = col(
        "what the interval is over: 'images', with the units as they are, or 'units', as if they "
        "were drawn independently"
    )
    lower_quartile: float | None = col("first quartile over the units", words="first quartile")
    upper_quartile: float | None = col("third quartile over the units", words="third quartile")
    control: float | None = col(
        "median of the same number over untrained copies",
        of="value",
        words="control (untrained copies, median)",
    )
    control_lo: float | None = col("2.5 % point of the copies", words="95 % of them")
    control_hi: float | None = col("97.5 % point of the copies")
    p: float | None = col(
        "share of the copies as far from the other copies as the number is, either way",
        of="value",
        words="p (untrained copies, two-sided)",
    )
    q: float | None = col(
        "share of the copies that are as far out in any row of the table (familywise, which bounds "
        "the false discovery rate)",
        of="value",
        words="q over all rows (familywise)",
    )


DEPTH = Schema(
    "activation.depth",
    "From general to class-specific",
    DepthRow,
)


@dataclass(frozen=True)
class ConceptRow:
    """Row of the finding `activation.concepts`."""

    site: str = col("name of the site")
    unit: int = col("unit of the site")
    concept: str | None = col(
        "class, or high or low value of a measured property, whose presence correlates most with "
        "the unit on the selection split; missing for units that are constant there",
        words="word",
    )
    kind: str | None = col("class or property")
    correlation: float | None = col(
        "of the unit's value with the presence of the concept; positive: larger where it is there"
    )
    correlation_lo: float | None = col("lower bound, 95 % (delta method)")
    correlation_hi: float | None = col("upper bound, 95 %")
    threshold: float | None = col(
        "value from which on the unit says that the concept is there, chosen on the selection "
        "split",
        unit="activation",
        words="says so from",
    )
    f1: float | None = col("F1 of what it says then", words="F1 of the word")
    f1_lo: float | None = col("lower bound, 95 %, of the F1")
    f1_hi: float | None = col("upper bound, 95 %, of the F1")
    iou: float | None = col(
        "intersection over union of what it says and what is there", words="intersection over union"
    )
    iou_lo: float | None = col("lower bound, 95 % (Wilson)")
    iou_hi: float | None = col("upper bound, 95 % (Wilson)")
    average_precision: float | None = col("precision averaged over recall, without a threshold")
    precision_lo: float | None = col("lower bound, 95 % (logit)")
    precision_hi: float | None = col("upper bound, 95 % (logit)")
    control_f1: float | None = col(
        "mean F1 over all ways to shuffle the concept over the examples",
        of="f1",
        words="control (word shuffled)",
    )
    control_f1_hi: float | None = col(
        "F1 that 95 % of the shuffles stay below", words="95 % of the shuffles stay below"
    )
    p: float | None = col(
        "share of all shuffles with as large an F1, exactly",
        of="f1",
        words="p (shuffles, exact, one-sided)",
    )
    q: float | None = col(
        "Benjamini-Hochberg over all units of the table", of="f1", words="q over all units"
    )
    prevalence: float | None = col(
        "examples in which the concept is there", unit="share", words="share of examples with it"
    )
    n: int = col("evaluation examples", unit="examples")
    untrained_correlation: float | None = col(
        "median over the units of untrained copies, each with its own best concept",
        of="correlation",
        words="control (median unit of untrained copies)",
    )
    learned_p: float | None = col(
        "share of the untrained copies' units with as large a correlation",
        of="correlation",
        words="p (units of untrained copies, one-sided)",
    )
    learned_q: float | None = col(
        "Benjamini-Hochberg of the same over all units of the table",
        of="correlation",
        words="q of that over all units",
    )


CONCEPTS = Schema(
    "activation.concepts",
    "Words for units",
    ConceptRow,
)


@dataclass(frozen=True)
class TuningRow:
    """Row of the finding `activation.tuning`."""

    site: str = col("name of the site")
    unit: int = col("unit of the site")
    stimulus: str = col("what was shown: gratings, bars or edges")
    orientation: float | None = col(
        "orientation of the lines that it prefers, counter-clockwise from horizontal",
        unit="degrees",
        words="preferred orientation",
    )
    lo: float | None = col(
        "lower bound, 95 % (over phases and places); missing where all repeats say the same",
        unit="degrees",
    )
    hi: float | None = col("upper bound, 95 %; may pass 180 or fall below 0", unit="degrees")
    tuning: float | None = col(
        "1 - circular variance: 1 if it responds to one orientation only, 0 to all alike",
        words="sharpness of tuning (1 − circular variance)",
    )
    tuning_lo: float | None = col(
        "lower bound, 95 % (over phases and places); missing where all repeats say the same"
    )
    tuning_hi: float | None = col("upper bound, 95 %")
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
    n: int = col("stimuli behind the numbers, each orientation equally often", unit="stimuli")
    control_tuning: float | None = col(
        "median of 1 - circular variance in untrained copies",
        of="tuning",
        words="control (median of untrained copies)",
    )
    p: float | None = col(
        "share of the untrained copies' units that are tuned as sharply",
        of="tuning",
        words="p (units of untrained copies, one-sided)",
    )
    q: float | None = col(
        "Benjamini-Hochberg, over all units and stimuli of the table",
        of="tuning",
        words="q over all units and stimuli",
    )


TUNING = Schema(
    "activation.tuning",
    "Tuning to oriented stimuli",
    TuningRow,
    arrays={
        "tuning": Array("float32", "any any", sites=True),
    },
)


@dataclass(frozen=True)
class SyntheticRow:
    """Row of the finding `activation.synthetic`."""

    site: str = col("name of the site")
    unit: int = col("unit of the site")
    start: int = col("number of the random start, from 1 on")
    picture: int = col("place of the input in the array `activation.synthetic`; made up, not real")
    value: float = col("the unit's value on it", unit="activation", words="activation")
    start_value: float = col(
        "its value before the ascent", unit="activation", words="activation before the ascent"
    )
    natural_top: float = col(
        "its largest value on an evaluation example",
        unit="activation",
        of="value",
        words="control (largest on a real example)",
    )
    alike: float | None = col(
        "mean correlation of the pixels with those of the unit's other starts; 1: the same picture",
        words="correlation with its other starts",
    )
    control_alike: float | None = col(
        "mean correlation with the pictures of the other units of the site",
        of="alike",
        words="control (with pictures of other units)",
    )


SYNTHETIC = Schema(
    "activation.synthetic",
    "Synthetic inputs",
    SyntheticRow,
    arrays={
        "synthetic": Array("uint8", "rows any any rgb"),
    },
)
