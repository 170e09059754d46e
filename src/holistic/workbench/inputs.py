"""Says what an input of a model may hold, and reads the ones that a page posts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holistic.errors import SettingError, listed, nearest
from holistic.graph.accompanied import accompanied, apart, extras_of
from holistic.study.presented import steps_first
from holistic.study.subject import Subject
from holistic.study.vocabulary import word_of
from holistic.words import number

__all__ = ["as_image", "example_of", "form_of", "known", "words_of"]

_CHOICES = 10
"""A feature with no more values than these is chosen among them."""
_LOOKED = 10_000
"""So many rows tell soon that a feature has more values."""
_PADS = ("[PAD]", "<pad>", "PAD")
_SPELT = ("{}", "Ġ{}", "▁{}", "##{}")
"""How vocabularies write a word."""
_SLACK = 1e-9
"""By so much of its range a number may lie beyond it: it was rounded on the way."""


def form_of(subject: Subject) -> dict[str, Any]:
    """Say what a form for an input needs: its kind, and what every part of it may hold.

    Returns
    -------
    dict
        `kind`, `shape`, `range` of all numbers, `also`, names of what else the model is given;
        of a table `features`: `name`, `low`, `high`, and `values` where they are few; of a series
        `channels`, `steps`, `first` (whether steps lie on the first axis), `low` and `high` by
        channel; of texts `words`, whether a text can be read, and `padded`, whether it may be
        shorter.
    """
    images, kind = apart(subject.images)[0], subject.input_kind.name
    low, high = _range(images)
    form: dict[str, Any] = {
        "kind": kind,
        "shape": list(images.shape[1:]),
        "range": [low, high],
        "also": list(extras_of(subject.images)),
    }
    if kind == "features":
        form["features"] = [_feature(subject, images, i) for i in range(images.shape[1])]
    if kind == "series":
        first = steps_first(subject.all_sites, images.shape[1:])
        ends = images.aminmax(dim=0)
        least, most = (end.amin(0 if first else 1) for end in (ends.min, -ends.max))
        channels, steps = images.shape[1:][::-1] if first else images.shape[1:]
        form |= {"channels": channels, "steps": steps, "first": first,
                 "low": least.tolist(), "high": (-most).tolist()}  # fmt: skip
    if kind == "tokens":
        readable = bool(subject.vocabulary) or subject.tokenizer is not None
        form |= {"words": readable, "padded": _pad(subject) is not None}
    return form


def _feature(subject: Subject, images: Tensor, place: int) -> dict[str, Any]:
    values, names = images[:, place], subject.feature_names
    low, high = _range(values)
    few = len(values[:_LOOKED].unique()) <= _CHOICES and len(values.unique()) <= _CHOICES
    return {"name": names[place] if names else f"input {place}", "low": low, "high": high,
            **({"values": values.unique().tolist()} if few else {})}  # fmt: skip


def _range(images: Tensor) -> tuple[float, float]:
    low, high = (float(end) for end in images.aminmax())
    return low, high


def example_of(subject: Subject, place: Any) -> dict[str, Any]:
    """Return an example's numbers as lists, and of a text its words without padding.

    Raises
    ------
    SettingError
        If there is none at this place.
    """
    if type(place) is not int:
        raise SettingError(f"'example' is a whole number, a place in the data, got {place!r}")
    values = apart(as_image(subject, place))[0][0].tolist()
    if subject.input_kind.name != "tokens":
        return {"values": values}
    pad = _pad(subject)
    kept = [n for n in values if n != pad] or values
    if subject.tokenizer is not None:
        return {"values": values, "text": subject.tokenizer.text(kept)}
    return {"values": values, "text": " ".join(word_of(subject.vocabulary, n) for n in kept)}


def as_image(subject: Subject, given: object) -> Tensor:
    """Return a posted input, or an example by its place, as `[1, …]`.

    Parameters
    ----------
    subject
        Model and data.
    given
        A place in the data; numbers in the subject's input shape; or `values`, such numbers, or
        `text`, with `inputs_of`, the example whose further inputs it is given.

    Raises
    ------
    SettingError
        If it is none of these, or holds what the data don't range over.
    """
    if isinstance(given, int) and not isinstance(given, bool):
        return _example(subject, given, "example")
    asked: Mapping[str, Any] = given if isinstance(given, dict) else {"values": given}
    if "text" in asked:
        image, own = _read_text(subject, asked["text"])
    else:
        image, own = _read_numbers(subject, asked.get("values")), {}
    return _with_rest(subject, image, own, asked.get("inputs_of"))


def _example(subject: Subject, place: int, what: str) -> Tensor:
    count = len(subject.images)
    if not 0 <= place < count:
        raise SettingError(
            f"no {what} {place}; the data have 0 to {count - 1}: ask for one of them"
        )
    return subject.images[place : place + 1]


def _with_rest(subject: Subject, image: Tensor, own: dict[str, Tensor], donor: Any) -> Tensor:
    """Give an input what else the model takes: its own, or that of an example."""
    needed = extras_of(subject.images)
    missing = [name for name in needed if name not in own]
    if missing and type(donor) is not int:
        raise SettingError(
            f"the model is given {listed(missing)} beside each "
            f"{subject.input_kind.example}, and this one comes without; start from an example of "
            "the data, whose own is taken then ('inputs_of')"
        )
    if missing:
        taken = extras_of(_example(subject, donor, "example to take further inputs of"))
        own = {**own, **{name: taken[name] for name in missing}}
    return accompanied(image, {name: own[name] for name in needed})


def _read_numbers(subject: Subject, given: Any) -> Tensor:
    images, values = apart(subject.images)[0], _numbers(given)
    shape, one = tuple(images.shape[1:]), subject.input_kind.example
    called = (
        "an image" if subject.input_kind.pictures else f"a {one}".replace("a example", "an example")
    )
    if values is None or values.shape != shape:
        got = "" if values is None else f", got {values.shape}"
        raise SettingError(f"{called} is numbers of shape {shape}{got}; fill in every one")
    low, high = _bounds(subject)
    if not images.is_floating_point():
        (least,), (most,) = low.flatten()[:1], high.flatten()[:1]
        if (values != values.round()).any() or not ((least <= values) & (values <= most)).all():
            raise SettingError(
                f"{called} is whole numbers from {least:g} to {most:g}, as in the data"
            )
    slack = _SLACK * (high - low)
    outside = ~((low - slack <= values) & (values <= high + slack))  # NaN is outside, too
    if outside.any():
        place = tuple(int(i[0]) for i in outside.nonzero())
        least, most = (np.broadcast_to(end, shape)[place] for end in (low, high))
        raise SettingError(
            f"{_part(subject, place)} must be from {number(least, '.4g')} to "
            f"{number(most, '.4g')}, as in the data, got {values[place]:.4g}; give one within"
        )
    return torch.from_numpy(values)[None].to(images)


def _part(subject: Subject, place: tuple[int, ...]) -> str:
    """What one number of an input is called."""
    if subject.input_kind.name == "features" and subject.feature_names:
        return f"'{subject.feature_names[place[0]]}'"
    return f"{subject.input_kind.part} {place[0] if len(place) == 1 else place}"


def _bounds(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest number that each part may be: a feature's own, else all data's."""
    images = apart(subject.images)[0]
    if subject.input_kind.name == "features":
        ends = images.aminmax(dim=0)
        return ends.min.double().cpu().numpy(), ends.max.double().cpu().numpy()
    low, high = _range(images)
    return np.array(low), np.array(high)


def _numbers(given: object) -> np.ndarray | None:
    """Numbers in lists in lists, all of one length, as an array; None of anything else."""
    level: list[Any] = [given]
    while level and isinstance(level[0], list):
        if not all(isinstance(part, list) for part in level):
            return None
        level = [one for part in level for one in part]
    if not all(type(one) in (int, float) for one in level):  # a truth value isn't one
        return None
    try:
        return np.array(given, dtype=np.float64)
    except (ValueError, OverflowError):  # lists of several lengths, more axes than there can be
        return None


def _read_text(subject: Subject, text: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """Return a text as tokens `[1, T]`, and those further inputs that follow from them."""
    images = apart(subject.images)[0]
    if subject.input_kind.name != "tokens":
        raise SettingError(
            f"this model reads {subject.input_kind.examples}, no texts; post numbers as 'values'"
        )
    if not isinstance(text, str) or not text.strip():
        raise SettingError("a text needs one word or more, got none; type some")
    numbers, length, pad = _tokens(subject, text), images.shape[1], _pad(subject)
    if len(numbers) > length:
        raise SettingError(f"a text has up to {length} tokens here, got {len(numbers)}; shorten it")
    if len(numbers) < length and pad is None:
        raise SettingError(
            f"a text has {length} tokens here, got {len(numbers)}, and the vocabulary has no "
            "padding; type as many"
        )
    rest = [pad if pad is not None else 0] * (length - len(numbers))
    left = pad is not None and int((images[:, 0] == pad).sum()) > int((images[:, -1] == pad).sum())
    tokens = torch.tensor([[*rest, *numbers] if left else [*numbers, *rest]]).to(images)
    derived = {
        name: (tokens != pad).to(values)
        for name, values in extras_of(subject.images).items()
        if pad is not None and values.shape == images.shape
        and bool((values == (images != pad).to(values)).all())
    }  # fmt: skip
    return tokens, derived


def _tokens(subject: Subject, text: str) -> list[int]:
    """Numbers of the tokens of a text: by the tokenizer, or word by word from the vocabulary."""
    if subject.tokenizer is not None:
        return subject.tokenizer.numbers(text)
    exact = {word: n for n, word in subject.vocabulary.items()}
    folded = {word.casefold(): n for word, n in exact.items()}
    found = list[int]()
    for word in text.split():
        spelt = [form.format(word) for form in _SPELT]
        place = next((exact[one] for one in spelt if one in exact), None)
        if place is None:
            place = next(
                (folded[one.casefold()] for one in spelt if one.casefold() in folded), None
            )
        if place is None:
            some = listed(list(exact), 8) if exact else "no words: it wasn't given any"
            raise SettingError(
                f"the vocabulary has no '{word[:40]}'{nearest(word, exact)}; it has {some}"
            )
        found.append(place)
    return found


def _pad(subject: Subject) -> int | None:
    """The token that fills short texts up; None where the vocabulary has none."""
    return next((n for n, word in subject.vocabulary.items() if word in _PADS), None)


def known(subject: Subject, given: object) -> dict[str, Any]:
    """Return an example's class (`label`) and `split` by its place; nothing of a drawing."""
    if not isinstance(given, int):
        return {}
    chosen = given in subject.selection_indices
    return {
        "label": int(subject.labels[given]),
        "split": "selection" if chosen else "evaluation",
    }


def words_of(subject: Subject, image: Tensor) -> dict[str, Any]:
    """Return the words of a text's tokens `[1, T]` as `words`; nothing of other inputs."""
    if subject.input_kind.name != "tokens":
        return {}
    numbers = [int(n) for n in apart(image)[0][0]]
    words = dict(subject.vocabulary)
    if subject.tokenizer is not None:
        words |= subject.tokenizer.words(numbers)
    return {"words": [word_of(words, n) for n in numbers]}
