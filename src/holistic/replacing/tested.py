"""The rows of a test of edits, and what it says in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holistic.replacing.outcomes import Outcomes
from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Schema
from holistic.results.tables import Table
from holistic.stats.control import Control
from holistic.stats.tests import benjamini_hochberg

__all__ = ["TESTED", "Tested", "tested_table"]

_CALLED = {
    "control": "control (the same edit elsewhere)",
    "control_lo": "95 % of them",
    "q": "q over all classes",
}
_COMPARED = {
    "control": "mean over the same edits elsewhere in their sites",
    "control_lo": "2.5 % quantile of the same edits elsewhere",
    "control_hi": "97.5 % quantile of the same edits elsewhere",
    "q": "Benjamini-Hochberg q over the classes and all",
}


@dataclass(frozen=True)
class Tested:
    """Row of a test: what the edits do to the examples of one class."""

    class_: str = key("class of the examples; 'all' for every example", name="class")
    n: int = col("evaluation examples, each scored before and after", unit="examples", role="n")
    effect: Estimate = estimate(
        "mean score after minus before; negative = what was edited helps",
        unit="score",
        words="effect of the edits",
        prefix="",
        parts="lo hi control control_lo control_hi p q",
        names={"control": "control_effect"},
        meanings={**_COMPARED, "p": "two-sided p of a mean effect of zero, as the interval says"},
        called={**_CALLED, "p": "p (mean of zero)"},
        worse=-1,
        signed=True,
    )
    control_p: float = col(
        "p of the effect among the same edits elsewhere, two-sided, (1+b)/(1+B)",
        of="effect",
        words="p (same edits elsewhere, two-sided)",
    )
    accuracy_before: float = col("accuracy without the edits", unit="share")
    accuracy_after: float = col("accuracy under the edits", unit="share")
    drop: Estimate = estimate(
        "accuracy before minus after; positive = what was edited helps",
        unit="share",
        words="accuracy lost under the edits",
        parts="lo hi control control_lo control_hi p q",
        meanings={
            **_COMPARED,
            "lo": "lower end of its 95 % interval (Tango, paired)",
            "hi": "upper end of its 95 % interval (Tango, paired)",
            "p": "exact two-sided McNemar p of lost against gained",
        },
        called={**_CALLED, "p": "p (exact McNemar, two-sided)"},
        worse=1,
        signed=True,
    )
    drop_control_p: float = col(
        "share of the same edits elsewhere that cost as much, (1+b)/(1+B)",
        of="drop",
        words="p (same edits elsewhere, one-sided)",
    )
    lost: int = col("right before and wrong after", unit="examples", of="drop")
    gained: int = col("wrong before and right after", unit="examples", of="drop")
    controls: int = col("the same edits elsewhere that it is compared with", unit="edits")


TESTED = Schema(
    "test",
    "Edits tried",
    Tested,
    lead="What do these edits do to each class, and would the same edits elsewhere do it, too?",
)


def tested_table(found: Outcomes, classes: tuple[str, ...]) -> Table:
    """Build `Tested` rows: the classes, and all."""
    flips, effects = found.flips, found.effects
    (lo, hi), (least, most) = effects.interval(), flips.bounds()
    control = Control.of(found.control, effects.mean, alternative="two-sided")
    dropped, p = flips.controls(), (effects.p(), flips.p())
    return Table.build(
        Tested,
        {
            "class": [*classes, "all"],
            "n": flips.n,
            "effect": effects.mean,
            "lo": lo,
            "hi": hi,
            **_control_columns("control_effect", "control", control),
            "p": p[0],
            "q": benjamini_hochberg(p[0]),
            "control_p": control.p,
            "accuracy_before": flips.before,
            "accuracy_after": flips.after,
            "drop": flips.drop,
            "drop_lo": least,
            "drop_hi": most,
            **_control_columns("drop_control", "drop_control", dropped),
            "drop_p": p[1],
            "drop_q": benjamini_hochberg(p[1]),
            "drop_control_p": dropped.p,
            "lost": flips.lost,
            "gained": flips.gained,
            "controls": len(found.control),
        },
    )


def _control_columns(mean: str, prefix: str, control: Control) -> dict[str, np.ndarray]:
    return {mean: control.mean, f"{prefix}_lo": control.lo, f"{prefix}_hi": control.hi}
