"""Declares the findings about words and tokens taken out of texts."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.lenses.attribution.schemas._texts import CONTROL, CONTROL_CALLED
from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Schema

__all__ = ["TOKENS", "WORDS", "TokenRow", "WordRow"]


@dataclass(frozen=True)
class WordRow:
    """Row of the finding `attribution.words`: what a class's texts lose without a word."""

    class_: str = key("class whose evaluation texts are looked at", name="class")
    word: str = key("word that is taken out, one of those in most of the class's selection texts")
    rank: int | None = col("place by the change on the selection split; 1 = the class loses most")
    effect: Estimate = estimate(
        "score without the word minus score before, mean over texts that hold it; negative: the "
        "class needs the word",
        unit="score",
        words="change of the score without it",
        prefix="",
        parts="lo hi control control_lo control_hi p q",
        meanings={
            **CONTROL,
            "p": "two-sided p of no change (paired)",
            "q": "Benjamini-Hochberg over all rows",
        },
        called={**CONTROL_CALLED, "p": "p (paired, two-sided)", "q": "q over all rows"},
        worse=-1,
        signed=True,
    )
    n: int = col("evaluation texts of the class that hold the word", unit="texts", role="n")


WORDS = Schema(
    "attribution.words",
    "Which words decide",
    WordRow,
    lead="What does each class's score lose when a word is taken out of its texts?",
    across="word class",
)


@dataclass(frozen=True)
class TokenRow:
    """Row of the finding `attribution.tokens`: one token of one text; single texts: no interval."""

    example: int = key("place of the text in the data")
    place: int = key("place of the token in the text, from 0 on")
    kind: str = col("why the text is shown: typical, close or mistaken")
    label: str = col("class of the text")
    prediction: str = col("what the model takes it for")
    token: str = col("the token")
    effect: Estimate = estimate(
        "score of the text's class without the token minus score before; one text, so no interval",
        unit="score",
        words="change of the score without the token",
        prefix="",
        parts="control",
        meanings={"control": "the same in a randomly initialised network, on its own scale"},
        called={"control": "control (randomly initialised)"},
        worse=-1,
        signed=True,
    )
    gradient: float | None = col(
        "minus the token's embedding times the gradient of the score there: to first order the "
        "change where the embedding becomes 0; one text, so no interval",
        unit="score",
        words="embedding × gradient",
        worse=-1,
        signed=True,
    )


TOKENS = Schema(
    "attribution.tokens",
    "Texts, token by token",
    TokenRow,
    lead="Which tokens of single texts decide?",
    examples=True,
)
