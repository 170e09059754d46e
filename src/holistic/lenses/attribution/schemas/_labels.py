"""Declares the finding about labels that look wrong."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Array, Schema

__all__ = ["LABELS", "LabelRow"]


@dataclass(frozen=True)
class LabelRow:
    """Row of the finding `attribution.labels`: one example whose label is doubted."""

    example: int = key("place of the example in the data that the subject was given")
    rank: int = col("place among all examples by the score; 1 is doubted most")
    class_: str = col("label that was given", name="class", words="label")
    suggested: str = col("class that it looks like instead")
    score: float = col(
        "how much more it looks like the suggested class than like its label, averaged over the "
        "input, hidden sites and the model's answer; each fit leaves the example's fold out",
        role="",
    )
    probability: Estimate = estimate(
        "probability that the label is wrong, among examples as typical of another class as this",
        unit="share",
        parts="lo hi n control",
        meanings={
            "lo": "lower end of its 95 % interval (exact, of a ratio of counts)",
            "hi": "upper end of its 95 % interval (exact, of a ratio of counts)",
            "n": "doubted examples that were counted",
            "control": "the same of an example drawn at random: the share of all labels",
        },
        called={"control": "control (random example)"},
    )
    typical: float = col(
        "share of the suggested class's own examples that are less clearly of that class",
        unit="share",
        role="",
    )
    loss: float = col("the model's cross-entropy at the given label", unit="nats", role="")
    loss_rank: int = col("place among all examples by loss alone; 1 has the largest")
    class_share: Estimate = estimate(
        "share of wrong labels among examples with its label",
        unit="share",
        parts="lo hi n control",
        meanings={
            "lo": "lower end of its 95 % interval (exact, doubled)",
            "hi": "upper end of its 95 % interval (exact, doubled)",
            "n": "examples with this label",
            "control": "the same among all examples",
        },
        called={"control": "control (all examples)"},
    )
    split: str = col("selection or evaluation")


LABELS = Schema(
    "attribution.labels",
    "Labels that look wrong",
    LabelRow,
    lead="Which labels contradict what the examples look like?",
    arrays={
        "class_wrong": Array(
            "float32", "classes 3", "of each class the share of wrong labels with both ends"
        ),
        "label_images": Array(
            "uint8", "labels any any rgb", "doubted examples, the first ranks", pictures="images"
        ),
        "label_inputs": Array(
            "float32",
            "labels any any",
            "these examples where they are no pictures: numbers of tokens or features in one row, "
            "steps of a series in a row for each channel",
            pictures="values",
        ),
        "label_ids": Array("int64", "labels", "their places in the data", pictures="ids"),
        "label_labels": Array("int64", "labels", "their class indices", pictures="labels"),
        "label_predictions": Array(
            "int64", "labels", "class indices that the model says", pictures="predictions"
        ),
    },
    examples=True,
    size="probability",
)
