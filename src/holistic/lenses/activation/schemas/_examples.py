"""Declares `activation.examples`."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.lenses.activation.schemas._texts import SITE, UNIT
from holistic.results.columns import col, key
from holistic.results.schema import Array, Schema

__all__ = ["EXAMPLES", "ExampleRow"]


@dataclass(frozen=True)
class ExampleRow:
    """Row of the finding `activation.examples`."""

    site: str = key(SITE)
    unit: int = key(UNIT)
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
    peak: int | None = col(
        "place of the unit's largest value along tokens or steps, from 0 on; missing where units "
        "don't repeat along one axis"
    )


EXAMPLES = Schema(
    "activation.examples",
    "What units see",
    ExampleRow,
    lead="Which examples drive each unit most, and which stand for its usual values?",
    answers=True,
    arrays={
        "images": Array(
            "uint8", "images any any rgb", "every example that is shown, once", pictures="images"
        ),
        "inputs": Array(
            "float32",
            "images any any",
            "every example that is shown and is no picture: numbers of tokens or features in one "
            "row, steps of a series in a row for each channel",
            pictures="values",
        ),
        "input_ends": Array(
            "float32",
            "2 any",
            "for features, mean and standard deviation over the selection split; for series, the "
            "least and the largest of each channel",
            pictures="ends",
        ),
        "channels": Array(
            "uint8", "cases any any any", "each channel of the single examples as a picture"
        ),
        "channel_ids": Array("int64", "cases", "places of the single examples in the data"),
        "image_plane": Array("int64", "2", "rows and columns of an input", pictures="plane"),
        "image_ids": Array("int64", "images", "places of the examples in the data", pictures="ids"),
        "image_labels": Array("int64", "images", "their class indices", pictures="labels"),
        "image_predictions": Array(
            "int64", "images", "class indices that the model says", pictures="predictions"
        ),
    },
)
