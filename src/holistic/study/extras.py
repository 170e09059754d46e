"""Checks what a model is given beside its images: masks, lengths, a second input."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from holistic.arguments import described
from holistic.errors import DataError, SettingError, listed, nearest, notice
from holistic.graph.accompanied import Accompanied, Extras, extras_of, lacking
from holistic.study.inputs import as_tensor, dtype_of

__all__ = ["checked_extras", "chosen_extras", "extras_like"]


def checked_extras(
    inputs: Any, model: nn.Module, forward: Callable[..., Any] | None, count: int
) -> dict[str, Tensor]:
    """Return further inputs by the name of the model's argument.

    Parameters
    ----------
    inputs
        A dictionary by name of the argument, or a tuple in the order of the arguments behind the
        images; tensors or arrays `[N, …]`. None for a model that takes images alone.
    model, forward
        What is called: the user's choice with model and images first, else the model's forward.
    count
        Number of examples.

    Raises
    ------
    SettingError
        If names and arguments don't fit each other.
    DataError
        If a value isn't made of finite numbers, one for each example.
    """
    if inputs is None:
        return {}
    names, anything = _arguments(model, forward)
    if isinstance(inputs, (tuple, list)):
        if len(inputs) > len(names):
            raise SettingError(
                f"inputs has {len(inputs)} tensors, and behind the images the model takes "
                f"{listed(names) if names else 'nothing'}; pass a dictionary by name"
            )
        inputs = dict(zip(names, inputs, strict=False))
    if not isinstance(inputs, Mapping):
        raise SettingError(
            f"inputs must be a dictionary by name of the model's argument, or a tuple in their "
            f"order, got {described(inputs)}"
        )
    for name in inputs:
        if not isinstance(name, str) or (name not in names and not anything):
            raise SettingError(
                f"the model's forward has no argument {name!r}{nearest(str(name), names)}; behind "
                f"the images it takes {listed(names) if names else 'nothing'}"
            )
    dtype = dtype_of(model)
    return {name: _checked(value, name, count, dtype) for name, value in inputs.items()}


def chosen_extras(
    inputs: Any, images: Tensor, model: nn.Module, forward: Callable[..., Any] | None
) -> dict[str, Tensor]:
    """Return further inputs: those that are named, and what the data has under an argument's name.

    Parameters
    ----------
    inputs, model, forward
        As for `checked_extras`.
    images
        The subject's own, which carry what else the data has for each.

    Warns
    -----
    Notice
        Where the data has something that the model doesn't take.
    """
    named = checked_extras(inputs, model, forward, len(images))
    names, carried = _arguments(model, forward)[0], extras_of(images)
    own = {name: value for name, value in carried.items() if name in names and name not in named}
    if other := [name for name in carried if name not in (*own, *named)]:
        notice(f"{listed(other)} of the data are left out: the model has no such argument")
    return {**checked_extras(own, model, forward, len(images)), **named}


def extras_like(images: Any, inputs: Any, known: Tensor, model: nn.Module, forward: Any) -> Extras:
    """Return what images carry, or are given, after checking that it is like the subject's own.

    Parameters
    ----------
    images, inputs
        As a user passes them.
    known
        The subject's own images.
    model, forward
        What is called.

    Raises
    ------
    ModelError
        If something that the model needs isn't there.
    SettingError
        If something that the subject doesn't know is.
    DataError
        If a value isn't like the subject's own.
    """
    own = extras_of(known)
    given = checked_extras(inputs, model, forward, len(images)) or extras_of(images)
    if other := [name for name in given if name not in own]:
        raise SettingError(
            f"the subject has no input '{other[0]}'; it has {listed(own) if own else 'images only'}"
        )
    if given.keys() != own.keys():
        raise lacking(tuple(own))
    for name, value in own.items():
        kinds = given[name].is_floating_point(), value.is_floating_point()
        if given[name].shape[1:] != value.shape[1:] or len(set(kinds)) > 1:
            raise DataError(
                f"the input '{name}' must be like the subject's, (N, …) + "
                f"{tuple(value.shape[1:])} of {value.dtype}, got {described(given[name])}"
            )
    return {name: given[name].to(value.dtype) for name, value in own.items()}


def _arguments(
    model: nn.Module, forward: Callable[..., Any] | None
) -> tuple[tuple[str, ...], bool]:
    """Names of the arguments behind the images, and whether there may be others."""
    try:
        given = list(inspect.signature(forward or model.forward).parameters.values())
    except (TypeError, ValueError):  # of a function that isn't Python's own
        return (), True
    plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = [p.name for p in given if p.kind in plain]
    anything = any(p.kind == inspect.Parameter.VAR_KEYWORD for p in given)
    return tuple(names[2 if forward else 1 :]), anything


def _checked(value: Any, name: str, count: int, dtype: torch.dtype) -> Tensor:
    tensor = as_tensor(value, f"input '{name}'")
    if tensor.dim() == 0 or len(tensor) != count:
        raise DataError(
            f"the input '{name}' must have one entry for each of the {count} images, "
            f"got shape {tuple(tensor.shape)}"
        )
    if tensor.is_complex() or (tensor.is_floating_point() and not bool(tensor.isfinite().all())):
        raise DataError(f"the input '{name}' holds complex, infinite or NaN values; repair them")
    plain = tensor.as_subclass(Tensor) if isinstance(tensor, Accompanied) else tensor
    return plain.to(dtype) if plain.is_floating_point() else plain
