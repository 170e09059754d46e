"""Reads the words that numbers of tokens stand for."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from holistic.arguments import described, printable
from holistic.errors import DataError, SettingError, shortened
from holistic.usercode import FAULTS, running

__all__ = [
    "BLANKS",
    "Tokenizer",
    "checked_vocabulary",
    "read_vocabulary",
    "tokenizer_of",
    "word_of",
]

BLANKS = ("[MASK]", "<mask>", "[UNK]", "<unk>", "UNK", "[PAD]", "<pad>", "PAD")
"""What vocabularies call a token that says nothing, the best first."""
_ALLOWED = (
    "pass a list of words in the order of their numbers, a dictionary of words by number or of "
    "numbers by word, or a tokenizer"
)


def checked_vocabulary(given: Any, inputs: Tensor) -> dict[int, str]:
    """Return the words of the tokens that occur, by number; none for none.

    Parameters
    ----------
    given
        Words in the order of their numbers, by number, numbers by word, or a tokenizer.
    inputs
        `[N, T]`, numbers of tokens.

    Raises
    ------
    DataError
        If it is something else, or the inputs aren't numbers of tokens.
    """
    if given is None or (isinstance(given, (Sequence, Mapping)) and not len(given)):
        return {}
    if inputs.is_floating_point() or inputs.dim() != 2:
        raise DataError(
            f"a vocabulary is for numbers of tokens [N, T], the inputs are {described(inputs)}; "
            "leave it out, or pass whole numbers"
        )
    numbers = torch.unique(inputs).tolist()
    if isinstance(given, Mapping):
        words = _by_number(given)
    elif isinstance(given, Sequence) and not isinstance(given, (str, bytes)):
        words = dict(enumerate(given))
    else:
        words = _of_tokenizer(given, numbers)
    found = {number: words[number] for number in numbers if number in words}
    found |= {n: word for n, word in words.items() if n >= 0 and word in BLANKS}
    if not found or not all(isinstance(w, str) and printable(w) for w in found.values()):
        raise DataError(
            f"the vocabulary ({described(given)}) names no token of the inputs in words, whose "
            f"numbers go from {min(numbers)} to {max(numbers)}; {_ALLOWED}"
        )
    return found


def _by_number(given: Mapping[Any, Any]) -> dict[int, Any]:
    """Words by number; of a file of JSON, numbers are texts."""
    if all(type(value) is int for value in given.values()):
        return {number: word for word, number in given.items()}
    try:
        return {int(number): word for number, word in given.items()}
    except (TypeError, ValueError):
        raise DataError(f"the vocabulary is {described(given)}; {_ALLOWED}") from None


def _of_tokenizer(given: Any, numbers: list[int]) -> dict[int, str]:
    """What a tokenizer of `transformers`, `tokenizers` or torchtext calls some numbers."""
    for name in ("convert_ids_to_tokens", "id_to_token"):
        one = getattr(given, name, None)
        if callable(one):
            blanks = (getattr(given, f"{kind}_token_id", None) for kind in ("mask", "unk", "pad"))
            return {n: str(one(n)) for n in [*numbers, *(b for b in blanks if b is not None)]}
    listed = getattr(given, "get_itos", None)
    if callable(listed):
        return dict(enumerate(listed()))  # pyright: ignore[reportArgumentType]
    raise DataError(f"the vocabulary is {described(given)}; {_ALLOWED}")


@dataclass(frozen=True)
class Tokenizer:
    """A user's tokenizer: what turns a text into numbers, and numbers into words.

    Attributes
    ----------
    given
        What was passed as the vocabulary.
    """

    given: Any

    def numbers(self, text: str) -> list[int]:
        """Return the numbers of a text's tokens, with those that begin and end a text.

        Raises
        ------
        SettingError
            If the tokenizer fails, or returns something else.
        """
        with running("the tokenizer failed on this text", SettingError):
            made: Any = (self.given if callable(self.given) else self.given.encode)(text)
            found: Any = made["input_ids"] if hasattr(made, "keys") else getattr(made, "ids", made)
            return [int(number) for number in found]

    def text(self, numbers: Sequence[int]) -> str:
        """Return the text of some tokens, without those that only begin and end a text."""
        decode = getattr(self.given, "decode", None)
        if callable(decode):
            with contextlib.suppress(*FAULTS):
                return str(decode(list(numbers), skip_special_tokens=True))
        return " ".join(self.words(numbers).get(n, f"#{n}") for n in numbers)

    def words(self, numbers: Sequence[int]) -> dict[int, str]:
        """Return what it calls these tokens."""
        return _of_tokenizer(self.given, list(numbers))


def tokenizer_of(given: Any) -> Tokenizer | None:
    """Return a vocabulary that can read texts; None of a list of words or a dictionary."""
    if given is None or isinstance(given, (str, bytes, Sequence, Mapping)):
        return None
    reads: list[Callable[..., Any] | None] = [given, getattr(given, "encode", None)]
    return Tokenizer(given) if any(map(callable, reads)) else None


def word_of(words: Mapping[int, str], number: int) -> str:
    """Return what a token is called; its number where nothing names it.

    >>> word_of({3: "good"}, 3), word_of({}, 7)
    ('good', '#7')
    """
    return words.get(number, f"#{number}")


def read_vocabulary(path: Path) -> Any:
    """Read a vocabulary from a file: JSON, or a word a line in the order of their numbers.

    Raises
    ------
    SettingError
        If it can't be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix == ".json" else text.splitlines()
    except (OSError, ValueError) as error:
        raise SettingError(
            f"--vocabulary needs a file of words, a word a line or JSON; '{path}' can't be read: "
            f"{shortened(str(error))}"
        ) from None
