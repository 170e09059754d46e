"""Declares the findings of interventions on inputs: windows erased or filled, features moved."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.lenses.attribution.schemas._texts import CONTROL, CONTROL_CALLED
from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Schema

__all__ = ["EVIDENCE", "RESPONSE", "EvidenceRow", "ResponseRow"]


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
        meanings=CONTROL,
        called=CONTROL_CALLED,
    )
    n: int = col("evaluation examples", unit="examples", role="n")


RESPONSE = Schema(
    "attribution.response",
    "How classes follow each feature",
    ResponseRow,
    lead="How does each class's probability go along a feature's values?",
    view="curve",
)
