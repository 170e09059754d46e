"""Declares what a reproduction finds: its rows and its pages."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Array, Schema

__all__ = [
    "LINES", "PARTS", "PICTURES", "QUESTION", "TRAININGS", "LineRow", "PartRow", "PictureRow",
    "TrainingRow",
]  # fmt: skip

QUESTION = "Do the origin's results come again, with other trainings and beside controls?"
_OVER = {
    "lo": "lower end of its 95 % interval, over trainings and examples",
    "hi": "upper end of its 95 % interval, over trainings and examples",
    "control": "mean of what should show nothing, over the trainings",
    "control_lo": "lower end of what 95 % of the control lie between, mean over the trainings",
    "control_hi": "upper end of what 95 % of the control lie between, mean over the trainings",
}
_ALL = "lo hi control control_lo control_hi"
_UNIT = "unit of the number: points are parts of the accuracy; empty for a number without one"
_LEAST = "least that a further training on other images should have, 19 times of 20"
_MOST = "most that a further training on other images should have, 19 times of 20"
_LINE, _WAY = "line of the origin", "how it was measured, where the origin leaves that open"
_ROLE = (
    "'main': without it there is nothing to the line; 'also': needed for all of it; 'remark': "
    "decides nothing"
)


@dataclass(frozen=True)
class LineRow:
    """Row of `reproduce.lines`: one result of the origin."""

    line: str = key(_LINE)
    lens: str = col("lens that it belongs to")
    title: str = col("what it is about")
    verdict: str = col("reproduced, in kind, or not reproduced")
    origin: str = col("the origin's number; yes where it says that something is so")
    ours: Estimate = estimate(
        "our number, mean over the trainings; the larger, the more it speaks for the line",
        prefix="",
        parts=_ALL,
        meanings=_OVER,
    )
    unit: str = col(_UNIT, of="ours")
    next_lo: float | None = col(_LEAST, of="ours")
    next_hi: float | None = col(_MOST, of="ours")
    beaten: int = col("trainings in which it is beyond its control", unit="trainings", of="ours")
    trainings: int = col("trainings", unit="trainings")
    why: str = col("what decided the verdict")
    near: str | None = col(
        "how near its rule's bound it is, where other trainings may well turn the verdict",
        words="near its bound",
    )
    measured: str = col("what our number is")
    way: str = col(_WAY + ": the way that comes nearest")
    ways: int = col("ways that were tried")
    claim: str = col("what the origin says")
    command: str = col("shows more of it, for the first training")


LINES = Schema(
    "reproduce.lines",
    "The origin's results, line by line",
    LineRow,
    lead="What does the origin say, what comes out here, and does it beat its control?",
    view="still",
)


@dataclass(frozen=True)
class PartRow:
    """Row of `reproduce.parts`: one aspect of one way to understand a line."""

    line: str = key(_LINE)
    way: str = key(_WAY)
    aspect: str = key("what was measured")
    role: str = col(_ROLE)
    unit: str = col(_UNIT, of="value")
    value: Estimate = estimate(
        "mean over the trainings; the larger, the more it speaks for the line",
        prefix="",
        parts=_ALL,
        meanings=_OVER,
    )
    next_lo: float | None = col(_LEAST, of="value")
    next_hi: float | None = col(_MOST, of="value")
    beaten: int = col("trainings in which it is beyond its control", unit="trainings", of="value")
    trainings: int = col("trainings", unit="trainings")
    examples: int = col("examples behind it in each training", unit="examples")


PARTS = Schema(
    "reproduce.parts",
    "Every way to measure a line",
    PartRow,
    lead="How does each line come out by every way in which it can be understood?",
    view="still",
)


@dataclass(frozen=True)
class TrainingRow:
    """Row of `reproduce.trainings`: one aspect of a line in one training."""

    line: str = key(_LINE)
    way: str = key(_WAY)
    aspect: str = key("what was measured")
    seed: int = key("seed of the training")
    unit: str = col(_UNIT, of="value")
    value: Estimate = estimate(
        "in this training; the larger, the more it speaks for the line",
        prefix="",
        parts="n control control_lo control_hi",
        meanings={
            "n": "examples",
            "control": "mean of what should show nothing",
            "control_lo": "lower end of what 95 % of the control lie between",
            "control_hi": "upper end of what 95 % of the control lie between",
        },
    )
    error: float | None = col("standard error from the examples", of="value")
    beats: bool = col("whether it is beyond its control")


TRAININGS = Schema(
    "reproduce.trainings",
    "The same in every training",
    TrainingRow,
    lead="How far do trainings differ that share everything but their seed?",
    view="dots",
)


@dataclass(frozen=True)
class PictureRow:
    """Row of `reproduce.pictures`: one image with a part erased."""

    line: str = key(_LINE)
    example: int = key("place of the image in the data")
    ink: float = col("share of the image's ink that is in the named part", unit="share")
    overlap: float = col(
        "share of the other part's ink that lies in the named one", unit="share", role=""
    )
    found: int = col("evaluation images of the digit that have such a part", unit="examples")
    looked: int = col("evaluation images of the digit", unit="examples")


PICTURES = Schema(
    "reproduce.pictures",
    "What was erased",
    PictureRow,
    lead="Which parts of the digits were erased, and which beside them?",
    view="still",
    arrays={
        "erased": Array(
            "uint8", "rows 3 height width",
            "each image whole, without the named part, and without another part of as much ink",
        ),
    },
)  # fmt: skip
