"""Splits examples into those for choosing and those for measuring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.arguments import indices
from holistic.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["divided", "given_splits", "limited", "split", "stratified_sample"]


def split(labels: Tensor, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Halve every class at random: selection and evaluation indices, disjoint and sorted.

    Parameters
    ----------
    labels
        `[N]`.
    seed
        Decides who goes where.

    Raises
    ------
    DataError
        If a class has a single example, which can't be on both sides.
    """
    classes, counts = np.unique(labels.cpu().numpy(), return_counts=True)
    if (counts < 2).any():
        lone = ", ".join(str(c) for c in classes[counts < 2][:5])
        raise DataError(
            f"class {lone} has one example; each class needs at least 2, one to select on and one "
            "to evaluate on"
        )
    return divided(labels.cpu().numpy(), 0.5, seed)


def divided(labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Put a share of each class on the first side, the rest on the second."""
    rng = np.random.default_rng(seed)
    first: list[np.ndarray] = []
    second: list[np.ndarray] = []
    for value in np.unique(labels):
        places = rng.permutation(np.flatnonzero(labels == value))
        cut = round(share * len(places))
        first.append(places[:cut])
        second.append(places[cut:])
    return np.sort(np.concatenate(first)), np.sort(np.concatenate(second))


def given_splits(selection: Any, evaluation: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the two splits that a user names, sorted; what isn't named is the rest of the other.

    Parameters
    ----------
    selection, evaluation
        Indices, or a mask, of the examples to choose on and to measure on; None for the rest.
    count
        How many examples there are.

    Raises
    ------
    DataError
        If they aren't indices of examples, name one twice, share one, or leave a side empty.
    """
    every = np.arange(count)
    first = None if selection is None else _side(selection, "selection", count)
    second = None if evaluation is None else _side(evaluation, "evaluation", count)
    if first is None:
        first = every if second is None else np.setdiff1d(every, second)
    if second is None:
        second = np.setdiff1d(every, first)
    both = np.intersect1d(first, second)
    if len(both):
        raise DataError(
            f"selection and evaluation share {len(both)} examples (the first is {both[0]}); what "
            "is chosen on an example can't be measured on it: leave them out of one of the two"
        )
    for name, side in (("selection", first), ("evaluation", second)):
        if not len(side):
            raise DataError(f"{name} holds no example of {count}; each split needs some")
    return first, second


def _side(given: Any, name: str, count: int) -> np.ndarray:
    where = f"in the data ({name})"
    found = np.sort(indices(given, "example", count, where=where, error=DataError))
    twice = found[1:][found[1:] == found[:-1]]
    if len(twice):
        raise DataError(
            f"{name} names {len(np.unique(twice))} examples twice (the first is {twice[0]}); "
            "name each once"
        )
    return found


def limited(labels: Tensor, limit: int, *, seed: int) -> np.ndarray:
    """Choose as many places as a user allows, every class in its share, sorted.

    Raises
    ------
    DataError
        If the limit is too small for 2 of each class.
    """
    classes = len(np.unique(labels.cpu().numpy()))
    if limit < 2 * classes:
        raise DataError(
            f"a limit of {limit} is too small for {classes} classes; "
            f"at least {2 * classes} examples are needed"
        )
    return stratified_sample(labels, limit, seed=seed)


def stratified_sample(labels: Tensor, count: int, *, seed: int) -> np.ndarray:
    """Choose about `count` places with every class in its share, sorted.

    Of each class at least 2 are chosen, or its only one, also where that makes more than `count`.
    """
    own = labels.cpu().numpy()
    values, sizes = np.unique(own, return_counts=True)
    rng = np.random.default_rng(seed)
    shares = sizes * min(1.0, count / sizes.sum())
    chosen = [
        rng.permutation(np.flatnonzero(own == value))[: max(2, round(share))]
        for value, share in zip(values, shares, strict=True)
    ]
    return np.sort(np.concatenate(chosen))
