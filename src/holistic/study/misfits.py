"""Says what is wrong with the shape of inputs that a model can't be run on, and what to pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn

from holistic.graph.wrapped import Wrapped, evaluating
from holistic.usercode import FAULTS

__all__ = ["misfit"]


def misfit(wrapped: Wrapped, images: Tensor) -> str:
    """Say which other layout of the inputs `[B, …]` the model runs on, or which layer refuses them.

    Returns
    -------
    str
        A sentence without its end; nothing where neither is known.
    """
    for what, made, way in _layouts(images):
        if _runs(wrapped, made):
            shape = tuple(made.shape[1:])
            return f"{what}; it runs on {shape}: pass {way}"
    return _refusing(wrapped, images)


def _layouts(images: Tensor) -> Iterator[tuple[str, Tensor, str]]:
    """Yield what may be wrong, the inputs with that mended, and how to write it."""
    axes = images.dim()
    if axes == 4:
        last = "they have their channels last"
        way = "images.permute(0, 3, 1, 2), of NumPy images.transpose(0, 3, 1, 2)"
        yield last, images.permute(0, 3, 1, 2).contiguous(), way
        if images.shape[1] == 1:
            yield (
                "they have one channel",
                images.expand(-1, 3, -1, -1).contiguous(),
                ("images.expand(-1, 3, -1, -1), of NumPy images.repeat(3, axis=1)"),
            )
            yield "they have an axis of channels", images[:, 0], "images[:, 0]"
    if axes == 3:
        yield "they have no axis of channels", images[:, None], "images[:, None]"
        three = images[:, None].expand(-1, 3, -1, -1).contiguous()
        way = "images[:, None].expand(-1, 3, -1, -1), of NumPy images[:, None].repeat(3, axis=1)"
        yield "they have no axis of channels", three, way
        yield (
            "their last two axes are the other way round",
            images.mT.contiguous(),
            ("images.transpose(1, 2), of NumPy images.swapaxes(1, 2)"),
        )
    if axes > 2:
        yield (
            "the model takes flat inputs",
            images.flatten(1),
            ("images.flatten(1), of NumPy images.reshape(len(images), -1)"),
        )


def _runs(wrapped: Wrapped, images: Tensor) -> bool:
    try:
        with torch.no_grad(), evaluating(wrapped):
            found: Any = wrapped.logits(images)
    except FAULTS:  # whatever the user's code raises
        return False
    return isinstance(found, Tensor) and found.dim() == 2 and len(found) == len(images)


def _refusing(wrapped: Wrapped, images: Tensor) -> str:
    """Name the layer with weights that the inputs don't fit, with what it takes and what it got."""
    entered = _last_entered(wrapped, images)
    if entered is None:
        return ""
    path, module, shape, first = entered
    axis, size, what = _TAKES[type(module)](module)
    takes = f"its {'first layer' if first else 'layer'} '{path}' takes {size} {what}"
    if len(shape) <= abs(axis) and axis < -1:
        behind = " × ".join(["any"] * (-axis - 1))
        return f"{takes} of {behind} positions each: give the inputs the shape [{size}, {behind}]"
    if len(shape) < abs(axis) or shape[axis] == size:
        return ""
    got = shape[axis]
    if not (first and images.dim() == 2):
        return f"{takes}, and it gets {got}: give the inputs the shape that it was built for"
    way = "leave out what is no feature (the class?)" if got > size else "pass all of its features"
    return f"{takes}, and the data has {got}: {way}"


def _last_entered(
    wrapped: Wrapped, images: Tensor
) -> tuple[str, nn.Module, tuple[int, ...], bool] | None:
    """The layer that was run last: its path, what it was given, and whether it was the first."""
    seen = list[tuple[str, nn.Module, tuple[int, ...]]]()

    def noting(path: str) -> Callable[..., None]:
        def entered(module: nn.Module, given: tuple[Any, ...]) -> None:
            first = given[0] if given else None
            seen.append((path, module, tuple(first.shape) if isinstance(first, Tensor) else ()))

        return entered

    # within: what the model holds is put back afterwards, and so would be what its hooks note
    with evaluating(wrapped), torch.no_grad():
        handles = [
            module.register_forward_pre_hook(noting(path))
            for path, module in wrapped.model.named_modules()
            if type(module) in _TAKES
        ]
        with suppress(*FAULTS):  # whatever the user's code raises
            wrapped.logits(images)
        for handle in handles:
            handle.remove()
        return (*seen[-1], len(seen) == 1) if seen else None


def _linear(module: Any) -> tuple[int, int, str]:
    return -1, module.in_features, "features"


def _channels(axes: int) -> Callable[[Any], tuple[int, int, str]]:
    return lambda module: (-axes - 1, module.in_channels, "channels")


_TAKES: dict[type, Callable[[Any], tuple[int, int, str]]] = {
    nn.Linear: _linear,
    nn.Conv1d: _channels(1),
    nn.Conv2d: _channels(2),
    nn.Conv3d: _channels(3),
}
"""By kind of layer, the axis of its input that must have a size, that size, and what it counts."""
