"""The finding on units of one verdict that are removed together."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Schema

__all__ = ["REMOVED", "RemovedTogether"]


@dataclass(frozen=True)
class RemovedTogether:
    """Row of the finding `agreement.removed`: units of one site replaced by their means at once."""

    site: str = key("site of the units")
    units_that: str = key(
        "verdict of the units that are removed; 'not causal' for all of these together",
        words="units that are",
    )
    removed: int = col("units that are removed", unit="units", of="drop")
    accuracy_before: float = col("accuracy with all units", unit="share")
    accuracy_after: float = col("accuracy without these", unit="share")
    drop: Estimate = estimate(
        "before minus after; positive = they are needed together",
        unit="share",
        prefix="",
        parts="lo hi control control_lo control_hi p q",
        names={"control": "control_drop"},
        meanings={
            "lo": "lower end of the 95 % interval of the drop (Tango, paired)",
            "hi": "upper end of the 95 % interval of the drop (Tango, paired)",
            "control": "mean drop without as many random units of the site",
            "control_lo": "2.5 % quantile of the random sets",
            "control_hi": "97.5 % quantile of the random sets",
            "p": "share of the random sets that cost as little, (1+b)/(1+B), or of all sets where "
            "there are few; no test where all units of the site are removed",
            "q": "Benjamini-Hochberg q of p over all rows",
        },
        called={
            "control": "control (as many random units)",
            "control_lo": "95 % of them",
            "p": "p (random sets, one-sided)",
            "q": "q over all rows",
        },
        worse=1,
        signed=True,
    )
    sets: int = col("other sets of as many units behind the control", unit="sets", of="drop")
    every_set: bool = col("whether these are all others that the site has", of="drop")
    n: int = col(
        "examples of the selection split: verdicts rest on tests on the other",
        unit="examples",
        role="n",
    )


REMOVED = Schema(
    "agreement.removed",
    "Units removed together",
    RemovedTogether,
    lead="What does the model lose when all units that nothing depends on are removed together?",
    size="drop",
)
