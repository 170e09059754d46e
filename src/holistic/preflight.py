"""Can this model and this data be studied at all?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from holistic.copies import copied
from holistic.errors import DataError, ModelError, SettingError, listed
from holistic.graph.wrapped import Wrapped, evaluating
from holistic.steadiness import check_batches, check_repeats

__all__ = [
    "checked_classes",
    "checked_data",
    "chosen_device",
    "on_device",
    "pick_logits",
    "preflight",
    "unwrapped",
]


_FEW, _LEAST = 5, 9
"""Images in the first run, and fewest in the further ones."""
_SECONDS = 0.5
"""Time that one of the further runs may take."""


def pick_logits(model: nn.Module, images: Tensor) -> Tensor:
    """Find the logits in what a model returns: a tensor, `.logits`, `["logits"]`, or the first."""
    output = model(images)
    if isinstance(output, Tensor):
        return output
    if hasattr(output, "logits"):
        return output.logits
    if isinstance(output, Mapping):
        return output["logits"]  # pyright: ignore[reportUnknownVariableType]
    return output[0]


def unwrapped(model: nn.Module) -> nn.Module:
    """Take the model out of a data-parallel or compiling wrapper; refuse what can't be studied."""
    if not isinstance(model, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ModelError(f"the model must be a torch.nn.Module, got {type(model).__name__}")
    if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        return unwrapped(model.module)
    if type(model).__name__ == "OptimizedModule" and hasattr(model, "_orig_mod"):
        return unwrapped(model._orig_mod)  # pyright: ignore[reportArgumentType]
    if any(nn.parameter.is_lazy(t) for t in (*model.parameters(), *model.buffers())):
        raise ModelError(
            "the model has weights that get their shape, and random values, when it first runs; "
            "run it once, train it or load its weights, then pass it again"
        )
    if isinstance(model, torch.jit.ScriptModule):
        raise ModelError("TorchScript models can't be studied; pass the nn.Module they came from")
    if (kind := _quantised(model)) is not None:
        raise ModelError(
            f"quantised models can't be studied (this one holds a {kind}): effects of their units "
            "are steps of rounding; pass the model in floating point"
        )
    return model


def _quantised(model: nn.Module) -> str | None:
    """Name the kind of the first quantised module, if there is any."""
    for module in model.modules():
        tensors = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
        packed = (
            ".quantized" in type(module).__module__ or "bitsandbytes" in type(module).__module__
        )
        if packed or any(t.is_quantized for t in tensors):
            return type(module).__name__
        # whole numbers of eight bits as a trained weight
        if any(p.dtype in (torch.int8, torch.uint8) for p in module.parameters(recurse=False)):
            return type(module).__name__
    return None


def chosen_device(name: str, model: nn.Module) -> torch.device:
    """Return the device to compute on.

    Parameters
    ----------
    name
        Name of a device (`cpu`, `cuda:1`), or `auto`: the accelerator that the model is on, else
        CUDA where there is any, else the processor.
    model
        The user's model, which stays where it is.

    Raises
    ------
    SettingError
        If there is no such device here.
    """
    own = next((p.device for p in model.parameters()), torch.device("cpu"))
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return own if own.type != "cpu" else torch.device("cuda" if count else "cpu")
    allowed = ["cpu", *("cuda" for _ in range(min(count, 1))), *(f"cuda:{i}" for i in range(count))]
    if name not in {*allowed, str(own)}:
        raise SettingError(f"no device '{name}'; this machine has {listed(['auto', *allowed])}")
    return torch.device(name)


def on_device(model: nn.Module, device: torch.device) -> nn.Module:
    """Return the model itself where it is on the device, else a copy there.

    A copy also where its weights were made in inference mode, which keeps gradients from them.
    """
    tensors = [*model.parameters(), *model.buffers()]
    if all(t.device.type == device.type and not t.is_inference() for t in tensors):
        return model
    moved = copied(model).to(device)
    for module in moved.modules():
        for name, value in vars(module).items():
            if isinstance(value, Tensor):  # no buffer, so `to` leaves it where it was
                setattr(module, name, value.to(device))
    return moved


def checked_data(data: tuple[Any, Any], model: nn.Module) -> tuple[Tensor, Tensor]:
    """Return images `[N, …]` and labels `[N]` as tensors after checking them."""
    try:
        images, labels = (torch.as_tensor(part) for part in data)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"data must be (images, labels), tensors or arrays: {error}") from None
    if len(images) != len(labels) or labels.dim() != 1 or len(labels) == 0:
        raise DataError(
            f"images and labels must be as many, at least one, labels of shape [N]; "
            f"got images {tuple(images.shape)} and labels {tuple(labels.shape)}"
        )
    if labels.is_floating_point() or labels.is_complex():
        raise DataError(f"labels must be integers (class indices), got {labels.dtype}")
    if images.dtype == torch.float64 or images.dtype == torch.uint8:
        dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
        images = images.to(dtype)
    if images.is_floating_point() and not bool(images.isfinite().all()):
        bad = int((~images.isfinite()).flatten(1).any(1).sum())
        raise DataError(f"{bad} images hold NaN or infinite values; remove or repair them")
    return images, labels.long()


def preflight(wrapped: Wrapped, images: Tensor) -> int:
    """Run some images, `[B, …]`, a few, again, and in other batches; return the classes.

    Slow models are tried on fewer of them.
    """
    every, images = images, images[:_FEW]
    try:
        with torch.no_grad(), evaluating(wrapped):
            start = perf_counter()
            first: Any = wrapped.logits(images)
            each = (perf_counter() - start) / len(images)
    except Exception as error:  # whatever the user's code raises
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"the model can't be run on images of shape {tuple(images.shape)}: "
            f"{type(error).__name__}: {reason}"
        ) from error
    if not isinstance(first, Tensor) or first.dim() != 2 or first.shape[0] != len(images):
        got = tuple(first.shape) if isinstance(first, Tensor) else type(first).__name__
        raise ModelError(
            f"the model must return logits of shape [B, C], got {got} for {len(images)} images; "
            "pass forward= to pick them"
        )
    if first.shape[1] < 2:
        raise ModelError("the model must tell at least 2 classes apart, got logits for 1")
    if not bool(first.isfinite().all()):
        raise ModelError("the model returns NaN or infinite logits; check weights and input range")
    some = every[: max(_LEAST, int(_SECONDS / each))]
    check_repeats(wrapped, some)
    check_batches(wrapped, some)
    return first.shape[1]


def checked_classes(classes: Sequence[str], labels: Tensor, count: int) -> tuple[str, ...]:
    """Return the names of the `count` classes after checking them and the labels."""
    names = tuple(str(c) for c in classes) or tuple(str(c) for c in range(count))
    if len(names) != count or len(set(names)) != count:
        raise SettingError(f"need {count} different class names, got {len(names)}: {names[:12]}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= count:
        raise DataError(
            f"labels must lie in 0 to {count - 1} (the model has {count} logits), "
            f"got {low} to {high}"
        )
    return names
