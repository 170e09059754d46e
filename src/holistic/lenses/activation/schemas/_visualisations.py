"""Declares `activation.visualisations`."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.lenses.activation.schemas._texts import SITE, UNIT
from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Array, Schema

__all__ = ["VISUALISATIONS", "Visualisation"]


@dataclass(frozen=True)
class Visualisation:
    """Row of the finding `activation.visualisations`."""

    site: str = key(SITE)
    unit: int = key(UNIT)
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
