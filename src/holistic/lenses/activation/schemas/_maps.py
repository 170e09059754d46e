"""Declares `activation.maps`."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.lenses._columns import KIND
from holistic.lenses.activation.schemas._texts import SITE, UNIT
from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Array, Schema

__all__ = ["MAPS", "MapRow"]


@dataclass(frozen=True)
class MapRow:
    """Row of the finding `activation.maps`: what one channel makes of one image."""

    site: str = key(SITE)
    unit: int = key(UNIT, words="channel")
    example: int = key("place of the example in the data that the subject was given")
    kind: str = col(KIND)
    label: str = col("class of the image")
    prediction: str = col("class that the model says")
    rank: int = col(
        "place among the site's channels that are shown by the estimated effect (first order) of "
        "removing them on the image's class on the selection split; 1 = the class loses most"
    )
    mean: Estimate = estimate(
        "mean of the channel over the positions of this image; one image has no interval",
        unit="activation",
        words="mean over the image",
        prefix="",
        parts="control n",
        meanings={
            "control": "the same over all positions of all evaluation examples that were read",
            "n": "evaluation examples behind the control",
        },
        called={"control": "control (mean over evaluation examples)"},
    )
    peak: float = col("largest value of the channel on this image", unit="activation")
    spread: float = col(
        "standard deviation of the channel over positions and evaluation examples, which its maps "
        "are counted in",
        unit="activation",
        of="mean",
        words="standard deviation of that channel",
    )


MAPS = Schema(
    "activation.maps",
    "Feature maps over the image",
    MapRow,
    lead="Where on single images do the channels of each convolution answer?",
    examples=True,
    arrays={
        "maps": Array(
            "float32",
            "cases channels any any",
            "for single examples and the channels that are shown, in the order of their numbers, "
            "values in standard deviations of the channel, as they lie on the image",
            sites=True,
        ),
    },
)
