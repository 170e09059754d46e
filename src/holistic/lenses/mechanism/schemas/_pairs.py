"""Declares `mechanism.pairs`."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.lenses.mechanism.schemas._texts import QUANTILE
from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Array, Schema

__all__ = ["LISTED", "NOT_ALL", "PAIRS", "UnitPair"]

LISTED = 50_000
"""Most pairs that the table lists, those of the largest correlations."""
NOT_ALL = "are listed."
"""How a caveat ends that says of a table that it lists some of the pairs above the threshold."""

_IN_COPIES = "control (95 % of pairs in randomly initialised controls)"


@dataclass(frozen=True)
class UnitPair:
    """Row of the finding `mechanism.pairs`: how two units vary together."""

    site_a: str = key("site of the first unit")
    unit_a: int = key("index of the first unit in its site", words="first unit")
    site_b: str = key("site of the second unit: the same, or a later one")
    unit_b: int = key("index of the second unit in its site", words="second unit")
    r: Estimate = estimate(
        "Pearson correlation of the units' position means over evaluation examples",
        words="correlation",
        prefix="",
        parts="lo hi control_lo control_hi p q",
        names={"control_lo": "control_r_lo", "control_hi": "control_r_hi"},
        meanings={
            "lo": "lower end of the 95 % interval of r",
            "hi": "upper end of the 95 % interval of r",
            "control_lo": "2.5 % quantile of r over pairs of these sites in a randomly "
            "initialised control, mean over controls",
            "control_hi": QUANTILE,
            "p": "two-sided p of no correlation, for r: the larger of that among shuffled values "
            "and of a robust t",
            "q": "Benjamini-Hochberg q of p over all pairs, listed or not",
        },
        called={
            "control_lo": _IN_COPIES,
            "p": "p (shuffles and robust t, two-sided)",
            "q": "q over all pairs",
        },
    )
    r_within: Estimate = estimate(
        "the same within classes: class means removed first",
        words="correlation within classes",
        parts="lo hi control_lo control_hi p q",
        names={"control_lo": "control_r_within_lo", "control_hi": "control_r_within_hi"},
        meanings={
            "lo": "lower end of the 95 % interval of r_within",
            "hi": "upper end of the 95 % interval of r_within",
            "control_lo": "2.5 % quantile of r_within in a randomly initialised control, mean over "
            "controls",
            "control_hi": QUANTILE,
            "p": "the same for r_within, values shuffled inside classes",
            "q": "Benjamini-Hochberg q of r_within_p over all pairs, listed or not",
        },
        called={
            "control_lo": _IN_COPIES,
            "p": "p (shuffles in classes and robust t, two-sided)",
            "q": "q over all pairs",
        },
    )
    r_selection: Estimate = estimate(
        "r on the selection split: the same pair on other examples",
        words="correlation on the selection split",
        parts="n",
        names={"n": "n_selection"},
        meanings={"n": "selection examples"},
    )
    n: int = col("evaluation examples", unit="examples", role="n")


PAIRS = Schema(
    "mechanism.pairs",
    "Correlated pairs",
    UnitPair,
    lead="Which hidden units vary together over images, and which still do within classes?",
    arrays={
        "correlation": Array(
            "float32",
            "units units",
            "Pearson correlation of each two units of a site on the evaluation split",
            sites=True,
        ),
        "correlation_within": Array(
            "float32",
            "units units",
            "the same within classes: class means removed first",
            sites=True,
        ),
    },
    across="unit_a unit_b",
)
