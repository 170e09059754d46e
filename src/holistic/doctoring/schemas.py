"""Declares what a known-answer self-test finds: its rows and its pages."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, ends, estimate, key
from holistic.results.schema import Schema

__all__ = [
    "COVERAGE", "ENGINE", "ENVIRONMENT", "NETWORKS", "QUESTION", "RATES", "TRUTHS", "VERDICTS",
    "Covered", "EngineRow", "EnvironmentRow", "RateRow", "TruthRow", "VerdictRow",
]  # fmt: skip

NETWORKS = "built networks"
"""What readers call the networks of this package."""
QUESTION = "Can these verdicts be believed?"

_WILSON = ends(" (Wilson)")
_SOUND = "whether it does as it should"
_FINDING = "finding that it stands in"


@dataclass(frozen=True)
class TruthRow:
    """Row of `doctor.truths`: what one verdict says of one kind of planted truth."""

    truth: str = key("what was planted", words="planted")
    verdict: str = key("verdict or test that was asked")
    finding: str = col(_FINDING)
    sensitivity: Estimate = estimate(
        "share of what is planted that the verdict names",
        unit="share",
        words="planted and found",
        parts="lo hi n",
        names={"n": "planted"},
        meanings={**_WILSON, "n": "answers that were planted"},
    )
    found: int = col("planted answers that it names", of="sensitivity")
    specificity: Estimate = estimate(
        "share of the decoys that the verdict doesn't name",
        unit="share",
        words="decoys left alone",
        parts="lo hi n",
        names={"n": "decoys"},
        meanings={**_WILSON, "n": "things beside it that the verdict must not name"},
    )
    named: int = col("decoys that it names, wrongly", of="specificity", words="named wrongly")
    seconds: float = col("what planting and asking took", unit="seconds", role="")
    sound: bool = col(_SOUND, words="sound")


TRUTHS = Schema(
    "doctor.truths",
    "Planted truths",
    TruthRow,
    lead="Networks with a known answer: is it found, and is what lies beside it left alone?",
    across="verdict truth",
)


@dataclass(frozen=True)
class VerdictRow:
    """Row of `doctor.verdicts`: how often one verdict is right, over all planted truths."""

    network: str = key("what the answers were planted into")
    verdict: str = key("verdict or test that was asked")
    finding: str = col(_FINDING)
    rule: str = col("when it counts as naming something")
    sensitivity: Estimate = estimate(
        "share of what is planted that the verdict names",
        unit="share",
        words="planted and found",
        parts="lo hi n",
        names={"n": "planted"},
        meanings={**_WILSON, "n": "answers that were planted"},
    )
    found: int = col("planted answers that it names", of="sensitivity")
    specificity: Estimate = estimate(
        "share of the decoys that the verdict doesn't name",
        unit="share",
        words="decoys left alone",
        parts="lo hi n",
        names={"n": "decoys"},
        meanings={**_WILSON, "n": "things beside it that the verdict must not name"},
    )
    named: int = col("decoys that it names, wrongly", of="specificity", words="named wrongly")
    means: str = col("what it means for a reader where it fails; empty where it is sound")
    sound: bool = col(_SOUND, words="sound")


VERDICTS = Schema(
    "doctor.verdicts",
    "How often each verdict is right",
    VerdictRow,
    lead="Of what was planted, how much does each verdict find, and what does it name wrongly?",
)


@dataclass(frozen=True)
class RateRow:
    """Row of `doctor.rates`: how often a test finds something where nothing is."""

    twin: str = key("network in which there is nothing to find", words="twin")
    test: str = key("what was tested")
    finding: str = col(_FINDING)
    share: Estimate = estimate(
        "share of the tests that find something",
        unit="share",
        words="found where nothing is",
        parts="lo hi n",
        names={"n": "tests"},
        meanings={**_WILSON, "n": "tests that were made"},
    )
    found: int = col("tests that found something", of="share")
    bound: float = col("share that it may reach", unit="share", of="share", role="control")
    sound: bool = col(_SOUND, words="sound")


RATES = Schema(
    "doctor.rates",
    "False positives",
    RateRow,
    lead="Where nothing was learnt, or labels mean nothing: how often is something found?",
)


@dataclass(frozen=True)
class Covered:
    """Row of `doctor.coverage`: how often an interval holds a known truth."""

    number: str = key("number whose intervals are tried")
    finding: str = col(_FINDING)
    n: int = key("examples behind each interval", unit="examples")
    share: Estimate = estimate(
        "share of the 95 % intervals that hold the truth",
        unit="share",
        words="intervals that hold the truth",
        parts="lo hi n",
        names={"n": "intervals"},
        meanings={**ends(" (over draws)"), "n": "intervals that were drawn"},
    )
    least: float = col("share that it must reach", unit="share", of="share", role="control")
    sound: bool = col(_SOUND, words="sound")


COVERAGE = Schema(
    "doctor.coverage",
    "Intervals",
    Covered,
    lead="How often does a 95 % interval hold what is known to be true?",
)


@dataclass(frozen=True)
class EngineRow:
    """Row of `doctor.engine`: the fast engine against hooks, at one site."""

    network: str = key("architecture")
    site: str = key("site whose units were removed")
    units: int = col("units that were removed, one at a time", unit="units")
    examples: int = col("examples", unit="examples")
    difference: float = col(
        "largest difference of a logit, in parts of the largest logit",
        words="difference",
        role="value",
    )
    bound: float = col("difference that rounding explains", of="difference", role="control")
    predictions: int = col("predictions that differ", unit="examples")
    sound: bool = col(_SOUND, words="sound")


ENGINE = Schema(
    "doctor.engine",
    "Fast engine against slow twin",
    EngineRow,
    lead="Does the fast engine compute what the model itself computes under hooks?",
)


@dataclass(frozen=True)
class EnvironmentRow:
    """Row of `doctor.environment`: one thing that numbers rest on."""

    what: str = key("what was looked at")
    found: str = col("what was found")
    sound: bool = col(_SOUND, words="sound")


ENVIRONMENT = Schema(
    "doctor.environment",
    "This machine",
    EnvironmentRow,
    lead="Versions, threads and devices, and whether the same seed gives the same numbers.",
)
