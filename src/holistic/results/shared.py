"""Declares what an audit keeps so that audits of other trainings can be compared with it."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import col, key
from holistic.results.schema import Array, Schema

__all__ = ["EXAMPLES", "VALUES", "SharedExample"]

VALUES = "sites.values"
"""Arrays of units' values, with a hidden site's place among the hidden sites behind the name."""


@dataclass(frozen=True)
class SharedExample:
    """One example and what the model says of it."""

    example: int = key("place of the example in the data that the subject was given")
    digest: str = col("first 16 hexadecimal digits of the SHA-256 of the example and its label")
    class_: str = col("its class", name="class")
    prediction: str = col("class that the model says")
    margin: float = col(
        "logit of its class less the largest other one; below 0 where the model is wrong",
        unit="logits", role="value", worse=-1,
    )  # fmt: skip
    split: str = col("selection or evaluation")


EXAMPLES = Schema(
    "sites.examples",
    "What the model says of single examples",
    SharedExample,
    lead="What other audits are compared by: predictions, and what units hold on the same examples",
    arrays={
        "values": Array(
            "float32",
            "any units",
            "what the units of a hidden site hold on the first rows of the table, averaged over "
            "positions",
            sites=True,
        )
    },
    apart=True,
)
