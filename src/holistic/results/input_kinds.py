"""What a model's inputs are: pictures, features, tokens, series; each kind is declared once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from holistic.results.columns import Column

__all__ = ["KINDS", "InputKind", "kind_of"]

_WORDS = re.compile(
    r"(?<![\w.“/-])(an? )?(input )?(pixels?|images?)(?![\w“/-]|\.\w)", re.IGNORECASE
)


@dataclass(frozen=True)
class InputKind:
    """A kind of input, in the words that sentences, tables and pages use of it.

    Attributes
    ----------
    name
        `image`, `channels` (a picture of other than one or three channels), `features`, `tokens`
        or `series`.
    part, parts
        What one number of it is called, and several.
    example, examples
        What one input is called, and several.

    Examples
    --------
    >>> kind_of("features").in_text("Which input pixels decide? A pixel of 50 images does.")
    'Which inputs decide? An input of 50 examples does.'
    >>> kind_of("image").in_text("Which input pixels decide?")
    'Which input pixels decide?'
    """

    name: str
    part: str = "pixel"
    parts: str = "pixels"
    example: str = "image"
    examples: str = "images"

    @property
    def pictures(self) -> bool:
        """Whether an example is looked at as a picture."""
        return self.parts == "pixels"

    def in_text(self, text: str) -> str:
        """Put the kind's words in the place of those for pictures."""
        return text if self.pictures else _WORDS.sub(self._word, text)

    def _word(self, found: re.Match[str]) -> str:
        article, word = found[1] or "", found[3]
        plain = {
            "pixel": self.part, "pixels": self.parts,
            "image": self.example, "images": self.examples,
        }[word.lower()]  # fmt: skip
        if article:
            one = "an " if plain[0] in "aeiou" else "a "
            article = one.capitalize() if article[0].isupper() else one
        first = (found[2] or word)[0].isupper() and not article
        return article + (plain.capitalize() if first else plain)

    def in_column(self, column: Column) -> Column:
        """Put them into what a column says of itself."""
        if self.pictures:
            return column
        texts = {part: self.in_text(getattr(column, part)) for part in ("unit", "meaning", "words")}
        return replace(column, **texts)


KINDS = {
    kind.name: kind
    for kind in (
        InputKind("image"),
        InputKind("channels"),
        InputKind("features", "input", "inputs", "example", "examples"),
        InputKind("tokens", "token", "tokens", "text", "texts"),
        InputKind("series", "step", "steps", "series", "series"),
    )
}


def kind_of(record: Mapping[str, Any] | str) -> InputKind:
    """Return the kind of this name, or that a record of inputs names; pictures where none does."""
    name = record if isinstance(record, str) else str(record.get("kind", ""))
    return KINDS.get(name, KINDS["image"])
