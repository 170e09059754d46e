"""Puts back all that a model's forward may change."""

from __future__ import annotations

import random
import types
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from holistic.graph.copies import everything

__all__ = ["generators_kept", "kept", "random_state", "set_random_state"]

Undo = Callable[[], None]
_undisturbed = torch._C.DisableTorchFunction  # pyright: ignore[reportPrivateUsage]


@contextmanager
def kept(model: nn.Module) -> Generator[None]:
    """Put everything that a model holds back afterwards, to the bit, also after an exception.

    Parameters, buffers, attributes of modules and of other objects, containers, arrays, class
    attributes, and the state of random generators: the model's own and the global ones.
    """
    # whoever has set a torch function mode doesn't see, and can't disturb, what is done here
    with _undisturbed(), torch.no_grad():
        objects = [*everything(model), *_classes(model)]
        undo = [keep for value in objects if (keep := _keeper(value)) is not None]
        state = random_state()
    try:
        yield
    finally:
        with _undisturbed(), torch.no_grad():
            for put_back in undo:
                put_back()
            set_random_state(state)


def _classes(model: nn.Module) -> set[type]:
    """Classes of a model's modules that aren't torch's own."""
    kinds = {kind for module in model.modules() for kind in type(module).__mro__}
    return {k for k in kinds if k.__module__.partition(".")[0] not in ("torch", "builtins")}


@contextmanager
def generators_kept() -> Generator[None]:
    """Put the global random generators back afterwards: a library draws while it is imported."""
    state = random_state()
    try:
        yield
    finally:
        set_random_state(state)


def random_state() -> tuple[Any, Any, Tensor, list[Tensor]]:
    """Return the state of the global random generators: Python's, NumPy's, torch's."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    numpy = np.random.get_state()  # noqa: NPY002
    return random.getstate(), numpy, torch.get_rng_state(), cuda


def set_random_state(state: tuple[Any, Any, Tensor, list[Tensor]]) -> None:
    """Set the state of the global random generators."""
    random.setstate(state[0])
    np.random.set_state(state[1])  # noqa: NPY002
    torch.set_rng_state(state[2])
    if state[3]:
        torch.cuda.set_rng_state_all(state[3])


def _keeper(value: Any) -> Undo | None:
    """Return what puts one value back; None where it can't change."""
    if isinstance(value, Tensor):
        return _tensor(value)
    if isinstance(value, dict):
        return _mapping(value)
    if isinstance(value, (list, deque)):
        return _sequence(value)
    if isinstance(value, set):
        return _set(value)
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, torch.Generator):
        state = value.get_state()
        return lambda: value.set_state(state) and None
    if isinstance(value, (np.random.Generator, np.random.RandomState, random.Random)):
        return _generator(value)
    if isinstance(value, types.CellType):
        return _cell(value)
    if isinstance(value, type):
        return _attributes(value)
    return None


_WHOLE = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def _bits(tensor: Tensor) -> Tensor:
    """See a tensor as whole numbers, so that NaN equals itself and -0 differs from 0."""
    real = torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor
    return real.view(_WHOLE[real.element_size()])


def _same(one: Tensor, two: Tensor) -> bool:
    alike = one.shape == two.shape and one.dtype == two.dtype
    return alike and torch.equal(_bits(one), _bits(two))


def _tensor(tensor: Tensor) -> Undo | None:
    plain = tensor.layout == torch.strided and type(tensor) in (Tensor, nn.Parameter, nn.Buffer)
    if not plain or tensor.device.type == "meta":
        return None
    own, copy = tensor.data, tensor.data.clone()
    place = own.data_ptr(), own.shape, own.stride(), own.dtype

    def put_back() -> None:
        now = tensor.data
        if (now.data_ptr(), now.shape, now.stride(), now.dtype) != place:
            tensor.data = own
        if not (_same(own, copy) and _same(now, copy)):
            # counted as a change, so that gradients through the other value fail aloud
            tensor.detach().copy_(copy)

    return put_back


def _mapping(original: dict[Any, Any]) -> Undo:
    copy = dict(original)

    def put_back() -> None:
        for key in [key for key in original if key not in copy]:
            del original[key]
        for key, value in copy.items():
            if key not in original or original[key] is not value:
                original[key] = value
        if list(original) != list(copy):
            original.clear()
            original.update(copy)

    return put_back


def _sequence(original: list[Any] | deque[Any]) -> Undo:
    copy = list(original)

    def put_back() -> None:
        if len(original) != len(copy) or any(
            a is not b for a, b in zip(original, copy, strict=True)
        ):
            original.clear()
            original.extend(copy)

    return put_back


def _set(original: set[Any]) -> Undo:
    copy = set(original)

    def put_back() -> None:
        original.clear()
        original.update(copy)

    return put_back


def _array(original: np.ndarray) -> Undo | None:
    if not original.flags.writeable:
        return None
    copy = original.copy()

    def put_back() -> None:
        if original.tobytes() != copy.tobytes():
            original[...] = copy

    return put_back


def _generator(original: Any) -> Undo:
    if isinstance(original, random.Random):
        state = original.getstate()
        return lambda: original.setstate(state)
    if isinstance(original, np.random.RandomState):
        old = original.get_state()
        return lambda: original.set_state(old)
    bits = original.bit_generator.state

    def put_back() -> None:
        original.bit_generator.state = bits

    return put_back


def _cell(cell: types.CellType) -> Undo | None:
    content = cell.cell_contents

    def put_back() -> None:
        if cell.cell_contents is not content:
            cell.cell_contents = content

    return put_back


def _attributes(kind: type) -> Undo:
    """Put plain attributes of a class back, such as a counter of all its instances."""
    copy = {name: value for name, value in vars(kind).items() if not name.startswith("__")}

    def put_back() -> None:
        for name, value in copy.items():
            if vars(kind).get(name) is not value:
                setattr(kind, name, value)

    return put_back
