"""Reads torch's data sets and loaders: every example once, in the data set's order."""

from __future__ import annotations

import random
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch.utils.data import (
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
    default_collate,
)

from holistic.errors import DataError, notice
from holistic.graph.kept import random_state, set_random_state
from holistic.study.streams import columns_of, gathered_from
from holistic.usercode import running

__all__ = ["class_names", "is_mapped", "read_iterable", "read_loader", "read_mapped"]

Read = tuple[Any, Any, tuple[str, ...]]
"""Inputs `[N, …]`, labels `[N]`, and the names of what examples hold beside them."""
_AT_ONCE = 64
"""Examples that are asked for together."""


@contextmanager
def _drawing(seed: int = 0) -> Generator[None]:
    """Run a user's transforms with the same draws each time, and put the generators back."""
    state = random_state()
    try:
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        with torch.no_grad(), running("the data can't be read", DataError):
            yield
    finally:
        set_random_state(state)


def is_mapped(data: Any) -> bool:
    """Say whether examples can be asked for by their places, as of a torch `Dataset`."""
    return hasattr(data, "__getitem__") and hasattr(data, "__len__")


def _is_pair(dataset: Any) -> bool:
    """Say whether a data set is two tensors, which need no copy."""
    return isinstance(dataset, TensorDataset) and len(dataset.tensors) == 2


def read_mapped(dataset: Any) -> Read:
    """Read every example of a data set, through its own transforms, in its order.

    Parameters
    ----------
    dataset
        With `__getitem__` and `__len__`: a torch `Dataset`, or one of Hugging Face's.
    """
    if _is_pair(dataset):
        return (*dataset.tensors, ())
    with _drawing():
        _tell_random(dataset)
        loader = DataLoader(dataset, batch_size=_AT_ONCE, collate_fn=list)
        examples = (example for some in loader for example in some)
        return gathered_from(examples, expected=len(dataset), single=True)


def read_iterable(parts: Iterable[Any]) -> Read:
    """Read everything that an iterable gives: examples or batches."""
    with _drawing():
        return gathered_from(parts)


def read_loader(loader: Any) -> Read:
    """Read every example of a loader's data set once, whatever order the loader would draw.

    Batches are made by the loader's own `collate_fn`, so that what it does to examples is done.

    Parameters
    ----------
    loader
        A torch `DataLoader`.

    Raises
    ------
    DataError
        If its sampler draws examples more than once, so that there is no telling which are meant.

    Warns
    -----
    Notice
        Where what the loader would give differs: a sampler's choice, shuffling, a last batch.
    """
    dataset = loader.dataset
    if isinstance(dataset, IterableDataset):
        return _read_streaming(loader)
    with _drawing():
        places = _places(loader)
        usual = loader.collate_fn is default_collate and loader.batch_sampler is not None
        if _is_pair(dataset) and usual and len(places) == len(dataset):
            return (*dataset.tensors, ())
        _tell_random(dataset)
        whole = DataLoader(
            dataset,
            batch_size=None if loader.batch_sampler is None else loader.batch_size or _AT_ONCE,
            sampler=places,  # pyright: ignore[reportArgumentType]
            collate_fn=loader.collate_fn,
            num_workers=loader.num_workers,
            worker_init_fn=loader.worker_init_fn,
            multiprocessing_context=loader.multiprocessing_context,
        )
        return gathered_from(whole, expected=len(places))


def _read_streaming(loader: Any) -> Read:
    """Read a loader over an iterable: in this process, where it isn't handed out in shares."""
    if loader.drop_last:
        notice(
            "the loader would drop its last batch if that isn't full; it is studied with the rest"
        )
    with _drawing():
        whole = DataLoader(
            loader.dataset, batch_size=loader.batch_size, collate_fn=loader.collate_fn
        )
        return gathered_from(whole)


def _places(loader: Any) -> Sequence[int]:
    """Places of the examples that a loader is meant to give, in the data set's order."""
    count, sampler = len(loader.dataset), loader.sampler
    own = loader.batch_size is None and loader.batch_sampler is not None
    usual = isinstance(sampler, (SequentialSampler, RandomSampler)) and not own
    again = bool(getattr(sampler, "replacement", False))
    if usual and not again and getattr(sampler, "num_samples", count) == count:
        _tell_order(loader, count)
        return range(count)
    drawn = (
        (place for some in loader.batch_sampler or () for place in some) if own else iter(sampler)
    )
    chosen = [*islice(drawn, count + 1)]  # a sampler may have no end
    places = sorted({int(place) for place in chosen})
    if len(places) < len(chosen) or again:
        raise DataError(
            f"the loader's {type(sampler).__name__} draws some of the {count:,} examples more than "
            "once; pass the data set itself: loader.dataset"
        )
    if len(places) < count:
        notice(
            f"the loader's sampler leaves out {count - len(places):,} of {count:,} examples; they "
            "aren't studied (loader.dataset has all)"
        )
    return places


def _tell_order(loader: Any, count: int) -> None:
    size = loader.batch_size
    last = count % size if loader.drop_last and size else 0
    if last:
        notice(
            f"the loader would drop its last {last:,} of {count:,} examples; they are studied too"
        )
    if isinstance(loader.sampler, RandomSampler):
        notice(
            "the loader shuffles; its examples are read in the data set's order, which indices "
            "refer to"
        )


def _tell_random(dataset: Any) -> None:
    """Tell where an example isn't the same when it is read again."""
    if len(dataset) and not _same(dataset[0], dataset[0]):
        notice(
            "the data gives other numbers each time that an example is read (a random transform?); "
            "one draw of them is studied: pass the data with the transforms of evaluation"
        )


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, Mapping):
        return all(_same(first[name], second[name]) for name in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(_same, first, second))
    try:
        return np.array_equal(np.asarray(first), np.asarray(second), equal_nan=True)
    except (TypeError, ValueError, RuntimeError):
        return True  # numbers of kinds that arrays don't have: nothing to be told


def class_names(dataset: Any) -> tuple[Any, ...]:
    """Return the names of classes that a data set has, in the order of its labels; none without.

    `class_to_idx` and `classes` of torch's data sets, `ClassLabel` of Hugging Face's; also through
    subsets and loaders, and of data sets put together where all have the same.
    """
    features = getattr(dataset, "features", None)
    if isinstance(features, Mapping):
        named = [features[name] for name in _label_columns(features)]
        return tuple(getattr(named[0], "names", None) or ()) if named else ()
    places = getattr(dataset, "class_to_idx", None)
    if isinstance(places, Mapping) and sorted(places.values()) == [*range(len(places))]:
        return tuple(sorted(places, key=places.__getitem__))
    names = getattr(dataset, "classes", None)
    if isinstance(names, (list, tuple)) and names:
        return tuple(", ".join(map(str, n)) if isinstance(n, (list, tuple)) else n for n in names)
    parts = getattr(dataset, "datasets", None)
    if isinstance(parts, (list, tuple)) and parts:
        found = {class_names(part) for part in parts}
        return found.pop() if len(found) == 1 else ()
    inner = getattr(dataset, "dataset", None)
    return () if inner is None or inner is dataset else class_names(inner)


def _label_columns(features: Mapping[Any, Any]) -> list[Any]:
    try:
        return [columns_of([*map(str, features)])[1]]
    except DataError:
        return []
