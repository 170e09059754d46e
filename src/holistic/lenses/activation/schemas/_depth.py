"""Declares `activation.depth`."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Schema

__all__ = ["DEPTH", "DepthRow"]


@dataclass(frozen=True)
class DepthRow:
    """Row of the finding `activation.depth`."""

    measure: str = key(
        "auroc, d_prime or selectivity of the preferred class; property: correlation with the "
        "image property that fits best; tuning grating: sharpness of tuning to gratings; larger is "
        "more"
    )
    site: str = key("name of the site; 'all' for the trend over the sites")
    depth: int | None = key("rank of the site among all sites; missing for the trend", along=True)
    n: int = col("units that have the measure", unit="units", role="n")
    value: Estimate = estimate(
        "median over the units; for the trend Spearman's r with depth",
        words="median over the units",
        prefix="",
        parts="lo hi control control_lo control_hi p q",
        meanings={
            "lo": "lower bound, 95 %, over what `interval_over` says",
            "hi": "upper bound, 95 %",
            "control": "median of the same number over randomly initialised controls",
            "control_lo": "2.5 % point of the controls",
            "control_hi": "97.5 % point of the controls",
            "p": "share of the controls as far from the others as the number is, either way",
            "q": (
                "share of the controls that are as far out in any row of the table (familywise, "
                "which bounds the false discovery rate)"
            ),
        },
        called={
            "control": "control (randomly initialised, median)",
            "control_lo": "95 % of them",
            "p": "p (randomly initialised controls, two-sided)",
            "q": "q over all rows (familywise)",
        },
    )
    interval_over: str = col(
        "what the interval is over: 'images', with the units as they are, or 'units', as if they "
        "were drawn independently"
    )
    lower_quartile: float | None = col(
        "first quartile over the units", words="first quartile", role=""
    )
    upper_quartile: float | None = col(
        "third quartile over the units", words="third quartile", role=""
    )


DEPTH = Schema(
    "activation.depth",
    "From general to class-specific",
    DepthRow,
    lead="Do units get more class-specific with depth, and more so than in randomly initialised "
    "networks?",
)
