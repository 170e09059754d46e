"""Reads arguments that have one meaning, and refuses all others in one line."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from holistic.errors import HolisticError, SettingError, shortened

__all__ = [
    "WRITTEN",
    "check_subject",
    "checked_seed",
    "described",
    "indices",
    "number",
    "printable",
    "whole",
]

WRITTEN = r"(?:-(?=0*[1-9]))?[0-9]{1,18}"
"""A whole number in a text: digits of ASCII, as many as an index may have, and no -0."""


_MOST_SEED = 2**31 - 1
"""Seeds are also added to and multiplied, and every generator takes what comes out."""
_MOST_LISTED = 10_000_000
"""How many entries an iterator may give, so that one without an end is told."""
_KINDS = {"f": "fractions", "c": "complex numbers", "U": "texts", "S": "bytes"}


def described(value: object) -> str:
    """Write a value for an error's line: arrays and tensors by shape and type, others as they are.

    >>> described(np.zeros((2, 3))), described("a")
    ('an array of shape (2, 3) and float64', "'a'")
    """
    if hasattr(value, "shape") and hasattr(value, "dtype") and getattr(value, "shape", ()):
        kind = "tensor" if hasattr(value, "detach") else "array"
        of: Any = value
        return f"{'a' if kind == 'tensor' else 'an'} {kind} of shape {tuple(of.shape)} and " + str(
            of.dtype
        ).removeprefix("torch.")
    text = shortened(repr(value))
    return text if len(text) <= 80 else f"{text[:80]}… ({type(value).__name__})"


def printable(text: str) -> bool:
    r"""Say whether a text can be shown in one line and saved: no control characters, no half ones.

    >>> printable("naïve 7"), printable("a\nb"), printable("\udcff")
    (True, False, False)
    """
    return all(letter.isprintable() or letter == "\u3000" for letter in text)


def whole(
    value: Any,
    what: str,
    low: int,
    high: int | None = None,
    *,
    error: type[HolisticError] = SettingError,
) -> int:
    """Return a whole number after checking it; a truth value and 3.0 are none.

    Raises
    ------
    error
        If it isn't one, or lies outside of `low` to `high`.

    Examples
    --------
    >>> whole(np.int64(3), "seed", 0)
    3
    """
    try:
        number = None if _is_truth(value) else operator.index(value)
    except (TypeError, ValueError):
        number = None
    if number is None or number < low or (high is not None and number > high):
        allowed = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise error(f"{what} must be a whole number {allowed}, got {described(value)}")
    return number


def checked_seed(value: Any) -> int:
    """Return a seed after checking it.

    Raises
    ------
    SettingError
        If it isn't a whole number from 0 to 2³¹ - 1.
    """
    return whole(value, "seed", 0, _MOST_SEED)


def number(
    value: Any,
    what: str,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    error: type[HolisticError] = SettingError,
) -> float:
    """Return a finite number after checking it.

    Raises
    ------
    error
        If it isn't one, or lies outside of `low` to `high`.

    Examples
    --------
    >>> number(3, "amount")
    3.0
    """
    try:
        found = math.nan if _is_truth(value) or isinstance(value, (str, bytes)) else float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        found = math.nan
    if not (math.isfinite(found) and low <= found <= high):
        raise error(f"{what} must be {_between(low, high)}, got {described(value)}")
    return found


def _between(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return "a finite number"
    if math.isinf(high):
        return f"a number of at least {low:g}"
    return f"a number from {low:g} to {high:g}"


def check_subject(value: object) -> None:
    """Refuse what is no subject: the model itself, most often.

    Raises
    ------
    SettingError
        If it is none.
    """
    if not hasattr(value, "sites"):
        raise SettingError(
            f"the first argument must be a holistic.Subject, got {type(value).__name__}; make one "
            "with holistic.Subject(model, (images, labels))"
        )


def _is_truth(value: object) -> bool:
    return isinstance(value, (bool, np.bool_)) or str(getattr(value, "dtype", "")) in (
        "bool",
        "torch.bool",
    )


def _listed(values: Any, what: str, error: type[HolisticError]) -> Any:
    """Return values as an array or a list; refuse what has no order or only seems to be a list."""
    if hasattr(values, "detach"):
        try:
            return values.detach().cpu().numpy()
        except (TypeError, NotImplementedError, RuntimeError):  # sparse, quantised, without data
            raise error(
                f"{what} must be a plain tensor, got {described(values)} that can't be read as an "
                "array; give a dense one that holds its numbers"
            ) from None
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise error(
            f"{what} must be a list of whole numbers, got {described(values)} with "
            f"{np.ma.count_masked(values)} masked; leave these out with .compressed()"
        )
    if isinstance(values, np.ndarray):
        return values
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise error(
            f"{what} must be a list of whole numbers, got {described(values)}; "
            "write them as [0, 3] or as a mask of truth values"
        )
    if not hasattr(values, "__len__"):  # it may have no end
        found = list(itertools.islice(values, _MOST_LISTED + 1))
        if len(found) > _MOST_LISTED:
            raise error(
                f"{what} must be a list of whole numbers, got {type(values).__name__} of more than "
                f"{_MOST_LISTED:,}; write them as [0, 3] or as a mask of truth values"
            )
        return found
    return list(values)


def indices(
    values: Any, what: str, count: int, *, where: str = "", error: type[HolisticError]
) -> np.ndarray:
    """Return what a list, a range, a set, a tensor, a mask or a single number picks out of `count`.

    Parameters
    ----------
    values
        Whole numbers of 0 to `count - 1`, or a mask of `count` truth values.
    what
        What is picked, in the singular (`unit`).
    count
        How many there are.
    where
        Where they are ("at site '2'"), for the error's line.
    error
        Kind of error that is raised.

    Returns
    -------
    np.ndarray
        int64 `[K]`, as given: unsorted, with repetitions; a mask's are sorted.

    Raises
    ------
    error
        If they aren't indices, or there is no such thing.

    Examples
    --------
    >>> indices([True, False, True], "unit", 3, error=SettingError)
    array([0, 2])
    """
    if not _is_truth(values) and hasattr(values, "__index__") and not _has_axes(values):
        values = [values]
    given = _listed(values, f"{what}s", error)
    array = _array(given, what, error)
    if array.dtype == bool and array.size:
        if array.shape != (count,):
            raise error(
                f"a mask of {what}s{_spaced(where)} needs {count} truth values, got "
                f"shape {array.shape}; there is one for each {what}"
            )
        return np.flatnonzero(array)
    if array.ndim != 1:
        raise error(
            f"{what}s must be one list of whole numbers, got shape {array.shape}; flatten them"
        )
    if array.dtype == np.uint8 and len(array) == count > 2 and bool((array < 2).all()):
        raise error(
            f"{what}s{_spaced(where)} may be a mask or the indices 0 and 1, got {count} bytes of 0 "
            "and 1; give a mask as truth values"
        )
    for bad in array[(array < 0) | (array >= count)][:1].tolist():
        raise error(f"no {what} {bad}{_spaced(where)}; it has {what}s 0 to {count - 1}")
    return array.astype(np.int64)


def _has_axes(values: Any) -> bool:
    return len(getattr(values, "shape", ())) > 0


def _array(given: Any, what: str, error: type[HolisticError]) -> np.ndarray:
    """Make an array of whole numbers or truth values, not both."""
    if isinstance(given, list):
        truths = sum(_is_truth(value) for value in given)
        if 0 < truths < len(given):
            raise error(f"{what}s mix truth values and whole numbers; give one kind")
    try:
        array = np.asarray(given)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        array = np.asarray(None)
    if array.size == 0 and array.dtype.kind in "fiub":
        return np.zeros(0, np.int64)
    if array.dtype.kind not in "iub":
        kind = _KINDS.get(array.dtype.kind, "other things")
        raise error(
            f"{what}s must be whole numbers or truth values, got {kind}: {described(given)}"
        )
    return array


def _spaced(where: str) -> str:
    return f" {where}" if where else ""
