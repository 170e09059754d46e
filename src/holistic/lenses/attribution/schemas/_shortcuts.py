"""Declares the finding about shortcuts: what single classes are read off."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Array, Schema

__all__ = ["SHORTCUTS", "ShortcutRow"]


@dataclass(frozen=True)
class ShortcutRow:
    """Row of the finding `attribution.shortcuts`: one confirmed shortcut of one class."""

    class_: str = key("class that is read off it", name="class")
    kind: str = key(
        "mark: a region that holds one thing; colour: levels of the channels; texture: waves of "
        "some frequencies, or a region whose look changes; position: where something lies"
    )
    number: int = key("counts a class's shortcuts of one kind, the strongest first, from 0 on")
    place: str = col("where on the picture it lies", words="where")
    in_class: float = col(
        "share of the class's evaluation images that carry it", unit="share", role=""
    )
    elsewhere: float = col(
        "share of other classes' evaluation images that carry it", unit="share", role=""
    )
    before: float = col(
        "accuracy on the class's evaluation images that carry it", unit="share", role=""
    )
    drop: Estimate = estimate(
        "accuracy that those images lose where it is replaced by what others have there",
        unit="share",
        name="mask_drop",
        words="accuracy lost without it",
        prefix="",
        parts="lo hi control p q",
        names={"control": "control_drop"},
        meanings={
            "control": "the same where as much is replaced elsewhere, or by images of the class",
            "p": "two-sided p that masking, or pasting, moves the margin no more than its control; "
            "the larger of both",
            "q": "Benjamini-Hochberg over all suspects that were tried on evaluation images",
        },
        called={
            "control": "control (elsewhere)",
            "p": "p (paired, two-sided)",
            "q": "q over all suspects",
        },
        worse=1,
        signed=True,
    )
    pasted: Estimate = estimate(
        "share of other classes' images that become the class where it is pasted into them",
        unit="share",
        words="become the class with it",
        parts="control",
        meanings={
            "control": "the same where as much is pasted elsewhere, or from images of no such class"
        },
        called={"control": "control (elsewhere)"},
    )
    n: int = col("the class's evaluation images that it was masked in", unit="images", role="n")
    others: int = col("other classes' images that it was pasted into", unit="images")


SHORTCUTS = Schema(
    "attribution.shortcuts",
    "Shortcuts",
    ShortcutRow,
    lead="Is a class read off something small that needn't belong to it?",
    arrays={
        "masks": Array(
            "float32", "shortcuts any any", "1 where the shortcut of a row acts, 0 elsewhere"
        ),
        "typical": Array(
            "uint8", "shortcuts any any rgb", "mean selection image that carries the shortcut"
        ),
    },
)
