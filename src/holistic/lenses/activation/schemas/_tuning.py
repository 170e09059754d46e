"""Declares `activation.tuning`."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.lenses.activation.schemas._texts import SITE, UNIT
from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Array, Schema

__all__ = ["TUNING", "TuningRow"]

_REPEATS = "lower bound, 95 % (over phases and places); missing where all repeats say the same"


@dataclass(frozen=True)
class TuningRow:
    """Row of the finding `activation.tuning`."""

    site: str = key(SITE)
    unit: int = key(UNIT)
    stimulus: str = key("what was shown: gratings, bars or edges")
    orientation: Estimate = estimate(
        "orientation of the lines that it prefers, counter-clockwise from horizontal",
        unit="degrees",
        words="preferred orientation",
        prefix="",
        meanings={"lo": _REPEATS, "hi": "upper bound, 95 %; may pass 180 or fall below 0"},
    )
    tuning: Estimate = estimate(
        "1 - circular variance: 1 if it responds to one orientation only, 0 to all alike",
        words="sharpness of tuning (1 − circular variance)",
        parts="lo hi control p q",
        names={"control": "control_tuning", "p": "p", "q": "q"},
        meanings={
            "lo": _REPEATS,
            "hi": "upper bound, 95 %",
            "control": "median of 1 - circular variance in randomly initialised controls",
            "p": "share of the randomly initialised controls' units that are tuned as sharply",
            "q": "Benjamini-Hochberg, over all units and stimuli of the table",
        },
        called={
            "control": "control (median of randomly initialised controls)",
            "p": "p (units of randomly initialised controls, one-sided)",
            "q": "q over all units and stimuli",
        },
    )
    orientation_index: float | None = col(
        "(preferred - orthogonal) / (preferred + orthogonal), the preferred orientation chosen on "
        "other phases and places",
        words="orientation index",
    )
    frequency: float | None = col(
        "spatial frequency of the gratings that it prefers",
        unit="cycles per picture",
        words="preferred frequency",
    )
    peak: float | None = col(
        "mean value at the preferred orientation", unit="activation", words="activation at the peak"
    )
    n: int = col(
        "stimuli behind the numbers, each orientation equally often", unit="stimuli", role="n"
    )


TUNING = Schema(
    "activation.tuning",
    "Tuning to oriented stimuli",
    TuningRow,
    lead="To which orientation and spatial frequency is each unit tuned, and more than by chance?",
    size="tuning",
    arrays={
        "tuning": Array(
            "float32",
            "any any",
            "mean value of each unit at each orientation, of one kind of stimulus",
            sites=True,
        ),
        "weights": Array("float32", "any any any", "weights of the first layer as pictures"),
    },
)
