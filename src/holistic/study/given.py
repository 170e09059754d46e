"""Reads labelled examples in whatever form people hold them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from torch import Tensor, nn

from holistic.arguments import described
from holistic.errors import DataError, listed, notice
from holistic.graph.accompanied import accompanied, apart
from holistic.study.classes import names_in_order
from holistic.study.frames import features_and_target, is_column, is_frame, labels_of, table_of
from holistic.study.inputs import as_tensor, checked_pair
from holistic.study.labels import in_models_order, texts_as_indices
from holistic.study.streams import columns_of

__all__ = ["Given", "are_texts", "as_given", "read_given", "sides"]

FORMS = (
    "(inputs, labels), a dictionary of both, a torch Dataset or DataLoader, a pandas DataFrame, "
    "a Hugging Face dataset, or an iterable of examples or batches"
)
_NAMES = ("classes", "class_names", "target_names", "id2label", "class_to_idx")
_FEATURES = ("feature_names", "columns")
_WORDS = ("vocabulary", "vocab", "tokenizer")
_STUDIED, _LEARNT = ("test", "validation", "valid", "val"), ("train", "training")
"""How the parts of a data set are called, in the order in which they are studied."""


@dataclass(frozen=True)
class Given:
    """Labelled examples with the names that came with them.

    Attributes
    ----------
    inputs
        `[N, …]`, a tensor or an array; once read, a tensor that carries the `extras`.
    labels
        `[N]`.
    classes
        Names of the classes in the order of the labels, or indices by name; empty where there are
        none.
    features
        Names of a table's columns; empty where there are none.
    vocabulary
        What the numbers of tokens stand for; empty where nothing says it.
    extras
        By name, what else there is for each example, `[N, …]`; None for what holds no numbers.
    """

    inputs: Any
    labels: Any
    classes: Any = ()
    features: tuple[str, ...] = ()
    vocabulary: Any = ()
    extras: Mapping[str, Any] = field(default_factory=dict[str, Any])


def read_given(
    data: Any, classes: Any = (), prepare: Callable[[Any], Given] | None = None
) -> Given:
    """Return examples after checking them: inputs as a tensor, labels as indices of the logits.

    Parameters
    ----------
    data
        In any of the forms that docs/data.md lists.
    classes
        Names of the model's classes as the user gave them; these are in the order of the logits,
        and the data's own are matched with them by name.
    prepare
        What turns texts into numbers, if anything does.

    Raises
    ------
    DataError
        If it is in none of the forms, or can't be studied.

    Warns
    -----
    Notice
        Where something of the data is left out or read in another order.
    """
    classes = tuple(classes) if isinstance(classes, Iterator) else classes
    found = as_given(data) if prepare is None else prepare(data)
    if are_texts(found.inputs):
        raise DataError(
            f"the inputs are texts ({described(found.inputs[0])} and more), and a model is given "
            "numbers; pass a folder of Hugging Face with its tokenizer (--weights FOLDER, "
            "Subject.from_huggingface), or the numbers of the tokens with vocabulary="
        )
    own = names_in_order(found.classes)
    labels = texts_as_indices(found.labels, own, classes)
    own = own if own or labels is found.labels else names_in_order(classes)
    images, carried = apart(found.inputs)
    images, labels = checked_pair(images, labels)
    labels, classes = in_models_order(labels, own, classes)
    extras = {**_numbers({**found.extras}, len(images)), **carried}
    return Given(accompanied(images, extras), labels, classes, found.features, found.vocabulary)


def are_texts(given: Any) -> bool:
    """Say whether inputs are texts, one an example."""
    row = isinstance(given, np.ndarray) and given.dtype.kind in "UTO" and given.ndim == 1
    return (row or isinstance(given, (list, tuple))) and isinstance(next(iter(given), None), str)


def _numbers(extras: Mapping[str, Any], count: int) -> dict[str, Tensor]:
    """Return those that are numbers for each example; say which aren't."""
    found = dict[str, Tensor]()
    for name, values in extras.items():
        try:
            tensor = None if values is None else as_tensor(values, name)
        except DataError:
            tensor = None
        if tensor is not None and tensor.dim() and len(tensor) == count:
            found[name] = tensor
    if other := [name for name in extras if name not in found]:
        notice(f"{listed(other)} of the data are left out: they aren't numbers for each example")
    return found


def as_given(data: Any) -> Given:
    """Return the parts of data in any form, as they are.

    Raises
    ------
    DataError
        If it is in none of the forms.
    """
    if isinstance(data, Given):
        return data
    if is_frame(data):
        return _of_pair(*features_and_target(data))
    if isinstance(data, Mapping):
        return _of_mapping(data)
    if isinstance(data, tuple) or (isinstance(data, list) and not _is_stream(data)):
        return _of_tuple(data)
    _refuse_others(data)
    return _of_loaded(data)


def _of_pair(
    inputs: Any, labels: Any, classes: Any = (), features: Any = (), extras: Mapping[str, Any] = {}
) -> Given:
    if is_frame(inputs) and isinstance(labels, str):
        inputs, labels = features_and_target(inputs, labels)
    if is_frame(labels) and labels.shape[1] == 1:
        labels = labels.iloc[:, 0]
    if is_column(labels):
        labels, own = labels_of(labels)
        if own and len(classes):  # names in an order of their own
            labels = np.array([str(name) for name in own])[labels]
        classes = classes if len(classes) else own
    if is_frame(inputs) and inputs.shape[1] == 1 and are_texts(inputs.iloc[:, 0].to_numpy(object)):
        inputs = inputs.iloc[:, 0]
    if is_frame(inputs) or (
        is_column(inputs) and inputs.dtype != object and not are_texts(inputs.to_numpy(object))
    ):
        inputs, features = table_of(inputs)
    elif is_column(inputs):
        inputs = list(inputs)
    named = tuple(str(name) for name in features)
    return Given(inputs, labels, classes, named, extras=extras)


def _of_tuple(data: Any) -> Given:
    if len(data) == 2 and sides(data) is not None:
        raise DataError(
            "data holds two data sets, one to train on and one to study; pass the one to study"
        )
    named = len(data) == 3 and isinstance(data[2], Collection) and not hasattr(data[2], "dim")
    if len(data) != 2 and not named:
        raise DataError(
            f"data must be (inputs, labels) or (inputs, labels, names of the classes), got "
            f"{len(data)} things; pass {FORMS}"
        )
    _check_order(data[0], data[1])
    return _of_pair(*data)


def _check_order(inputs: Any, labels: Any) -> None:
    """Refuse labels in the place of the inputs."""
    first, second = (tuple(getattr(value, "shape", ())) for value in (inputs, labels))
    if len(first) != 1 or len(second) < 2 or first[0] != second[0]:
        return
    kinds = [str(getattr(value, "dtype", "table")) for value in (inputs, labels)]
    whole = "int" in kinds[0] or kinds[0] in ("bool", "category")
    if whole and (len(second) > 2 or "int" not in kinds[1]):
        raise DataError(
            f"inputs of shape {first} and labels of shape {second} seem to be in the wrong order; "
            "pass (inputs, labels)"
        )


def _of_mapping(data: Mapping[Any, Any]) -> Given:
    names = [str(name) for name in data]
    parts = [name for name in names if name.lower() in (*_STUDIED, *_LEARNT)]
    if parts:
        raise DataError(
            f"data holds {listed(parts)}, which are data sets of their own; pass the one to "
            f"study, as data['{_studied(parts)}']"
        )
    examples = [name for name in names if name not in (*_NAMES, *_FEATURES, *_WORDS)]
    rows = [name for name in examples if _rows(data[name]) is not None]
    inputs, labels, others = columns_of(rows or examples)
    count = _rows(data[labels])
    extras = {name: data[name] for name in others if _rows(data[name]) == count}
    classes = next((data[n] for n in _NAMES if n in data and data[n] is not None), ())
    features = next((data[n] for n in _FEATURES if n in data and data[n] is not None), ())
    words = next((data[n] for n in _WORDS if n in data and data[n] is not None), ())
    found = _of_pair(data[inputs], data[labels], classes, features, extras)
    return replace(found, vocabulary=words)


def _rows(value: Any) -> int | None:
    """Return how many examples a value may hold; None where it holds none."""
    try:
        return None if isinstance(value, (str, bytes, Mapping)) else len(value)
    except TypeError:
        return None


def _is_stream(data: list[Any]) -> bool:
    """Say whether a list holds examples or batches rather than inputs and labels."""
    return len(data) not in (2, 3) or all(isinstance(part, (tuple, Mapping)) for part in data)


def _of_loaded(data: Any) -> Given:
    """Read what has to be gone through: data sets, loaders, iterables."""
    from torch.utils.data import DataLoader, Dataset

    from holistic.study.loaders import (
        class_names,
        is_mapped,
        read_iterable,
        read_loader,
        read_mapped,
    )

    if isinstance(data, DataLoader):
        found = read_loader(data)
    elif is_mapped(data) and not isinstance(data, list):
        found = read_mapped(data)
    elif isinstance(data, Dataset) and not isinstance(data, Iterable):
        raise DataError(
            f"the data set {type(data).__name__} doesn't say how many examples it holds; give it "
            "__len__, or pass a DataLoader over an IterableDataset"
        )
    else:
        found = read_iterable(data)
    inputs, labels, extras = found
    return Given(inputs, labels, class_names(data), extras=extras)


def _refuse_others(data: Any) -> None:
    """Say what to pass in place of what holds no labelled examples."""
    if isinstance(data, nn.Module):
        raise DataError("data is a model; the order is holistic.Subject(model, data)")
    if isinstance(data, str):
        raise DataError(
            f"data is a text, {described(data)}; names like 'digits' and 'folder:PATH' are for the "
            f"command line, from Python pass {FORMS}"
        )
    if isinstance(data, Tensor) or (hasattr(data, "__array__") and hasattr(data, "shape")):
        raise DataError(
            f"data must be (images, labels), tensors or arrays, got {described(data)}, which "
            "has no labels; pass both"
        )
    if hasattr(data, "to_pandas") and not hasattr(data, "features"):
        raise DataError(f"data is a {type(data).__name__}; pass data.to_pandas()")
    if isinstance(data, (bytes, set, frozenset)) or not (
        isinstance(data, Iterable) or hasattr(data, "__getitem__")
    ):
        raise DataError(f"data must be {FORMS}, got {described(data)}")


def sides(result: Any) -> tuple[Any, Any] | None:
    """Return data to train on and data to study, where a pair or a dictionary holds both.

    Parameters
    ----------
    result
        What a user's function returned.
    """
    if isinstance(result, Mapping):
        names = {str(name).lower(): name for name in result}
        studied = _studied(names)
        learnt = next((names[name] for name in _LEARNT if name in names), None)
        if studied in names and learnt is not None:
            return result[learnt], result[names[studied]]
        return None
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        return None
    first, second = result
    if is_frame(first) and is_frame(second):
        return (first, second) if list(first.columns) == list(second.columns) else None
    return (first, second) if _is_whole(first) and _is_whole(second) else None


def _studied(names: Iterable[str]) -> str:
    known = {name.lower(): name for name in names}
    return next((known[name] for name in _STUDIED if name in known), next(iter(known.values())))


def _is_whole(value: Any) -> bool:
    """Say whether a value holds inputs with their labels, not one of the two."""
    from torch.utils.data import DataLoader, Dataset

    if isinstance(value, (DataLoader, Dataset, Mapping, Given)):
        return True
    if isinstance(value, (tuple, list)) and len(value) in (2, 3):
        return all(_rows(part) is not None for part in value[:2])
    return isinstance(getattr(value, "features", None), Mapping)  # of Hugging Face
