"""Reads labels as indices of the classes in the order of the logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holistic.errors import DataError, listed, nearest, notice
from holistic.study.classes import names_in_order

__all__ = ["checked_labels", "in_models_order", "texts_as_indices"]

Names = Sequence[Any]


def checked_labels(labels: Tensor) -> Tensor:
    """Return class indices `[N]` as int64; say what to do where labels are something else.

    Raises
    ------
    DataError
        If they aren't class indices.
    """
    shape = tuple(labels.shape)
    if labels.dim() == 2 and shape[1] > 1 and shape[0] > 0:
        rows = labels.to(torch.float32 if labels.is_floating_point() else torch.int64)
        if bool(((rows == 0) | (rows == 1)).all()) and bool((rows.sum(1) == 1).all()):
            raise DataError(
                f"labels are one-hot, of shape {shape}; pass the class indices: labels.argmax(1)"
            )
    if labels.dim() != 1:
        last = "; take the last axis away: labels[:, 0]" if shape[1:] == (1,) else ""
        raise DataError(f"labels must be class indices of shape [N], got shape {shape}{last}")
    if labels.is_floating_point() or labels.is_complex():
        raise DataError(
            f"labels must be integers (class indices), got {labels.dtype}"
            f"{_fraction(labels)}; if they are class indices, pass labels.long()"
        )
    return labels.long()


def _fraction(labels: Tensor) -> str:
    """Name the first label that isn't whole."""
    if labels.is_complex():
        return ""
    broken = labels.float()
    broken = broken[broken != broken.round()]
    return f" with {float(broken[0]):g} among them" if len(broken) else ""


def texts_as_indices(labels: Any, own: Names, classes: Any) -> Any:
    """Return labels that are texts as their places among the names; all others as they are.

    Parameters
    ----------
    labels
        `[N]`, of any kind.
    own
        Names that came with the data, if any.
    classes
        Names as the user gave them; these count where they hold every text.

    Raises
    ------
    DataError
        If there are no names, or a text isn't among them.
    """
    texts = _texts(labels)
    if texts is None:
        return labels
    found = [*dict.fromkeys(texts.tolist())]
    given = names_in_order(classes)
    names = [str(name) for name in (own if own else given)]
    if not names:
        raise DataError(
            f"labels are texts ({listed(sorted(found), 3)}), whose order isn't known; pass class "
            "indices, or classes= (--classes) with the names in the order of the logits"
        )
    places = {name: place for place, name in enumerate(names)}
    for text in found:
        if text not in places:
            raise DataError(
                f"the label '{text}' is none of the classes {listed(names)}"
                f"{nearest(text, names)}; name every class in classes="
            )
    return np.array([places[text] for text in texts.tolist()], np.int64)


def _texts(labels: Any) -> np.ndarray | None:
    """Return labels as an array of texts, if that is what they are."""
    if isinstance(labels, (Tensor, set, frozenset, str, bytes, dict)):
        return None
    try:
        array = np.asarray(labels)
    except (TypeError, ValueError, RuntimeError):
        return None
    if array.ndim != 1 or not len(array):
        return None
    if array.dtype.kind in "UT":
        return array
    kinds = {type(value) for value in array} if array.dtype.kind == "O" else set[type]()
    if str not in kinds:
        return None
    if kinds != {str}:
        bad = next(place for place, value in enumerate(array) if not isinstance(value, str))
        raise DataError(
            f"labels must be of one kind, got texts and {array[bad]!r} (example {bad}); "
            "leave out the examples without a class"
        )
    return array


def in_models_order(labels: Tensor, own: Names, classes: Any) -> tuple[Tensor, Any]:
    """Return labels `[N]` as indices of the logits, and the names to go on with.

    Where the data names its classes and the user names the model's, and all of the former are
    among the latter, a label means the logit of its name. Names that have nothing in common are
    other words for the same classes.

    Parameters
    ----------
    labels
        Indices as the data counts them.
    own
        Names that came with the data, in that order; none if there are none.
    classes
        Names as the user gave them, in the order of the logits; none if there are none.

    Raises
    ------
    DataError
        If a label has no name, or the names contradict each other.

    Warns
    -----
    Notice
        Where labels were given the places of their names.
    """
    if not own:
        return labels, classes
    high = int(labels.max())
    if high >= len(own) or int(labels.min()) < 0:
        raise DataError(
            f"labels go from {int(labels.min())} to {high}, and the data names {len(own)} classes: "
            f"{listed(own)}; labels must be places in that list"
        )
    given = [str(name) for name in names_in_order(classes)]
    if not given:
        return labels, tuple(own)
    places = _translation([str(name) for name in own], given)
    if places is None:
        return labels, classes
    notice(
        f"the data's {len(own)} classes were found by name among the model's {len(given)}, in "
        "another order or with others between: labels follow the model's"
    )
    return torch.tensor(places, device=labels.device)[labels], classes


def _translation(own: list[str], given: list[str]) -> list[int] | None:
    """Return the place of each of the data's names among the model's; None where none moves."""
    if own == given:
        return None
    if set(own) <= set(given):
        return [given.index(name) for name in own]
    moved = [n for i, n in enumerate(own) if n in given and given.index(n) != i]
    if len(own) == len(given) and not moved:
        return None
    missing = [name for name in own if name not in given]
    raise DataError(
        f"the data's classes {listed(missing)} aren't among the names given, {listed(given)}; "
        "give the model's names in classes= (--classes), written as the data writes them"
    )
