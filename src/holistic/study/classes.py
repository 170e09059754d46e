"""Names of the classes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.arguments import described, printable
from holistic.errors import DataError, SettingError, listed

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["checked_classes", "names_in_order"]


def checked_classes(classes: Any, labels: Tensor, count: int) -> tuple[str, ...]:
    """Return the names of the `count` classes after checking them and the labels.

    Parameters
    ----------
    classes
        Names in the order of the logits; or by index (`id2label`), or indices by name
        (`class_to_idx`); none for "0", "1", ….
    labels
        `[N]`.
    count
        How many logits the model has.

    Raises
    ------
    SettingError
        If they aren't one different name for each class.
    DataError
        If there are labels without a logit.
    """
    names = _class_names(classes, count)
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= count:
        raise DataError(
            f"labels must lie in 0 to {count - 1} (the model has {count} logits), "
            f"got {low} to {high}; {_label_advice(low, high, count)}"
        )
    return names


def _label_advice(low: int, high: int, count: int) -> str:
    if (low, high) == (1, count):
        return "they seem to count from 1: pass labels - 1"
    if low < 0:
        return "leave out the examples without a class"
    return "check that data and model belong together"


def names_in_order(classes: Any) -> tuple[Any, ...]:
    """Return names in the order of the logits, however many there are; none for none.

    Raises
    ------
    SettingError
        If they have no order.

    Examples
    --------
    >>> names_in_order({"cat": 0, "dog": 1}), names_in_order(None)
    (('cat', 'dog'), ())
    """
    if isinstance(classes, Mapping):
        return tuple(_by_index(classes, len(classes))) if classes else ()
    return () if classes is None else tuple(_in_a_list(classes, "names"))


def _in_a_list(classes: Any, what: str) -> Iterable[Any]:
    """Return what has an order and is several names rather than one."""
    if isinstance(classes, (str, bytes, set, frozenset)) or not isinstance(classes, Iterable):
        raise SettingError(
            f"classes must be a list of {what} in the order of the logits, got {described(classes)}"
        )
    return classes


def _class_names(classes: Any, count: int) -> tuple[str, ...]:
    if isinstance(classes, Mapping) and classes:
        classes = _by_index(classes, count)
    if classes is None or (isinstance(classes, Collection) and len(classes) == 0):
        return tuple(str(c) for c in range(count))
    listing = _in_a_list(classes, f"{count} names")
    names = tuple(_class_name(name, place) for place, name in enumerate(listing))
    if len(names) != count:
        raise SettingError(
            f"need {count} different class names, got {len(names)}: {listed(names)}; the model "
            f"has {count} logits, give one name for each in their order"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingError(
            f"need {count} different class names, got {listed(twice)} more than once; "
            "rename one of each"
        )
    return names


def _class_name(name: Any, place: int) -> str:
    """Return one name: a text or a whole number."""
    if isinstance(name, (bool, np.bool_)) or not isinstance(name, (str, int, np.integer)):
        raise SettingError(
            f"class names must be texts, got {described(name)} for class {place}; name it"
        )
    text = str(name)
    if not text.strip() or not printable(text):
        raise SettingError(
            f"class names must be texts that can be shown, got {text!r} for class {place}; "
            "rename it"
        )
    if text == "all":
        raise SettingError(
            "a class can't be named 'all', which in tables means every class together; rename it"
        )
    return text


def _by_index(classes: Mapping[Any, Any], count: int) -> list[Any]:
    """Read `{0: "cat", 1: "dog"}` or `{"cat": 0, "dog": 1}` as names in order."""
    readings = [
        _in_order({_index(key): name for key, name in classes.items()}, count),
        _in_order({_index(place): name for name, place in classes.items()}, count),
    ]
    found = [reading for reading in readings if reading is not None]
    if not found or (len(found) == 2 and [*map(str, found[0])] != [*map(str, found[1])]):
        raise SettingError(
            f"classes must be {count} names in the order of the logits; a dictionary must hold "
            f"the indices 0 to {count - 1} either as keys or as values, got {described(classes)}"
        )
    return found[0]


def _in_order(names: Mapping[int | None, Any], count: int) -> list[Any] | None:
    if len(names) != count or any(place not in names for place in range(count)):
        return None
    return [names[place] for place in range(count)]


def _index(value: Any) -> int | None:
    """Read a class index, also from text as JSON's keys are."""
    if isinstance(value, (bool, np.bool_)):
        return None
    if isinstance(value, (int, np.integer)):
        return int(value)
    return int(value) if isinstance(value, str) and value.isdecimal() else None
