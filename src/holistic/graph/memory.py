"""Bounds the memory that values take, and keeps products exact on an accelerator."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

__all__ = ["budget", "fits", "full_precision"]

_MOST = 1 << 30


def budget(device: torch.device, least: int, share: int) -> int:
    """Bytes that values may take: `least` on a processor, a share of what an accelerator has free.

    Parameters
    ----------
    device
        Where the values lie.
    least
        What suits the caches of a processor.
    share
        One part in so many of the free memory, at most a gibibyte.
    """
    if device.type != "cuda":
        return least
    free, _ = torch.cuda.mem_get_info(device)
    return max(least, min(free // share, _MOST))


def fits(images: Tensor, device: torch.device) -> bool:
    """Whether all images may lie on the device; else they follow batch by batch."""
    size = images.numel() * images.element_size()
    return device.type != "cuda" or size < torch.cuda.mem_get_info(device)[0] // 2


def full_precision(device: torch.device) -> AbstractContextManager[None]:
    """Keep convolutions of an accelerator in float32, and the same each time.

    cuDNN rounds their inputs to TF32 unless told otherwise; matrix products don't (PyTorch's
    notes on CUDA semantics).
    """
    if device.type != "cuda":
        return nullcontext()
    return torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
