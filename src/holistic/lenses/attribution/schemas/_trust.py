"""Declares the finding about the measured probability that maps point at the truth."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Schema

__all__ = ["TRUST", "TrustRow"]


@dataclass(frozen=True)
class TrustRow:
    """Row of the finding `attribution.trust`."""

    method: str = key("attribution method")
    probability: Estimate = estimate(
        "measured probability that the map points at the truth: that half or more of the pixels "
        "that it names first are ones that carry the class",
        words="points at the truth with probability",
        prefix="",
        parts="lo hi control",
        meanings={
            "lo": "lower bound, 95 %, over images and over the kinds of data calibrated on",
            "hi": "upper bound, 95 %, over images and over the kinds of data calibrated on",
            "control": "the same of maps of random numbers",
        },
        called={"control": "control (random numbers)"},
    )
    n: int = col("evaluation images whose maps were measured", unit="images", role="n")
    recommended: bool = col("whether it is the method to look at: the likeliest of all")
    method_name: str = col("the method as sentences and pages write it", words="called")


TRUST = Schema(
    "attribution.trust",
    "How far maps can be trusted",
    TrustRow,
    lead="Which method's maps point at what decides, and how surely?",
)
