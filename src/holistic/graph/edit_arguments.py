"""Checks the values that a user gives to an edit: numbers, directions, shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from holistic.arguments import described
from holistic.errors import SettingError
from holistic.graph.sites import Site

__all__ = ["checked_direction", "either", "real_numbers"]


def either(*shapes: tuple[int, ...]) -> str:
    """Write the shapes that are allowed, each once."""
    return " or ".join(str(shape) for shape in dict.fromkeys(shapes))


def real_numbers(values: Any, what: str) -> Tensor:
    """Make a tensor of finite real numbers.

    Raises
    ------
    SettingError
        If they aren't.
    """
    try:
        tensor = torch.as_tensor(values).detach()
        usable = not tensor.is_complex() and tensor.dtype != torch.bool
    except (TypeError, ValueError, RuntimeError, OverflowError):
        tensor, usable = torch.zeros(()), False
    if not usable:
        raise SettingError(f"{what} must be real numbers, got {described(values)}")
    if not bool(tensor.isfinite().all()):
        raise SettingError(
            f"{what} must be finite, got NaN or infinity among {tensor.numel():,} numbers; "
            "check where they come from"
        )
    return tensor


def checked_direction(direction: Any, site: Site) -> Tensor:
    """Return a direction `[U]` after checking that it points somewhere."""
    try:
        shape = None if direction is None else tuple(np.shape(direction))
    except ValueError:  # rows of different lengths
        shape = None
    if shape != (site.units,):
        raise SettingError(
            f"a direction at '{site.name}' needs shape {(site.units,)} (one number a unit), "
            f"got {shape}"
        )
    found = real_numbers(direction, f"a direction at '{site.name}'")
    if not bool(found.any()):
        raise SettingError(
            f"a direction at '{site.name}' can't be all zeros; give one that points somewhere"
        )
    return found
