"""Declares `activation.attention`."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Array, Schema

__all__ = ["ATTENTION", "ROLLOUT", "HeadRow"]

ROLLOUT = "rollout"
"""What stands for a site where the attention of all layers is multiplied out."""


@dataclass(frozen=True)
class HeadRow:
    """Row of the finding `activation.attention`: where a head, or all layers together, look."""

    site: str = key(
        "name of the site; 'rollout' multiplies out the attention of all layers, the mean of their "
        "heads and the residual stream in equal parts"
    )
    unit: int | None = key("head of the site; none for the rollout", words="head")
    query: str = col("'class token', or 'mean' over all queries where there is none")
    focus: Estimate = estimate(
        "share of the attention that would have to move for it to be even over the patches: 0 = "
        "even, near 1 = all on one patch; mean over examples",
        unit="share",
        words="distance from even attention",
        prefix="",
        parts="lo hi control control_lo control_hi n",
        meanings={
            "lo": "lower bound of the distance, 95 %",
            "hi": "upper bound of the distance, 95 %",
            "control": "the same head of a randomly initialised control, on the same examples",
            "control_lo": "lower bound of the control's distance, 95 %",
            "control_hi": "upper bound of the control's distance, 95 %",
            "n": "evaluation examples",
        },
        called={
            "control": "control (randomly initialised)",
            "control_lo": "95 % interval over examples",
        },
    )


ATTENTION = Schema(
    "activation.attention",
    "Where heads look",
    HeadRow,
    lead="On which patches of the image does each attention head look, layer by layer?",
    arrays={
        "attention": Array(
            "float32",
            "cases rows any any",
            "for single examples, and each row of the table, the share of the attention on each "
            "patch, as it lies on the image; a map adds up to 1",
        ),
        "attention_control": Array(
            "float32", "cases rows any any", "the same of the randomly initialised control"
        ),
        "attention_cases": Array(
            "int64", "cases", "places of these examples in the data", pictures="shown"
        ),
    },
)
