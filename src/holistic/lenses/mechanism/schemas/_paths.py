"""Declares `mechanism.paths`."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.lenses._columns import KIND
from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Schema

__all__ = ["PATHS", "ImageSite"]


@dataclass(frozen=True)
class ImageSite:
    """Row of the finding `mechanism.paths`: what a linear probe reads of one image at one site."""

    example: int = key("place of the example in the data that the subject was given")
    kind: str = col(KIND)
    label: str = col("class of the image")
    prediction: str = col("class that the model says")
    site: str = col(
        "site, in the order of the computation; 'input' is the image itself, 'output' the model's "
        "own answer"
    )
    depth: int = key("place of the site on the way, 0 for the input", along=True)
    read: str = col("class that the probe of the site says", words="read as")
    label_probability: Estimate = estimate(
        "probability that it gives the image's class",
        unit="share",
        words="probability of its class",
        parts="control",
        names={"control": "control_label_probability"},
        meanings={
            "control": "probability that a probe of the randomly initialised control gives the "
            "image's class"
        },
        called={"control": "control (its class, randomly initialised control)"},
    )
    prediction_probability: float = col(
        "probability that it gives the class that the model says",
        unit="share",
        words="probability of what the model says",
    )
    accuracy: Estimate = estimate(
        "share of the evaluation examples that the probe tells right",
        unit="share",
        words="accuracy of the site's probe",
        prefix="",
        parts="lo hi n",
        meanings={"n": "evaluation examples behind its accuracy"},
    )


PATHS = Schema(
    "mechanism.paths",
    "Single images on their way",
    ImageSite,
    lead="At which site does a single image become what the model says it is?",
    examples=True,
)
