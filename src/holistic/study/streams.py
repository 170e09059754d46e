"""Reads examples that come one after another, or in batches, into one array."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holistic.arguments import described
from holistic.errors import DataError, listed
from holistic.spool import IN_MEMORY, Spool
from holistic.study.inputs import as_tensor, check_kind

__all__ = ["Gathered", "columns_of", "gathered_from", "reading_first"]

INPUTS = (
    "inputs", "input", "images", "image", "img", "x", "data", "features", "pixel_values",
    "input_ids", "input_values", "input_features", "text", "texts", "sentence",
)  # fmt: skip
"""How the inputs of a dictionary are called."""
LABELS = ("labels", "label", "y", "target", "targets", "class", "fine_label")
"""How its labels are called."""
_ENDLESS = (itertools.count, itertools.cycle, itertools.repeat)
_MOST_BYTES, _MOST = 64 << 30, 20_000_000
"""What may come from something that doesn't say how much it holds: bytes and examples."""
_FIRST: ContextVar[int | None] = ContextVar("first", default=None)


@contextmanager
def reading_first(count: int | None) -> Generator[None]:
    """Read so many examples of data at most; all where None."""
    before = _FIRST.set(count)
    try:
        yield
    finally:
        _FIRST.reset(before)


@dataclass
class Gathered:
    """Inputs `[N, …]` and labels `[N]`, filled in place so that there is one copy of them.

    Inputs of more than `IN_MEMORY` bytes are written to a file as they come.

    Attributes
    ----------
    expected
        How many examples there will be; None where that isn't known.
    """

    expected: int | None = None
    count: int = 0
    inputs: np.ndarray | None = None
    spool: Spool | None = None
    labels: list[np.ndarray] = field(default_factory=list[np.ndarray])

    def add(self, inputs: np.ndarray, labels: np.ndarray, place: int) -> None:
        """Add some examples `[B, …]` with their labels `[B]`, the ones that come at a place."""
        if self.spool is None and self.inputs is None:
            rows = len(inputs) if self.expected is None else max(self.expected, len(inputs))
            self.inputs = np.empty((rows, *inputs.shape[1:]), inputs.dtype)
        shape, own = self.shape, inputs.shape[1:]
        if own != shape or labels.ndim != self._label_axes(labels):
            raise DataError(
                f"examples differ in shape: number {self.count} has {_shape(own)}, those "
                f"before it {_shape(shape)} (part {place}); pad or crop all to one shape"
            )
        if self.inputs is not None:
            self._hold(self.inputs, inputs)
        elif self.spool is not None:
            if self.spool.kind != inputs.dtype:
                kind = np.result_type(self.spool.kind, inputs)
                self.spool = self.spool if kind == self.spool.kind else self.spool.retyped(kind)
            self.spool.add(inputs)
        self.labels.append(labels)
        self.count += len(inputs)

    def _hold(self, kept: np.ndarray, inputs: np.ndarray) -> None:
        if kept.dtype != inputs.dtype:
            kept = self.inputs = kept.astype(np.result_type(kept, inputs), copy=False)
        end = self.count + len(inputs)
        if kept.dtype != object and end * (kept.nbytes // max(1, len(kept))) > IN_MEMORY:
            self.spool, self.inputs = Spool(kept.shape[1:], kept.dtype), None
            self.spool.add(kept[: self.count])
            self.spool.add(inputs)
            return
        if end > len(kept):  # moved by the system's tables, not copied
            kept.resize((max(end, len(kept) + len(kept) // 8), *kept.shape[1:]), refcheck=False)
        kept[self.count : end] = inputs

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        if self.spool is not None:
            return self.spool.shape
        return () if self.inputs is None else self.inputs.shape[1:]

    def _label_axes(self, labels: np.ndarray) -> int:
        return self.labels[0].ndim if self.labels else labels.ndim

    def whole(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all inputs and labels.

        Raises
        ------
        DataError
            If there are none.
        """
        inputs = self.spool.whole() if self.spool is not None else self.inputs
        if inputs is None or self.count == 0:
            raise DataError("the data holds no examples; pass at least 2 of each class")
        if self.count < len(inputs):
            inputs.resize((self.count, *inputs.shape[1:]), refcheck=False)
        try:
            labels = np.concatenate(self.labels)
        except (TypeError, ValueError):
            raise DataError(
                "labels differ in shape from one part to the next; pass one class index an example"
            ) from None
        return inputs, labels

    def check_end(self) -> None:
        """Refuse to go on for ever.

        Raises
        ------
        DataError
            If more came than anything without a length may hold.
        """
        size = sum(kept.nbytes for kept in (self.inputs, self.spool) if kept is not None)
        if self.expected is None and (self.count > _MOST or size > _MOST_BYTES):
            raise DataError(
                f"the data has given {self.count:,} examples ({size / 1e9:.1f} GB) and no end; "
                "pass a part, as itertools.islice(data, 100) or --first 100, or a Dataset, which "
                "says its length"
            )


@dataclass
class _Columns:
    """What else there is for each example, by name and in parts; None for what isn't numbers."""

    parts: dict[str, list[np.ndarray] | None] = field(default_factory=dict[str, Any])

    def add(self, columns: Mapping[str, Any], *, single: bool) -> None:
        """Add what belongs to one example, or to a batch of them."""
        for name, values in columns.items():
            kept = self.parts.setdefault(name, [])
            try:
                numbers = None if kept is None else _numbers(values)
            except DataError:
                numbers = None
            if kept is None or numbers is None:
                self.parts[name] = None
            else:
                kept.append(numbers[None] if single else numbers)

    def whole(self) -> dict[str, np.ndarray | None]:
        """Return each in one piece; None also where the parts differ in shape."""
        kept = self.parts.items()
        return {name: None if parts is None else _joined(parts) for name, parts in kept}


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray | None:
    try:
        return np.concatenate(parts)
    except ValueError:
        return None


def _shape(sides: tuple[int, ...]) -> str:
    return " × ".join(map(str, sides)) or "one number"


def gathered_from(
    parts: Iterable[Any], *, expected: int | None = None, single: bool | None = None
) -> tuple[Any, Any, Mapping[str, Any]]:
    """Read every example of something that is gone through once: inputs, labels, what else it has.

    Parameters
    ----------
    parts
        Pairs of input and label, or dictionaries; each one an example or a batch of them.
    expected
        How many examples there will be, if that is known.
    single
        Whether each part is one example, or none is; told by its label where None.

    Raises
    ------
    DataError
        If a part is something else, examples differ in shape, or there is no end.
    """
    most = _FIRST.get()
    if isinstance(parts, _ENDLESS) and most is None:
        raise DataError(
            f"the data is endless ({type(parts).__name__}); pass a part of it, as "
            "itertools.islice(data, 100) or --first 100"
        )
    found, columns = Gathered(expected), _Columns()
    for place, part in enumerate(parts):
        inputs, labels, others = _taken_apart(part, place)
        x, y = _numbers(inputs), _label_numbers(labels)
        alone = y.ndim == 0 if single is None else single
        if alone:
            x, y = x[None], y[None]
        elif y.ndim == 0 or x.ndim == 0 or len(x) != len(y):
            raise DataError(
                f"part {place} holds inputs of shape {x.shape} and labels of shape {y.shape}; a "
                "batch needs as many labels as inputs, an example one class index (of one-hot "
                "labels, label.argmax())"
            )
        if most is not None and len(x) > (left := most - found.count):
            x, y, others = x[:left], y[:left], {name: own[:left] for name, own in others.items()}
        found.add(x, y, place)
        columns.add(others, single=alone)
        found.check_end()
        if found.count == most:
            break
    return (*found.whole(), columns.whole())


def _taken_apart(part: Any, place: int) -> tuple[Any, Any, Mapping[str, Any]]:
    if isinstance(part, Mapping):
        first, second, others = columns_of([*map(str, part)])
        return part[first], part[second], {name: part[name] for name in others}
    if isinstance(part, (tuple, list)) and len(part) == 2:
        return part[0], part[1], {}
    if isinstance(part, (tuple, list)):
        raise DataError(
            f"part {place} of the data holds {len(part)} things; it must be (input, label): pass "
            "((x, y) for x, y, *_ in data)"
        )
    raise DataError(
        f"part {place} of the data is {described(part)}; it must be (input, label) or a "
        "dictionary of both; examples without labels can't be studied"
    )


def columns_of(names: Sequence[str]) -> tuple[str, str, tuple[str, ...]]:
    """Return which of some names are the inputs' and the labels', and the others.

    >>> columns_of(["label", "image"])
    ('image', 'label', ())
    >>> columns_of(["input_ids", "attention_mask", "labels"])
    ('input_ids', 'labels', ('attention_mask',))

    Raises
    ------
    DataError
        If none or several may be meant.
    """
    labels = [name for name in names if name.lower() in LABELS]
    inputs = [name for name in names if name.lower() in INPUTS]
    if len(names) == 2 and len(labels) == 1:
        inputs = [name for name in names if name not in labels]
    for found, what, known in ((inputs, "inputs", INPUTS), (labels, "labels", LABELS)):
        if len(found) != 1:
            candidates = f"{listed(found)} may all be" if found else "none is known as"
            raise DataError(
                f"the data holds {listed(names)}, of which {candidates} the {what}; call them "
                f"{listed(known[:4])} or the like, or pass (data['a'], data['b'])"
            )
    others = tuple(name for name in names if name not in (inputs[0], labels[0]))
    return inputs[0], labels[0], others


def _numbers(values: Any) -> np.ndarray:
    """Return the input of one part as an array; pictures as `folder:` reads them."""
    if _is_picture(values):
        from holistic.study.pictures import picture_numbers

        return picture_numbers(values)
    texts = isinstance(values, (list, tuple)) and bool(values) and isinstance(values[0], str)
    if isinstance(values, str) or texts:
        return np.array(values, dtype=object)
    if isinstance(values, (list, tuple)) and values and _is_picture(values[0]):
        return _stacked([_numbers(value) for value in values])
    tensor = as_tensor(values, "images").cpu()
    check_kind(tensor)
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _is_picture(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "PIL"


def _stacked(pictures: Sequence[np.ndarray]) -> np.ndarray:
    shapes = {picture.shape for picture in pictures}
    if len(shapes) > 1:
        raise DataError(
            f"the pictures differ in shape (channels × height × width): {listed(sorted(shapes))}; "
            "bring all to one size and to RGB or grey"
        )
    return np.stack(pictures)


def _label_numbers(labels: Any) -> np.ndarray:
    if isinstance(labels, Tensor):
        return as_tensor(labels, "labels").cpu().numpy()
    try:
        return np.asarray(labels)
    except (TypeError, ValueError, RuntimeError):
        return np.stack([_label_numbers(label) for label in labels])
