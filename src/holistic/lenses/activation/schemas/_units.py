"""Declares `activation.units`."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.lenses.activation.schemas._texts import LOGIT, SITE, UNIT, WILSON
from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Schema

__all__ = ["UNITS", "UnitRow"]

_BOUNDS = {"lo": "lower bound, 95 %", "hi": "upper bound, 95 %"}
_DELONG = {"lo": "lower bound, 95 % (DeLong)", "hi": "upper bound, 95 % (DeLong)"}
_DELTA = {
    "lo": "lower bound, 95 % (delta method); missing where few examples carry it",
    "hi": "upper bound, 95 %",
}
_UNTRAINED = {"control": "the same of the median unit of a randomly initialised control"}
_UNTRAINED_CALLED = {"control": "control (median unit of a randomly initialised control)"}


@dataclass(frozen=True)
class UnitRow:
    """Row of the finding `activation.units`."""

    site: str = key(SITE)
    unit: int = key(UNIT)
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
        meanings={**WILSON, **_UNTRAINED},
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
            **LOGIT,
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
        meanings=WILSON,
    )
    saturated: bool = col("whether that share is at least 0.95")


UNITS = Schema(
    "activation.units",
    "Units and classes",
    UnitRow,
    lead="What does each unit do in each class, and how well does its value tell the class?",
    across="unit class",
    size="auroc",
)
