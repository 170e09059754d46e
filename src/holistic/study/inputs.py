"""Checks images, labels, model and device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from holistic.arguments import described, printable
from holistic.errors import DataError, ModelError, SettingError, listed, shortened
from holistic.graph.accompanied import with_each
from holistic.graph.loops import batches
from holistic.spool import ends
from holistic.study.labels import checked_labels
from holistic.usercode import FAULTS

__all__ = [
    "as_tensor",
    "check_kind",
    "checked_forward",
    "checked_images",
    "checked_model",
    "checked_name",
    "checked_pair",
    "chosen_device",
    "dtype_of",
    "fitting",
    "in_precision",
]

_FLOAT8 = ("float8", "float4")
_CHECKED = 1 << 22
"""Numbers that are looked at together, so that memory doesn't grow with the data."""


def as_tensor(values: Any, what: str) -> Tensor:
    """Make a tensor of a tensor, an array, or a list of either that are of one shape.

    Raises
    ------
    DataError
        If that can't be, or what comes out isn't made of numbers.
    """
    try:
        if isinstance(values, (list, tuple)) and values and isinstance(values[0], Tensor):
            values = torch.stack(list(values))
        if isinstance(values, (set, frozenset, str, bytes, Mapping)) or values is None:
            raise TypeError("they have no order or aren't numbers")
        plain = isinstance(values, (list, tuple, float))  # as precise as they are
        if isinstance(values, np.ndarray) and values.dtype == object:  # as of a table's columns
            values, plain = values.tolist(), True
        if isinstance(values, np.ndarray) and not values.flags.writeable:
            values = values.copy()  # torch would write to it all the same
        tensor = torch.as_tensor(np.asarray(values) if plain else values)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise DataError(
            f"data must be (images, labels), tensors or arrays of numbers; the {what} can't be "
            f"read as such from {described(values)}: {shortened(str(error))[:160]}"
        ) from None
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
        raise DataError(
            f"the {what} are a {'quantised' if tensor.is_quantized else 'sparse or empty'} tensor "
            f"({described(tensor)}); make it a plain one (.dequantize(), .to_dense())"
        )
    return tensor.detach()


def checked_pair(images: Any, labels: Any) -> tuple[Tensor, Tensor]:
    """Return images `[N, …]` and labels int64 `[N]` after checking them without any model.

    Raises
    ------
    DataError
        If they aren't one label for each image, labels aren't class indices, or images aren't
        finite real numbers.
    """
    images, labels = as_tensor(images, "images"), checked_labels(as_tensor(labels, "labels"))
    if images.dim() == 0 or len(images) != len(labels) or len(labels) == 0:
        raise DataError(
            f"images and labels must be as many, at least one, labels of shape [N]; "
            f"got images {tuple(images.shape)} and labels {tuple(labels.shape)}"
        )
    check_kind(images)
    _check_finite(images)
    return images, labels


def check_kind(images: Tensor) -> None:
    """Refuse numbers that no model can be studied on.

    Raises
    ------
    DataError
        If they are complex, or of eight bits or fewer in floating point.
    """
    if images.dtype.is_complex:
        raise DataError(f"images must be real numbers, got {images.dtype}; pass .real or .abs()")
    if any(kind in str(images.dtype) for kind in _FLOAT8):
        raise DataError(f"images of {images.dtype} can't be studied; pass them as float32")


def _check_finite(images: Tensor) -> None:
    if not images.is_floating_point() or images.numel() == 0:
        return
    if torch.stack(ends(images)).isfinite().all():  # a NaN is both ends
        return
    rows = max(1, _CHECKED // max(1, images[0].numel()))
    parts = [images[part].isfinite().flatten(1).all(1) for part in batches(len(images), rows)]
    bad = (~torch.cat(parts)).nonzero()[:, 0]
    if len(bad):
        named = ", ".join(str(i) for i in bad[:5].tolist())
        more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        raise DataError(
            f"{len(bad)} images hold NaN or infinite values (at {named}{more}); "
            "remove or repair them"
        )


def in_precision(images: Tensor, model: nn.Module) -> Tensor:
    """Return bytes, truth values and fractions in a model's precision, other numbers as int64.

    Whole numbers other than bytes may be indices, which `fitting` finds out. What was made in
    inference mode is copied, since it takes part in no gradient.

    Raises
    ------
    DataError
        If the model's precision doesn't reach so far.
    """
    images = images.clone() if images.is_inference() else images
    if not (images.is_floating_point() or images.dtype in (torch.uint8, torch.bool)):
        return images if images.dtype == torch.int64 else with_each(images, lambda x: x.long())
    dtype = dtype_of(model)
    return images if images.dtype == dtype else with_each(images, lambda x: _cast(x, dtype))


def dtype_of(model: nn.Module) -> torch.dtype:
    """Return the model's precision."""
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)


def _cast(images: Tensor, dtype: torch.dtype) -> Tensor:
    """Bring images to the model's precision where that loses nothing but digits."""
    cast = images.to(dtype)
    if images.is_floating_point() and images.dtype != dtype and not bool(cast.isfinite().all()):
        raise DataError(
            f"images reach {float(images.abs().max()):g}, more than the model's {dtype} holds; "
            "scale them as for its training"
        )
    return cast


def fitting(images: Tensor, run: Callable[[Tensor], object]) -> Tensor:
    """Return whole numbers as they are where the model takes them, else as float32.

    Parameters
    ----------
    images
        `[N, …]`.
    run
        Runs the model on a few of them.
    """
    if images.is_floating_point():
        return images
    try:
        run(images[:2])
    except FAULTS:  # whatever a model raises on numbers of the wrong kind
        return with_each(images, lambda x: x.float())
    return images


def checked_images(images: Any, known: Tensor, *, from_bytes: bool = False) -> Tensor:
    """Return images that a subject's model can be run on, in the kind of its own.

    Parameters
    ----------
    images
        `[N, …]`, tensor or array.
    known
        The subject's own images, whose shape and kind of numbers they must have.
    from_bytes
        Whether those were given as bytes, so that others may be.

    Raises
    ------
    DataError
        If they have another shape, another kind of numbers, or aren't finite.
    """
    tensor = as_tensor(images, "images")
    shape, own = tuple(tensor.shape), tuple(known.shape[1:])
    if shape[1:] != own or not shape:
        raise DataError(
            f"images must have shape (N, {', '.join(map(str, own))}) like the subject's, "
            f"got {shape}{_hint(shape, own)}"
        )
    if shape[0] == 0:
        raise DataError("images must be at least one, got none")
    whole = not known.is_floating_point()
    same = tensor.is_floating_point() != whole or (from_bytes and tensor.dtype == torch.uint8)
    if tensor.dtype.is_complex or not same:
        raise DataError(
            f"images hold {str(tensor.dtype).removeprefix('torch.')}, the subject's "
            f"{str(known.dtype).removeprefix('torch.')}; make them as those were made "
            "(bytes usually become fractions by / 255)"
        )
    _check_finite(tensor)
    return tensor.long() if whole else _cast(tensor, known.dtype)


def _hint(shape: tuple[int, ...], own: tuple[int, ...]) -> str:
    if shape == own:
        return "; one image needs a batch axis: images[None]"
    if len(shape) == len(own) + 1 == 4 and (shape[3], *shape[1:3]) == own:
        return "; channels come first: move the last axis there"
    return ""


def checked_forward(forward: Any) -> Any:
    """Return what picks the logits after checking that it can be called.

    Raises
    ------
    SettingError
        If it can't.
    """
    if forward is not None and not callable(forward):
        raise SettingError(
            f"forward must be a function of model and images, got {type(forward).__name__}"
        )
    return forward


def checked_model(model: nn.Module) -> nn.Module:
    """Return a model after checking that its numbers are ones that effects can be told of.

    Raises
    ------
    ModelError
        If a parameter has no numbers yet, or complex ones or ones of eight bits or fewer.
    """
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if nn.parameter.is_lazy(tensor) or tensor.is_meta:
            raise ModelError(
                f"the model's '{name}' has no numbers yet (a lazy or meta tensor); "
                "load its weights first"
            )
        if tensor.is_complex() or any(kind in str(tensor.dtype) for kind in _FLOAT8):
            raise ModelError(
                f"the model's '{name}' holds {str(tensor.dtype).removeprefix('torch.')}; only "
                "models in real floating point of 16 bits or more can be studied"
            )
    return model


def checked_name(name: Any) -> str:
    """Return what a model is called in reports, after checking that it can be shown and saved.

    Raises
    ------
    SettingError
        If it can't.
    """
    if not isinstance(name, str) or not name.strip() or not printable(name):
        raise SettingError(
            f"name must be a text that can be shown, got {described(name)}; call the model so"
        )
    return name


def chosen_device(name: Any, model: nn.Module) -> torch.device:
    """Return the device to compute on.

    Parameters
    ----------
    name
        A `torch.device`, the name of one (`cpu`, `cuda:1`), or `auto`: the accelerator that the
        model is on, else CUDA where there is any, else the processor.
    model
        The user's model, which stays where it is.

    Raises
    ------
    SettingError
        If there is no such device here.
    """
    own = next((p.device for p in model.parameters()), torch.device("cpu"))
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    name = str(name) if isinstance(name, torch.device) else name
    if name == "auto":
        return own if own.type != "cpu" else torch.device("cuda" if count else "cpu")
    allowed = ["cpu", *("cuda" for _ in range(min(count, 1))), *(f"cuda:{i}" for i in range(count))]
    if not isinstance(name, str) or name not in {*allowed, str(own)}:
        called = f"'{name}'" if isinstance(name, str) else described(name)
        raise SettingError(f"no device {called}; this machine has {listed(['auto', *allowed])}")
    return torch.device(name)
