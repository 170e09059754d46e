"""Images that carry with them what else a model is given for each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holistic.errors import ModelError, listed
from holistic.spool import changed, taken

__all__ = [
    "Accompanied", "Extras", "accompanied", "apart", "extras_of", "lacking", "rows_of", "with_each",
]  # fmt: skip

Extras = Mapping[str, Tensor]
"""By name of the model's argument, a tensor `[B, …]` with as many examples as there are images."""

_ROWWISE = frozenset(
    "abs add bfloat16 bool clamp clamp_max clamp_min clone contiguous cpu cuda detach div "
    "double exp expand_as float floor half int lerp log long masked_fill maximum minimum mul "
    "nan_to_num neg nextafter ones_like pow radd rdiv requires_grad rmul round rpow rsub "
    "rtruediv sign sqrt sub tanh to truediv type type_as where zeros_like".split()
)
"""Operations that leave each example where it is."""

_RESHAPING = frozenset("flatten reshape squeeze unflatten unsqueeze view view_as".split())
"""Operations that keep the order of the numbers: as many rows are the same examples."""


class Accompanied(Tensor):
    """A batch `[B, …]` that carries the model's further inputs for the same B examples.

    What picks, repeats or joins examples does the same to what they carry. What changes the images
    alone (noise, a path from one image to another, a mask) leaves it as it is. Where an operation
    may do anything else, its value is a plain tensor, which a model of several inputs refuses.

    Attributes
    ----------
    extras
        The further inputs by name.
    """

    extras: Extras

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run an operation on the images, and on what they carry where it moves examples."""
        kwargs = kwargs or {}
        with torch._C.DisableTorchFunctionSubclass():  # pyright: ignore[reportPrivateUsage]
            value = func(*args, **kwargs)
        name = getattr(func, "__name__", "").strip("_")
        if name in _ROWWISE or name in _RESHAPING:
            return _as(value, _own(value, (*args, *kwargs.values())))
        move = _MOVING.get(name)
        extras = None if move is None else move(*args, **kwargs)
        if isinstance(extras, list):
            return tuple(_as(v, b) for v, b in zip(value, extras, strict=True))
        return _as(value, extras)


def accompanied(images: Tensor, extras: Extras) -> Tensor:
    """Return images `[B, …]` that carry further inputs; the images themselves where there is none.

    >>> several = accompanied(torch.zeros(3, 2), {"age": torch.tensor([[1], [2], [3]])})
    >>> several[1:].extras["age"]
    tensor([[2],
            [3]])
    """
    return _as(images, extras) if extras else images


def apart(images: Tensor) -> tuple[Tensor, Extras]:
    """Return images as a plain tensor, and what they carry."""
    if not isinstance(images, Accompanied):
        return images, {}
    return images.as_subclass(Tensor), images.extras


def rows_of(images: Tensor, places: np.ndarray) -> Tensor:
    """Return the examples at some places `[M]`, with what they carry."""
    plain, extras = apart(images)
    rows = torch.from_numpy(places)
    return accompanied(taken(plain, places), {name: own[rows] for name, own in extras.items()})


def with_each(images: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Return what a change makes of each image, with what it carries."""
    plain, extras = apart(images)
    return accompanied(changed(plain, change), extras)


def extras_of(images: Any) -> Extras:
    """Return what images carry, nothing where they are a plain tensor."""
    return images.extras if isinstance(images, Accompanied) else {}


def lacking(names: tuple[str, ...]) -> ModelError:
    """Say that images came without what the model needs beside them."""
    return ModelError(
        f"the model is given {listed(names)} beside its images, and these images come without; "
        "pass inputs= with them, or images of the subject's own"
    )


def _as(value: Any, extras: Extras | None) -> Any:
    if not extras or not isinstance(value, Tensor) or isinstance(value, Accompanied):
        return value
    images = value.as_subclass(Accompanied)
    images.extras = {name: tensor.to(value.device) for name, tensor in extras.items()}
    return images


def _own(value: Any, arguments: tuple[Any, ...]) -> Extras | None:
    """What the first argument of as many examples as the value carries."""
    rows = len(value) if isinstance(value, Tensor) and value.dim() else -1
    found = (a.extras for a in arguments if isinstance(a, Accompanied) and a.shape[0] == rows)
    return next(found, None)


def _each(images: Any, change: Callable[[Tensor], Tensor]) -> Extras | None:
    if not isinstance(images, Accompanied):
        return None
    return {name: change(tensor) for name, tensor in images.extras.items()}


def _picked(images: Any, index: Any) -> Extras | None:
    first, *others = index if isinstance(index, tuple) else (index,)
    if any(not isinstance(other, (slice, int, type(None), type(...))) for other in others):
        return None
    rows = isinstance(first, (slice, list)) or getattr(first, "ndim", 0) == 1
    if not rows:
        return None
    first = torch.from_numpy(first) if isinstance(first, np.ndarray) else first
    return _each(images, lambda tensor: tensor[first])


def _selected(images: Any, dim: int, index: Tensor) -> Extras | None:
    return _each(images, lambda tensor: tensor.index_select(0, index)) if dim == 0 else None


def _repeated(images: Any, *sizes: Any) -> Extras | None:
    times = sizes[0] if isinstance(sizes[0], (tuple, list, torch.Size)) else sizes
    if not isinstance(images, Tensor) or len(times) != images.dim():
        return None
    return _each(images, lambda tensor: tensor.repeat(times[0], *[1] * (tensor.dim() - 1)))


def _interleaved(images: Any, repeats: Any, dim: int | None = None) -> Extras | None:
    return _each(images, lambda t: t.repeat_interleave(repeats, 0)) if dim == 0 else None


def _expanded(images: Any, *sizes: Any) -> Extras | None:
    shape = sizes[0] if isinstance(sizes[0], (tuple, list, torch.Size)) else sizes
    alike = isinstance(images, Tensor) and len(shape) == images.dim()
    return _each(images, lambda t: t) if alike and shape[0] in (-1, len(images)) else None


def _turned(name: str) -> Callable[..., Extras | None]:
    """What moves axes leaves examples where they are if the first axis stays the first."""

    def move(images: Any, *axes: Any, **named: Any) -> Extras | None:
        sizes = torch.empty(
            [*range(2, 2 + images.dim())], device="meta"
        )  # each axis of its own length
        stays = getattr(sizes, name)(*axes, **named).shape[0] == 2
        return _each(images, lambda tensor: tensor) if stays else None

    return move


def _joined(tensors: Any, dim: int = 0) -> Extras | None:
    parts = [extras_of(tensor) for tensor in tensors]
    if dim != 0 or not all(part.keys() == parts[0].keys() for part in parts):
        return None
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _cut(images: Any, size: Any, dim: int = 0) -> list[Extras | None] | None:
    if dim != 0 or not isinstance(images, Accompanied):
        return None
    parts = {name: tensor.split(size) for name, tensor in images.extras.items()}
    count = len(next(iter(parts.values())))
    return [{name: part[i] for name, part in parts.items()} for i in range(count)]


_MOVING: Mapping[str, Callable[..., Any]] = {
    "getitem": _picked,
    "index_select": _selected,
    "repeat": _repeated,
    "repeat_interleave": _interleaved,
    "expand": _expanded,
    "cat": _joined,
    "concat": _joined,
    "split": _cut,
    "movedim": _turned("movedim"),
    "permute": _turned("permute"),
    "transpose": _turned("transpose"),
}
"""By operation that moves examples, what becomes of what they carry."""
