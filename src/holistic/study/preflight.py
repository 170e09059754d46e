"""Checks that a model and its data can be studied at all."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from holistic.errors import HolisticError, ModelError, explain_memory_errors, listed, notice
from holistic.graph.copies import copied
from holistic.graph.wrapped import Wrapped, evaluating
from holistic.study.misfits import misfit
from holistic.study.steadiness import check_batches, check_repeats
from holistic.usercode import FAULTS, reason_of, running

__all__ = [
    "on_device",
    "preflight",
    "unwrapped",
]


_TRAINERS = frozenset({"lightning", "pytorch_lightning", "lightning_fabric"})
_PARTS = ("model", "net", "network", "classifier", "backbone")
"""How a module for training calls the model that it holds."""
_FEW, _LEAST = 5, 9
"""Images in the first run, and fewest in the further ones."""
_SECONDS = 0.5
"""Time that one of the further runs may take."""


def unwrapped(model: nn.Module) -> nn.Module:
    """Take the model out of a data-parallel or compiling wrapper; refuse what can't be studied."""
    if not isinstance(model, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ModelError(f"the model must be a torch.nn.Module, got {type(model).__name__}")
    if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        return unwrapped(model.module)
    if type(model).__name__ == "OptimizedModule" and hasattr(model, "_orig_mod"):
        return unwrapped(model._orig_mod)  # pyright: ignore[reportArgumentType]
    if (part := _trained_part(model)) is not None:
        return unwrapped(part)
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


def _trained_part(model: nn.Module) -> nn.Module | None:
    """Return the model that a module for training holds, where it has no forward of its own.

    Such modules, as Lightning's, say in `training_step` how they are trained.
    """
    maker = next(kind for kind in type(model).__mro__ if "forward" in vars(kind))
    own = maker is not nn.Module and maker.__module__.split(".")[0] not in _TRAINERS
    if own or not callable(getattr(model, "training_step", None)):
        return None
    parts = dict(model.named_children())
    named = [name for name in parts if name in _PARTS]
    if len(named) != 1:
        raise ModelError(
            f"{type(model).__name__} has a training_step and no forward, and "
            f"{'several' if named else 'none'} of its parts {listed(parts)} may be the model; pass "
            "that part, or give it a forward"
        )
    notice(f"{type(model).__name__} has no forward of its own; its '{named[0]}' is studied")
    return parts[named[0]]


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


def preflight(wrapped: Wrapped, images: Tensor) -> int:
    """Run some images, `[B, …]`, a few, again, and in other batches; return the classes.

    Slow models are tried on fewer of them.
    """
    every, images = images, images[:_FEW]
    try:
        with explain_memory_errors(), torch.no_grad(), evaluating(wrapped):
            start = perf_counter()
            first: Any = wrapped.logits(images)
            each = (perf_counter() - start) / len(images)
    except HolisticError:
        raise
    except FAULTS as error:  # whatever the user's code raises
        why = misfit(wrapped, images) or reason_of(error)[:250]
        raise ModelError(
            f"the model can't be run on inputs of shape {tuple(images.shape[1:])}: {why}"
        ) from error
    if not isinstance(first, Tensor) or first.dim() != 2 or first.shape[0] != len(images):
        got = tuple(first.shape) if isinstance(first, Tensor) else type(first).__name__
        raise ModelError(
            f"the model must return logits of shape [B, C], got {got} for {len(images)} images; "
            "pass forward= to pick them, as in forward=lambda model, images: model(images)[0]"
        )
    if not first.is_floating_point():
        way = "real" if first.is_complex() else "float()"
        raise ModelError(
            f"the model must return logits in floating point, got {str(first.dtype)[6:]}; pass "
            f"forward= to return them, as in forward=lambda model, images: model(images).{way}"
        )
    if not bool(first.isfinite().all()):
        raise ModelError("the model returns NaN or infinite logits; check weights and input range")
    some = every[: max(_LEAST, int(_SECONDS / each))]
    with running(f"the model runs on {len(images)} images, but not again or on others", ModelError):
        check_repeats(wrapped, some)
        check_batches(wrapped, some)
    return first.shape[1]
