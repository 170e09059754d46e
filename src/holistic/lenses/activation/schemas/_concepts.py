"""Declares `activation.concepts`."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.lenses.activation.schemas._texts import LOGIT, SITE, UNIT, WILSON
from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Schema

__all__ = ["CONCEPTS", "ConceptRow"]


@dataclass(frozen=True)
class ConceptRow:
    """Row of the finding `activation.concepts`."""

    site: str = key(SITE)
    unit: int = key(UNIT)
    concept: str | None = col(
        "class, or high or low value of a measured property, whose presence correlates most with "
        "the unit on the selection split; missing for units that are constant there",
        words="neuron label",
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
        words="F1 of the label",
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
            "control": "control (label shuffled)",
            "control_hi": "95 % of the shuffles stay below",
            "p": "p (shuffles, exact, one-sided)",
            "q": "q over all units",
        },
    )
    iou: Estimate = estimate(
        "intersection over union of what it says and what is there",
        words="intersection over union",
        meanings=WILSON,
    )
    average_precision: Estimate = estimate(
        "precision averaged over recall, without a threshold", prefix="precision_", meanings=LOGIT
    )
    prevalence: float | None = col(
        "examples in which the concept is there", unit="share", words="share of examples with it"
    )
    n: int = col("evaluation examples", unit="examples", role="n")


CONCEPTS = Schema(
    "activation.concepts",
    "Neuron labels",
    ConceptRow,
    lead="Which class or property of the image fits each unit best, and how well?",
)
